"""The section on the posterior says what its tables say."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from slopewise.report.sections.posterior import check_words, marker_words, sensitive_words
from slopewise.report.words.numbers import chance_text
from tests.unit.report.report_tables import SomeFrames

NAMING = SimpleNamespace(
    study=SimpleNamespace(growth=SimpleNamespace(slope_of="time")),
    predictor="time",
    marker=lambda name: name,
    slope_unit=lambda name: "ms per day",
)


@pytest.fixture
def frames() -> SomeFrames:
    keys = {"marker": "reaction", "term_1": "time", "term_2": "time"}
    numbers = {"sd": 1.0, "rhat": 1.0, "ess_bulk": 900.0, "ess_tail": 900.0}
    rows = [
        {**keys, **numbers, "kind": "fixed", "mean": -2.0, "median": -2.0, "ci_low": -4.0, "ci_high": 0.1,
         "above_zero": 0.03, "reml": -2.1},
        {**keys, **numbers, "kind": "sd", "mean": 0.6, "median": 0.5, "ci_low": 0.02, "ci_high": 1.4,
         "above_zero": np.nan, "reml": 0.0},
    ]  # fmt: skip
    sensitivity = pd.DataFrame(rows)[["marker", "kind", "term_1", "term_2"]].assign(sensitive=[False, True])
    check = pd.DataFrame({"marker": "reaction", "statistic": ["mean", "largest"], "above": [0.4, 0.001]})
    return SomeFrames(posterior=pd.DataFrame(rows), prior_sensitivity=sensitivity, posterior_check=check)


def test_probability_and_boundary_in_words(frames: SomeFrames) -> None:
    average, spread = marker_words(frames, NAMING, "reaction")
    assert "the probability that the coefficient of time is negative is 97%" in average
    assert "95% credible interval −4.00 to 0.100" in average
    assert "is 0.500 ms per day (posterior median" in spread
    assert "REML estimates it as 0" in spread
    inside = frames.posterior.assign(reml=0.4)
    assert "The REML estimate is 0.400." in marker_words(SomeFrames(posterior=inside), NAMING, "reaction")[1]


def test_draws_show_no_certainty() -> None:
    assert chance_text(1.0) == "more than 99%" and chance_text(0.0) == "less than 1%"
    assert chance_text(0.93) == "93%"


def test_sensitive_estimates_and_odd_statistics_are_named(frames: SomeFrames) -> None:
    assert "reaction, SD between patients of time" in sensitive_words(frames, NAMING)
    assert check_words(frames, NAMING).endswith("predicts: largest value of reaction.")
    calm = SomeFrames(
        prior_sensitivity=frames.prior_sensitivity.assign(sensitive=False),
        posterior_check=frames.posterior_check.assign(above=0.5),
    )
    assert sensitive_words(calm, NAMING).startswith("No estimate moves")
    assert check_words(calm, NAMING).startswith("Every statistic")
