"""What a column of an unknown table is like."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slopewise.cli.columns import is_constant, is_key, refuse_second_header
from slopewise.cli.init.guess import look
from slopewise.cli.init.markers import guess_markers
from slopewise.run.errors import InputError
from slopewise.sources.readers import read_table
from slopewise.sources.table import TextTable
from slopewise.study.keys import Data

DATA = Data.model_validate(
    {"measurements": "m.csv", "patient": "?", "time": "??", "time_unit": "days", "analysis_unit": "days"}
)


@pytest.mark.parametrize(
    ("cells", "constant"),
    [
        (["", "NA", ""], False),  # no value is not one value
        (["x", "x", "y"], True),
        (["x", "", "y"], False),  # nobody could have had two
        (["x", "y", "y"], False),
    ],
)
def test_a_column_is_constant_where_a_patient_could_have_two_values_and_has_one(
    cells: list[str], constant: bool
) -> None:
    text = pd.DataFrame({"id": ["1", "1", "2"], "own": cells}, dtype=object)
    assert is_constant(TextTable("m.csv", text, np.arange(2, 5), "utf-8", "."), "id", "own") is constant


@pytest.mark.parametrize(("cells", "key"), [(["1", "2"], True), (["1", "1"], False), (["1", ""], False)])
def test_a_key_has_each_value_once_and_no_gap(cells: list[str], key: bool) -> None:
    text = pd.DataFrame({"id": cells}, dtype=object)
    assert is_key(TextTable("p.csv", text, np.arange(2, 4), "utf-8", "."), "id") is key


def table_of(folder: Path, cells: list[str], first: str = "") -> TextTable:
    rows = [f"p{place // 5},{place % 5},{cell}" for place, cell in enumerate(cells)]
    (folder / "m.csv").write_text("\n".join(["id,day,x", *([first] if first else []), *rows]) + "\n")
    return read_table(folder, "m.csv", "MEASUREMENTS", DATA)


MARKED = [f"{place / 7:.2f}" for place in range(60)]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ([f"{cell}%" for cell in MARKED], r"1 × '0\.00%', .* and 56 more, no numbers \(first at line 2\)"),
        ([f"{cell} mg/l" for cell in MARKED], r"1 × '0\.00 mg/l', .*, no numbers \(first at line 2\)"),
        (["<5" if float(cell) < 5 else cell for cell in MARKED],
         r"35 × '<5', no numbers \(first at line 2\); markers\.NAME\.below says how limits are read"),
        (["good", "bad", "worse"] * 20, "text"),
        (["2a", "2b", "3a"] * 20, "text"),
    ],
)  # fmt: skip
def test_a_column_of_marked_numbers_is_more_than_text(cells: list[str], reason: str, tmp_path: Path) -> None:
    seen = look(table_of(tmp_path, cells), None)
    with pytest.raises(InputError, match=f"x: {reason}$"):
        guess_markers(seen, "id", "day", set(), ())


def test_a_second_line_of_units_is_refused_and_a_slip_is_not(tmp_path: Path) -> None:
    table = table_of(tmp_path, MARKED, first=",days,mg/l")
    with pytest.raises(InputError, match=r"^m\.csv: line 2: the first row holds units or names \('days', 'mg/l'\) and"):
        refuse_second_header(table)
    refuse_second_header(table_of(tmp_path, ["high", *MARKED]))
    refuse_second_header(table_of(tmp_path, MARKED))
