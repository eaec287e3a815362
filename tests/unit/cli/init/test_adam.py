"""`slopewise init` on ADLB and ADTTE of a trial: what it proposes can be checked as it is."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyreadstat
import pytest

from slopewise.cli.init.adam import by_visit, of_one_endpoint
from slopewise.cli.init.draft import Dialect
from slopewise.cli.init.guess import Named
from slopewise.cli.init.write import told_lines, write_study
from slopewise.cohort import prepare_cohort
from slopewise.sources.readers import read_table
from slopewise.study.keys import Data
from slopewise.study.reading import load_study

DATA = Data.model_validate(
    {"measurements": "m.csv", "patient": "?", "time": "??", "time_unit": "days", "analysis_unit": "days"}
)
UNITS = {"BILI": "mg/dl", "ALBUMIN": "g/dl"}


@pytest.fixture(scope="module")
def trial(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The PBC study as two transport files: two parameters with base and change, two endpoints."""
    rows, people = (pd.read_csv(root / f"data/pbcseq/{name}.csv") for name in ("measurements", "patients"))
    ids = {frame: frame_ids(table) for frame, table in (("rows", rows), ("people", people))}
    wide = rows.assign(USUBJID=ids["rows"], ADY=rows["day"] + 1.0, STUDYID="PBC").rename(columns=str.upper)
    adlb = wide.melt(["STUDYID", "USUBJID", "ADY"], list(UNITS), "PARAMCD", "AVAL").dropna()
    adlb = adlb.assign(PARAM=adlb["PARAMCD"].str.title(), AVALU=adlb["PARAMCD"].map(UNITS), ABLFL="")
    adlb["BASE"] = adlb.groupby(["USUBJID", "PARAMCD"])["AVAL"].transform("first")
    notes = adlb.head(30).assign(PARAMCD="URINE", AVALU=["g", "mg"] * 15)
    adtte = pd.DataFrame({"STUDYID": "PBC", "USUBJID": ids["people"], "AGE": people["age"], "SEX": people["sex"]})
    adtte = adtte.assign(AVAL=people["futime"] + 1.0, CNSR=(people["status"] == 0) * 1.0)
    both = pd.concat([adtte.assign(PARAMCD="PFS", PARAM="Progression"), adtte.assign(PARAMCD="OS", PARAM="Survival")])
    folder = tmp_path_factory.mktemp("trial")
    pyreadstat.write_xport(pd.concat([adlb, notes]), folder / "adlb.xpt", file_format_version=5)
    pyreadstat.write_xport(both, folder / "adtte.xpt", file_format_version=5)
    return folder


