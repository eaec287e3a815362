"""`slopewise init` on tables as they come: codings, languages, units, endpoints, ids; each proposal passes `check`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slopewise.cli.init.codes import marks_censored, meaning, reading
from slopewise.cli.init.guess import Named
from slopewise.cli.init.units import duration, unit_of_steps, without_unit
from slopewise.cohort.clock import DAYS
from slopewise.cohort.named_units import named_unit
from slopewise.cohort.technical import technical
from slopewise.study.model import Study
from slopewise.study.reading import load_study
from tests.unit.cli.cli_files import call, flat, invent

Change = Callable[[pd.DataFrame, pd.DataFrame], None]


def proposed(folder: Path, change: Change, *options: str, check: int | None = 0) -> tuple[Study, str]:
    """The proposal for invented tables after a change, and what the terminal said; `check` ends with that status."""
    rows, people = invent()
    change(rows, people)
    rows.to_csv(folder / "visits.csv", index=False)
    people.to_csv(folder / "patients.csv", index=False)
    ended = call("init", "visits.csv", "--patients", "patients.csv", "--force", *options, folder=folder)
    assert ended.exit_code == 0, ended.output
    if check is not None:
        checked = call("check", "study.yaml", folder=folder)
        assert checked.exit_code == check, checked.output
    return load_study(folder / "study.yaml"), flat(ended.output)


CENSORED = (
    "0", "no", "nein", "Censored", "CENS", "zensiert", "censuré", "censurado", "alive", "Lebt", "am Leben", "vivant",
    "lost to follow-up", "Lost to FU", "LTFU", "verloren", "perdu de vue", "perdido", "withdrawn", "Withdrew consent",
    "administrative", "administratively censored", "end of study", "Studienende", "dropout", "drop-out", "no event",
    "event-free", "nicht verstorben", "ohne Ereignis", "not dead", "non décédé", "completed", "moved away",
    "relapse-free",
)  # fmt: skip
EVENTS = (
    "death", "DEAD", "Died", "deceased", "verstorben", "Tod", "tot", "décès", "décédé", "mort", "muerte", "fallecido",
    "overleden", "relapse", "Rezidiv", "transplantation", "event", "Ereignis", "exitus letalis", "†",
)  # fmt: skip
UNCLEAR = ("other", "unknown", "2", "ja", "A", "died after loss to follow-up", "discharged", "total")


def test_codes_are_read_by_their_words():
    assert {code: reading(code) for code in CENSORED} == dict.fromkeys(CENSORED, "censored")
    assert {code: reading(code) for code in EVENTS} == dict.fromkeys(EVENTS, "event")
    assert {code: reading(code) for code in UNCLEAR} == dict.fromkeys(UNCLEAR, "")


@given(st.sampled_from(CENSORED), st.sampled_from(EVENTS), st.sampled_from([str, str.upper, str.lower, str.title]))
def test_what_ends_without_the_event_is_never_proposed_as_one(censored, event, case):
    found = meaning("p.csv", "end_status", [case(censored), case(event)], Named())
    assert set(found.events) == {case(event)} and found.censored == (case(censored),)


def test_a_censoring_flag_is_turned_round():
    for name in ("CNSR", "censored", "is_censored", "zensiert", "alive", "lebt"):
        assert marks_censored(name), name
        found = meaning("p.csv", name, ["0", "1"], Named())
        assert set(found.events) == {"0"} and found.censored == ("1",), name
    for name in ("status", "death", "cens", "event"):
        assert not marks_censored(name), name
    assert not meaning("p.csv", "cens", ["0", "1"], Named()).events  # 1 is the event in some tables, censored in others


def cnsr(_: pd.DataFrame, people: pd.DataFrame) -> None:
    people["CNSR"] = 1 - people.pop("status")


def test_cnsr_of_a_table_has_the_events_that_happened(tmp_path):
    study, _ = proposed(tmp_path, cnsr)
    assert (study.outcome.event, set(study.outcome.events), study.outcome.censored) == ("CNSR", {"0"}, ("1",))


def test_where_a_code_is_not_plain_nothing_is_proposed(tmp_path):
    def other(_: pd.DataFrame, people: pd.DataFrame) -> None:
        ends = np.where(np.arange(len(people)) % 3 == 0, "Other", "Alive")
        people["end_status"] = np.where(people.pop("status") == 1, "Died", ends)

    study, told = proposed(tmp_path, other)
    assert (
        study.outcome.kind == "none" and "whether Other is an event, a competing one or censored is not plain" in told
    )
    study, _ = proposed(tmp_path, other, "--event-code", "Died=death", "--competing-code", "Other=other")
    assert study.outcome.events == {"Died": "death"} and study.outcome.competing == {"Other": "other"}


def endpoints(_: pd.DataFrame, people: pd.DataFrame) -> None:
    rng = np.random.default_rng(1)
    progressed = rng.random(len(people)) < 0.4
    people["os_time"], people["os_event"] = people.pop("futime"), people.pop("status")
    people["pfs_time"] = np.where(progressed, (people["os_time"] * 0.6).round(), people["os_time"])
    people["pfs_event"] = np.where(progressed, 1, people["os_event"])
    people["last_word"] = np.where(people["os_event"] == 1, "DEATH", "none")
    people["grade_at_death"] = np.where(people["os_event"] == 1, rng.integers(1, 4, len(people)).astype(str), "")
    people["code"] = np.where(people["os_event"] == 1, 8, 7)
    people["site"] = rng.integers(101, 106, len(people))
    people["smoking_status"] = rng.integers(0, 3, len(people))


def test_two_endpoints_are_kept_together_and_nothing_of_them_is_a_covariate(tmp_path):
    study, told = proposed(tmp_path, endpoints)
    assert (study.outcome.time, study.outcome.event) == ("os_time", "os_event")
    assert study.outcome.covariates == ("age",)
    text = flat((tmp_path / "study.yaml").read_text(encoding="utf-8"))
    for column in ("pfs_time", "pfs_event", "last_word", "grade_at_death", "code"):
        assert f"no covariate: {column} " in told, column
        assert f"# covariates: never {column}: it " in text, column
    named = text.split("more could be named: ")[1].split(" covariates:")[0]
    assert named == "site, smoking_status"
    assert "site has a few whole numbers: if they are codes" in text  # and is asked about


UNITS = ("hours", "days", "weeks", "months", "years")


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    unit=st.sampled_from(UNITS),
    name=st.sampled_from(["survtime", "stime", "time", "fu", "os_time", "stay", "agedem", "Letzter", "xyz"]),
    told=st.booleans(),
)
def test_a_follow_up_is_found_under_any_name_in_its_own_unit(tmp_path, unit, name, told):
    column = f"{name}_{unit}" if told else name

    def other(_: pd.DataFrame, people: pd.DataFrame) -> None:
        people[column] = (people.pop("futime") / DAYS[unit]).round(3)

    study, _said = proposed(tmp_path, other, check=None)
    assert (study.outcome.time, study.outcome.time_unit) == (column, unit)


def test_a_wrong_name_of_a_unit_is_told_by_its_consequence(tmp_path):
    def wrong(_: pd.DataFrame, people: pd.DataFrame) -> None:
        people["fuyears"] = people.pop("futime")

    study, told = proposed(tmp_path, wrong)
    assert (study.outcome.time, study.outcome.time_unit) == ("fuyears", "days")
    assert "A GUESS: in days" in told and "in years, as its name suggests, it would be 2,4" in told


@pytest.mark.parametrize(
    ("share", "said"), [(0.3, "ends before the last visit of 60 of 60"), (np.nan, "is missing for 31 of 60")]
)
def test_the_nearest_follow_up_is_named_with_the_reason(tmp_path, share, said):
    def gone(_: pd.DataFrame, people: pd.DataFrame) -> None:
        first = people.index <= (59 if share == 0.3 else 30)
        people["futime"] = people["futime"].where(~first, people["futime"] * share)

    study, told = proposed(tmp_path, gone)
    assert study.outcome.kind == "none" and "the nearest is futime" in told and said in told


def renamed_ids(rows: pd.DataFrame, people: pd.DataFrame) -> None:
    rows.columns = ["PatientID", *rows.columns[1:]]
    people.columns = ["patient_id", *people.columns[1:]]


def test_ids_under_two_names_are_matched_by_their_values(tmp_path):
    study, told = proposed(tmp_path, renamed_ids)
    assert (study.data.patient, study.data.patients_patient) == ("PatientID", "patient_id")
    assert study.outcome.event == "status" and "where it is called patient_id" in told
    text = (tmp_path / "study.yaml").read_text(encoding="utf-8")
    (tmp_path / "study.yaml").write_text(text.replace("patient_id\n", "patientid\n"), encoding="utf-8")
    checked = call("check", "study.yaml", folder=tmp_path)
    assert checked.exit_code == 1
    assert (
        "column patientid: there is no such column (data.patients_patient); did you mean 'patient_id'?"
        in checked.stderr
    )


@pytest.mark.parametrize(
    ("spell", "cause"),
    [
        (lambda name: name.lower(), "upper and lower case"),
        (lambda name: f"{name[0]}-{name[1:]}", "blanks and marks"),
        (lambda name: str(int(name[1:])), "a prefix before the number"),
    ],
)
def test_ids_that_are_spelt_otherwise_are_the_named_cause(tmp_path, spell, cause):
    def other(_: pd.DataFrame, people: pd.DataFrame) -> None:
        people["id"] = people["id"].map(spell)

    study, told = proposed(tmp_path, other, check=1)
    assert study.outcome.event == "status" and cause in told and "do not match" in told


def test_a_baseline_before_time_zero_is_a_visit(tmp_path):
    def screened(rows: pd.DataFrame, _: pd.DataFrame) -> None:
        rows.loc[~rows["id"].duplicated(), "day"] = -14

    study, _ = proposed(tmp_path, screened)
    assert study.data.time_zero == 0.0 and study.outcome.kind == "survival"


def with_bad_cells(rows: pd.DataFrame, _: pd.DataFrame) -> None:
    rows["crp"] = rows["crp"].astype(object)
    rows.loc[rows.index[5:40:2], "crp"] = "<30"
    rows.loc[rows.index[6:20:4], "crp"] = "hämolytisch"
    rows["labs_complete"] = np.arange(len(rows)) % 3
    rows["row"] = np.arange(1, len(rows) + 1)
    rows["diagnostics_spacing"] = np.random.default_rng(1).normal(size=len(rows))


def test_every_column_that_is_left_out_is_named_with_its_bad_cells_counted(tmp_path):
    study, told = proposed(tmp_path, with_bad_cells)
    assert list(study.markers) == ["albumin"]
    assert "left out: crp: 18 × '<30', 4 × 'hämolytisch', no numbers (first at line 7)" in told
    for column in ("labs_complete: a flag", "row: a number of rows", "diagnostics_spacing: a diagnostic"):
        assert f"left out: {column}" in told


def test_a_marker_is_named_as_it_is_proposed(tmp_path):
    def units(rows: pd.DataFrame, _: pd.DataFrame) -> None:
        rows.columns = ["id", "day", "CRP (mg/l)", "albumin"]

    for name in ("CRP", "crp", "CRP (mg/l)"):
        study, told = proposed(tmp_path, units, "--marker", name)
        assert [marker.column for marker in study.markers.values()] == ["CRP (mg/l)"]
        assert "left out: albumin: not named with --marker" in told
    ended = call("init", "visits.csv", "--marker", "ALBUMINE", "--force", folder=tmp_path)
    assert ended.exit_code == 1 and "did you mean 'albumin'?" in ended.stderr


def with_surgery(rows: pd.DataFrame, people: pd.DataFrame) -> None:
    surgery = pd.Timestamp("2015-03-01") + pd.to_timedelta(np.arange(len(people)) * 3, "D")
    start = dict(zip(people["id"], surgery, strict=True))
    rows["seen"] = [
        f"{start[who] + pd.Timedelta(days=day):%d%b%Y}" for who, day in zip(rows["id"], rows.pop("day"), strict=True)
    ]
    people["surgery_date"] = surgery.strftime("%Y-%m-%d")


def test_dates_with_durations_from_a_date_of_time_zero(tmp_path):
    study, _ = proposed(tmp_path, with_surgery)
    assert (study.data.time_unit, study.data.date_format) == ("date", "%d%b%Y")
    assert (study.data.patients_date_format, study.outcome.time_unit) == ("auto", "days")
    assert study.data.time_zero.column == "surgery_date"  # type: ignore[union-attr]


def test_units_of_names_steps_and_durations():
    assert [named_unit(name) for name in ("fu_hours", "fuyears", "Tage", "day", "crp", "stay_min")] == [
        "hours", "years", "days", "days", "", ""
    ]  # fmt: skip
    assert (without_unit("fu_years"), without_unit("fuyears"), without_unit("age")) == ("fu", "fu", "age")
    assert [unit_of_steps(gap, 4 * gap)[0] for gap in (7.0, 14.0, 91.0, 3.0, 6.0, 0.5, 1.0)] == [
        "days", "days", "days", "months", "months", "years", "years"
    ]  # fmt: skip
    assert "in months it would be 2.3 years" in unit_of_steps(7.0, 28.0)[1]
    assert (duration(182, "years"), duration(90, "days"), duration(5, "hours")) == ("182 years", "3 months", "5 hours")


def test_technical_columns():
    rising = np.arange(1.0, 31.0)
    assert technical("x", rising) and technical("demographics_complete", rising * 0) and technical("Unnamed: 0", rising)
    assert technical("LBSEQ", rising * 2) and technical("diagnostics_Versions_PyRadiomics", rising * np.nan)
    assert not technical("crp", rising**2) and not technical("index", rising[::-1]) and not technical("bmi", rising[:5])


def test_codes_of_missing_values_are_named_and_decide_nothing(tmp_path):
    def coded(rows: pd.DataFrame, people: pd.DataFrame) -> None:
        rows.loc[rows.index[::9], "albumin"] = 999.0
        people.loc[people.index[::20], "age"] = -99

    study, told = proposed(tmp_path, coded, check=None)
    assert study.markers["albumin"].transform == "none"  # not the log, which 999 alone would ask for
    assert "albumin: 44 × 999 stands apart" in told and "age: 3 × -99 stands apart" in told
    assert "data.missing: [-99, 999]" in told


def test_visits_that_count_back_from_an_end_predict_nothing(tmp_path):
    def back(rows: pd.DataFrame, people: pd.DataFrame) -> None:
        end = dict(zip(people["id"], people["futime"], strict=True))
        rows["day"] = [day - end[who] for who, day in zip(rows["id"], rows["day"], strict=True)]

    study, told = proposed(tmp_path, back)
    assert study.outcome.kind == "none" and "counts back from an end" in told


def test_a_covariate_is_named_once_and_what_is_missing_is_told(tmp_path):
    def twins(_: pd.DataFrame, people: pd.DataFrame) -> None:
        people["sex"] = np.where(people.index % 2, "m", "f")
        people["gender"] = people["sex"].map({"m": 1, "f": 2})
        people["status"] = people["status"].astype(object).where(people.index != 3, "")
        people["futime"] = people["futime"].where(people.index != 5)

    study, told = proposed(tmp_path, twins)
    assert study.outcome.covariates == ("age", "sex")
    assert "status is missing for 1 patient, who is left out" in told
    assert "futime is missing for 1 patient, who is left out" in told


def test_without_an_event_columns_with_few_codes_are_named(tmp_path):
    def graft(_: pd.DataFrame, people: pd.DataFrame) -> None:
        people["graft"] = np.where(people.pop("status") == 1, "failed", "functioning")

    study, told = proposed(tmp_path, graft)
    assert study.outcome.kind == "none" and "with few codes there are graft: --event takes one" in told
    study, _ = proposed(tmp_path, graft, "--event", "graft", "--event-code", "failed")
    assert study.outcome.events == {"failed": "failed"}


CODINGS: dict[str, tuple[object, ...]] = {
    "numbers": (1, 0, 0),
    "yes and no": ("yes", "no", "no"),
    "English": ("Dead", "Alive", "Lost to follow-up"),
    "German": ("Verstorben", "lebt", "verloren"),
    "Spanish": ("fallecido", "vivo", "perdido"),
    "turned round": (0, 1, 1),
}
"""The event, and two ways to end without it."""
NAMES = st.sampled_from(["status", "Event", "verstorben", "vital_status", "died", "OS_status", "DTH", "outcome"])


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    event=NAMES,
    coding=st.sampled_from(list(CODINGS)),
    followup=st.sampled_from(["FollowUp", "OS_time", "survival time", "T", "Beobachtungszeit", "exit"]),
    unit=st.sampled_from(UNITS),
    seed=st.integers(0, 1000),
)
def test_the_events_that_are_proposed_are_those_that_happened(tmp_path, event, coding, followup, unit, seed):
    happened: list[bool] = []
    event = "CNSR" if coding == "turned round" else event

    def told(_: pd.DataFrame, people: pd.DataFrame) -> None:
        first = np.random.default_rng(seed).random(len(people)) < 0.5
        status = people.pop("status").to_numpy() == 1
        dead, lives, lost = CODINGS[coding]
        people[event] = [dead if died else lives if one else lost for died, one in zip(status, first, strict=True)]
        people["copy_of_it"] = status.astype(int)
        people[followup] = (people.pop("futime") / DAYS[unit]).round(4)
        happened.extend(status)

    study, _said = proposed(tmp_path, told)
    codes = pd.read_csv(tmp_path / "patients.csv", dtype=str)[event]
    assert (study.outcome.time, study.outcome.time_unit, study.outcome.event) == (followup, unit, event)
    assert codes.isin(list(study.outcome.events)).to_list() == happened
    assert set(study.outcome.events) | set(study.outcome.censored) == set(codes)
    assert study.outcome.covariates == ("age",)
