"""Levels as text: the same level whether its column was read as whole numbers or with missing values."""

import numpy as np
import pytest

from slopewise.run.words import level_text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1, "1"), (1.0, "1"), (np.float64(2.0), "2"), (0.1, "0.1"), (1e15 + 1, "1e+15"), ("1.0", "1.0"), (True, "True")],
)
def test_a_level_is_the_same_text_however_its_column_was_read(value: object, text: str):
    assert level_text(value) == text
