"""The cohort, folds and slopes of a study without an outcome."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slopewise.cohort import Cohort, prepare_cohort
from slopewise.folds import FoldPlan, fits, make_folds
from slopewise.growth.fit import GrowthFit
from slopewise.run.errors import InputError
from slopewise.slopes.crossfit import cross_fit
from slopewise.slopes.marker import growth_model, marker_data
from slopewise.study.reading import load_study
from slopewise.tables import files as tables

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = ("sleepstudy", "orthodont", "math_achieve", "beat_the_blues", "schools_app", "pbc_growth", "cd4_decline")


def cohort_of(name: str) -> Cohort:
    return prepare_cohort(load_study(ROOT / "config" / "studies" / f"{name}.yaml"), ROOT)


@pytest.mark.parametrize(
    ("name", "patients", "rows"),
    [
        ("sleepstudy", 18, 180),
        ("orthodont", 27, 108),
        ("math_achieve", 160, 7185),
        ("beat_the_blues", 100, 380),
        ("schools_app", 3, 30),
        ("pbc_growth", 312, 1945),
        ("cd4_decline", 467, 1405),
    ],
)
def test_the_shipped_studies_keep_every_row(name: str, patients: int, rows: int) -> None:
    cohort = cohort_of(name)
    assert (len(cohort.patients), len(cohort.measurements), len(cohort.later)) == (patients, rows, 0)
    assert not {"event", "followup", "entry"} & set(cohort.patients.columns)
    assert cohort.event_labels == {}
    tables.check(cohort.patients, "cohort/patients")


def test_a_landmark_still_cuts_where_there_is_no_outcome() -> None:
    text = (ROOT / "config/studies/sleepstudy.yaml").read_text().replace("landmark: none", "landmark: 4")
    from slopewise.study.reading import parse_study

    cohort = prepare_cohort(parse_study(text.encode(), "sleep.yaml"), ROOT)
    assert (cohort.measurements["time"].max(), len(cohort.later)) == (4.0, 18 * 5)


def test_folds_need_no_events_and_only_two_groups_outside() -> None:
    patients = pd.DataFrame({"patient": ["a", "b", "c"]})
    folds = make_folds(patients, FoldPlan(3, 1, 5, 0, seed=1))
    assert folds["scheme"].unique().tolist() == ["crossfit"]
    assert sorted(folds["fold"]) == [1, 2, 3]
    with pytest.raises(InputError, match="two outside it"):
        make_folds(patients, FoldPlan(2, 1, 5, 0, seed=1))


def test_level_and_slope_at_the_patients_own_last_visit() -> None:
    """By hand: x'beta + z'b at the last month, with the covariates of the patient."""
    study = load_study(ROOT / "config/studies/beat_the_blues.yaml")
    cohort = prepare_cohort(study, ROOT)
    data = marker_data(growth_model(study), "bdi", cohort.measurements, cohort.patients, study.landmark_time)
    folds = make_folds(cohort.patients, FoldPlan(5, 1, 5, 0, seed=1))
    plan = list(fits(folds, data.patients))
    scores, _, batch = cross_fit(data, plan)
    last = cohort.measurements.groupby("patient")["time"].max()
    assert last.nunique() > 3
    np.testing.assert_array_equal(data.at, last.reindex(data.patients))
    everybody = next(index for index, fit in enumerate(plan) if fit.repeat == 0)
    fit = GrowthFit.from_batch(batch, everybody)
    frame = cohort.patients.assign(time=last.reindex(cohort.patients["patient"]).to_numpy())
    own = scores[scores["repeat"] == 0].set_index("patient").loc[cohort.patients["patient"]]
    np.testing.assert_allclose(own["level"], fit.predict(frame), rtol=1e-9)
    later = fit.predict(frame.assign(time=frame["time"] + 1))
    np.testing.assert_allclose(own["slope"], later - fit.predict(frame), rtol=1e-7, atol=1e-9)


def test_the_slope_of_a_predictor_that_is_not_time() -> None:
    study = load_study(ROOT / "config/studies/math_achieve.yaml")
    cohort = prepare_cohort(study, ROOT)
    data = marker_data(growth_model(study), "math", cohort.measurements, cohort.patients, study.landmark_time)
    folds = make_folds(cohort.patients, FoldPlan(2, 1, 5, 0, seed=1))
    plan = [fit for fit in fits(folds, data.patients) if fit.repeat == 0]
    scores, _, batch = cross_fit(data, plan)
    effects = GrowthFit.from_batch(batch, 0).random_effects().set_index("patient")
    beta = GrowthFit.from_batch(batch, 0).beta
    own = scores.set_index("patient")
    public = (cohort.patients.set_index("patient")["sector"] == "Public").reindex(own.index)
    expected = beta["ses"] + public * beta["ses:sector[T.Public]"] + effects["ses"]
    np.testing.assert_allclose(own["slope"], expected.reindex(own.index), rtol=1e-8)


def test_a_predictor_of_text_has_no_slope(tmp_path: Path) -> None:
    text = (ROOT / "config/studies/math_achieve.yaml").read_text().replace("ses", "minority")
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(InputError, match="column of text"):
        prepare_cohort(load_study(tmp_path / "s.yaml"), ROOT)
