"""Other outcomes than one plain event through all steps: strata and delayed entry, a yes or no at two landmarks."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from slopewise.report.pages.patients import render_patients
from slopewise.study.runs import runs_of
from slopewise.tables import files as tables
from tests.workflow.running import PROMISED, Tables, pbc_part, run_steps, script

LANDMARKS = (1.5, 2.25)
LANDMARK_FILES = ("outcome/performance.csv", "outcome/coefficients.csv", "cohort/patients.parquet", "model.json")
LATE = 900
"""Day of entry of every tenth patient, after the landmark."""


def quick(**outcome: object) -> Tables:
    """The cut-down study with another outcome and little resampling."""
    part = pbc_part()
    part.study["growth"] = {"bootstrap": 0}
    part.study["crossfit"]["repeats"] = part.study["validation"]["repeats"] = 1
    part.study["outcome"] |= {"bootstrap": 2, **outcome}
    part.study["validation"]["bootstrap"] = 20
    part.study["report"] = {"patients": True}
    return part


@pytest.fixture(scope="module")
def entered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Patients who enter on a day of their own; the risk of death has a baseline for each sex; transplant competes."""
    part = quick(entry="start", strata=["sex"], covariates=["age"], events={2: "death"}, competing={1: "transplant"})
    places = range(len(part.patients))
    part.patients["hospital"] = [("north", "south")[place % 2] for place in places]
    part.patients["stage"] = [(None, "early", "late")[place % 3] for place in places]
    part.study["data"]["centre"] = "hospital"
    part.study["validation"]["subgroups"] = ["stage"]
    long = part.patients["futime"] > LATE
    part.patients["start"] = [LATE if place % 10 == 0 and long.iloc[place] else place % 7 for place in places]
    folder = tmp_path_factory.mktemp("entered")
    return run_steps(part.write(folder), folder / "results", until="report")


def test_delayed_entry_and_strata_run_to_the_reports(entered: Path):
    for name in [*PROMISED, "run.json", "report-patients.html"]:
        assert (entered / name).is_file(), name
    patients = tables.read("cohort/patients", entered / "cohort/patients.parquet")
    raw = pd.read_csv(entered.parent / "patients.csv", dtype={"id": str})
    flow = tables.read("cohort/flow", entered / "cohort/flow.csv").set_index("step")
    late = raw[(raw["start"] == LATE) & (raw["futime"] > 2.25 * 365.25)]
    assert flow.loc["late_entry", "patients_removed"] == len(late) > 5
    assert not set(patients["patient"]) & set(late["id"]) and (patients["entry"] < 0.02).all()
    measured = tables.read("outcome/performance", entered / "outcome/performance.csv")
    assert {"c_uno", "auc", "brier", "ipa", "calibration_slope", "net_benefit"} <= set(measured["metric"])
    assert set(measured["cause"]) == {"death", "transplant"}
    model = json.loads((entered / "model.json").read_text())["outcome"]["steps"]["slope"]
    assert model["strata"] == {"columns": ["sex"], "levels": ["f", "m"]}
    assert all(len(part["baseline_cumulative_hazard"]) == 2 for part in model["causes"])
    page = (entered / "report.html").read_text(encoding="utf-8")
    page = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    assert "refused" not in page and "inverse probability of censoring" in page and "Does the answer hold?" in page


def test_centres_are_left_out_and_any_column_makes_groups(entered: Path):
    patients = tables.read("cohort/patients", entered / "cohort/patients.parquet")
    centres = tables.read("outcome/centres", entered / "outcome/centres.csv")
    assert set(centres["group"]) == {"north", "south", "all centres"}
    sizes = centres.drop_duplicates("group").set_index("group")["patients"]
    assert sizes["north"] == (patients["hospital"] == "north").sum() and sizes["all centres"] == len(patients)
    audit = tables.read("slopes/leakage_audit", entered / "slopes/leakage_audit.csv")
    own = audit[(audit["scheme"] == "centre") & (audit["fold"] == 0)].set_index("held_out")
    assert own["patients_scored"].tolist() == [sizes["north"], sizes["south"]] and set(own["verdict"]) == {"clean"}
    assert own["patients_fitted"].tolist() == [sizes["south"], sizes["north"]]
    groups = tables.read("outcome/subgroups", entered / "outcome/subgroups.csv")
    assert set(groups.loc[groups["column"] == "stage", "group"]) == {"early", "late", "not known"}
    assert len(patients) > groups.loc[groups["group"] == "early", "patients"].iloc[0] > 20
    page = (entered / "report.html").read_text(encoding="utf-8")
    assert "Each hospital was also left out once" in page and "each centre left out" in page


def test_the_page_of_patients_has_the_risk_of_the_event(entered: Path):
    page = (entered / "report-patients.html").read_text(encoding="utf-8")
    patients = tables.read("cohort/patients", entered / "cohort/patients.parquet")
    section = page[page.index('id="risks"') : page.index('id="findings"')]
    assert all(f">{patient}<" in section for patient in patients["patient"])
    assert "risk within 3 years, level and slope" in section and "transplant" in section


def test_a_binary_outcome_at_two_landmarks(tmp_path: Path):
    """Whether a patient was known to be dead in the end, step by step in this process."""
    part = quick()
    part.patients["died"] = (part.patients["status"] == 2).astype(int)
    keys = {"kind": "binary", "column": "died", "positive": 1, "time": "futime", "time_unit": "days"}
    part.study["outcome"] = {**keys, "covariates": ["age", "sex"], "bootstrap": 2}
    part.study["landmark"] = list(LANDMARKS)
    runs = runs_of(part.write(tmp_path), tmp_path / "runs")
    folders = [run_steps(one.file, tmp_path / one.folder, until="report", folder=tmp_path) for one in runs]
    files = {name: [folder / name for folder in folders] for name in LANDMARK_FILES}
    stacked, table, page = tmp_path / "supermodel.csv", tmp_path / "landmarks.csv", tmp_path / "landmarks.html"
    cohorts = ([folder / f"cohort/{name}.parquet" for folder in folders] for name in ("measurements", "patients"))
    script("stack_landmarks").fit_stacked([one.file for one in runs], *cohorts, [], [], stacked, 1)
    script("gather_landmarks").gather([one.file for one in runs], *files.values(), stacked, table, page)
    assert tables.read("supermodel", stacked).empty  # a stacked model is one of times
    found = tables.read("landmarks", table)
    for landmark, folder in zip(LANDMARKS, folders, strict=True):
        patients = tables.read("cohort/patients", folder / "cohort/patients.parquet")
        own = found[found["landmark"] == landmark]
        assert set(own["events"]) == {int(patients["outcome"].sum())} and set(own["patients"]) == {len(patients)}
        sensitivity = tables.read("outcome/sensitivity", folder / "outcome/sensitivity.csv")
        assert set(sensitivity["metric"]) == {"auc"}
        assert "Does the answer hold?" in (folder / "report.html").read_text(encoding="utf-8")
    text = page.read_text(encoding="utf-8")
    assert "AUC" in text and '<p class="lead">At ' in text and "with the outcome" in text and text.count("<svg") == 2
    single = render_patients(runs[1].study, folders[1])
    section = single[single.index('id="risks"') : single.index('id="findings"')]
    assert "risk, level and slope" in section and section.count(">yes<") == int(patients["outcome"].sum())
