"""CDISC Dataset-JSON 1.1, whole or by line; each defect ends in one sentence that reveals nothing of a patient."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from slopewise.run.errors import InputError
from slopewise.sources.readers import place_word, read_table
from slopewise.sources.table import TextTable
from slopewise.study.keys import Data

NAMES = ("USUBJID", "PARAMCD", "AVAL", "ADT", "ANL01FL")
ROWS: list[Any] = [
    ["007", "BILI", 1.5, "2020-03-01", "Y"],
    ["007", "BILI", None, "", None],
    ["SECRET-8", "ALB", 40, "", "Y"],
]
COLUMNS = [{"itemOID": f"IT.{name}", "name": name, "label": name, "dataType": "string"} for name in NAMES]
DESCRIBED: dict[str, Any] = {"datasetJSONVersion": "1.1.0", "records": 3, "name": "ADLB", "columns": COLUMNS}


def read(path: Path) -> TextTable:
    known = {"patient": "USUBJID", "time": "ADT", "time_unit": "date", "analysis_unit": "years"}
    data = Data.model_validate({"measurements": path.name, **known})
    return read_table(path.parent, path.name, "data.measurements", data)


def whole(changed: dict[str, Any]) -> str:
    return json.dumps({**DESCRIBED, "rows": ROWS, **changed})


def by_line(rows: list[Any], **changed: Any) -> str:
    return "\n".join(json.dumps(one) for one in [{**DESCRIBED, **changed}, *rows]) + "\n"


@pytest.mark.parametrize("name", ["adlb.json", "adlb.ndjson"])
def test_a_data_set_is_a_table_of_text(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(whole({}) if name.endswith(".json") else by_line(ROWS), encoding="utf-8")
    table = read(path)
    assert table.text.to_dict("list") == {
        "USUBJID": ["007", "007", "SECRET-8"],
        "PARAMCD": ["BILI", "BILI", "ALB"],
        "AVAL": ["1.5", "", "40"],
        "ADT": ["2020-03-01", "", ""],
        "ANL01FL": ["Y", "", "Y"],
    }
    assert table.lines.tolist() == [1, 2, 3] and place_word(name) == "record"


WHOLE = {
    "another JSON": ('[{"id": "SECRET-8"}]', "has no `datasetJSONVersion`"),
    "cut off": (whole({})[:-20], "is no JSON"),
    "another version": (whole({"datasetJSONVersion": "1.0.0"}), "is CDISC Dataset-JSON 1.0.0, and version 1.1 is read"),
    "no rows": (whole({"rows": None}), "has no `rows`"),
    "no row": (whole({"rows": [], "records": 0}), "the file has no rows"),
    "fewer rows than it says": (whole({"records": 4}), "holds 3 records, and says 4"),
    "no columns": (whole({"columns": []}), "must give the name of each column"),
    "a column without a name": (whole({"columns": [*COLUMNS[:-1], {"label": "?"}]}), "must give the name"),
    "a column twice": (whole({"columns": [*COLUMNS[:-1], COLUMNS[0]]}), "'USUBJID' appears twice"),
    "a short row": (whole({"rows": [*ROWS[:2], ROWS[2][:4]]}), "record 3: holds 4 values, and there are 5 columns"),
    "a row by name": (whole({"rows": [*ROWS[:2], dict.fromkeys(NAMES, "SECRET-8")]}), "record 3: holds no list"),
    "a list in a cell": (whole({"rows": [*ROWS[:2], ["SECRET-8", "a", [1], "", ""]]}), "record 3, column AVAL: holds"),
    "a NUL": (whole({"rows": [*ROWS[:2], ["9", "a\0", 1, "", ""]]}), "row 3, column PARAMCD: 'a\\x00' holds a NUL"),
    "nested without end": ("[" * 100_000, "is no JSON"),
}  # fmt: skip
LINES = {
    "empty": ("", "is no JSON"),
    "rows alone": (by_line(ROWS).partition("\n")[2], "line 1: has no `datasetJSONVersion`"),
    "a broken line": (by_line(ROWS).replace('["SECRET-8"', '["SECRET-8'), "record 3: is no JSON"),
    "cut off": (by_line(ROWS[:2]), "holds 2 records, and says 3"),
}


@pytest.mark.parametrize(
    ("suffix", "text", "words"),
    [pytest.param(".json", *case, id=name) for name, case in WHOLE.items()]
    + [pytest.param(".ndjson", *case, id=f"by line: {name}") for name, case in LINES.items()],
)
def test_a_defect_is_one_sentence_with_a_way_out(tmp_path: Path, suffix: str, text: str, words: str) -> None:
    path = tmp_path / f"adlb{suffix}"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(f"{path.name}: ") and words in message and "\n" not in message
    assert "SECRET" not in message and (";" in message or "no rows" in message)


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "adlb.json").write_bytes(whole({}).encode("utf-16"))
    with pytest.raises(InputError, match="is not UTF-8 text"):
        read(tmp_path / "adlb.json")
