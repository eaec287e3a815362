"""Slopes of patients whom the model never saw: against lme4, and with what each patient's own rows say."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slopewise.folds import FoldPlan, TrainingFit, fits, make_folds
from slopewise.growth import GrowthModel
from slopewise.growth.fitting import fit_batch
from slopewise.slopes.crossfit import cross_fit, outer_of
from slopewise.slopes.facts import facts, population_course, published
from slopewise.slopes.marker import MarkerData, all_markers, marker_data
from slopewise.slopes.scores import SCORES, score

LANDMARK = 2.0


@pytest.fixture(scope="module")
def cohort(root: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measurements up to the landmark and patients at risk of the PBC trial, straight from its tables."""
    rows = pd.read_csv(root / "data/pbcseq/measurements.csv")
    people = pd.read_csv(root / "data/pbcseq/patients.csv")
    people = people[people["futime"] / 365.25 > LANDMARK]
    rows = rows[rows["id"].isin(people["id"]) & (rows["day"] / 365.25 <= LANDMARK)]
    measurements = pd.DataFrame(
        {
            "patient": rows["id"].astype(str),
            "time": rows["day"] / 365.25,
            "log_bilirubin": np.log(rows["bili"]),
            "albumin": rows["albumin"],
        }
    ).sort_values(["patient", "time"], ignore_index=True)
    patients = pd.DataFrame(
        {"patient": people["id"].astype(str), "sex": people["sex"], "age": people["age"], "event": people["status"] > 0}
    ).sort_values("patient", ignore_index=True)
    return measurements, patients.astype({"event": int})


@pytest.fixture(scope="module")
def bilirubin(cohort) -> MarkerData:
    return marker_data(GrowthModel(bounds=(0.0, LANDMARK)), "log_bilirubin", *cohort, LANDMARK)


@pytest.fixture(scope="module")
def plan(cohort) -> list[TrainingFit]:
    patients = cohort[1]
    return list(fits(make_folds(patients, FoldPlan(3, 2, 3, 1, seed=5)), list(patients["patient"])))


def test_held_out_patients_get_the_slopes_that_lme4_gives(bilirubin: MarkerData, golden: Path):
    expected = pd.read_csv(golden / "slopes.csv", dtype={"patient": str}).sort_values("patient")
    held_out = np.isin(bilirubin.patients, list(expected["patient"]))
    batch = fit_batch(bilirubin.growth, (~held_out)[None, :].astype(int))
    scored = score(bilirubin, batch, np.zeros(held_out.sum(), int), np.flatnonzero(held_out))
    for column in SCORES:
        np.testing.assert_allclose(scored[column], expected[column], rtol=2e-5, atol=2e-6, err_msg=column)


def test_everybody_is_scored_once_a_repeat_by_a_fit_without_them(bilirubin: MarkerData, plan: list[TrainingFit]):
    scores, ledger, _ = cross_fit(bilirubin, plan)
    assert len(ledger) == len(plan) == 1 + 2 * 3 + 3 * (1 + 3)
    crossfitted = scores[(scores["scheme"] == "crossfit") & (scores["repeat"] > 0)]
    assert (crossfitted.groupby(["patient", "repeat"]).size() == 1).all()
    assert len(crossfitted) == 2 * len(bilirubin.patients)
    tested = scores[(scores["scheme"] == "validation") & (scores["fold"] == 0)]
    assert sorted(tested["patient"]) == sorted(bilirubin.patients)


def test_the_published_slope_is_the_mean_over_repeats(bilirubin: MarkerData, plan: list[TrainingFit], cohort):
    scores, _, _ = cross_fit(bilirubin, plan)
    table = published(scores, facts(*cohort, "log_bilirubin", logarithmic=True)).set_index("patient")
    patient = bilirubin.patients[7]
    own = scores[(scores["patient"] == patient) & (scores["scheme"] == "crossfit") & (scores["repeat"] > 0)]
    assert table.loc[patient, "slope"] == pytest.approx(own["slope"].mean(), abs=1e-14)
    assert own["slope"].nunique() == 2


def test_inner_fits_take_the_structure_of_their_outer_training_set(plan: list[TrainingFit]):
    leaders = outer_of(plan)
    for fit, leader in zip(plan, leaders, strict=True):
        outer = plan[leader]
        assert outer.fold == 0
        if fit.scheme == "validation":
            assert (outer.held_out, outer.repeat) == (fit.held_out, fit.repeat)
        else:
            assert outer.repeat == 0


