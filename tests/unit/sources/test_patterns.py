"""Texts become numbers as Python reads them, whatever the spelling and the decimal mark."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slopewise.sources.numbers import NUMBER
from slopewise.sources.patterns import Cells

SPELT = ["1", "+1", "-0", "007", "1.", ".5", "-.5e-3", "1e5", "1E+05", "0.1", "4.35", "1e-400", "1e400", "-1e999"]
EXACT = ["0.1", "179769313486231570e291", "9007199254740993", "2.2250738585072011e-308", "4.9406564584124654e-324"]


def test_numbers_are_those_of_python() -> None:
    for texts in ([*SPELT, *EXACT], [text for text in [*SPELT, *EXACT] if not text.startswith("+")]):
        cells = np.array(texts, dtype=object)
        chosen = Cells(cells).fit(NUMBER["."])
        assert chosen.all()
        np.testing.assert_array_equal(Cells(cells).numbers(chosen, "."), [float(text) for text in texts])


@settings(max_examples=30)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30))
def test_every_number_comes_back(values: list[float]) -> None:
    for mark in ".,":
        cells = np.array([repr(value).replace(".", mark) for value in [*values, 0.0]] + ["x"], dtype=object)
        read = Cells(cells).fit(NUMBER[mark])
        assert read.tolist() == [True] * (len(values) + 1) + [False]
        assert Cells(cells).numbers(read, mark).tolist() == [*values, 0.0]


@pytest.mark.parametrize("broken", ["", "\ud800"])
def test_marks_are_found_in_texts_that_are_no_utf8_too(broken: str) -> None:
    cells = np.array(["1.5", "2", broken], dtype=object)
    assert Cells(cells).hold(".").tolist() == [True, False, False]
    assert Cells(cells).numbers(np.array([True, True, False]), ".").tolist() == [1.5, 2.0]
