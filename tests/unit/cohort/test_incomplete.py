"""Incomplete patients and rows leave, counted and listed with the reason; a strict study refuses them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from slopewise.cohort import CohortError
from slopewise.run.errors import InputError
from tests.unit.cohort.small_study import MEASUREMENTS, PATIENTS, assert_same, prepare

LARGER = (
    MEASUREMENTS + "E,0,1,3,1\nE,300,2,3,1\nF,0,1,3.3,1\nF,300,1.2,3.6,1\n",
    PATIENTS + "E,2000,0,40,f\nF,2000,1,44,m\n",
)
"""Two more patients at risk at landmark 2, so that one can be incomplete."""

ZERO = ("futime,status,age,sex", "futime,status,age,sex,start")
GAPS = {
    "no_rows": ((r"E,\d+,[\d.]+,3,1\n", ""), None, r"patients without rows in m\.csv", {}),
    "unknown_patient": (None, (r"E,2000.*\n", ""), r"rows of patients who are not in p\.csv", {}),
    "row_without_patient": ((r"E,(\d+),", r",\1,"), None, "rows that name no patient", {}),
    "no_time": ((r"E,(\d+),", "E,,"), None, r"rows without a time \(day\)", {}),
    "no_followup": (None, ("E,2000", "E,"), r"patients without a follow-up time \(futime\)", {}),
    "no_event": (None, ("E,2000,0", "E,2000,NA"), r"patients without an event code \(status\)", {}),
    "no_time_zero": (None, (r"(?m)^(?!id|E)(.+)$", r"\1,0"), r"patients without a time zero \(start\)",
                     {"data__time_zero": {"column": "start"}}),
    "no_entry": (None, (r"(?m)^(?!id|E)(.+)$", r"\1,0"), r"patients without a time of entry \(start\)",
                 {"outcome__entry": "start"}),
}  # fmt: skip


def files(name: str) -> dict[str, str]:
    in_rows, in_people, _, changes = GAPS[name]
    rows = re.sub(*in_rows, LARGER[0]) if in_rows else LARGER[0]
    people = re.sub(*in_people, LARGER[1]) if in_people else LARGER[1]
    if changes:
        people = people.replace(*ZERO).replace(",\n", "\n")
        people = re.sub(r"(?m)^E,(.*)$", r"E,\1,", people)
    return {"measurements": rows, "patients": people, **changes}


@pytest.mark.parametrize("name", GAPS)
def test_what_is_incomplete_leaves_with_its_reason(name: str, tmp_path: Path) -> None:
    cohort = prepare(tmp_path, **files(name))
    assert sorted(cohort.patients["patient"]) == ["A", "B", "C", "F"]
    line = cohort.flow[cohort.flow["step"] == name]
    assert len(line) == 1 and re.fullmatch(GAPS[name][2], line["reason"].item())
    taken = cohort.flow["patients_removed"].sum(), cohort.flow["rows_removed"].sum()
    first, last = cohort.flow.iloc[0], cohort.flow.iloc[-1]
    assert taken == (first["patients_left"] - last["patients_left"], first["rows_left"] - last["rows_left"])
    told = cohort.problems[cohort.problems["action"].str.startswith("left out; ")]
    assert len(told) and set(told["severity"]) == {"warning"} and told["line"].notna().all()


@pytest.mark.parametrize("name", GAPS)
def test_a_strict_study_refuses_what_is_incomplete(name: str, tmp_path: Path) -> None:
    with pytest.raises(CohortError) as caught:
        prepare(tmp_path, **files(name), data__incomplete="error")
    assert "left out" not in str(caught.value)


def test_a_patient_who_is_incomplete_changes_nothing_for_the_others(tmp_path: Path) -> None:
    whole = prepare(tmp_path)
    more = prepare(tmp_path, PATIENTS and MEASUREMENTS + "G,0,1,3,1\n", PATIENTS + "H,2000,0,40,f\n")
    for name in ("measurements", "later", "patients"):
        assert getattr(whole, name).equals(getattr(more, name))
    assert_same(more, prepare(tmp_path, MEASUREMENTS + "G,0,1,3,1\n", PATIENTS + "H,2000,0,40,f\n"))


@pytest.mark.parametrize("ours", ["007", "p 7", "P7"])
def test_ids_in_another_spelling_are_an_error_and_no_gap(ours: str, tmp_path: Path) -> None:
    theirs = {"007": "7", "p 7": "p7", "P7": "p7"}[ours]
    rows, people = (text.replace("E,", f"{name},") for text, name in zip(LARGER, (ours, theirs), strict=True))
    with pytest.raises(CohortError, match=f"the other file has '{theirs}': ids are text"):
        prepare(tmp_path, rows, people)


@pytest.mark.parametrize(("ours", "theirs"), [("00{}", "{}"), ("{}.0", "{}"), ("p {}", "P{}")])
def test_ids_that_all_are_spelt_otherwise_are_one_error_that_names_an_example(
    ours: str, theirs: str, tmp_path: Path
) -> None:
    def renamed(text: str, form: str) -> str:
        return re.sub(r"(?m)^([A-F]),", lambda found: form.format("_ABCDEF".index(found[1])) + ",", text)

    with pytest.raises(CohortError) as caught:
        prepare(tmp_path, renamed(LARGER[0], ours), renamed(LARGER[1], theirs))
    assert f"{theirs.format(1)!r} is written {ours.format(1)!r} there" in str(caught.value)
    assert list(caught.value.problems["severity"]).count("error") == 1


def test_ids_that_hardly_match_are_an_error(tmp_path: Path) -> None:
    people = re.sub(r"(?m)^([B-F]),", r"X\1,", LARGER[1])
    with pytest.raises(InputError, match=r"1 of 6 patients have rows in m\.csv.*is data\.patient the right column"):
        prepare(tmp_path, LARGER[0], people)


def test_a_column_that_most_patients_lack_is_an_error(tmp_path: Path) -> None:
    people = re.sub(r"(?m)^([BCEF]),\d+", r"\1,", LARGER[1])
    with pytest.raises(InputError, match=r"4 of 6 patients have no follow-up time.*is outcome\.time the right column"):
        prepare(tmp_path, LARGER[0], people)


def test_a_missing_outcome_is_an_error_for_a_strict_study(tmp_path: Path) -> None:
    people = LARGER[1].replace("F,2000,1", "F,2000,").replace(",2,", ",1,")
    gone = dict.fromkeys(("time", "time_unit", "event", "events", "horizons"))
    kind = {"outcome__kind": "binary", "outcome__column": "status", "outcome__positive": 1}
    kind |= {f"outcome__{key}": value for key, value in gone.items()} | {"outcome__after_measurements": True}
    left = prepare(tmp_path, LARGER[0], people, **kind)
    assert sorted(left.patients["patient"]) == ["A", "B", "C", "D", "E"]
    with pytest.raises(CohortError, match="line 7, patient F, column status: the outcome is missing"):
        prepare(tmp_path, LARGER[0], people, **kind, data__incomplete="error")
