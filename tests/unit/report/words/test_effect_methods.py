"""The methods text of effects names what the tables hold, and nothing that they do not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pandas as pd
import pytest

from slopewise.report.material.frames import Frames
from slopewise.report.words.effect_methods import effect_methods
from slopewise.report.words.naming import Naming
from slopewise.report.words.references import Citations
from slopewise.study.reading import load_study

DESIGN = pd.DataFrame({"marker": ["y"], "design": ["within"], "residual": ["one"], "formula": ["~ time + d"]})
SPREAD = pd.DataFrame({"ci_low": [0.1], "p_value": [0.01], "p_value_bootstrap": [0.02]})


def words(root, study: str, **tables: pd.DataFrame) -> str:
    naming = Naming(load_study(root / "config" / "studies" / f"{study}.yaml"))
    frames = SimpleNamespace(further={f"effects_{name}": table for name, table in tables.items()})
    return " ".join(effect_methods(cast(Frames, frames), naming, Citations()))


def test_a_study_without_an_effect_has_no_paragraph(root):
    assert words(root, "pbc") == ""


def test_of_a_treatment_within_patients_only_what_was_done_is_named(root):
    patients = pd.DataFrame({"estimate": [0.3]})
    shares = pd.DataFrame({"ci_low": [0.1]})
    whole = words(root, "french_fries", design=DESIGN, spread=SPREAD, patients=patients, shares=shares)
    for part in (
        "(~ time + d)", "profile-likelihood interval", "at the boundary and by a parametric bootstrap", "best linear",
        "Intervals of shares",
    ):  # fmt: skip
        assert part in whole
    assert "a residual variance for each treatment" not in whole
    less = SPREAD.assign(p_value_bootstrap=float("nan"), ci_low=float("nan"))
    told = words(root, "french_fries", design=DESIGN.assign(residual="by treatment"), spread=less)
    assert "a residual variance for each treatment" in told and "likelihood ratio, at the boundary." in told
    assert not any(part in told for part in ("profile-likelihood", "bootstrap", "best linear", "Intervals of shares"))


def test_of_parallel_arms_the_arms_are_compared(root):
    told = words(root, "french_fries", design=DESIGN.assign(design="parallel"))
    assert "for each arm against models with one for both" in told and "random effect, whose variance" not in told


@pytest.mark.parametrize(
    ("analyses", "named", "not_named"),
    [
        (["as reported", "independent residuals", "placebo moment"], "residuals and at a placebo moment", "zzz"),
        (["as reported", "independent residuals"], "repeated with independent residuals.", "placebo"),
        (["as reported"], "Satterthwaite", "repeated"),
    ],
)
def test_of_an_interruption_the_sensitivity_analyses_that_were_made_are_named(root, analyses, named, not_named):
    average, serial = pd.DataFrame({"df": [40.0]}), pd.DataFrame({"residuals": ["exponential", "independent"]})
    tables = {"average": average, "serial": serial, "sensitivity": pd.DataFrame({"analysis": analyses})}
    told = words(root, "usseatbelts", design=DESIGN, spread=SPREAD, **tables)
    assert named in told and not_named not in told
    assert "exponentially decaying correlation" in told and "autoregressive" not in told


def test_of_weights_their_models_are_named_and_the_bootstrap_where_there_was_one(root):
    analyses = pd.DataFrame(
        {
            "analysis": ["weighted", "random slopes", "random slopes, adjusted"],
            "ci_low_bootstrap": [-1.0, None, None],
            "resamples": [200, None, None],
            "e_value": [1.4, None, None],
        }
    )
    told = words(root, "sciatica", design=DESIGN, analyses=analyses)
    assert "the numerators leave out leg_pain, disability and recovery" in told and "not truncated" in told
    assert "(200 resamples) estimated the weights anew" in told and "adjusted for the confounders" in told
    assert "E-values" in told and "of staying" not in told
    bare = analyses.assign(ci_low_bootstrap=float("nan"), e_value=float("nan")).iloc[:1]
    told = words(root, "sciatica", design=DESIGN, analyses=bare)
    assert not any(part in told for part in ("resamples", "E-values", "random-slope models"))
