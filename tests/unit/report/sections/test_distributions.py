"""Predicted risks by outcome: who is in which group, by how much, and where there is no picture."""

from dataclasses import replace

import numpy as np
import pytest

from slopewise.figures.distributions import by_outcome
from slopewise.metrics.ipcw import kaplan_meier
from slopewise.report.material.frames import Frames
from slopewise.report.sections.distributions import distribution_picture
from slopewise.report.words.naming import Naming
from tests.unit.report.report_tables import HORIZONS, Invented

pytestmark = pytest.mark.drawn


@pytest.fixture(scope="module")
def larger(tmp_path_factory: pytest.TempPathFactory) -> Frames:
    return Frames.read(Invented(patients=120).write(tmp_path_factory.mktemp("larger") / "invented"))


def test_groups_stand_for_what_kaplan_meier_expects(larger: Frames, naming: Naming) -> None:
    """Weighted by the inverse probability of censoring, the group with the event is one minus Kaplan–Meier."""
    picture = distribution_picture(larger, naming)
    assert picture is not None and len(picture.panels) == len(HORIZONS)
    curve = kaplan_meier(larger.patients["followup"], larger.patients["event"] == 1)
    for panel, horizon in zip(picture.panels, HORIZONS, strict=True):
        free = float(curve.at(horizon))
        assert f"with the event ({1 - free:.0%})" in panel and f"without it ({free:.0%})" in panel


def test_a_group_of_few_patients_has_no_panel(larger: Frames, naming: Naming) -> None:
    event = larger.patients["event"].where(larger.patients["followup"] > HORIZONS[0], 0)
    picture = distribution_picture(replace(larger, patients=larger.patients.assign(event=event)), naming)
    assert picture is not None and len(picture.panels) == 1


@pytest.mark.parametrize("weight", [1.0, 7.0])
def test_medians_are_those_of_the_weighted_patients(weight: float) -> None:
    risk = np.array([0.1, 0.2, 0.3, 0.8, 0.9])
    case = weight * np.array([0, 0, 1, 1, 1])
    control = np.array([3.0, 1, 0, 0, 0])
    drawn = by_outcome(risk, case, control, "t", ("dead", "alive"), "n", 0.9)
    assert "dead: median 80%" in drawn and "alive: median 10%" in drawn


def test_validated_predictions_are_drawn(larger: Frames, naming: Naming) -> None:
    """Predictions that are the event itself leave no overlap."""
    happened = larger.patients.set_index("patient")
    risk = larger.predictions["patient"].map(happened["followup"]) <= larger.predictions["horizon"]
    risk &= larger.predictions["patient"].map(happened["event"]) == 1
    picture = distribution_picture(
        replace(larger, predictions=larger.predictions.assign(risk=np.where(risk, 0.9, 0.1))), naming
    )
    assert picture is not None
    for panel in picture.panels:
        assert "): median 90%" in panel and "): median 10%" in panel
