"""`slopewise init` on REDCap's exports: raw or with labels, events or repeating instruments, boxes to tick."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from slopewise.cli.init.draft import Dialect
from slopewise.cli.init.guess import Named
from slopewise.cli.init.write import told_lines, write_study
from slopewise.cohort import Cohort, prepare_cohort
from slopewise.run.errors import InputError
from slopewise.study.reading import load_study

LABELS = {
    "record_id": "Record ID",
    "redcap_event_name": "Event Name",
    "redcap_repeat_instrument": "Repeat Instrument",
    "redcap_repeat_instance": "Repeat Instance",
    "age": "Age",
    "sex": "Sex",
    "visit_date": "Visit date",
    "crp": "CRP",
    "last_contact": "Date of last contact",
    "dead": "Dead",
    "symptoms___1": "Symptoms (choice=Fever)",
    "symptoms___2": "Symptoms (choice=Cough)",
    **dict.fromkeys(("dem_complete", "lab_complete", "outcome_complete"), "Complete?"),
}


@pytest.fixture
def raw(root: Path) -> pd.DataFrame:
    """An export of events, with two boxes to tick at each visit."""
    frame = pd.read_csv(root / "tests/cases/redcap_export/redcap.csv", dtype=str, keep_default_na=False)
    visit = frame["visit_date"] != ""
    boxes = {f"symptoms___{k}": [str((row + k) % 2) if v else "" for row, v in enumerate(visit)] for k in (1, 2)}
    return frame.assign(**boxes)


def proposed(frame: pd.DataFrame) -> tuple[Cohort, str]:
    frame.to_csv("redcap.csv", index=False)
    draft = write_study("redcap.csv", None, Path("s.yaml"), "", Dialect(), Named(), force=True)
    return prepare_cohort(load_study("s.yaml"), Path()), "\n".join(told_lines(draft, Path("s.yaml")))


def test_events_of_a_raw_export(raw: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cohort, said = proposed(raw)
    study = load_study("s.yaml")
    names = ("baseline", "month_6", "month_12", "month_18", "closeout", "month_24")
    assert study.data.where == {"redcap_event_name": tuple(f"{name}_arm_1" for name in names)}
    assert study.data.patients is None and study.data.patient == "record_id" and list(study.markers) == ["crp"]
    outcome = study.outcome
    assert (outcome.time, outcome.event, outcome.covariates) == ("last_contact", "dead", ("age", "sex"))
    assert "symptoms___1, symptoms___2: an option of a field with boxes to tick" in said
    assert len(cohort.patients) > 40


def test_an_export_with_labels_gives_the_same_cohort(
    raw: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    known, _ = proposed(raw)
    ticked = {name: raw[name].map({"1": "Checked", "0": "Unchecked", "": ""}) for name in raw if "___" in str(name)}
    labelled = raw.assign(**ticked, dead=raw["dead"].map({"0": "No", "1": "Yes", "": ""}))
    events = labelled["redcap_event_name"].str.replace("_arm_1", " (Arm 1: Cohort)").str.replace("_", " ").str.title()
    labelled = labelled.assign(redcap_event_name=events).rename(columns=LABELS)
    found, said = proposed(labelled)
    assert "Dead at Date of last contact: No is censored, Yes is the event" in said
    pd.testing.assert_frame_equal(found.measurements.drop(columns="CRP"), known.measurements.drop(columns="crp"))
    assert found.measurements["CRP"].to_list() == known.measurements["crp"].to_list()
    assert found.patients[["followup", "event"]].equals(known.patients[["followup", "event"]])


def test_visits_may_be_a_repeating_instrument(
    raw: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project without events: visits are instances of the form lab, medications of another form."""
    monkeypatch.chdir(tmp_path)
    known, _ = proposed(raw)
    visit = raw["visit_date"] != ""
    of_patients = ["age", "sex", "last_contact", "dead"]
    visits = raw[visit].assign(redcap_repeat_instrument="lab", **dict.fromkeys(of_patients, ""))
    first = raw[raw[of_patients].ne("").any(axis=1)].assign(visit_date="", crp="", redcap_repeat_instrument="")
    pills = raw[raw["redcap_repeat_instrument"] == "medications"]
    frame = pd.concat([first, visits, pills]).sort_values("record_id", kind="stable").drop(columns="redcap_event_name")
    found, _ = proposed(frame)
    assert load_study("s.yaml").data.where == {"redcap_repeat_instrument": ("", "lab")}
    pd.testing.assert_frame_equal(found.measurements, known.measurements)
    pd.testing.assert_frame_equal(found.patients, known.patients)


def test_an_export_in_which_nothing_tells_the_time_is_refused(
    raw: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="looks like a REDCap export"):
        proposed(raw.drop(columns="visit_date"))
