"""The section on a treatment's effect: what it says for each design, and that no patient is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from slopewise.effects.inputs import EffectRows
from slopewise.effects.treatment import estimate_treatment
from slopewise.report.sections.treatment import treatment_section
from slopewise.report.templates.environment import environment
from slopewise.report.words.naming import Naming
from slopewise.report.words.treatment import PARALLEL, SINGLE
from slopewise.tables import files as tables
from slopewise.tables.of_effects import OF_EFFECTS
from tests.unit.effects.effect_studies import rows_of, study, trial
from tests.unit.report.report_tables import SomeFrames


def page(rows: EffectRows) -> str:
    """The section's HTML, whose text has no line breaks."""
    made = estimate_treatment(rows, "y", np.random.default_rng(1))
    further = {}
    for name, table in OF_EFFECTS.items():
        short = name.removeprefix("effects/")
        frame = made.get(short, pd.DataFrame())
        empty = pd.DataFrame(columns=list(table.columns))
        further[f"effects_{short}"] = tables.check(frame.assign(marker="y") if len(frame) else empty, name)
    frames: Any = SomeFrames(further=further)
    section = treatment_section(frames, Naming(rows.study))
    return " ".join(environment().get_template(section.template).render(c=section.context).split())


@pytest.fixture(scope="module")
def differing() -> str:
    frame, _ = trial(np.random.default_rng(3), residual=(1.0, 0.5))
    return page(EffectRows(study("placebo", "~ 1", meaningful=1.5), frame))


def test_what_how_much_and_for_whom(differing: str) -> None:
    assert "higher under treatment drug than under treatment placebo" in differing
    assert "The effect differs between patients (p &lt; 0.001)" in differing or "(p < 0.001)" in differing
    assert "two thirds of patients have an effect between" in differing
    assert "is lower under treatment drug, against the average" in differing
    assert "by at least 1.5 units, the difference that matters" in differing
    assert "more predictable under treatment drug" in differing


def test_no_patient_is_named(differing: str) -> None:
    assert "P000" not in differing and "P0" not in differing


def test_an_effect_that_is_the_same_is_not_said_to_differ() -> None:
    frame, _ = trial(np.random.default_rng(12), mean=0.0, sd=0.0)
    text = page(EffectRows(study("placebo", "~ 1"), frame))
    assert "The data do not show that the effect differs between patients" in text
    assert "No average difference in y between treatment drug and treatment placebo is shown" in text
    assert "The data do not show that a patient’s values are more predictable under one of the treatments" in text


def test_one_value_a_period_is_said_to_be_confounded() -> None:
    frame, _ = trial(np.random.default_rng(2), each=1)
    text = page(EffectRows(study("placebo", "~ 1"), frame))
    assert SINGLE in text and "standard deviation between patients" not in text and "<svg" not in text


def test_parallel_arms_have_no_effects_of_patients() -> None:
    text = page(rows_of("btheb"))
    assert PARALLEL.split(":")[0] in text and "<svg" not in text
    assert "A joint test of all variances and the correlation shows that the arms differ" in text
