"""The profile of one SD: its deviance is that of the fit, its gradient is right, its ends are the engine's."""

import numpy as np
import pytest

from slopewise.effects.series.likelihood import Likelihood, sd_interval
from slopewise.growth.evidence.profile import component_intervals
from slopewise.growth.model import GrowthModel
from slopewise.growth.whitening import WhitenedRows, fit_at
from tests.unit.effects.series.interrupted import fitted, series


def test_the_deviance_is_the_fits_and_its_gradient_the_difference():
    fit = fitted(series(units=25)).serial
    own, start = Likelihood.of(fit, np.eye(4))
    b, log_sd = start[:-1].reshape(4, 4), float(start[-1])
    value, by_b, by_log = own.at(b, log_sd, fit.phi)
    assert value == pytest.approx(fit.deviance, abs=1e-7)
    assert np.abs(np.tril(by_b)).max() < 1e-2 and abs(by_log) < 1e-2  # the optimum is flat
    away = b + np.tril(np.full((4, 4), 0.1))
    _, by_b, by_log = own.at(away, log_sd + 0.2, fit.phi)
    for place in ((0, 0), (2, 1), (3, 3)):
        moved = [away.copy(), away.copy()]
        moved[0][place] += 1e-5
        moved[1][place] -= 1e-5
        ends = [own.at(one, log_sd + 0.2, fit.phi)[0] for one in moved]
        assert by_b[place] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5)
    ends = [own.at(away, log_sd + 0.2 + step, fit.phi)[0] for step in (1e-5, -1e-5)]
    assert by_log == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5)


def test_with_two_effects_the_interval_is_the_engines():
    frame = series(units=16)
    model = GrowthModel(fixed="~ time", random="~ time")
    fit = fit_at(WhitenedRows.of(model.data(frame, "y", "patient"), serial=False), 0.0)
    known = component_intervals(model.fit(frame, "y"))
    assert sd_interval(fit, np.eye(2)) == pytest.approx(known["Intercept", "Intercept"], rel=1e-4)
    assert sd_interval(fit, np.eye(2)[::-1]) == pytest.approx(known["time", "time"], rel=1e-4)


def test_the_interval_of_the_level_change_holds_its_true_value_and_no_zero():
    fit = fitted(series(units=40, seed=4))
    low, high = sd_interval(fit.serial, np.roll(np.eye(4), -2, axis=0))
    estimate = np.sqrt(fit.serial.fit.covariance.loc["after", "after"])
    assert 0 < low < estimate < high
    assert low < 0.5 < high
