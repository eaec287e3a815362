"""The effect of an interruption in words: what is said holds for a falling course as for a rising one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pandas as pd
import pytest

from slopewise.report.material.frames import Frames
from slopewise.report.sections.effects import FIGURES, HEADLINES
from slopewise.report.words.interruption import effect_words, serial_words, share_words, spread_words
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
    assert said.startswith("The data do not show that the slope of traffic deaths changed")


def test_the_range_of_units_states_its_assumption(naming: Naming) -> None:
    said = spread_words(row("level change", 0.1), 0.5, naming, next(iter(naming.study.markers)))
    assert "If effects are normally distributed, 95% of patients have one between +0.304 and +0.696." in said


def test_the_first_page_has_the_last_effect_and_how_much_it_differs(naming: Naming) -> None:
    marker = next(iter(naming.study.markers))
    effects = ["level change", "effect after 1", "effect after 5", "slope change", "course"]
    average = pd.DataFrame([row(effect, 0.1 * place) for place, effect in enumerate(effects)]).assign(marker=marker)
    spread = average.iloc[[0, 2]].assign(sd=[0.3, 0.4])
    design = pd.DataFrame({"marker": [marker]})
    tables = {"effects_average": average, "effects_spread": spread, "effects_design": design}
    rows = {name: frame[frame["marker"] == marker] for name, frame in tables.items()}
    frames = cast(Frames, SimpleNamespace(further=tables, of=lambda name, _: rows[name]))
    (estimate, ends, what), (sd, _, of_what) = FIGURES["interruption"](frames, naming)
    assert (estimate, ends, sd) == ("+22.1%", "+20.9 to +23.4%", "0.400")  # exp of 0.2, 0.19, 0.21
    assert what.startswith("average effect on traffic deaths 5 years after the interruption (relative)")
    assert of_what.startswith("standard deviation of that effect between patients (log deaths")
    assert HEADLINES["interruption"](frames, naming).startswith("What the interruption changed in traffic deaths")


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(0.5, 0.7, "in the same direction"), (-0.4, -0.1, "in opposite directions"), (-0.1, 0.2, "do not show")],
)
def test_the_direction_of_the_correlation_is_that_of_its_interval(
    naming: Naming, low: float, high: float, words: str
) -> None:
    rows = pd.DataFrame([{"residuals": "AR(1)", "correlation": (low + high) / 2, "ci_low": low, "ci_high": high,
                          "step": 1.0}])  # fmt: skip
    assert words in serial_words(rows, naming) and "1 year apart" in serial_words(rows, naming)


@pytest.mark.parametrize("side", ["above", "below"])
def test_the_share_is_of_effects_against_the_average(naming: Naming, side: str) -> None:
    one = pd.Series({"effect": "effect after 5", "patients": 50, "side": side, "share": 0.35, "ci_low": 0.04,
                     "ci_high": 0.66})  # fmt: skip
    said = share_words(one, naming, next(iter(naming.study.markers)), "")
    assert f"traffic deaths 5 years after the interruption is {side} the course without it, the opposite" in said
