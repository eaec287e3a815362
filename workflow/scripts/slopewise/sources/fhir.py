"""FHIR bulk exports: a file of one type of resource, a resource on each line (R4 and later: Patient, Observation,
Condition).

Codes, dates and references are reduced to what a study file can name. A date is the day that the record states, in
its own time zone; one without a day stays as it is, and is refused where the study needs it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from slopewise.run.errors import InputError
from slopewise.run.progress import shared, uncounted
from slopewise.sources.dataset_json import read_dataset_json, read_json_text
from slopewise.sources.table import TextTable, shown
from slopewise.sources.typed import as_text
from slopewise.study.keys import Data

LOINC = "http://loinc.org"
VALID = ("final", "amended", "corrected")
"""States of an observation whose value stands."""
CONFIRMED = ("confirmed", "")
"""States of verification of a condition that the patient has; most systems leave it out."""
WAY = "write the export again, with a resource on each line"

Row = dict[str, str]
Left = Counter[str]
"""What was left out, and how often."""


def read_ndjson(path: Path, name: str, data: Data, count: Callable[[float], None] = uncounted) -> TextTable:
    """The file at `path`: a bulk export of FHIR, or a data set of CDISC Dataset-JSON by line. Raises `InputError`."""
    read = read_fhir if is_fhir(read_json_text(path, name)) else read_dataset_json
    return read(path, name, data, count)


def is_fhir(text: str) -> bool:
    """Whether the first line of a text is a resource of FHIR."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    try:
        found = json.loads(first)
    except (json.JSONDecodeError, RecursionError):
        return False
    return isinstance(found, dict) and "resourceType" in found


def read_fhir(path: Path, name: str, data: Data, count: Callable[[float], None] = uncounted) -> TextTable:
    """The resources of the file at `path`, `name` in messages, as a table; a row's place is its line.

    Columns of Patient: patient, sex, birth_date, death_date, died (0 or 1), last_updated, end_date (death, else the
    record's last update); of Observation: patient, time, code (LOINC where there is one), value, unit, status, with a
    row for each component; of Condition: patient, date (of onset, else of its record), code, with a row for each code.
    count: called with the share of the lines in each part. Raises `InputError`.
    """
    text = read_json_text(path, name)
    kind, rows, places, left = "", [], [], Counter[str]()
    for place, line in enumerate(shared(text.splitlines(), count), start=1):
        if not line.strip():
            continue
        at = f"{name}: record {place}"
        resource = _parsed(line, at)
        own = str(resource.get("resourceType", ""))
        if own not in TYPES:
            message = f"holds {own or 'no resource'}, and {', '.join(TYPES)} are read; name the file of one of them"
            raise InputError(f"{at}: {message}")
        kind = kind or own
        if own != kind:
            raise InputError(f"{at}: holds {own}, and the records before it {kind}; write each type into its own file")
        for row in TYPES[kind].rows(resource, at, left):
            rows.append(row)
            places.append(place)
    if not rows:
        raise InputError(f"{name}: holds no {kind or 'resource'} that can be used{_told(left)}; export it again")
    columns = TYPES[kind].columns
    frame = pd.DataFrame({column: [row[column] for row in rows] for column in columns}, dtype=object)
    notes = tuple(("", f"{count} records were left out: {why}", "as read from FHIR") for why, count in left.items())
    return TextTable(name, frame, np.array(places, dtype=np.int64), "fhir", ".", notes=notes)


def _told(left: Left) -> str:
    return f" ({'; '.join(f'{count} records: {why}' for why, count in left.items())})" if left else ""


def _parsed(line: str, at: str) -> Mapping[str, Any]:
    try:
        found = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
        raise InputError(f"{at}: is no JSON ({reason}); {WAY}") from error
    if not isinstance(found, dict):
        raise InputError(f"{at}: is no resource of FHIR but {type(found).__name__}; {WAY}")
    if "\\u0000" in line:
        raise InputError(f"{at}: holds a NUL character; delete it")
    return found


def _patients(resource: Mapping[str, Any], at: str, left: Left) -> Iterator[Row]:
    death = _day(_text(resource, "deceasedDateTime", at))
    died = bool(death) or resource.get("deceasedBoolean") is True
    updated = _day(_text(_object(resource, "meta", at), "lastUpdated", at))
    yield {
        "patient": _text(resource, "id", at),
        "sex": _text(resource, "gender", at),
        "birth_date": _text(resource, "birthDate", at),
        "death_date": death,
        "died": "1" if died else "0",
        "last_updated": updated,
        "end_date": death if died else updated,
    }


