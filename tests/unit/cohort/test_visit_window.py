"""The window around a landmark goes by the study's own visits, and no landmark is proposed that cannot run."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slopewise.cohort.findings import Findings
from slopewise.cohort.visit_window import warn_of_split_visit
from tests.unit.cohort.small_study import study_of

SCALES = {
    "minutes": (15.0, "minutes"), "hours": (8.0, "hours"), "days": (2.0, "days"), "weeks": (3.0, "weeks"),
    "months": (6.0, "months"), "years": (1.0, "years"),
}  # fmt: skip


def rows(spacing: float, spread: float, seed: int = 1) -> pd.DataFrame:
    """80 patients with ten planned visits `spacing` apart, each early or late by an SD of `spread` of it."""
    rng = np.random.default_rng(seed)
    times = spacing * (np.arange(10) + spread * rng.normal(size=(80, 10)))
    patient = np.repeat([f"P{i:02}" for i in range(80)], 10)
    return pd.DataFrame({"patient": patient, "time": np.maximum(times, 0.0).ravel()})


def told(frame: pd.DataFrame, landmark: float, unit: str, runs: Any = None) -> list[tuple[str, str]]:
    study = study_of(landmark=landmark, data__time_unit=unit, data__analysis_unit=unit, outcome__time_unit=unit)
    findings = Findings()
    warn_of_split_visit(study, frame, "m.csv", findings, runs)
    return [(problem.message, problem.action) for problem in findings.sorted()]


@pytest.mark.parametrize("name", SCALES)
def test_the_window_is_a_sixth_of_the_visits_spacing(name: str) -> None:
    spacing, unit = SCALES[name]
    frame, landmark = rows(spacing, 0.05), 3 * spacing
    [(message, action)] = told(frame, landmark, unit)
    assert message.startswith(f"the landmark {landmark:g} {unit} splits a visit: ")
    found = re.fullmatch(r"consider landmark: ([0-9.]+), past that visit", action)
    assert found and landmark < float(found[1]) < landmark + 0.5 * spacing
    assert told(frame, float(found[1]), unit) == []
    assert told(frame, landmark + 0.5 * spacing, unit) == []


def test_visits_at_random_times_are_not_split() -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"patient": np.repeat(np.arange(80).astype(str), 9), "time": rng.uniform(0, 20, 720)})
    assert [told(frame, landmark, "days") for landmark in (3.0, 7.5, 10.0, 14.2)] == [[], [], [], []]


def test_a_landmark_that_cannot_run_is_not_proposed() -> None:
    frame = rows(2.0, 0.05)
    [(_, late)] = told(frame, 6.0, "days")
    asked: list[float] = []

    def runs(landmark: float) -> bool:
        asked.append(landmark)
        return landmark < 6.0

    [(_, early)] = told(frame, 6.0, "days", runs)
    assert late.endswith("past that visit") and early.endswith("before that visit") and max(asked) > 6.0
    proposed = float(re.search(r"landmark: ([0-9.]+)", early)[1])  # type: ignore[index]
    assert 5.0 < proposed < 6.0 and told(frame, proposed, "days") == []
    [(_, none)] = told(frame, 6.0, "days", lambda landmark: False)
    assert "no landmark between this visit and its neighbours leaves a study that can run" in none
