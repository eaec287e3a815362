"""Reading files: dialects are told apart, cells stay text, and every refusal names file, line and column."""

from __future__ import annotations

import datetime
import gzip
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slopewise.run.errors import InputError
from slopewise.sources import compressed
from slopewise.sources.numbers import numbers
from slopewise.sources.readers import read_patients, read_table
from slopewise.sources.table import TextTable
from slopewise.study.keys import Data


def read(folder: Path, content: bytes | str, name: str = "m.csv", **dialect: Any) -> TextTable:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    data = Data(measurements=name, patient="id", time="day", time_unit="days", analysis_unit="days", **dialect)
    return read_table(folder, name, "data.measurements", data)


def test_a_table_of_tabs_may_be_called_tab(tmp_path: Path) -> None:
    table = read(tmp_path, "id\tday\tbili\n1\t0\t1,5\n", "visits.tab")
    assert table.text.iloc[0].to_list() == ["1", "0", "1,5"] and table.decimal == ","


def test_a_table_may_be_compressed(tmp_path: Path) -> None:
    content = "id;day;bili\n001;0;1,5\n".encode("utf-16")
    table = read(tmp_path, gzip.compress(content), "visits.csv.gz")
    assert table.text.iloc[0].to_list() == ["001", "0", "1,5"] and table.encoding == "utf-16"
    packed = gzip.compress(b"id,day\n1,0\n")
    for broken in (b"id,day\n1,0\n", packed[:-9], packed[:12] + b"\xff\xff" + packed[14:]):
        assert refused(tmp_path, broken, "visits.csv.gz").startswith("visits.csv.gz: cannot be unpacked (")
    assert "this is a compressed or Excel file" in refused(tmp_path, gzip.compress(packed), "visits.csv.gz")


def test_a_compressed_file_is_not_unpacked_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed, "MOST", 1000)
    message = refused(tmp_path, gzip.compress(b"id,day\n" + b"1,0\n" * 1000), "visits.csv.gz")
    assert message == "visits.csv.gz: holds more than 0 GiB of text; save it as Parquet"


def refused(folder: Path, content: bytes | str, name: str = "m.csv", **dialect: Any) -> str:
    with pytest.raises(InputError) as caught:
        read(folder, content, name, **dialect)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_cells_stay_text_and_know_their_line(tmp_path: Path) -> None:
    table = read(tmp_path, "id,day\n001,0\n\n1, 7 \n01,8\n")
    assert table.text["id"].to_list() == ["001", "1", "01"]
    assert table.text["day"].to_list() == ["0", "7", "8"]
    assert table.lines.tolist() == [2, 4, 5]
    assert (table.name, table.encoding, table.decimal) == ("m.csv", "utf-8", ".")


DIALECTS = {
    "comma": "id,day,bili\n1,0,1.5\n1,7,2.25\n",
    "semicolon and decimal comma": "id;day;bili\n1;0;1,5\n1;7;2,25\n",
    "semicolon and point": "id;day;bili\n1;0;1.5\n1;7;2.25\n",
    "tab": "id\tday\tbili\n1\t0\t1.5\n1\t7\t2.25\n",
    "tab and decimal comma": "id\tday\tbili\n1\t0\t1,5\n1\t7\t2,25\n",
    "pipe": "id|day|bili\n1|0|1.5\n1|7|2.25\n",
    "quoted decimal comma": 'id,day,bili\n1,0,"1,5"\n1,7,"2,25"\n',
    "quoted names and cells": '"id","day","bili"\n"1","0","1.5"\n"1","7","2.25"\n',
    "row numbers without a name": '"","id","day","bili"\n"1",1,0,1.5\n"2",1,7,2.25\n',
    "trailing delimiters": "id;day;bili;\n1;0;1,5;\n1;7;2,25;\n",
    "Windows line ends": "id,day,bili\r\n1,0,1.5\r\n1,7,2.25\r\n",
    "old Mac line ends": "id,day,bili\r1,0,1.5\r1,7,2.25\r",
    "no last line end": "id,day,bili\n1,0,1.5\n1,7,2.25",
    "exponents": "id,day,bili\n1,0,15e-1\n1,7,+.225E1\n",
}


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_dialects_are_told_apart(name: str, encoding: str, tmp_path: Path) -> None:
    table = read(tmp_path, DIALECTS[name].encode(encoding))
    assert list(table.text.columns) == ["id", "day", "bili"]
    values, bad = numbers(table, "bili")
    assert values.tolist() == [1.5, 2.25]
    assert bad == []
    assert table.lines.tolist() == [2, 3]


