"""The model of an interruption: its terms, its estimates where the truth is known, and what it leaves out."""

import numpy as np
import pandas as pd
import pytest

from slopewise.effects.series.average import average_rows, course_rows, likelihood_ratio, serial_rows, spread_rows
from slopewise.effects.series.checks import characteristic_rows, placebo_rows, sensitivity_rows
from slopewise.effects.series.draws import bootstrap_p
from slopewise.effects.series.estimate import estimate_interruption
from slopewise.effects.series.model import with_terms
from slopewise.effects.series.units import curve_rows, share_rows, unit_rows
from slopewise.run.errors import InputError
from tests.unit.effects.series.interrupted import LEVEL, SLOPE, fitted, rows_of, series


@pytest.fixture(scope="module")
def fit():
    return fitted(series(units=60, seed=2))


def test_terms_start_at_each_units_moment():
    frame = pd.DataFrame(
        {"patient": ["a"] * 3 + ["b"], "time": [1.0, 2.0, 4.0, 4.0], "interruption": [2, 2, 2, np.nan]}
    )
    made = with_terms(frame)
    assert made["after"].tolist() == [0.0, 1.0, 1.0, 0.0]
    assert made["since"].tolist() == [0.0, 0.0, 2.0, 0.0]


def test_averages_lie_near_the_truth_and_the_effect_later_adds_up(fit):
    rows = average_rows(fit, (4.0,)).set_index("effect")
    for effect, truth in (("level change", LEVEL), ("slope change", SLOPE), ("effect after 4", LEVEL + 4 * SLOPE)):
        assert abs(rows.loc[effect, "estimate"] - truth) < 3.5 * rows.loc[effect, "se"]
    whole = rows.loc["level change", "estimate"] + 4 * rows.loc["slope change", "estimate"]
    assert rows.loc["effect after 4", "estimate"] == pytest.approx(whole, rel=1e-10)
    course = course_rows(fit, 4.0).set_index("since")
    assert course.loc[4.0, "estimate"] == pytest.approx(whole, rel=1e-10)
    assert course.loc[4.0, "ci_low"] == pytest.approx(rows.loc["effect after 4", "ci_low"], rel=1e-8)


def test_spread_is_found_where_it_is_and_not_where_it_is_not(fit):
    assert likelihood_ratio(fit, "after")[1] < 0.001
    assert bootstrap_p(fit, 7, np.random.default_rng(1), 1)[1] == pytest.approx(1 / 8)
    same = fitted(series(units=30, seed=3, unit_sd=0.0))
    assert likelihood_ratio(same, "after")[1] > 0.05
    assert bootstrap_p(same, 7, np.random.default_rng(1), 1)[1] > 0.2


def test_neighbouring_residuals_are_found_to_correlate(fit):
    rows = serial_rows(fit).set_index("residuals")
    assert rows.loc["AR(1)", "ci_low"] < 0.5 < rows.loc["AR(1)", "ci_high"]
    assert rows.loc["AR(1)", "deviance"] < rows.loc["independent", "deviance"]


def test_a_units_effect_adds_up_and_is_drawn_to_the_average(fit):
    rows = unit_rows(fit, (4.0,))
    wide = rows.pivot(index="patient", columns="effect", values="estimate")
    sums = wide["level change"] + 4 * wide["slope change"]
    np.testing.assert_allclose(wide["effect after 4"], sums, rtol=1e-8, atol=1e-10)
    assert len(wide) == 52  # the controls have no effect
    effects = fit.serial.fit.random_effects().set_index("patient").loc[wide.index]
    np.testing.assert_allclose(wide["level change"], fit.serial.fit.beta["after"] + effects["after"], rtol=1e-7)
    level = rows[rows["effect"] == "level change"]
    assert level["estimate"].std() < level["own"].std()
    assert level["reliability"].between(0, 1).all()


def test_the_share_that_went_the_other_way_has_an_interval_around_the_truth(fit):
    # Level changes are N(-1, 0.5): Phi(-2) = 0.023 of the units rise.
    row = share_rows(fit, (), 8, np.random.default_rng(1), 1).set_index("effect").loc["level change"]
    assert row["side"] == "above" and row["patients"] == 52
    assert row["ci_low"] <= 0.023 + 0.02 and row["ci_high"] >= 0.023 - 0.005
    assert row["ci_low"] <= row["share"] <= row["ci_high"]


def test_without_the_interruption_the_course_is_the_earlier_one_continued(fit):
    curves = curve_rows(fit)
    early = curves[~(curves["since"] >= 0)]
    np.testing.assert_allclose(early["fitted"], early["without"], rtol=1e-12)
    late = curves[curves["since"] == 0].set_index("patient")
    level = unit_rows(fit, ()).query("effect == 'level change'").set_index("patient")["estimate"]
    np.testing.assert_allclose((late["fitted"] - late["without"]).sort_index(), level.sort_index(), rtol=1e-7)


def test_the_placebo_moment_lies_before_the_interruption_and_takes_no_row_after_it(fit):
    rows = placebo_rows(fit.frame)
    original = fit.frame.drop_duplicates("patient").set_index("patient")["interruption"]
    true = rows["patient"].map(original)
    assert not (rows["time"] >= true).any()
    assert (rows["interruption"].dropna() < true[rows["interruption"].notna()]).all()
    changed = fit.frame.assign(y=fit.frame["y"] + 5.0 * fit.frame["after"])
    np.testing.assert_array_equal(placebo_rows(changed)["y"], rows["y"])
    table = sensitivity_rows(fit).set_index(["analysis", "effect"])
    assert table.loc[("placebo moment", "level change"), "p_value"] > 0.001
    narrow = table.loc[("independent residuals", "level change")]
    assert narrow["correlation"] == 0.0


def test_a_characteristic_that_explains_the_effect_is_found(fit):
    frame = fit.frame
    kind = np.where(frame["patient"].str[-1].isin(list("01234")), "big", "small")
    rise = np.where(kind == "big", 1.5 * frame["after"], 0.0)
    found = characteristic_rows(fitted(frame.assign(y=frame["y"] + rise, kind=kind)), ("kind", "size"))
    rows = found.set_index(["characteristic", "effect"])
    level = rows.loc[("kind", "level change")]
    sign = 1.0 if level["level"] == "big, not small" else -1.0
    assert abs(level["estimate"] - sign * 1.5) < 3.5 * level["se"]
    assert level["p_joint"] < 1e-4
    assert rows.loc[("size", "level change"), "p_joint"] > 0.001


def test_where_the_slope_change_cannot_vary_it_is_left_out():
    frame = series(units=30, times=9)
    short = frame[~(frame["time"] > frame["interruption"] + 0.5)]  # one row after the moment
    found = fitted(short)
    assert found.left_out
    assert not spread_rows(found, ()).empty


def test_a_marker_that_does_not_vary_is_refused():
    with pytest.raises(InputError, match="every row has the same value"):
        fitted(series(units=10).assign(y=1.0))


def test_an_estimator_gives_every_table_and_the_same_numbers_for_any_number_of_threads():
    frame = series(units=16, times=11)
    rows = rows_of(frame, bootstrap=2, horizons=[2.0], characteristics=["size"])
    one = estimate_interruption(rows, "y", np.random.default_rng(5), 1)
    two = estimate_interruption(rows, "y", np.random.default_rng(5), 2)
    assert set(one) == {"design", "average", "spread", "patients", "shares", "serial", "course", "curves",
                        "sensitivity", "characteristics"}  # fmt: skip
    for name in one:
        pd.testing.assert_frame_equal(one[name], two[name])
    assert one["design"].loc[0, "patients_both"] == 8
