"""The fast reader of delimited text gives what the reader by record gives, or leaves the text to it."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slopewise.cohort.oddities import _piles
from slopewise.run.errors import InputError
from slopewise.sources import delimited, plain
from slopewise.sources.numbers import NUMBER
from slopewise.sources.patterns import fits
from slopewise.sources.typed import as_text, numbers_as_texts

CELLS = st.sampled_from(
    ["a", '"b"', "1", " c ", "", '""', '"d,e"', '"f\ng"', 'x"y', '"x"y', "é", "\x1c", "\u3000", "\r"]
)
ROWS = st.lists(st.lists(CELLS, min_size=1, max_size=3).map(",".join), min_size=1, max_size=5)


@settings(max_examples=400, deadline=None)
@given(ROWS, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "\n", "\n\n", '"']))
def test_what_the_fast_reader_reads_is_what_the_other_one_reads(rows: list[str], end: str, last: str) -> None:
    text = end.join(rows) + last
    fast = plain.read_plain(text, ",", least=0)
    if fast is None:
        return
    columns, lines = delimited._by_record(text, ",", "visits.csv")
    assert {name: list(cells) for name, cells in fast[0].items()} == {name: list(c) for name, c in columns.items()}
    assert fast[1].tolist() == lines.tolist()


def test_a_plain_file_takes_the_fast_reader() -> None:
    quoted = 'id,"day"\n"p,1",3\r\np2," 4 "\n'
    columns, lines = plain.read_plain(quoted, ",", least=0) or pytest.fail("the text was not read")
    assert {name: list(cells) for name, cells in columns.items()} == {"id": ["p,1", "p2"], "day": ["3", "4"]}
    assert lines.tolist() == [2, 3]
    assert plain.read_plain("id,day\np1,3,\n", ",", least=0) is None  # a cell more than names
    assert plain.read_plain("id,id\np1,3\n", ",", least=0) is None
    assert plain.read_plain(f"id,day\np1,{'3' * 200_000}\n", ",", least=0) is None  # a cell that is refused


def test_an_error_of_a_large_file_names_its_line() -> None:
    text = "id,day\n" + "p1,3\n" * 30_000 + "p2\n" + "p1,3\n" * 10
    with pytest.raises(InputError, match=r"visits\.csv: line 30002: 1 cell"):
        delimited.parse_delimited(text.encode(), "visits.csv", _data())


def _data() -> object:
    from slopewise.study.keys import Data

    return Data.model_construct(delimiter="auto", decimal="auto", encoding="auto")


@given(st.lists(st.text(alphabet="0123456789.,eE+-<a \n\ud800", max_size=6), max_size=20))
def test_patterns_fit_whole_cells_alone(cells: list[str]) -> None:
    for pattern in NUMBER.values():
        assert fits(cells, pattern).tolist() == [pattern.fullmatch(cell) is not None for cell in cells]
    upper = re.compile("na", re.IGNORECASE)
    assert fits(["NA", "xna"], upper).tolist() == [True, False]


@given(st.lists(st.floats(allow_infinity=True, allow_nan=True), min_size=1))
def test_numbers_become_the_texts_that_they_become_one_by_one(values: list[float]) -> None:
    assert numbers_as_texts(np.array(values)).tolist() == [as_text(value) for value in values]


def test_many_different_values_are_looked_at_once() -> None:
    """40,000 different values took a pass over all values each: half an hour; a pile among them is still found."""
    import pandas as pd

    values = pd.Series([*np.arange(1.0, 40_001.0), *[0.0] * 20_000])
    assert [(message, line) for message, _, line in _piles(values)] == [
        ("33% of the values are 0, the lowest value", 40_000)
    ]