def _observations(resource: Mapping[str, Any], at: str, left: Left) -> Iterator[Row]:
    status = _text(resource, "status", at)
    if status not in VALID:
        left[f"their status is {shown(status)}"] += 1
        return
    period = _object(resource, "effectivePeriod", at)
    time = _text(resource, "effectiveDateTime", at) or _text(resource, "effectiveInstant", at)
    shared = {
        "patient": _reference(_object(resource, "subject", at), at),
        "time": _day(time or _text(period, "start", at)),
        "status": status,
    }
    measured = [part for part in (resource, *_objects(resource, "component", at)) if "valueQuantity" in part]
    if not measured:
        left["they have no quantity as value"] += 1
    for part in measured:
        quantity = _object(part, "valueQuantity", at)
        value = as_text(quantity.get("value"))
        yield {
            **shared,
            "code": _code(part, at),
            "value": f"{_text(quantity, 'comparator', at)}{value}" if value else "",
            "unit": _text(quantity, "code", at) or _text(quantity, "unit", at),
        }


def _conditions(resource: Mapping[str, Any], at: str, left: Left) -> Iterator[Row]:
    verified = next(iter(_codes(_object(resource, "verificationStatus", at), at)), "")
    if verified not in CONFIRMED:
        left[f"their verification status is {shown(verified)}"] += 1
        return
    codes = _codes(_object(resource, "code", at), at)
    if not codes:
        left["they have no code"] += 1
    onset = _text(resource, "onsetDateTime", at) or _text(_object(resource, "onsetPeriod", at), "start", at)
    shared = {
        "patient": _reference(_object(resource, "subject", at), at),
        "date": _day(onset or _text(resource, "recordedDate", at)),
    }
    yield from ({**shared, "code": code} for code in codes)


@dataclass(frozen=True)
class _Type:
    """How a resource of one type becomes rows with these columns."""

    columns: Sequence[str]
    rows: Callable[[Mapping[str, Any], str, Left], Iterator[Row]]


TYPES = {
    "Patient": _Type(("patient", "sex", "birth_date", "death_date", "died", "last_updated", "end_date"), _patients),
    "Observation": _Type(("patient", "time", "code", "value", "unit", "status"), _observations),
    "Condition": _Type(("patient", "date", "code"), _conditions),
}
"""Types of resources that are read."""


def _day(moment: str) -> str:
    """The day of a moment, in its own time zone."""
    return moment.partition("T")[0]


def _code(part: Mapping[str, Any], at: str) -> str:
    """The code of a part: LOINC's where there is one, else the first, else the text."""
    return next(iter(_codes(_object(part, "code", at), at)), "")


def _codes(concept: Mapping[str, Any], at: str) -> list[str]:
    """The different codes of a concept, LOINC's first; its text where it has none."""
    codings = _objects(concept, "coding", at)
    of_loinc = [coding for coding in codings if coding.get("system") == LOINC]
    found = [code for coding in (*of_loinc, *codings) if (code := _text(coding, "code", at))]
    return list(dict.fromkeys(found or filter(None, [_text(concept, "text", at)])))


def _reference(subject: Mapping[str, Any], at: str) -> str:
    """The id in a reference such as ``Patient/7`` or ``urn:uuid:7``."""
    return _text(subject, "reference", at).rpartition("/")[2].rpartition(":")[2]


def _text(held: Mapping[str, Any], key: str, at: str) -> str:
    found = held.get(key, "")
    if not isinstance(found, str):
        raise InputError(f"{at}, {key}: is no text; {WAY}")
    return found.strip()


def _object(held: Mapping[str, Any], key: str, at: str) -> Mapping[str, Any]:
    found = held.get(key, {})
    if not isinstance(found, dict):
        raise InputError(f"{at}, {key}: is no object; {WAY}")
    return found


def _objects(held: Mapping[str, Any], key: str, at: str) -> list[Mapping[str, Any]]:
    found = held.get(key, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise InputError(f"{at}, {key}: is no list of objects; {WAY}")
    return found
