"""The effect of an interruption in words: what is said holds for a falling course as for a rising one."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from slopewise.report.words.interruption import effect_words, spread_words
from slopewise.report.words.naming import Naming
from slopewise.study.reading import load_study


@pytest.fixture(scope="module")
def naming(root: Path) -> Naming:
    return Naming(load_study(root / "config" / "studies" / "usseatbelts.yaml"))


def row(effect: str, estimate: float, half: float = 0.01) -> pd.Series:
    ends = {"ci_low": estimate - half, "ci_high": estimate + half}
    return pd.Series({"effect": effect, "estimate": estimate, "sd": 0.1, "p_value": 0.003, **ends})


@pytest.mark.parametrize(("estimate", "way"), [(0.03, "higher"), (-0.03, "lower")])
def test_a_slope_change_is_a_difference_of_slopes(naming: Naming, estimate: float, way: str) -> None:
    """A course that falls by 0.04 a year and then by 0.01 does not rise."""
    marker = next(iter(naming.study.markers))
    said = effect_words(row("slope change", estimate), naming, marker)
    assert f"per year {way} after the interruption than before it" in said and "rises" not in said


def test_a_change_that_is_not_shown_is_called_that(naming: Naming) -> None:
    said = effect_words(row("slope change", 0.005), naming, next(iter(naming.study.markers)))
    assert said.startswith("A change of its trend is not shown")


def test_the_range_of_units_states_its_assumption(naming: Naming) -> None:
    said = spread_words(row("level change", 0.1), 0.5, naming, next(iter(naming.study.markers)))
    assert "If effects are normally distributed, 95% of units have one between +0.304 and +0.696." in said
