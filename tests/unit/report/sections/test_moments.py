"""Words for a study without a landmark, or without a unit of time: nothing infinite, and no unit called none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slopewise.report.material.frames import Frames
from slopewise.report.words.courses import random_words
from slopewise.report.words.naming import STEPS_AT_LENGTH, Naming
from slopewise.report.words.wording import scope_sentence
from slopewise.run.errors import InputError
from slopewise.slopes.marker import moments
from slopewise.study.model import Study
from tests.unit.cohort.small_study import study_of
from tests.unit.report.report_tables import Invented

GONE = {f"outcome__{key}": None for key in ("time", "time_unit", "event", "events", "horizons")}
BINARY = GONE | {"outcome__kind": "binary", "outcome__column": "y", "outcome__positive": 1}
WITHOUT: dict[str, dict[str, Any]] = {
    "landmark": BINARY | {"outcome__after_measurements": True, "landmark": "none"},
    "unit": {"data__time_unit": "none", "data__analysis_unit": "none", "outcome__time_unit": "none"},
}


@pytest.mark.parametrize("name", WITHOUT)
def test_the_scope_is_told_in_words(name: str) -> None:
    naming = Naming(study_of(**WITHOUT[name]))
    frames: Any = SimpleNamespace(n_patients=40, n_events=12)
    text = " ".join([scope_sentence(frames, naming), naming.duration(naming.landmark), naming.up_to, naming.units,
                     *(naming.at_length(step) for step in STEPS_AT_LENGTH)])  # fmt: skip
    assert "inf" not in text.split() and "none" not in text.split() and "infinity" not in text
    assert ("each patient’s last visit" in text) == (name == "landmark")
    assert ("the landmark" in text) == (name == "unit")


def test_hours_and_minutes_have_a_singular() -> None:
    for unit, one in (("hours", "hour"), ("minutes", "minute")):
        study = study_of(data__time_unit=unit, data__analysis_unit=unit, outcome__time_unit=unit)
        assert (Naming(study).duration(1), Naming(study).duration(3)) == (f"1 {one}", f"3 {unit}")


def test_without_a_landmark_a_patient_is_scored_at_the_own_last_visit() -> None:
    rows = pd.DataFrame({"patient": list("abab"), "time": [0.0, 1.0, 4.0, 2.5], "y": 1.0})
    np.testing.assert_array_equal(moments(rows, ["b", "a"], np.inf), [2.5, 4.0])
    np.testing.assert_array_equal(moments(rows, ["b", "a"], 3.0), [3.0, 3.0])


REFUSED = {
    "survival": ({"landmark": "none"}, r"`none` \(each patient's last visit\) is not available with survival"),
    "no predictor": ({"growth": {"fixed": "~ 1", "random": "~ 1"}}, "neither growth.fixed nor growth.random names"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_sense_is_refused(name: str) -> None:

    changes, message = REFUSED[name]
    with pytest.raises(InputError, match=message):
        study_of(**changes)


def test_studies_without_a_landmark_or_a_unit_are_read() -> None:
    assert all(isinstance(study_of(**changes), Study) for changes in WITHOUT.values())


def test_with_prior_weights_the_residual_sd_is_that_of_a_value_of_weight_one(tmp_path):
    plain, weighted = Invented(), Invented(keys={"growth.weights": "replicates"})
    frames = Frames.read(plain.write(tmp_path))
    texts = [" ".join(random_words(frames, Naming(one.study()), "alpha")) for one in (plain, weighted)]
    assert "Single values vary about" in texts[0] and "weight" not in texts[0]
    assert "Values of weight 1 (column replicates) vary about" in texts[1]
    assert "for a value of weight w it is divided by √w." in texts[1]
