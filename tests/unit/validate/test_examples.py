"""Example patients: groups that share nobody, averages of enough patients, risks as validation has them."""

import numpy as np
import pandas as pd
import pytest

from slopewise.validate.examples import (
    BINS,
    CHANGE,
    FEWEST,
    NEIGHBOURS,
    WITH,
    WITHOUT,
    binned,
    choose,
    group_size,
    mean_risks,
    reference_horizon,
)


def risks_of(patients: int, changed: slice | None = None, by: float = 0.3) -> pd.DataFrame:
    """Risks from 0 to 1 without the slopes; with them alike but for the patients at `changed`."""
    risk = np.linspace(0.0, 1.0, patients)
    with_slopes = risk.copy()
    if changed is not None:
        with_slopes[changed] += by
    index = pd.Index([f"p{place:04d}" for place in range(patients)], name="patient")
    return pd.DataFrame({WITHOUT: risk, WITH: with_slopes}, index=index)


@pytest.mark.parametrize(("patients", "small_cells"), [(15, 5), (20, 5), (37, 0), (100, 5), (100, 25), (1000, 10)])
def test_groups_share_nobody_and_are_large_enough(patients: int, small_cells: int) -> None:
    size = group_size(patients, small_cells)
    assert size >= max(small_cells, FEWEST)
    groups = choose(risks_of(patients, slice(2, 5)), size)
    assert set(groups) == {"low", "middle", "high", *([CHANGE] if patients >= 4 * size else [])}
    members = [patient for group in groups.values() for patient in group]
    assert len(members) == len(set(members)) == size * len(groups)


def test_examples_lie_around_their_quantiles() -> None:
    risks = risks_of(500)
    groups = choose(risks, NEIGHBOURS)
    means = {name: risks.loc[members, WITH].mean() for name, members in groups.items()}
    assert set(means) == {"low", "middle", "high"}  # no slope changes anything
    assert means == pytest.approx({"low": 0.1, "middle": 0.5, "high": 0.9}, abs=0.005)


@pytest.mark.parametrize("by", [0.3, -0.3])
def test_those_whom_the_slopes_change_most_are_an_example_in_either_direction(by: float) -> None:
    groups = choose(risks_of(200, slice(60, 80), by), 20)
    assert groups[CHANGE] == [f"p{place:04d}" for place in range(60, 80)]


def test_a_small_cohort_has_no_examples() -> None:
    assert choose(risks_of(14), group_size(14, 5)) == {}
    assert choose(risks_of(59), group_size(59, 20)) == {}


def test_spans_of_time_hold_enough_patients_and_all_rows() -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "patient": [f"p{place:02d}" for place in rng.integers(0, 20, 90)],
            "time": rng.exponential(0.4, 90),
            "albumin": rng.normal(3.5, 0.3, 90),
        }
    )
    frame.loc[::7, "albumin"] = np.nan
    spans = list(binned(frame, "albumin", "time", 5))
    assert 1 < len(spans) <= BINS and min(count for *_, count in spans) >= 5
    assert [time for time, *_ in spans] == sorted(time for time, *_ in spans)
    assert list(binned(frame, "albumin", "time", 21)) == []
    (whole,) = binned(frame, "albumin", "time", 20) if frame.dropna()["patient"].nunique() == 20 else [None]
    if whole is not None:
        assert whole[1] == pytest.approx(frame.dropna().groupby("patient")["albumin"].mean().mean())


def test_one_patient_with_many_visits_does_not_make_a_span() -> None:
    """Patients count, not rows."""
    crowd = pd.DataFrame({"patient": [f"p{i}" for i in range(6)], "time": 0.0, "albumin": 3.0})
    single = pd.DataFrame({"patient": "p0", "time": np.linspace(1.0, 2.0, 30), "albumin": 9.0})
    spans = list(binned(pd.concat([crowd, single]), "albumin", "time", 5))
    assert [count for *_, count in spans] == [6]


def test_predictions_are_means_over_repeats_at_one_horizon() -> None:
    rows = [
        ("b", step, "death", repeat, horizon, risk + (0.1 if step == WITH else 0.0))
        for step in (WITHOUT, WITH, "clinical")
        for repeat, horizon, risk in ((1, 3.0, 0.2), (2, 3.0, 0.4), (1, 5.0, 0.9), (2, 5.0, 0.9))
    ]
    table = pd.DataFrame(rows, columns=["patient", "predictors", "cause", "repeat", "horizon", "risk"])
    assert mean_risks(table, "death", 3.0).loc["b"].to_dict() == pytest.approx({WITHOUT: 0.3, WITH: 0.4})
    assert mean_risks(table.assign(horizon=np.nan), "death", np.nan).loc["b", WITHOUT] == pytest.approx(0.6)
    assert mean_risks(table, "relapse", 3.0).empty


def test_the_reference_horizon_is_the_middle_one() -> None:
    assert [reference_horizon(given) for given in ((8, 3, 5), (3, 5), (2,))] == [5, 3, 2]
    assert np.isnan(reference_horizon((np.nan,)))
