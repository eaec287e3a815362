"""Two visits: said once, with the reliability of the difference where repeated scans give it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from slopewise.report.material.frames import Frames
from slopewise.report.words.naming import Naming
from slopewise.report.words.two_visits import two_visits
from slopewise.slopes.facts import difference_reliability
from tests.unit.report.report_tables import Invented


@pytest.fixture(scope="module")
def twice(results) -> tuple[Frames, Naming]:
    """Markers alpha, measured twice in everybody, and beta, three times."""
    frames = Frames.read(results)
    visits = np.where(frames.slopes["marker"] == "alpha", 2, 3)
    return replace(frames, slopes=frames.slopes.assign(visits=visits)), Naming(Invented().study())


def test_markers_measured_twice_are_named_once(twice):
    frames, naming = twice
    ((short, sentence),) = two_visits(frames, naming)
    assert short == "Two visits" and naming.marker("alpha") in sentence and naming.marker("beta") not in sentence
    assert "not known without repeated scans" in sentence
    thrice = frames.slopes.assign(visits=3)
    assert not list(two_visits(replace(frames, slopes=thrice), naming))
    once = frames.slopes.assign(visits=1)
    assert not list(two_visits(replace(frames, slopes=once), naming))


def test_repeated_scans_give_the_reliability_of_the_difference(twice):
    frames, naming = twice
    rng = np.random.default_rng(2)
    first = rng.normal(size=len(frames.slopes))
    slopes = frames.slopes.assign(first=first, last=first + rng.normal(size=len(first)))
    agreement = pd.DataFrame({"marker": ["alpha"], "icc": [0.9]})
    told = replace(frames, slopes=slopes, further=frames.further | {"agreement": agreement})
    own = slopes[slopes["marker"] == "alpha"]
    expected = difference_reliability(own["first"].to_numpy(), own["last"].to_numpy(), 0.9)
    ((_, sentence),) = two_visits(told, naming)
    assert f"its reliability is {expected:.2f}" in sentence and 0.4 < expected < 0.95


def test_the_reliability_of_a_difference_by_hand():
    """Variances 5/3 and 14/3, differences 1, 2, 0, 3 of variance 5/3, errors of variance (1 - 0.9) 19/6 a scan.

    So 1 - 0.1 (19/3) / (5/3) = 0.62; a difference of 3, 1.5 above their mean, shrinks to 1.5 + 0.62 * 1.5 = 2.43.
    """
    first, last = np.array([1.0, 2, 3, 4]), np.array([2.0, 4, 3, 7])
    assert difference_reliability(first, last, 0.9) == pytest.approx(0.62, abs=1e-12)
    missing = np.append(first, np.nan), np.append(last, 5.0)
    assert difference_reliability(*missing, 0.9) == pytest.approx(0.62, abs=1e-12)


def test_the_reliability_of_a_difference_is_the_share_of_true_variance():
    """Simulated: true levels with variance 1 and changes with variance 0.5, errors with variance 0.25."""
    rng, n = np.random.default_rng(1), 200_000
    level, change = rng.normal(size=n), np.sqrt(0.5) * rng.normal(size=n)
    first, last = level + 0.5 * rng.normal(size=n), level + change + 0.5 * rng.normal(size=n)
    icc = 1.0 - 0.25 / (0.5 * (first.var() + last.var()))
    found = difference_reliability(first, last, icc)
    assert found == pytest.approx(0.5 / (0.5 + 2 * 0.25), abs=0.01)
    shrunken = found * (last - first)
    assert np.cov(change, shrunken)[0, 1] / shrunken.var() == pytest.approx(1.0, abs=0.02)  # Kelley: no attenuation
    assert difference_reliability(first, last, 0.1) == 0.0
    assert np.isnan(difference_reliability(first[:2], last[:2], 0.8)) and np.isnan(
        difference_reliability(first, last, np.nan)
    )
    assert np.isnan(difference_reliability(first, first, 0.8))
