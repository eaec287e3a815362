"""What a column of an unknown table is like."""

import numpy as np
import pandas as pd
import pytest

from slopewise.cli.columns import is_constant, is_key
from slopewise.sources.table import TextTable


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
