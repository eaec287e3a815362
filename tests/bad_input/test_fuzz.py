"""Random input: whatever stands in a study file, a table or a formula, the answer is a result or one line.

``FUZZ`` is the number of seconds for the three targets together: 9 in `make test`, 600 in `make fuzz`. Rounds are
seeded from 0 upwards, so that a longer run tries what a shorter one does and more, and a failure is found again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from slopewise.design.screen import Formula, screen
from slopewise.run.errors import InputError
from slopewise.sources.numbers import numbers
from slopewise.sources.readers import read_table
from slopewise.study.formulas import formula_names
from slopewise.study.keys import Data
from tests.bad_input.good import VISITS, good, text_of
from tests.unit.study.test_hostile import damaged, refused

SECONDS = float(os.environ.get("FUZZ", "9"))
LONGEST = 30
"""Seconds that one example may take."""


def for_seconds(test: Callable[[], None], seconds: float) -> int:
    """Run a property in rounds of 50 examples, each round with the next seed; how many rounds fitted."""
    tried = settings(max_examples=50, deadline=1000 * LONGEST, database=None, suppress_health_check=[*HealthCheck])(
        test
    )
    rounds, end = 0, time.monotonic() + seconds
    while rounds == 0 or time.monotonic() < end:
        seed(rounds)(tried)()
        rounds += 1
    return rounds


def one_line(error: InputError) -> None:
    """A refusal is one short line that a terminal can show."""
    message = str(error)
    message.encode("utf-8")
    assert "\n" not in message and 0 < len(message) < 3000


# -- study files ------------------------------------------------------------------------------------------------------


def test_a_study_file():
    @given(damaged())
    def any_study_file(data: bytes) -> None:
        refused(data)

    assert for_seconds(any_study_file, SECONDS / 3) >= 1


# -- tables -----------------------------------------------------------------------------------------------------------

WHOLE = text_of(good().visits[:40]).encode()
MARKS = (b'"', b'""', b",", b";", b"\t", b"|", b"\n", b"\r", b"\r\n", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe")
CELLS = (b"1,5", b"1.234,5", b"inf", b"nan", b"NA", b"1e999", b"-", b"=1+1", b"\xc3\xa4", b"\xe4", b" ", b"'", b"\\")
PIECES = st.sampled_from([*MARKS, *CELLS])


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """The good table with a few pieces lost, doubled, cut off or put in; or any bytes."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=300))
    content = WHOLE
    for _ in range(draw(st.integers(1, 5))):
        first, last = sorted((draw(st.integers(0, len(content))), draw(st.integers(0, len(content)))))
        match draw(st.sampled_from(["insert", "lose", "double", "cut"])):
            case "insert":
                content = content[:first] + draw(PIECES) + content[first:]
            case "lose":
                content = content[:first] + content[min(last, first + 20) :]
            case "double":
                content = content[:last] + content[first:last][:200] + content[last:]
            case _:
                content = content[:last]
    return content


DIALECTS = st.fixed_dictionaries(
    {},
    optional={
        "delimiter": st.sampled_from([",", ";", "\t", "|"]),
        "decimal": st.sampled_from([".", ","]),
        "encoding": st.sampled_from(["utf-8", "latin-1", "utf-16", "cp1252", "ascii"]),
        "missing": st.sampled_from([("-999",), ("NA", "1.5")]),
    },
)


def test_a_table(tmp_path: Path):
    keys = {"measurements": VISITS, "patient": "id", "time": "day", "time_unit": "days", "analysis_unit": "years"}

    @given(tables(), DIALECTS)
    def any_table(content: bytes, dialect: dict[str, str]) -> None:
        (tmp_path / VISITS).write_bytes(content)
        try:
            table = read_table(tmp_path, VISITS, "data.measurements", Data.model_validate({**keys, **dialect}))
        except InputError as error:
            one_line(error)
            return
        assert len(table.lines) == len(table.text) > 0 and (np.diff(table.lines) > 0).all()
        for column in table.text.columns:
            values, bad = numbers(table, str(column))
            assert len(values) == len(table.text) and not np.isinf(values).any()
            assert all(np.isnan(values[cell.row]) for cell in bad)

    assert for_seconds(any_table, SECONDS / 3) >= 1


# -- formulas ---------------------------------------------------------------------------------------------------------

TOKENS = [
    "~",
    "time",
    "age",
    "sex",
    "crp",
    "1",
    "0",
    "2",
    "2.5",
    "1e999",
    "+",
    "-",
    "*",
    ":",
    "**",
    "/",
    "(",
    ")",
    ",",
    "|",
]
TOKENS += [
    "I(",
    "C(",
    "log(",
    "poly(",
    "bs(",
    "cr(",
    "df=",
    "degree=",
    "raw=True",
    "knots=[",
    "]",
    "`dose mg`",
    "`",
    "'x'",
]
TOKENS += [
    "__import__",
    ".",
    "lambda",
    ":=",
    "if",
    "else",
    "for",
    "in",
    "@",
    "%",
    ";",
    "\n",
    "é",
    "\x00",
    "{",
    "}",
    "[0]",
]


def test_a_formula():
    @given(st.one_of(st.lists(st.sampled_from(TOKENS), max_size=25).map("".join), st.text(max_size=60)))
    def any_formula(text: str) -> None:
        try:
            names = formula_names(text)
        except ValueError as error:
            assert str(error)
            names = None
        try:
            found = screen(text)
        except InputError as error:
            one_line(error)
            return
        assert isinstance(found, Formula)
        assert names is None or set(found.variables) == names, "what is read is what is asked for"

    assert for_seconds(any_formula, SECONDS / 3) >= 1


def test_a_fault_would_be_found():
    @given(st.integers())
    def none_is_large(number: int) -> None:
        assert abs(number) < 1000

    with pytest.raises(AssertionError):
        for_seconds(none_is_large, 1)
