"""Nothing after the landmark and nothing of a test patient reaches a fit: changed, and the bytes compared."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slopewise.tables import files as tables
from tests.lengths import of_length
from tests.workflow.running import BEFORE_LANDMARK, Tables, changed, run_steps

DAYS = 365.25


def multiplied(pbc: Tables, late: pd.Series) -> None:
    pbc.measurements.loc[late, ["bili", "albumin"]] *= 10


def deleted(pbc: Tables, late: pd.Series) -> None:
    pbc.measurements = pbc.measurements[~late]


def given_to_others(pbc: Tables, late: pd.Series) -> None:
    owners = pbc.measurements.loc[late, "id"].to_numpy()
    pbc.measurements.loc[late, "id"] = np.roll(owners, 7)


def all_of_these(pbc: Tables, late: pd.Series) -> None:
    """Some rows multiplied, others deleted, others given to other patients."""
    place = pd.Series(np.arange(len(late)) % 3, index=late.index)
    multiplied(pbc, late & (place == 0))
    given_to_others(pbc, late & (place == 1))
    deleted(pbc, late & (place == 2))


@pytest.mark.slow
@pytest.mark.parametrize("change", of_length([all_of_these], [multiplied, deleted, given_to_others]))
def test_rows_after_the_landmark_change_no_byte(pbc: Tables, plain: Path, tmp_path: Path, change):
    late = pbc.measurements["day"] / DAYS > pbc.study["landmark"]
    assert late.sum() > 100
    change(pbc, late)
    results = run_steps(pbc.write(tmp_path), tmp_path / "results")
    assert changed(plain, results, BEFORE_LANDMARK) == []
    assert (plain / "cohort/later.parquet").read_bytes() != (results / "cohort/later.parquet").read_bytes()


def slopes_of(results: Path) -> pd.DataFrame:
    table = tables.read("slopes/slopes", results / "slopes/slopes.parquet")
    return table.sort_values(["patient", "marker"]).reset_index(drop=True)


def close(first: pd.DataFrame, second: pd.DataFrame, tolerance: float = 1e-8) -> None:
    scores = ("intercept", "level", "level_se", "slope", "slope_se", "slope_deviation", "reliability")
    for column in (*scores, "slope_ols", "delta"):
        np.testing.assert_allclose(first[column], second[column], rtol=0, atol=tolerance, err_msg=column)


def test_the_order_of_rows_changes_no_byte(pbc: Tables, plain: Path, tmp_path: Path):
    pbc.measurements = pbc.measurements.sample(frac=1, random_state=4)
    pbc.patients = pbc.patients.sample(frac=1, random_state=5)
    results = run_steps(pbc.write(tmp_path), tmp_path / "results")
    assert changed(plain, results, BEFORE_LANDMARK) == []


def test_years_instead_of_days_give_the_same_slopes(pbc: Tables, plain: Path, tmp_path: Path):
    pbc.measurements["day"] = pbc.measurements["day"] / DAYS
    pbc.patients["futime"] = pbc.patients["futime"] / DAYS
    pbc.study["data"]["time_unit"] = "years"
    pbc.study["outcome"]["time_unit"] = "years"
    results = run_steps(pbc.write(tmp_path), tmp_path / "results", until="slopes")
    close(slopes_of(plain), slopes_of(results))


def test_names_do_not_matter_but_their_order(pbc: Tables, plain: Path, tmp_path: Path):
    order = {name: f"patient {place:04d}" for place, name in enumerate(sorted(str(i) for i in pbc.patients["id"]))}
    for frame in (pbc.measurements, pbc.patients):
        frame["id"] = [order[str(name)] for name in frame["id"]]
    results = run_steps(pbc.write(tmp_path), tmp_path / "results", until="slopes")
    renamed = slopes_of(results)
    first = slopes_of(plain)
    first["patient"] = first["patient"].map(order)
    close(first.sort_values(["patient", "marker"]), renamed)


def test_a_patients_rows_move_their_own_slope_and_no_fit_that_held_them_out(pbc: Tables, plain: Path, tmp_path: Path):
    cohort = tables.read("cohort/patients", plain / "cohort/patients.parquet")
    patient = cohort["patient"].iloc[3]
    early = (pbc.measurements["id"].astype(str) == patient) & (pbc.measurements["day"] / DAYS <= pbc.study["landmark"])
    assert early.sum() >= 2
    pbc.measurements.loc[early, "bili"] *= np.linspace(1.0, 8.0, int(early.sum()))
    results = run_steps(pbc.write(tmp_path), tmp_path / "results", until="slopes")

    own = [
        frame.set_index(["patient", "marker"]).loc[(patient, "log_bilirubin")]
        for frame in map(slopes_of, (plain, results))
    ]
    assert abs(own[0]["slope"] - own[1]["slope"]) > 0.01

    fits = [tables.read("growth/fits", folder / "growth/fits.csv") for folder in (plain, results)]
    folds = tables.read("folds", plain / "folds.parquet")
    mine = folds[folds["patient"] == patient].set_index(["scheme", "repeat", "held_out"])["fold"]
    held_out, saw = 0, 0
    for before, after in zip(fits[0].itertuples(), fits[1].itertuples(), strict=True):
        if before.marker != "log_bilirubin" or before.repeat == 0:
            continue
        key = (before.scheme, before.repeat, before.held_out)
        outside = before.scheme == "validation" and mine[("validation", before.repeat, 0)] == before.held_out
        if outside or mine[key] == before.fold:
            assert before.deviance == after.deviance
            held_out += 1
        else:
            assert before.deviance != after.deviance
            saw += 1
    assert held_out > 0 and saw > 0
