"""Files of SPSS, Stata and SAS: labels become levels, user-missing values are missing and counted."""

from __future__ import annotations

import datetime
import gzip
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyreadstat
import pytest

from slopewise.cohort.findings import Findings
from slopewise.cohort.recoded import tell_recoded
from slopewise.run.errors import InputError
from slopewise.sources.readers import place_word, read_table
from slopewise.sources.table import TextTable
from slopewise.study.keys import Data

FRAME = pd.DataFrame(
    {
        "id": ["001", "002", "003"],
        "sex": [1.0, 2.0, 9.0],
        "x": [0.1, np.nan, 99.0],
        "pain": [0.0, 5.0, 10.0],
        "seen": [datetime.date(2020, 1, 2), None, datetime.date(2021, 3, 4)],
    }
)
LABELS = {"sex": {1.0: "male", 2.0: "female"}, "pain": {0.0: "none", 10.0: "worst"}}

WRITERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    "a.sav": lambda frame, path: pyreadstat.write_sav(frame, path, variable_value_labels=LABELS),
    "a.zsav": lambda frame, path: pyreadstat.write_sav(frame, path, variable_value_labels=LABELS, compress=True),
    "a.dta": lambda frame, path: pyreadstat.write_dta(frame, path, variable_value_labels=LABELS_OF_STATA),
    "a.xpt": lambda frame, path: pyreadstat.write_xport(frame, path, file_format_version=5),
}
LABELS_OF_STATA = {name: {int(code): text for code, text in labels.items()} for name, labels in LABELS.items()}


def read(folder: Path, name: str, **keys: Any) -> TextTable:
    known = {"patient": "id", "time": "day", "time_unit": "days", "analysis_unit": "days"}
    return read_table(folder, name, "data.measurements", Data.model_validate({"measurements": name, **known, **keys}))


@pytest.mark.parametrize("name", WRITERS)
def test_values_come_back(name: str, tmp_path: Path) -> None:
    WRITERS[name](FRAME, tmp_path / name)
    table = read(tmp_path, name, value_labels="codes")
    assert table.text.to_dict("list") == {
        "id": ["001", "002", "003"],
        "sex": ["1", "2", "9"],
        "x": ["0.1", "", "99"],
        "pain": ["0", "5", "10"],
        "seen": ["2020-01-02", "", "2021-03-04"],
    }
    assert table.lines.tolist() == [1, 2, 3] and place_word(name) == "record" and table.declared == {}


def test_user_missing_values_of_spss_are_missing_and_counted(tmp_path: Path) -> None:
    ranges = {"x": [99.0], "sex": [{"lo": 8, "hi": 9}], "id": ["003"]}
    pyreadstat.write_sav(FRAME, tmp_path / "a.sav", variable_value_labels=LABELS, missing_ranges=ranges)
    table = read(tmp_path, "a.sav")
    assert table.text["sex"].to_list() == ["male", "female", ""]  # each value that is left has a label
    assert table.text["pain"].to_list() == ["0", "5", "10"]  # 5 has none: the labels are those of a scale's ends
    assert table.text["x"].to_list() == ["0.1", "", ""]
    assert table.text["id"].to_list() == ["001", "002", "003"]
    assert table.declared == {("sex", "9"): 1, ("x", "99"): 1}
    findings = Findings()
    tell_recoded([table], (), findings)
    told = findings.frame().set_index("column")["message"].to_dict()
    assert told["x"] == "1 cell with the user-missing value '99' read as missing"


def test_letters_of_stata_are_missing_and_counted(tmp_path: Path) -> None:
    frame = FRAME.assign(x=[0.5, "a", "b"], y=["a", "b", "c"])
    pyreadstat.write_dta(frame, tmp_path / "a.dta", missing_user_values={"x": ["a", "b"]})
    table = read(tmp_path, "a.dta")
    assert table.text["x"].to_list() == ["0.5", "", ""] and table.text["y"].to_list() == ["a", "b", "c"]
    assert table.declared == {("x", ".a"): 1, ("x", ".b"): 1}


def test_codes_of_the_study_are_counted_beside_those_of_the_file(tmp_path: Path) -> None:
    pyreadstat.write_sav(FRAME, tmp_path / "a.sav", missing_ranges={"x": [99.0]})
    table = read(tmp_path, "a.sav", missing=("9",))
    assert (table.recoded, table.declared) == ({("sex", "9"): 1}, {("x", "99"): 1})


def test_a_data_set_that_sas_wrote_is_read(golden: Path, tmp_path: Path) -> None:
    """Anderson's irises as SAS wrote them (an example of the R package haven, MIT); sums and counts are those of R.

    SAS cut the names of the species to the six letters of the first.
    """
    (tmp_path / "iris.sas7bdat").write_bytes(gzip.decompress((golden / "iris.sas7bdat.gz").read_bytes()))
    table = read(tmp_path, "iris.sas7bdat")
    assert list(table.text) == ["Sepal_Length", "Sepal_Width", "Petal_Length", "Petal_Width", "Species"]
    assert table.text.iloc[0].to_list() == ["5.1", "3.5", "1.4", "0.2", "setosa"]
    assert table.text["Species"].value_counts().to_dict() == {"setosa": 50, "versic": 50, "virgin": 50}
    sums = table.text.drop(columns="Species").astype(float).sum().round(6).to_list()
    assert sums == [876.5, 458.6, 563.7, 179.9] and table.lines[-1] == 150


def test_numbers_of_single_precision_are_as_stata_shows_them(tmp_path: Path) -> None:
    """A float of Stata holds 5.1 as 5.099999904632568."""
    frame = pd.DataFrame({"id": ["a", "b", "c"], "x": np.array([5.1, np.nan, -1234567.0], dtype=np.float32)})
    frame.to_stata(tmp_path / "a.dta", write_index=False)
    assert read(tmp_path, "a.dta").text["x"].to_list() == ["5.1", "", "-1234567"]
    assert read(tmp_path, "a.dta", missing=("5.1",)).recoded == {("x", "5.1"): 1}


@pytest.mark.parametrize("name", ["a.sav", "a.dta", "a.xpt", "a.sas7bdat"])
def test_a_broken_file_is_refused(name: str, tmp_path: Path) -> None:
    for content in (b"", b"id,day\n1,2\n" * 50):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(
            InputError,
            match=rf"^{name}: cannot be read as a file of (SPSS|Stata|SAS)( transport)? \(.+\); save the file again",
        ):
            read(tmp_path, name)


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    pyreadstat.write_sav(FRAME[:0], tmp_path / "a.sav")
    with pytest.raises(InputError, match=r"^a\.sav: the file has no rows; export it again$"):
        read(tmp_path, "a.sav")


def test_an_encoding_that_does_not_fit_is_refused_with_the_key(tmp_path: Path) -> None:
    pyreadstat.write_xport(FRAME.assign(id=["é", "b", "c"]), tmp_path / "a.xpt", file_format_version=5)
    assert read(tmp_path, "a.xpt").text["id"][0] == "é"
    with pytest.raises(
        InputError, match=r"^a\.xpt: cannot be read as a file of SAS transport \(.+\); set data\.encoding$"
    ):
        read(tmp_path, "a.xpt", encoding="ascii")


def test_a_missing_package_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.sas7bdat").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "pyreadstat", None)
    with pytest.raises(InputError, match=r"needs pyreadstat, which is not installed; install slopewise\[sas\] \(pip "):
        read(tmp_path, "a.sas7bdat")