@pytest.fixture(scope="module")
def with_adsl(trial: Path) -> Path:
    """ADSL with treatment and what only the end of the trial tells; ADTTE without age and sex; a copy of ADLB whose
    flag of analysis leaves out records that repeat others."""
    adtte, _ = pyreadstat.read_xport(trial / "adtte.xpt")
    adsl = adtte[adtte["PARAMCD"] == "OS"][["STUDYID", "USUBJID", "AGE", "SEX"]].iloc[::-1]
    adsl = adsl.assign(TRT01P=["Placebo", "Drug"] * (len(adsl) // 2), DTHFL=["Y", "N"] * (len(adsl) // 2))
    adlb, _ = pyreadstat.read_xport(trial / "adlb.xpt")
    both = pd.concat([adlb.assign(ANL01FL="Y"), adlb.head(99).assign(AVAL=1e6, ANL01FL="")])
    pyreadstat.write_xport(adsl, trial / "adsl.xpt", file_format_version=5)
    pyreadstat.write_xport(both, trial / "adlb2.xpt", file_format_version=5)
    pyreadstat.write_xport(adtte.drop(columns=["AGE", "SEX"]), trial / "adtte2.xpt", file_format_version=5)
    return trial


def test_treatment_age_and_sex_come_from_adsl(with_adsl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(with_adsl)
    write_study("adlb2.xpt", "adtte2.xpt", Path("t.yaml"), "", Dialect(), Named(), force=True, subjects="adsl.xpt")
    study = load_study("t.yaml")
    assert (study.data.subjects, study.data.where) == ("adsl.xpt", {"ANL01FL": ("Y",)})
    assert set(study.outcome.covariates) == {"TRT01P", "AGE", "SEX"} and study.outcome.event == "CNSR"
    assert "DTHFL" not in Path("t.yaml").read_text()
    cohort = prepare_cohort(study, Path())
    write_study("adlb.xpt", "adtte.xpt", Path("s.yaml"), "", Dialect(), Named(), force=True)
    known = prepare_cohort(load_study("s.yaml"), Path())
    pd.testing.assert_frame_equal(cohort.measurements, known.measurements)
    same = ["patient", "AGE", "SEX", "followup", "event"]
    pd.testing.assert_frame_equal(cohort.patients[same], known.patients[same])
    adsl, _ = pyreadstat.read_xport("adsl.xpt")
    of_patient = adsl.set_index("USUBJID")["TRT01P"]
    assert cohort.patients["TRT01P"].to_list() == of_patient.reindex(cohort.patients["patient"]).to_list()
    assert list(cohort.files) == ["adlb2.xpt", "adtte2.xpt", "adsl.xpt"]


def frame_ids(table: pd.DataFrame) -> pd.Series:
    return "PBC-" + table["id"].astype(str).str.zfill(4)


def test_the_proposal_reads_the_trial(trial: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trial)
    draft = write_study("adlb.xpt", "adtte.xpt", Path("s.yaml"), "", Dialect(), Named(), force=True)
    study = load_study("s.yaml")
    assert study.data.layout is not None and study.data.layout.unit == "AVALU"
    assert (study.data.patient, study.data.time, study.data.time_unit, study.data.time_zero) == (
        "USUBJID", "ADY", "days", 1.0
    )  # fmt: skip
    units = {marker.column: marker.unit.removeprefix("log ") for marker in study.markers.values()}
    assert units == UNITS and study.markers["BILI"].unit == "log mg/dl"
    outcome = study.outcome
    assert (outcome.time, outcome.event, outcome.where) == ("AVAL", "CNSR", {"PARAMCD": ("OS",)})
    assert (
        dict(outcome.events) == {"0": "event"} and outcome.censored == ("1",) and outcome.covariates == ("AGE", "SEX")
    )
    cohort = prepare_cohort(study, Path())
    first = cohort.measurements.groupby("patient")["time"].min()
    assert len(cohort.patients) > 200 and first.eq(0).mean() > 0.99  # day 1 is time zero
    said = "\n".join(told_lines(draft, Path("s.yaml")))
    assert "left out: URINE: it has several units (g, mg), which need factors in markers.NAME.units" in said
    assert "other endpoints of adtte.xpt: PFS" in said and "PBC-0" not in said


def test_dates_of_analysis_serve_where_there_is_no_relative_day(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("USUBJID,PARAMCD,AVAL,ADT\na,CRP,1,2020-01-02\nb,CRP,2,2020-02-03\n")
    found = by_visit(read_table(tmp_path, "m.csv", "MEASUREMENTS", DATA), DATA)
    assert found is not None and found.time.value == "ADT" and found.unit is None and found.zero is None
    assert found.table.text.to_dict("list")["CRP"] == ["1", "2"]


@pytest.mark.parametrize(
    ("time", "cells", "said"),
    [
        ("ADY", [("1", "Y"), ("90", ""), ("-3", "Y"), ("95", "")], "(ABLFL) of 2 patients lie no later"),
        ("ADY", [("1", ""), ("90", "Y"), ("1", "Y"), ("95", "")], "(ABLFL) of 1 of 2 patients lie after day 1: check"),
        ("ADT", [("2020-01-02", "Y"), ("2020-05-01", ""), ("2020-02-01", "Y"), ("2020-06-01", "")], "lie no later"),
        ("ADT", [("2020-01-02", ""), ("2020-05-01", "Y"), ("2020-02-01", ""), ("2020-06-01", "Y")],
         "(ABLFL) of 2 of 2 patients lie after the first date: check data.time_zero"),
        ("ADY", [("1", ""), ("90", ""), ("1", ""), ("95", "")], ""),
    ],
)  # fmt: skip
def test_rows_flagged_as_baseline_are_compared_with_time_zero(
    time: str, cells: list[tuple[str, str]], said: str, tmp_path: Path
) -> None:
    lines = [f"{'aabb'[place]},CRP,1,{when},{flag}" for place, (when, flag) in enumerate(cells)]
    (tmp_path / "m.csv").write_text("\n".join([f"USUBJID,PARAMCD,AVAL,{time},ABLFL", *lines]))
    found = by_visit(read_table(tmp_path, "m.csv", "MEASUREMENTS", DATA), DATA)
    assert found is not None and (said in found.time.reason if said else "ABLFL" not in found.time.reason)


@pytest.mark.parametrize("head", ["USUBJID,PARAMCD,AVAL", "USUBJID,PARAMCD,AVAL,ADY,CNSR", "id,PARAMCD,AVAL,ADY"])
def test_other_tables_stay_as_they_are(tmp_path: Path, head: str) -> None:
    (tmp_path / "m.csv").write_text(f"{head}\n" + ",".join("1" * len(head.split(","))) + "\n")
    table = read_table(tmp_path, "m.csv", "MEASUREMENTS", DATA)
    assert by_visit(table, DATA) is None
    if "CNSR" not in head:
        assert of_one_endpoint(table) == (table, {}, "")


@pytest.mark.parametrize(
    ("names", "zero"),
    [
        (("patient", "time", "code", "value", "unit"), "1975-2"),
        (
            ("person_id", "measurement_date", "measurement_concept_id", "value_as_number", "unit_source_value"),
            "3024128",
        ),
    ],
)
def test_observations_of_fhir_and_measurements_of_omop_are_known_by_their_columns(
    names: tuple[str, ...], zero: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = pd.read_csv(root / "data/pbcseq/measurements.csv")[["id", "day", "bili"]]
    day = (pd.Timestamp("1980-01-01") + pd.to_timedelta(rows["day"], unit="D")).dt.strftime("%Y-%m-%d")
    long = pd.DataFrame(dict(zip(names, (rows["id"], day, zero, rows["bili"], "mg/dL"), strict=True)))
    long.to_csv("long.csv", index=False)
    write_study("long.csv", None, Path("s.yaml"), "", Dialect(), Named(), force=True)
    study = load_study("s.yaml")
    assert (study.data.patient, study.data.time, study.data.time_unit) == (names[0], names[1], "date")
    assert [(marker.column, marker.unit) for marker in study.markers.values()] == [(zero, "log mg/dL")]
    assert len(prepare_cohort(study, Path()).measurements) == len(rows)
