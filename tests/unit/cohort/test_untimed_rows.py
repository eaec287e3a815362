"""Characteristics in rows without a time, as data entry systems export them, count as those of a table of patients."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from slopewise.run.errors import InputError
from tests.unit.cohort.small_study import MEASUREMENTS, in_memory, merged, prepare

ALONE = {"data__patients": None}
OWN = ["futime", "status", "age", "sex"]


def apart(keep: str) -> pd.DataFrame:
    """Visits without characteristics, and these in a row of each patient that has the time `keep`."""
    people = merged().drop_duplicates("id")[["id", *OWN]].assign(day=keep)
    return pd.concat([in_memory(MEASUREMENTS), people]).fillna("")


def test_the_cohort_is_that_of_a_table_of_patients(tmp_path: Path) -> None:
    known = prepare(tmp_path)
    found = prepare(tmp_path, apart("").to_csv(index=False), **ALONE)
    pd.testing.assert_frame_equal(found.measurements, known.measurements)
    pd.testing.assert_frame_equal(found.patients, known.patients)


def test_a_characteristic_that_was_recorded_after_the_landmark_is_unknown_then(tmp_path: Path) -> None:
    """The landmark is at 2 years, 730.5 days."""
    early = prepare(tmp_path, apart("10").to_csv(index=False), **ALONE, outcome__covariates=["age"])
    assert "A" in set(early.patients["patient"])
    with pytest.raises(InputError, match=r"a covariate is missing \(age 3\)"):
        prepare(tmp_path, apart("731").to_csv(index=False), **ALONE, outcome__covariates=["age"])