def test_level_is_the_line_at_the_landmark(bilirubin: MarkerData, plan: list[TrainingFit]):
    scores, _, _ = cross_fit(bilirubin, plan)
    np.testing.assert_allclose(scores["level"], scores["intercept"] + LANDMARK * scores["slope"], atol=1e-12)


def test_a_patient_without_this_marker_gets_the_populations_value(cohort):
    measurements, patients = cohort
    gone = patients["patient"].iloc[4]
    measurements = measurements.copy()
    measurements.loc[measurements["patient"] == gone, "albumin"] = np.nan
    data = marker_data(GrowthModel(), "albumin", measurements, patients, LANDMARK)
    batch = fit_batch(data.growth, data.everybody())
    scored = score(data, batch, np.zeros(1, int), np.array([4]))
    assert scored.loc[0, "reliability"] == 0.0 and scored.loc[0, "slope_deviation"] == 0.0
    assert scored.loc[0, "slope"] == pytest.approx(batch.beta[0, 1], abs=1e-14)
    table = facts(measurements, patients, "albumin", logarithmic=False).set_index("patient")
    assert table.loc[gone, "visits"] == 0 and np.isnan(table.loc[gone, "first"])


def test_the_total_slope_has_the_covariates_share(cohort):
    measurements, patients = cohort
    data = marker_data(GrowthModel(fixed="~ time * sex"), "log_bilirubin", measurements, patients, LANDMARK)
    batch = fit_batch(data.growth, data.everybody())
    everyone = np.arange(len(data.patients))
    scored = score(data, batch, np.zeros(len(everyone), int), everyone)
    beta = dict(zip(batch.fixed_names, batch.beta[0], strict=True))
    interaction = next(value for name, value in beta.items() if ":" in name)
    fixed = scored["slope"] - scored["slope_deviation"]
    expected = beta["time"] + interaction * (patients["sex"] == sorted(patients["sex"].unique())[1])
    np.testing.assert_allclose(fixed, expected, atol=1e-10)


def test_facts_are_those_of_the_rows(cohort):
    measurements, patients = cohort
    table = facts(measurements, patients, "log_bilirubin", logarithmic=True)
    assert list(table["patient"]) == sorted(patients["patient"])
    assert (table["visits"] == 1).sum() == 12
    for line in table[table["visits"] > 2].head(20).itertuples():
        own = measurements[measurements["patient"] == line.patient]
        assert line.slope_ols == pytest.approx(np.polyfit(own["time"], own["log_bilirubin"], 1)[0], abs=1e-10)
        assert line.delta == own["log_bilirubin"].iloc[-1] - own["log_bilirubin"].iloc[0]
        assert line.delta_relative == pytest.approx(np.exp(line.delta) - 1)
    once = table[table["visits"] == 1]
    assert once[["slope_ols", "delta", "delta_relative"]].isna().all().all() and (once["span"] == 0).all()


def test_a_relative_change_needs_a_positive_first_value():
    rows = pd.DataFrame({"patient": ["a", "a", "b", "b"], "time": [0, 1, 0, 1.0], "m": [2.0, 3.0, -2.0, 3.0]})
    table = facts(rows, pd.DataFrame({"patient": ["a", "b"]}), "m", logarithmic=False)
    assert table["delta_relative"].tolist()[0] == 0.5 and np.isnan(table["delta_relative"].tolist()[1])


def test_the_population_course_is_the_fixed_line(bilirubin: MarkerData, cohort):
    batch = fit_batch(bilirubin.growth, bilirubin.everybody())
    course = population_course(bilirubin, batch, cohort[0])
    np.testing.assert_allclose(course["mean"], batch.beta[0, 0] + batch.beta[0, 1] * course["time"], atol=1e-12)
    assert course["time"].iloc[-1] == LANDMARK


def test_markers_prepared_together_are_those_of_each_alone(cohort: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    model = GrowthModel(bounds=(0.0, LANDMARK))
    names = ["log_bilirubin", "albumin"]
    for name, together in zip(names, all_markers(model, names, *cohort, LANDMARK), strict=True):
        alone = marker_data(model, name, *cohort, LANDMARK)
        assert together.marker == name and together.patients == alone.patients
        np.testing.assert_array_equal(together.at, alone.at)
        pd.testing.assert_frame_equal(together.covariates, alone.covariates)
        for field, array in alone.growth.moments._asdict().items():
            assert array.tobytes() == getattr(together.growth.moments, field).tobytes(), field
