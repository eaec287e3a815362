"""What is wrong with a source is one sentence with the file or query, the row, the column and a way out.

One table of defects for all kinds of files and databases; a second one for what only one kind can have.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from slopewise.cohort import prepare_cohort
from slopewise.run.errors import InputError
from slopewise.sources.readers import READERS, place_word
from slopewise.sources.snapshot import QUERY, frozen
from slopewise.study.reading import parse_study
from tests.bad_input.test_bad_input import INSIDE, WAY_OUT
from tests.unit.cohort.small_study import MEASUREMENTS, in_memory, study_of
from tests.unit.cohort.test_round_trip import DATABASE_WRITERS, NOT_WRITTEN, SAME, WRITERS

Frame = pd.DataFrame
FILES = sorted(WRITERS)
HEADED = {".csv", ".tab", ".gz", ".zip", ".xlsx", ".ods"}
"""Kinds in which the names stand in the first line or row, which is counted."""
NO_INFINITY = frozenset([".dta", ".json", ".ndjson", ".ods", ".xlsx"])
ALONE: dict[str, Any] = {"data__patients": None, "outcome": {"kind": "none"}}
"""Courses alone, without a table of patients."""
LONG = {"data__layout": {"parameter": "PARAMCD", "value": "AVAL", "unit": "AVALU"}}


def cell(row: int, column: str, value: str) -> Callable[[Frame], Frame]:
    def change(frame: Frame) -> Frame:
        frame = frame.copy()
        frame.loc[row, column] = value
        return frame

    return change


def long(frame: Frame) -> Frame:
    """A row for each value of bili and albumin, in the order of patients and times."""
    found = frame.melt(["id", "day"], ["bili", "albumin"], "PARAMCD", "AVAL").query("AVAL != ''")
    return found.sort_values(["id", "day"], kind="stable", ignore_index=True).assign(AVALU="mg/dl")


@dataclass(frozen=True)
class Defect:
    """A change of the table of measurements (rows from 0, all columns text), and what is said of it.

    `{place}` in `says` is the file with the place of the row `row`, `{file}` the file alone.
    """

    name: str
    change: Callable[[Frame], Frame]
    says: str
    row: int = 0
    study: Mapping[str, Any] = field(default_factory=dict)
    but: frozenset[str] = frozenset()
    """Kinds of files that cannot have it."""


DEFECTS = [
    Defect("a word among numbers", cell(3, "bili", "high"),
           r"{place}, patient B, column bili: 'high' is not a number; correct it", 3),
    Defect("a time that is none", cell(5, "day", "soon"),
           r"{place}, patient C, column day: 'soon' is not a number; correct it", 5),
    Defect("an infinite value", cell(0, "albumin", "inf"),
           r"{place}, patient A, column albumin: 'inf' is not a finite number; correct it", 0, but=NO_INFINITY),
    Defect("a value outside the transform", cell(0, "bili", "-1"),
           r"{place}, patient A, column bili: '-1' has no log, which takes numbers greater than 0; correct", 0),
    Defect("two rows at one time", lambda frame: pd.concat([frame, frame[3:4]], ignore_index=True),
           r"{place}, patient B, column day: the patient has 2 rows at one time", 8),
    Defect("a column that is not there", lambda frame: frame.drop(columns="albumin"),
           r"{file}: column albumin: there is no such column \(markers\.albumin\.column\); the columns are: "),
    Defect("no rows", lambda frame: frame[:0], r"{file}: .*no rows"),
    Defect("a code that is not there", lambda frame: frame,
           r"{file}: column id: no cell holds 'Z' \(data\.where\); the column holds A, B, C, D; name one", 0,
           {"data__where": {"id": "Z"}}),
    Defect("an unknown parameter", lambda frame: long(frame).replace("albumin", "ALB"),
           r"{file}: column PARAMCD: no row has the parameter 'albumin' \(markers\.albumin\.column\); did you mean 'A",
           0, LONG),
    Defect("a unit without a factor", lambda frame: cell(2, "AVALU", "umol/l")(long(frame)),
           r"{place}, column AVALU: bili has mg/dl in 6 rows, umol/l in 1 row, and no factor for umol/l; name each",
           2, LONG),
    Defect("a label of visits that has no time", lambda frame: frame.replace({"day": {"500": "Week 71"}}),
           r"{place}, column day: 'Week 71' is neither a number nor one of data\.time_labels; did you mean 'Week 70'",
           4,
           {"data__time_labels": {"Week 70": 490}}),
]  # fmt: skip


def refusal(study: Any, folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        prepare_cohort(study, folder)
    message = str(caught.value)
    assert "\n" not in message and not INSIDE.search(message), message
    return message


def check(says: str, message: str, file: str, place: str) -> None:
    """Whether a message says what it should, and what to do."""
    assert re.match(says.replace("{place}", re.escape(place)).replace("{file}", re.escape(file)), message), message
    assert WAY_OUT.search(message) or "again" in message, message


@pytest.mark.parametrize(
    ("suffix", "defect"),
    [(suffix, defect) for suffix in FILES for defect in DEFECTS if suffix not in defect.but],
    ids=lambda one: one if isinstance(one, str) else one.name,
)
def test_a_defect_of_a_file(suffix: str, defect: Defect, tmp_path: Path) -> None:
    file = f"m{suffix}"
    WRITERS[suffix](defect.change(in_memory(MEASUREMENTS)), tmp_path / file)
    study = study_of(data__measurements=file, **ALONE, **defect.study)
    if suffix in (".xlsx", ".ods"):
        file += " (sheet data)"
    number = defect.row + (2 if suffix in HEADED else 1)
    check(defect.says, refusal(study, tmp_path), file, f"{file}: {place_word(file)} {number}")


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
@pytest.mark.parametrize("kind", DATABASE_WRITERS)
def test_a_defect_of_a_query(
    kind: str, defect: Defect, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = request.getfixturevalue("postgresql") if kind == "postgresql" else None
    table = f"defect_{DEFECTS.index(defect)}"
    DATABASE_WRITERS[kind](defect.change(in_memory(MEASUREMENTS)), server or tmp_path / "trial.db", table)
    (tmp_path / "m.sql").write_text(f"SELECT * FROM {table}")
    monkeypatch.setenv("TRIAL", server.url() if server else f"{kind}:///{tmp_path / 'trial.db'}")
    query = {"database": kind, "url_env": "TRIAL", "query": "m.sql"}
    study = study_of(data__measurements=query, **ALONE, **defect.study)
    with pytest.raises(InputError) as caught:
        prepare_cohort(frozen(study, tmp_path, tmp_path / "snapshots"), tmp_path)
    file = f"m.sql{QUERY}"
    check(defect.says, str(caught.value), file, f"{file}: row {defect.row + 1}")
    assert str(tmp_path) not in str(caught.value)


SAS: dict[str, tuple[dict[str, Any], str]] = {
    "a word among numbers": ({"markers": {"x": {"column": "Species"}}, "patient": "Petal_Width"},
        r"{file}: record 1, patient 0\.2, column Species: 'setosa' is not a number; correct it"),
    "a time that is none": ({"time": "Species", "patient": "Petal_Width"},
        r"{file}: record 1, patient 0\.2, column Species: 'setosa' is not a number; correct it"),
    "two rows at one time": ({},
        r"{file}: record 7, patient setosa, column Sepal_Length: the patient has 4 rows at one time"),
    "a value outside the transform": ({"markers": {"x": {"column": "Petal_Length", "transform": "logit"}}},
        r"{file}: record 1, patient setosa, column Petal_Length: '1\.4' has no logit, which takes numbers between"),
    "a column that is not there": ({"markers": {"x": {"column": "Petal.Length"}}},
        r"{file}: column Petal\.Length: there is no such column \(markers\.x\.column\); did you mean 'Petal_Length'"),
    "a code that is not there": ({"where": {"Species": "setosum"}},
        r"{file}: column Species: no cell holds 'setosum' \(data\.where\); did you mean 'setosa'"),
    "an unknown parameter": ({"layout": {"parameter": "Species", "value": "Petal_Length"}, "patient": "Petal_Width"},
        r"{file}: column Species: no row has the parameter 'Petal_Length' \(markers\.x\.column\); there are setosa"),
}  # fmt: skip


@pytest.mark.parametrize("name", SAS)
def test_a_defect_of_a_data_set_that_sas_wrote(name: str, golden: Path, tmp_path: Path) -> None:
    """The file is that of test_statistics.py; the studies are what does not fit it."""
    (tmp_path / "i.sas7bdat").write_bytes(gzip.decompress((golden / "iris.sas7bdat.gz").read_bytes()))
    changes, says = SAS[name]
    markers = changes.get("markers", {"x": {"column": "Petal_Length"}})
    own = {f"data__{key}": value for key, value in changes.items() if key != "markers"}
    keys = {"data__patient": "Species", "data__time": "Sepal_Length", "data__measurements": "i.sas7bdat"}
    message = refusal(study_of(**ALONE, **{**keys, **own, "markers": markers}), tmp_path)
    check(says, message, "i.sas7bdat", "")


def observation(**changes: Any) -> str:
    """A resource of FHIR on a line; None takes a key away."""
    held = {
        "resourceType": "Observation",
        "status": "final",
        "subject": {"reference": "Patient/A"},
        "effectiveDateTime": "2020-01-01",
        "code": {"coding": [{"system": "http://loinc.org", "code": "1975-2"}]},
        "valueQuantity": {"value": 1.5, "code": "mg/dL"},
    }
    return json.dumps({key: value for key, value in (held | changes).items() if value is not None})


OTHER = {"subject": {"reference": "urn:uuid:B"}}
FHIR = {
    "no JSON": ("{", r"record 2: is no JSON \(.*\); write the export again, with a resource on each line"),
    "a list": ("[1]", r"record 2: is no resource of FHIR but list; write the export again"),
    "another type": ('{"resourceType": "Device"}', r"record 2: holds Device, and Patient, Observation, Condition are"),
    "no type": ("{}", r"record 2: holds no resource, and Patient, Observation, Condition are read; na"),
    "two types": ('{"resourceType": "Patient", "id": "A"}', r"record 2: holds Patient, and the records before it Obs"),
    "a code that is a list": (observation(code=[]), r"record 2, code: is no object; write the export again"),
    "a coding that is an object": (observation(code={"coding": {}}), r"record 2, coding: is no list of objects; write"),
    "a reference that is a number": (observation(subject={"reference": 7}), r"record 2, reference: is no text; write"),
    "NUL in a text": (observation(status="final\0"), r"record 2: holds a NUL character; delete it"),
    "a value that is a word": (
        observation(valueQuantity={"value": "high", "code": "mg/dL"}),
        r"record 2, patient A, column 1975-2: 'high' is not a number",
    ),
    "a date without a day": (
        observation(effectiveDateTime="2020-01"), r"record 2, patient A, column time: '2020-01' is not an ISO date",
    ),
    "no patient": (observation(subject=None), r"record 2, column patient: the row has no patient \(''\); "),
    "no time": (observation(effectiveDateTime=None), r"record 2, patient A, column time: the row has no time; "),
}  # fmt: skip
OF_FHIR = {
    "data": {"measurements": "Observation.ndjson", "patient": "patient", "time": "time", "time_unit": "date",
             "analysis_unit": "years", "time_zero": "first_visit", "incomplete": "error",
             "layout": {"parameter": "code", "value": "value", "unit": "unit"}},
    "markers": {"bilirubin": {"column": "1975-2"}},
    "outcome": {"kind": "none"}, "landmark": "none",
}  # fmt: skip


@pytest.mark.parametrize("line", FHIR)
def test_a_defect_of_a_bulk_export(line: str, tmp_path: Path) -> None:
    text, says = FHIR[line]
    (tmp_path / "Observation.ndjson").write_text(f"{observation()}\n{text}\n{observation(**OTHER)}\n")
    content = yaml.safe_dump({"study": "small", "seed": 1, **OF_FHIR}).encode()
    message = refusal(parse_study(content, "study.yaml"), tmp_path)
    check(f"{{file}}: {says}", message, "Observation.ndjson", "")


def test_an_export_without_anything_that_counts_says_what_was_left_out(tmp_path: Path) -> None:
    lines = [observation(status="cancelled"), observation(valueQuantity=None), observation(valueQuantity=None)]
    (tmp_path / "Observation.ndjson").write_text("\n".join(lines))
    content = yaml.safe_dump({"study": "small", "seed": 1, **OF_FHIR}).encode()
    message = refusal(parse_study(content, "study.yaml"), tmp_path)
    assert message == (
        "Observation.ndjson: holds no Observation that can be used (1 records: their status is 'cancelled'; 2 records: "
        "they have no quantity as value); export it again"
    )


def test_every_source_has_six_defects_or_more() -> None:
    assert all(sum(suffix not in defect.but for defect in DEFECTS) >= 6 for suffix in FILES)
    assert len(DEFECTS) >= 6 and len(FHIR) >= 6 and len(SAS) >= 6 and set(READERS) - set(SAME) - NOT_WRITTEN == {*FILES}