def test_a_told_dialect_is_followed(tmp_path: Path) -> None:
    table = read(tmp_path, "id,a;day\n1;2\n", delimiter=";")
    assert list(table.text.columns) == ["id,a", "day"]
    table = read(tmp_path, "id;day\n1;1,234\n", decimal=",")
    assert numbers(table, "day")[0].tolist() == [1.234]
    assert read(tmp_path, "id\tday\n1\t2\n", delimiter="\t").text["day"].to_list() == ["2"]
    assert read(tmp_path, "id,day\nœ,2\n".encode("cp1252"), encoding="cp1252").text["id"].to_list() == ["œ"]


def test_utf8_and_latin1_are_told_apart(tmp_path: Path) -> None:
    text = "id,day\nJosé,0\n"
    for encoding, found in (("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("latin-1", "latin-1")):
        table = read(tmp_path, text.encode(encoding))
        assert table.encoding == found
        assert table.text["id"].to_list() == ["José"]


def test_quoted_cells_may_hold_delimiters_quotes_and_line_ends(tmp_path: Path) -> None:
    table = read(tmp_path, 'id,note,day\n1,"a, ""b""\nsecond line",3\n2,c,4\n')
    assert table.text["note"].to_list() == ['a, "b"\nsecond line', "c"]
    assert table.lines.tolist() == [2, 4]


REFUSED = {
    "empty": ("", r"m.csv: the file is empty; it needs a line with the columns' names and rows below it"),
    "blank lines": ("\n \n", "m.csv: the file is empty; it needs"),
    "no rows": ("id,day\n", "m.csv: the file has no rows below the columns' names; export it again"),
    "twin columns": ("id,day,id\n1,2,3\n", "m.csv: the column name 'id' appears twice (columns 1 and 3); rename one"),
    "short row": ("id,day\n1,2\n3\n4,5\n", "m.csv: line 3: 1 cell where the columns' names are 2 (delimiter: comma)"),
    "long row": ("id,day\n1,2,5\n", "m.csv: line 2: 3 cells where the columns' names are 2 (delimiter: comma)"),
    "open quote": ('id,day\n1,2\n"3,4\n5,6\n', "m.csv: line 3: a quoted cell is not closed or is broken"),
    "broken quote": ('id,day\n1,2\n"3"x,4\n', "m.csv: line 3: a quoted cell is not closed or is broken"),
    "thousands": (
        'id,day\n1,"1,234"\n',
        "m.csv: '1,234' could be a decimal comma or a mark of thousands; set data.dec",
    ),
    "thousands with points": (
        "id;day\n1;1.234\n",
        "m.csv: '1.234' could be a decimal point or a mark of thousands; set",
    ),
    "huge cell": (f"id,day\n1,{'9' * 200_000}\n", "m.csv: line 2: a cell has more than 131,072 characters"),
    "Excel": (b"PK\x03\x04abc", "m.csv: this is a compressed or Excel file under the name of a CSV file; save it as"),
    "gzip": (b"\x1f\x8b\x08", "m.csv: this is a compressed or Excel file"),
    "binary": (b"id,day\n1,\x002\n", "m.csv: line 2: holds a NUL character, so this is not a text file"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_broken_file_is_refused(name: str, tmp_path: Path) -> None:
    content, message = REFUSED[name]
    assert refused(tmp_path, content).startswith(message)


def test_a_file_that_is_not_there_is_refused_with_the_one_that_may_be_meant(tmp_path: Path) -> None:
    (tmp_path / "measurements.csv").write_text("id,day\n1,2\n")
    data = Data(measurements="x", patient="id", time="day", time_unit="days", analysis_unit="days")
    with pytest.raises(
        InputError, match=r"^measurement\.csv: there is no such file \(data\.patients; looked in .*\); "
    ):
        read_table(tmp_path, "measurement.csv", "data.patients", data)
    with pytest.raises(InputError, match=r"did you mean measurements\.csv\?$"):
        read_table(tmp_path, "measurement.csv", "data.patients", data)
    with pytest.raises(InputError, match=r"no such file"):
        read_table(tmp_path / "nowhere", "m.csv", "data.patients", data)


def test_other_kinds_of_file_and_other_encodings_are_refused(tmp_path: Path) -> None:
    assert "files ending in '.docx' are not read (data.measurements); save it as one of: .csv" in refused(
        tmp_path, b"PK", "m.docx"
    )
    message = refused(tmp_path, "id,day\nJosé,0\n".encode("latin-1"), encoding="utf-8")
    assert message == "m.csv: line 2: cannot be read as utf-8; set data.encoding"
    assert "cannot be read as Parquet" in refused(tmp_path, b"PAR1 and so on", "m.parquet")


def test_numbers_are_read_strictly(tmp_path: Path) -> None:
    cells = ["1", "-2.5", "1e3", ".5", "5.", "high", "1,5", "1_000", "0x10", "1 000", "inf", "-Infinity", "1e999", "<5"]
    table = read(tmp_path, "id;x\n" + "".join(f"{row};{cell}\n" for row, cell in enumerate(cells)), decimal=".")
    values, bad = numbers(table, "x")
    assert values[:5].tolist() == [1.0, -2.5, 1000.0, 0.5, 5.0]
    assert np.isnan(values[5:]).all()
    assert [cell.row for cell in bad] == list(range(5, 14))
    assert bad[0].message == "'high' is not a number"
    assert bad[1].message == "'1,5' is not a number where the decimal mark is '.'"
    assert {cell.message.split("' ")[1] for cell in bad[5:8]} == {"is not a finite number"}
    assert [cell.numeric for cell in bad] == [False, True, False, False, True, True, True, True, False]


def test_missing_cells_are_missing_and_nothing_else_is(tmp_path: Path) -> None:
    cells = ["", "NA", "N/A", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", ".", "-", "None", "missing", "na"]
    table = read(tmp_path, "id,x\n" + "".join(f"{row},{cell}\n" for row, cell in enumerate(cells)))
    values, bad = numbers(table, "x")
    assert np.isnan(values).all()
    assert [cell.row for cell in bad] == [10, 11, 12, 13]
    assert table.missing("x").tolist() == [True] * 10 + [False] * 4


def test_a_mixed_file_takes_the_decimal_mark_of_most_numbers_and_tells_the_others(tmp_path: Path) -> None:
    table = read(tmp_path, "id;x\n1;1,5\n2;2,5\n3;3.5\n")
    assert table.decimal == ","
    assert [cell.row for cell in numbers(table, "x")[1]] == [2]
    table = read(tmp_path, "id;x\n1;1,5\n2;2.5\n3;3.5\n")
    assert table.decimal == "."
    assert [cell.row for cell in numbers(table, "x")[1]] == [0]


def test_parquet_reads_like_csv(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "id": [1, 2, 10],
            "code": [1.0, np.nan, 2.0],
            "text": [" 001", None, "b"],
            "x": [0.1, 1e-300, 2.0],
            "small": np.array([0.1, 1.5, 2.0], dtype="float32"),
            "flag": [True, False, True],
            "when": pd.to_datetime(["2020-01-31", "2020-02-29 12:30", None], format="ISO8601"),
            "date": [datetime.date(2020, 1, 2), None, datetime.date(2021, 1, 2)],
            "level": pd.Categorical(["a", "b", None]),
        }
    )
    frame.to_parquet(tmp_path / "m.parquet")
    data = Data(measurements="m.parquet", patient="id", time="day", time_unit="days", analysis_unit="days")
    table = read_table(tmp_path, "m.parquet", "data.measurements", data)
    text = {column: table.text[column].to_list() for column in table.text.columns}
    assert text["id"] == ["1", "2", "10"]
    assert text["code"] == ["1", "", "2"]
    assert text["text"] == ["001", "", "b"]
    assert text["flag"] == ["true", "false", "true"]
    assert text["when"] == ["2020-01-31", "2020-02-29T12:30:00", ""]
    assert text["date"] == ["2020-01-02", "", "2021-01-02"]
    assert text["level"] == ["a", "b", ""]
    assert numbers(table, "x")[0].tolist() == [0.1, 1e-300, 2.0]
    assert numbers(table, "small")[0].tolist() == [float(np.float32(0.1)), 1.5, 2.0]
    assert table.lines.tolist() == [1, 2, 3]


def test_an_empty_parquet_file_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"id": []}).to_parquet(tmp_path / "m.parquet")
    data = Data(measurements="m.parquet", patient="id", time="day", time_unit="days", analysis_unit="days")
    with pytest.raises(InputError, match=r"m\.parquet: the file has no rows"):
        read_table(tmp_path, "m.parquet", "data.measurements", data)


@given(
    values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=8),
    delimiter=st.sampled_from([";", "\t", "|"]),
    decimal=st.sampled_from([".", ","]),
)
def test_numbers_come_back_exactly(
    values: list[float], delimiter: str, decimal: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cells = [repr(value).replace(".", decimal) for value in values]
    content = f"id{delimiter}x\n" + "".join(f"p{row}{delimiter}{cell}\n" for row, cell in enumerate(cells))
    table = read(tmp_path_factory.getbasetemp(), content, decimal=decimal)
    found, bad = numbers(table, "x")
    assert bad == []
    assert found.tolist() == values


@given(cells=st.lists(st.text(alphabet='a1",;\n\r é', min_size=1, max_size=6), min_size=2, max_size=6))
def test_any_cell_that_is_quoted_comes_back_stripped(
    cells: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    quoted = ['"' + cell.replace('"', '""') + '"' for cell in cells]
    content = "id,x\n" + "".join(f"{row},{cell}\n" for row, cell in enumerate(quoted))
    table = read(tmp_path_factory.getbasetemp(), content, delimiter=",", decimal=".")
    assert table.text["x"].to_list() == [cell.strip() for cell in cells]


def test_not_a_number_is_never_made_of_text() -> None:
    table = TextTable("m.csv", pd.DataFrame({"x": ["nAn", "NAN"]}), np.array([2, 3]), "utf-8", ".")
    values, bad = numbers(table, "x")
    assert all(math.isnan(value) for value in values)
    assert len(bad) == 2


def test_the_patients_column_may_have_another_name_in_the_table_of_patients(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("subject,id,age\nA,1,50\nB,2,60\n")
    known = {"measurements": "m.csv", "patients": "p.csv", "patient": "id", "time": "t", "time_unit": "days"}
    data = Data.model_validate({**known, "analysis_unit": "days", "patients_patient": "subject"})
    table = read_patients(tmp_path, data)
    assert table is not None and table.text.to_dict("list") == {"id": ["A", "B"], "age": ["50", "60"]}
    (tmp_path / "p.csv").write_text("id,age\nA,50\n")  # a new patient's table may call it as the visits do
    again = read_patients(tmp_path, data, "--patients")
    assert again is not None and again.text["id"].to_list() == ["A"]
    with pytest.raises(InputError, match=r"column subject: there is no such column \(data\.patients_patient\)"):
        read_patients(tmp_path, data)


def test_marks_that_may_be_thousands_are_bad_cells(tmp_path: Path) -> None:
    """Three digits after every mark, beside whole hundreds: no decimal mark may be assumed, whatever the file has."""
    table = read(tmp_path, "id,n,x\n1,850,2.5\n2,1.234,7.25\n3,12.400,1.5\n")
    values, bad = numbers(table, "n")
    assert [cell.row for cell in bad] == [1, 2] and values[0] == 850
    assert bad[0].message == (
        "'1.234' could be a decimal mark or a mark of thousands; set data.decimal, or write it without marks"
    )
    told = read(tmp_path, "id,n,x\n1,850,2.5\n2,1.234,7.25\n3,12.400,1.5\n", decimal=".")
    assert numbers(told, "n")[0].tolist() == [850, 1.234, 12.4]
    plain = read(tmp_path, "id,n,x\n1,850,2.5\n2,1.234,7.25\n3,1200,1.5\n")  # 1200 is written without a mark
    assert numbers(plain, "n")[1] == []


def test_commas_of_thousands_do_not_outvote_decimal_points(tmp_path: Path) -> None:
    """Marks that may be of thousands tell nothing about the decimal mark, however many they are."""
    table = read(tmp_path, 'id,n,x\n1,"1,234",2.5\n2,"2,345",7\n3,"3,456",8\n')
    assert table.decimal == "."
    assert [cell.row for cell in numbers(table, "n")[1]] == [0, 1, 2]
    grouped, bad = numbers(read(tmp_path, "id,n,x\n1,1 234,2.5\n2,1'234'567,7\n"), "n")
    assert np.isnan(grouped).all() and all(cell.numeric for cell in bad)
    assert bad[1].message == "\"1'234'567\" has marks of thousands, which are not read"


def test_codes_of_missing_values_are_empty_cells(tmp_path: Path) -> None:
    text = "id,x,sex\n-999,-999,f\n2,-999.0,unknown\n3,999,m\n"
    table = read(tmp_path, text, missing=[-999, "unknown"])
    assert table.text["id"].to_list() == ["-999", "2", "3"]
    assert table.text["x"].to_list() == ["", "", "999"] and table.text["sex"].to_list() == ["f", "", "m"]
    assert table.recoded == {("x", "-999"): 2, ("sex", "unknown"): 1}
    german = read(tmp_path, "id;x\n1;-9,90\n2;1,5\n", missing=[-9.9])
    assert numbers(german, "x")[0].tolist()[1] == 1.5 and german.recoded == {("x", "-9.9"): 1}
