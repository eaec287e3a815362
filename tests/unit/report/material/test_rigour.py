"""rigour.json: its keys are those that the documentation has, and its numbers those of the tables."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from slopewise.report.material.rigour import rigour, shown
from slopewise.report.sections.audit import audit_section
from slopewise.report.sections.done import done_section
from slopewise.report.words.naming import Naming
from slopewise.tables.rigour import KEYS


@pytest.fixture(scope="module")
def content(frames, invented):
    return rigour(frames, invented.study(), ["Slopes add nothing that was shown."])


def test_its_keys_are_those_that_are_documented(content):
    assert set(content) == set(KEYS)
    assert json.loads(json.dumps(content, allow_nan=False)) == content


def test_its_numbers_are_those_of_the_tables(content, frames):
    flow = frames.flow
    assert content["findings"] == ["Slopes add nothing that was shown."]
    assert content["cohort"]["patients_analysed"] == len(frames.patients) == int(flow["patients_left"].iloc[-1])
    assert content["cohort"]["events"] == int((frames.patients["event"] == 1).sum())
    assert content["parameters"]["sets"]["slope"] == 2 + 2 * 2
    assert content["parameters"]["per_coefficient"] == content["cohort"]["events"] / 6
    assert len(content["performance"]) == len(frames.performance)
    row = next(r for r in content["performance"] if (r["predictors"], r["metric"]) == ("slope", "c_uno"))
    found = frames.metric("c_uno").loc["slope"]
    assert (row["validated"], row["ci_low"], row["ci_high"]) == (found["validated"], found["ci_low"], found["ci_high"])
    assert row["corrected"] is None, "without a bootstrap nothing is corrected"
    assert content["audit"] == {
        "fits": len(frames.audit), "fits_with_shared_patients": 0, "rows_after_landmark": 0,
        "imputations": 0, "imputations_with_shared_patients": 0,
    }  # fmt: skip
    assert content["hashes"]["inputs"] == {"m.csv": "cd" * 32}, "file names have no folder"


def test_corrected_figures_stand_beside_validated_ones(frames, invented):
    keys = ["predictors", "cause", "metric", "horizon"]
    corrected = (
        frames.performance[keys]
        .iloc[:1]
        .assign(apparent=0.9, optimism=0.1, se=0.01, corrected=0.8, resamples=np.int64(20))
    )
    changed = replace(frames, further={**frames.further, "optimism": corrected})
    found = [row["corrected"] for row in rigour(changed, invented.study(), [])["performance"]]
    assert found[0] == 0.8 and set(found[1:]) == {None}


def test_a_leak_of_an_imputation_is_seen_in_every_place(frames, invented):
    line = {"scheme": "validation", "repeat": 1, "held_out": 1, "patients_fitted": 40, "patients_predicted": 20,
            "shared_patients": 0, "verdict": "clean"}  # fmt: skip
    naming = Naming(invented.study())
    for shared, verdict, words in ((0, "clean", "found no leak"), (3, "leak", "found a leak in 1")):
        rows = pd.DataFrame([{**line, "shared_patients": shared, "verdict": verdict}])
        changed = replace(frames, further={**frames.further, "imputation_audit": rows})
        found = rigour(changed, invented.study(), [])["audit"]
        assert (found["imputations"], found["imputations_with_shared_patients"]) == (1, int(shared > 0))
        section = audit_section(changed, naming)
        assert words in section.context["verdict"] and section.context["clean"] is (shared == 0)
        assert f"40 patients; predicted patients among them: {shared}." in section.context["detail"]
        assert [cell.text for cell in section.context["table"].cells[-1]][-3:] == [str(shared), "–", verdict]
        assert done_section(changed, naming).context["clean"] is (shared == 0)


def test_a_leak_and_a_small_count_are_seen(frames, invented):
    audit = frames.audit.assign(shared_patients=[1, *[0] * (len(frames.audit) - 1)])
    found = rigour(replace(frames, audit=audit), invented.study(), [])["audit"]
    assert found["fits_with_shared_patients"] == 1
    study = invented.study()
    small = study.report.small_cells
    assert [shown(n, study) for n in (0, 1, small - 1, small)] == [0, None, None, small]


def test_no_patient_is_named(content, frames):
    text = json.dumps(content)
    assert not [name for name in frames.patients["patient"] if str(name) in text]
