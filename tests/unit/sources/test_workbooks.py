"""Sheets of Excel and OpenDocument workbooks read as delimited text does; errors name sheet, row and column."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.formula.translate import Translator

from slopewise.run.errors import InputError
from slopewise.sources.readers import place_word, read_patients, read_table
from slopewise.sources.sheets import letters
from slopewise.sources.table import TextTable
from slopewise.study.keys import Data
from tests.unit.sources.workbooks import Sheets, write_workbook

KINDS = ("visits.xlsx", "visits.ods")
VISITS = [["id", "day", "seen", "when", "x"], ["001", 0, date(2020, 1, 31), datetime(2020, 1, 31, 12, 30), 0.1],
          [None] * 5, ["é  b", 7.0, None, None, 1e-300]]  # fmt: skip


def data_of(name: str, **keys: Any) -> Data:
    known = {"patient": "id", "time": "day", "time_unit": "days", "analysis_unit": "days"}
    return Data.model_validate({"measurements": name, **known, **keys})


def read(folder: Path, name: str, sheets: Sheets, **keys: Any) -> TextTable:
    write_workbook(folder / name, sheets)
    return read_table(folder, name, "data.measurements", data_of(name, **keys))


@pytest.mark.parametrize("name", KINDS)
def test_a_sheet_is_read_with_its_types_and_rows(name: str, tmp_path: Path) -> None:
    table = read(tmp_path, name, {"cover": [], "visits": [[], *VISITS]})
    assert table.text.to_dict("list") == {
        "id": ["001", "é  b"],
        "day": ["0", "7"],
        "seen": ["2020-01-31", ""],
        "when": ["2020-01-31T12:30:00", ""],
        "x": ["0.1", "1e-300"],
    }
    assert table.lines.tolist() == [3, 5] and table.name == f"{name} (sheet visits)"
    assert place_word(table.name) == "row"
    assert read(tmp_path, name, {"visits": VISITS}).name == name


@pytest.mark.parametrize("name", KINDS)
def test_both_tables_may_be_sheets_of_one_workbook(name: str, tmp_path: Path) -> None:
    sheets = {"visits": VISITS, "people": [["id", "age"], ["001", 50]]}
    keys = {"patients": name, "sheet": "visits", "patients_sheet": "people"}
    assert read(tmp_path, name, sheets, **keys).text["day"].to_list() == ["0", "7"]
    people = read_patients(tmp_path, data_of(name, **keys))
    assert people is not None and people.text.to_dict("list") == {"id": ["001"], "age": ["50"]}
    with pytest.raises(
        InputError, match=r"has several sheets \(visits, people\); name the one to be read \(data\.sheet"
    ):
        read_patients(tmp_path, data_of(name, patients=name, sheet="visits"))


REFUSED = {
    "wrong sheet": ({"visits": VISITS}, "visit", "there is no sheet 'visit' (data.sheet for the measurements, "),
    "several sheets": ({"a": VISITS, "b": VISITS}, None, "has several sheets (a, b); name the one to be read ("),
    "empty": ({"a": [], "b": []}, None, "every sheet is empty; it needs a row with the columns' names"),
    "no rows": ({"a": VISITS[:1]}, None, "the sheet has no rows below the columns' names"),
    "twin names": (
        {"a": [["id", "day", "id"], [1, 2, 3]]},
        None,
        "the column name 'id' appears twice (columns 1 and 3)",
    ),
    "merged names": (
        {"a": [["id", "lab", None], [None, "crp", "alb"], [1, 2, 3]]},
        None,
        "row 1: column C holds values and has no name; the names must stand in one row",
    ),
    "a title": ({"a": [["Trial 7"], ["id", "day"], [1, 2]]}, None, "row 1: column B holds values and has no name; the"),
    "an empty sheet": ({"a": VISITS, "b": []}, "b", "(sheet b): the sheet is empty; it needs a row with the columns'"),
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("what", REFUSED)
def test_a_sheet_that_cannot_be_read_is_refused(what: str, name: str, tmp_path: Path) -> None:
    sheets, asked, message = REFUSED[what]
    with pytest.raises(InputError) as caught:
        read(tmp_path, name, sheets, sheet=asked)
    assert str(caught.value).startswith(name) and message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", KINDS)
def test_a_broken_workbook_is_refused(name: str, tmp_path: Path) -> None:
    for content in (b"", b"PK\x03\x04abc", b"id,day\n1,2\n"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(
            InputError, match=rf"^{name}: cannot be read as (Excel|OpenDocument) \(.+\); save it again as"
        ):
            read_table(tmp_path, name, "data.measurements", data_of(name))
    with zipfile.ZipFile(tmp_path / name, "w") as parts:
        parts.writestr("nothing.xml", "<a/>")
    with pytest.raises(InputError, match=rf"^{name}: cannot be read as (Excel|OpenDocument) \(.+\); save it again as"):
        read_table(tmp_path, name, "data.measurements", data_of(name))


def _protected_excel(path: Path) -> None:
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512))


def _protected_opendocument(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as parts:
        parts.writestr("META-INF/manifest.xml", "<manifest:encryption-data/>")
        parts.writestr("content.xml", "unreadable")


@pytest.mark.parametrize(
    "name, protect", [("visits.xlsx", _protected_excel), ("visits.ods", _protected_opendocument)], ids=KINDS
)
def test_a_password_is_reported(name: str, protect: Callable[[Path], None], tmp_path: Path) -> None:
    protect(tmp_path / name)
    with pytest.raises(InputError, match=rf"^{name}: is protected by a password.* save it .*without"):
        read_table(tmp_path, name, "data.measurements", data_of(name))


def test_formulas_that_nobody_computed_are_refused(tmp_path: Path) -> None:
    sheet = [["id", "day", "x"], ["1", 0, "=1+1"], ["1", 7, Translator("=B2+1", "C2").translate_formula("C3")]]
    with pytest.raises(InputError) as caught:
        read(tmp_path, "visits.xlsx", {"visits": sheet})
    assert str(caught.value) == (
        "visits.xlsx: no formula of the sheet visits has a value (the first is in row 2); open the workbook in Excel "
        "and save it, so that they are computed"
    )


def test_an_error_of_a_formula_stays_visible(tmp_path: Path) -> None:
    table = read(tmp_path, "visits.xlsx", {"visits": [["id", "x"], ["1", "#DIV/0!"]]})
    assert table.text["x"].to_list() == ["#DIV/0!"]


def test_a_missing_package_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    openpyxl.Workbook().save(tmp_path / "visits.xlsx")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(InputError) as caught:
        read_table(tmp_path, "visits.xlsx", "data.measurements", data_of("visits.xlsx"))
    assert str(caught.value) == (
        "visits.xlsx: reading this kind of file needs openpyxl, which is not installed; install slopewise[excel] "
        "(pip install openpyxl)"
    )


def test_a_sheet_named_for_a_file_without_sheets_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("id,day\n1,2\n")
    with pytest.raises(
        InputError, match=r"^m\.csv: has no sheets, but the sheet 'visits' is named for it; leave it out$"
    ):
        read_table(tmp_path, "m.csv", "data.measurements", data_of("m.csv", sheet="visits"))


def test_columns_are_called_as_in_spreadsheets() -> None:
    assert [letters(place) for place in (0, 25, 26, 51, 52, 701, 702)] == ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]
