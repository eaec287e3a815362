"""Diagnoses of a third table: ends of the follow-up and columns of what was known at time zero."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from slopewise.cohort import prepare_cohort
from slopewise.run.errors import InputError
from slopewise.sources.study_tables import patients_of
from tests.unit.cohort.small_study import DATES, WHOLE, dated, study_of

ROWS = [
    ("A", "2009-03-04", "K74.6"),
    ("A", "2006-02-01", "K74.0"),
    ("A", "2000-12-31", "E11"),
    ("B", "2001-01-01", "E11.9"),
    ("B", "2001-01-02", "I10"),
    ("C", "2001-01-02", "E11"),
    ("C", "2020-05-05", "K74.6"),
    ("X", "2000-01-01", "K74.6"),
]
NAMES: dict[str, Any] = {"diabetes": ["E11*"], "cirrhosis": ["K74.0", "K74.6", "K74.9"]}
ASKED: dict[str, Any] = {
    **DATES,
    "data__patient": "patient",
    "data__time_zero": "first_visit",
    "data__subjects": "Condition.ndjson",
    "data__conditions": {"code": "code", "date": "date", "names": NAMES},
    "outcome__events": {"cirrhosis": "cirrhosis", 1: "transplant"},
    "outcome__competing": {2: "death"},
    "outcome__covariates": ["age", "diabetes"],
}


def condition(patient: str, date: str, named: str, **changes: Any) -> str:
    """A resource of FHIR on a line, with a second code of another system; None takes a key away."""
    held = {
        "resourceType": "Condition",
        "subject": {"reference": f"Patient/{patient}"},
        "code": {"coding": [{"system": "urn:own", "code": f"own-{named}"}, {"system": "icd-10", "code": named}]},
        "onsetDateTime": f"{date}T23:00:00-05:00",
    }
    return json.dumps({key: value for key, value in (held | changes).items() if value is not None})


def write(folder: Path, rows: list[str] | None = None) -> None:
    """Visits and follow-up as dates from 2001-01-01, and the diagnoses."""
    for name, text in zip(("m.csv", "p.csv"), WHOLE, strict=True):
        (folder / name).write_text(dated(text).replace("id,", "patient,", 1))
    refuted = {"verificationStatus": {"coding": [{"code": "refuted"}]}}
    lines = rows or [condition(*row) for row in ROWS] + [condition("B", "2001-06-01", "K74.6", **refuted)]
    (folder / "Condition.ndjson").write_text("\n".join(lines))


def test_the_first_date_ends_the_follow_up_and_the_history_is_that_at_time_zero(tmp_path: Path) -> None:
    write(tmp_path)
    cohort = prepare_cohort(study_of(**ASKED), tmp_path)
    people = cohort.patients.set_index("patient")
    assert people["diabetes"].to_dict() == {"A": 1, "B": 1, "C": 0}  # C had it a day after the first visit
    assert people["event"].to_dict() == {"A": 1, "B": 0, "C": 1}  # the transplant of C, whose cirrhosis came later
    days = (pd.Timestamp("2006-02-01") - pd.Timestamp("2001-01-01")).days
    assert people.loc["A", "followup"] == pytest.approx(days / 365.25 - 2)
    notes = set(cohort.problems["message"])
    assert (
        "cirrhosis ends the follow-up of 1 of 4 patients; 1 have it after the end of their follow-up, where it does "
        "not count" in notes
    )
    assert {"3 of 4 patients have diabetes", "1 records were left out: their verification status is 'refuted'"} <= notes
    assert list(cohort.files) == ["m.csv", "p.csv", "Condition.ndjson"]


def test_a_table_of_another_source_and_of_codes_that_are_numbers_gives_the_same(tmp_path: Path) -> None:
    write(tmp_path)
    known = prepare_cohort(study_of(**ASKED), tmp_path)
    numbers = {code: str(place) for place, code in enumerate(sorted({code for _, _, code in ROWS}), start=101)}
    frame = pd.DataFrame(ROWS, columns=["patient", "start", "concept"])
    frame.assign(concept=frame["concept"].map(numbers) + ".0").to_csv(tmp_path / "c.csv", index=False)
    names = {"diabetes": [int(numbers["E11"]), numbers["E11.9"]], "cirrhosis": [numbers["K74.0"], numbers["K74.6"]]}
    asked = {"data__subjects": "c.csv", "data__conditions": {"code": "concept", "date": "start", "names": names}}
    found = prepare_cohort(study_of(**ASKED | asked), tmp_path)
    for name in ("measurements", "patients", "flow"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(known, name), check_exact=True)


def test_of_two_conditions_that_end_the_follow_up_the_first_counts_and_a_day_in_common_goes_to_the_first_named(
    tmp_path: Path,
) -> None:
    write(tmp_path, [condition(*row) for row in [*ROWS, ("A", "2006-02-01", "C22"), ("B", "2004-01-01", "C22")]])
    conditions = {"code": "code", "date": "date", "names": {**NAMES, "cancer": ["C22"]}}
    asked = {"data__conditions": conditions, "outcome__competing": {2: "death", "cancer": "liver cancer"}}
    table = patients_of(study_of(**ASKED | asked), tmp_path)
    assert table is not None
    assert table.text["status"].to_list() == ["cirrhosis", "cancer", "1", "1"]
    assert table.text["futime"].to_list()[:2] == ["2006-02-01", "2004-01-01"]
    assert table.located(table.line(0, "futime")) == ("Condition.ndjson", 2)
    assert table.located(table.line(3, "status")) == ("p.csv", 5)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (condition("A", "2001", "E11", onsetDateTime="2001-03"),
         "Condition.ndjson: record 1, patient A, column date: '2001-03' is not an ISO date (2020-12-31); write"),
        (condition("A", "2001", "E11", onsetDateTime=None),
         "Condition.ndjson: record 1, patient A, column date: the diagnosis has no date; write the day"),
        (condition("a", "2001-01-01", "E11"),
         "Condition.ndjson: column patient: none of the patients of p.csv is there (data.subjects); its ids are such"),
        (condition("A", "2001-01-01", "E12"),
         "Condition.ndjson: column code: no cell holds 'E11*' (data.conditions.names.diabetes)"),
        (condition("A", "2001-02-30", "E11"),
         "Condition.ndjson: record 1, patient A, column diabetes: '2001-02-30' is not a calendar date; write the day"),
        (condition("A", "2001-01-01", "E11", code={"text": ""}),
         "Condition.ndjson: holds no Condition that can be used (1 records: they have no code); export it again"),
    ],
)  # fmt: skip
def test_diagnoses_that_cannot_be_used_are_refused_with_their_record(row: str, message: str, tmp_path: Path) -> None:
    alone = "none of" in message or "export it again" in message
    write(tmp_path, [row] if alone else [row, condition("B", "2001-02-28", "K74.6")])
    with pytest.raises(InputError) as caught:
        prepare_cohort(study_of(**ASKED), tmp_path)
    assert str(caught.value).startswith(message)


def test_a_follow_up_that_is_not_written_as_iso_dates_is_refused(tmp_path: Path) -> None:
    """As text, 31.12.2009 would lie after any ISO date and 01.02.2030 before it."""
    write(tmp_path)
    lines = (tmp_path / "p.csv").read_text().splitlines()
    turned = [re.sub(r"(\d{4})-(\d\d)-(\d\d)", r"\3.\2.\1", line) for line in lines]
    (tmp_path / "p.csv").write_text("\n".join(turned))
    with pytest.raises(
        InputError, match=r"p\.csv: line 2, column .*: '\d\d\.\d\d\.\d{4}' is not an ISO date.*2020-12-31"
    ):
        prepare_cohort(study_of(**ASKED), tmp_path)


def test_a_column_that_is_there_already_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "p.csv").write_text((tmp_path / "p.csv").read_text().replace("sex", "diabetes"))
    with pytest.raises(InputError, match=r"p\.csv: column diabetes: data\.conditions makes a column of this name, and"):
        prepare_cohort(study_of(**ASKED), tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data__subjects": None}, "data.conditions: are columns of data.subjects, which is missing; name"),
        ({"outcome__covariates": ["age"]}, "data.conditions.names.diabetes: is not used; add it to outcome.events, "),
        ({"outcome__covariates": ["diabetes", "cirrhosis"]}, "data.conditions.names.cirrhosis: is a code of the"),
        ({"data__patients_date_format": "%d.%m.%Y"}, "data.conditions: has ISO dates, and those of data.patients have"),
        (
            {"outcome__time_unit": "days"},
            "data.conditions.names.cirrhosis: ends the follow-up at a date, which needs dates in outcome.time",
        ),
        ({"data__time_unit": "days", "data__time_zero": 0.0, "outcome__time_unit": "days", "outcome__events": {1: "x"},
          "outcome__covariates": ["cirrhosis", "diabetes"]},
         "data.conditions.names.diabetes: is a column of patients who had the condition at time zero, which must be"),
    ],
)  # fmt: skip
def test_a_study_file_that_cannot_use_them_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        study_of(**ASKED | changes)
    assert message in str(caught.value)
