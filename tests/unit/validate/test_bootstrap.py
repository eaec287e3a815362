"""The patient bootstrap through both stages: who is drawn, who shares a fold, and what does not matter."""

import numpy as np
import pandas as pd
import pytest

from slopewise.folds import assign
from slopewise.growth import GrowthModel
from slopewise.outcome.fit import LadderFit, fit_ladder, ladder_data
from slopewise.outcome.ladder import LADDER
from slopewise.run.seeds import generator
from slopewise.slopes.crossfit import fit_nested
from slopewise.slopes.facts import facts
from slopewise.slopes.marker import MarkerData, marker_data
from slopewise.slopes.scores import score
from slopewise.study.model import Study
from slopewise.validate.bootstrap import (
    BootstrapPlan,
    Resample,
    bootstrap_ladder,
    draw,
    jackknife_ladder,
    reliability_table,
    stage_one,
)
from slopewise.validate.instability import Instability

PLAN = BootstrapPlan(replicates=6, folds=4, repeats=2, seed=3)
PATIENTS = 90
LANDMARK = 2.0


@pytest.fixture(scope="module")
def simulated() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Patients whose hazard after the landmark rises with their true level and slope."""
    rng = generator(1, "bootstrap test")
    names = np.array([f"p{i:03d}" for i in range(PATIENTS)])
    b = rng.multivariate_normal([0, 0.2], [[0.5, 0.1], [0.1, 0.3]], PATIENTS)
    rows = [
        (name, t, b0 + b1 * t + rng.normal(0, 0.3))
        for name, (b0, b1) in zip(names, b, strict=True)
        for t in np.sort(rng.uniform(0, LANDMARK, rng.integers(1, 6)))
    ]
    hazard = 0.2 * np.exp(0.6 * (b[:, 0] + LANDMARK * b[:, 1]) + 0.5 * b[:, 1])
    time = rng.exponential(1 / hazard)
    censored = rng.uniform(2, 10, PATIENTS)
    patients = pd.DataFrame(
        {
            "patient": names,
            "age": rng.normal(50, 10, PATIENTS),
            "entry": np.nan,
            "followup": np.minimum(time, censored),
            "event": (time <= censored).astype(int),
        }
    )
    return pd.DataFrame(rows, columns=["patient", "time", "m"]), patients


@pytest.fixture(scope="module")
def marker(simulated) -> MarkerData:
    return marker_data(GrowthModel(), "m", *simulated, LANDMARK)


@pytest.fixture(scope="module")
def ladder(simulated, marker):
    study = Study.model_validate(
        {
            "study": "s",
            "seed": 1,
            "data": {
                "measurements": "m.csv",
                "patient": "p",
                "time": "t",
                "time_unit": "years",
                "analysis_unit": "years",
            },
            "markers": {"m": {"column": "m"}},
            "landmark": LANDMARK,
            "outcome": {
                "kind": "survival",
                "time": "f",
                "time_unit": "years",
                "event": "e",
                "events": {1: "death"},
                "covariates": ["age"],
                "horizons": [2],
            },
        }
    )
    own = facts(*simulated, "m", logarithmic=False)
    return ladder_data(study, simulated[1], own.assign(level=0.0, slope=0.0))


def test_copies_of_a_patient_share_a_fold_and_folds_hold_the_drawn_alone(ladder):
    events = np.asarray(ladder.event, dtype=np.int64)
    resample = draw(PLAN, 0, events)
    assert resample.counts.sum() == PATIENTS and resample.counts.max() > 1
    assert ((resample.fold > 0) == (resample.counts > 0)).all()
    copies = resample.copies(PLAN.folds)
    assert copies.shape == (1 + PLAN.repeats * PLAN.folds, PATIENTS)
    assert (copies[0] == resample.counts).all()
    for repeat in range(PLAN.repeats):
        for k in range(1, PLAN.folds + 1):
            held_out = resample.fold[repeat] == k
            row = copies[1 + repeat * PLAN.folds + k - 1]
            assert (row[held_out] == 0).all() and (row[~held_out] == resample.counts[~held_out]).all()


def test_a_resample_depends_on_its_number_alone(ladder):
    events = np.asarray(ladder.event, dtype=np.int64)
    first, again, other = draw(PLAN, 2, events), draw(PLAN, 2, events), draw(PLAN, 3, events)
    assert (first.counts == again.counts).all() and (first.fold == again.fold).all()
    assert (first.counts != other.counts).any()


def test_everybody_once_is_the_cross_fit_itself(marker: MarkerData, ladder):
    ones = np.ones(PATIENTS, dtype=np.int64)
    fold = assign(np.asarray(ladder.event, dtype=np.int64), 4, np.random.default_rng(2))
    resample = Resample(ones, fold[None, :])
    stage = stage_one(marker, [resample], 4, threads=1)
    copies = resample.copies(4)
    batch = fit_nested(marker, copies, np.zeros(5, dtype=np.int64))
    scored = score(marker, batch, fold, np.arange(PATIENTS))
    np.testing.assert_array_equal(stage.slope[0], scored["slope"])
    np.testing.assert_array_equal(stage.level[0], scored["level"])


def test_the_estimates_do_not_depend_on_threads_or_on_how_many_run_at_once(marker, ladder, monkeypatch):
    whole = bootstrap_ladder(PLAN, ladder, [marker], threads=1)
    monkeypatch.setattr("slopewise.validate.bootstrap.PAIRS_AT_ONCE", 1)
    single = bootstrap_ladder(PLAN, ladder, [marker], threads=2)
    np.testing.assert_array_equal(whole.estimates_unit, single.estimates_unit)
    np.testing.assert_array_equal(whole.reliability, single.reliability)
    assert whole.estimates_unit.shape == (PLAN.replicates, len(ladder.terms))


def test_the_spread_is_that_of_the_estimate_not_of_noise(marker, ladder):
    many = bootstrap_ladder(BootstrapPlan(40, 4, 1, 3), ladder, [marker])
    term = list(ladder.terms).index(("level", "m.level"))
    ones = np.ones(PATIENTS, dtype=np.int64)
    fold = assign(np.asarray(ladder.event, dtype=np.int64), 4, np.random.default_rng(2))
    stage = stage_one(marker, [Resample(ones, fold[None, :])], 4, threads=1)
    full = fit_ladder(ladder, stage.level.T, stage.slope.T, stage.singular, flat=stage.flat)
    spread = many.estimates_unit[:, term].std()
    assert 0.05 < spread < 0.6
    assert abs(many.estimates_unit[:, term].mean() - full.estimate_unit[term]) < 2 * spread


def test_the_models_of_a_resample_predict_for_every_patient(marker, ladder):
    """Level and slope of all patients are those by the growth model of the resample's patients; no number moves."""
    watched = bootstrap_ladder(PLAN, ladder, [marker], watch=lambda *found: found)
    seen: list[tuple[int, Resample, LadderFit, np.ndarray, np.ndarray]] = watched.watched
    assert np.array_equal(watched.estimates_unit, bootstrap_ladder(PLAN, ladder, [marker]).estimates_unit)
    assert len(seen) == PLAN.replicates
    resample = draw(PLAN, 1, np.asarray(ladder.event, dtype=np.int64))
    batch = fit_nested(marker, resample.counts[None, :], np.zeros(1, dtype=np.int64))
    scored = score(marker, batch, np.zeros(PATIENTS, dtype=np.int64), np.arange(PATIENTS))
    number, drawn, fitted, level, slope = seen[1]
    assert number == 1 and np.array_equal(drawn.counts, resample.counts)
    np.testing.assert_allclose(level[:, 0], scored["level"], rtol=1e-6)
    np.testing.assert_allclose(slope[:, 0], scored["slope"], rtol=1e-5, atol=1e-8)
    unstable = Instability(ladder, ladder.horizons[0])
    for found in seen:
        unstable.add(unstable.of_resample(*found))
    risks = fitted.models["slope"].risks(ladder.raw(LADDER[6], np.arange(PATIENTS), level, slope), ladder.stratum)
    assert np.array_equal(unstable.predictions["slope"][1], risks[:, 0, 0])
    apparent = pd.DataFrame({"patient": ladder.patients, "predictors": "slope", "cause": ladder.cause})
    apparent = pd.concat([apparent, apparent.assign(predictors="level")])
    table = unstable.table(apparent.assign(horizon=ladder.horizons[0], risk=0.5))
    assert set(table["predictors"]) == {"level", "slope"} and (table["resamples"] == PLAN.replicates).all()
    assert Instability(ladder, ladder.horizons[0]).table(apparent).empty


def test_reliability_has_its_interval(marker, ladder):
    boot = bootstrap_ladder(PLAN, ladder, [marker])
    slopes = pd.DataFrame({"marker": "m", "reliability": [0.4, 0.6]})
    table = reliability_table(boot.reliability, slopes, ["m"])
    assert table.loc[0, "reliability"] == 0.5
    assert table.loc[0, "ci_low"] < table.loc[0, "ci_high"]
    jumping = reliability_table(np.linspace(0.55, 0.95, 41)[:, None], slopes, ["m"]).iloc[0]
    assert 0 < jumping["ci_low"] < 0.5 < jumping["ci_high"] < 1  # all resamples lie above the estimate
    empty = bootstrap_ladder(BootstrapPlan(0, 4, 1, 3), ladder, [marker])
    assert empty.estimates_unit.shape == (0, len(ladder.terms))
    assert reliability_table(empty.reliability, slopes, ["m"])["ci_low"].isna().all()


def test_chosen_steps_alone_have_the_same_estimates(marker, ladder):
    whole = bootstrap_ladder(PLAN, ladder, [marker])
    chosen = bootstrap_ladder(PLAN, ladder, [marker], steps=[step for step in LADDER if step.name == "slope"])
    own = np.array([name == "slope" for name, _, _ in ladder.rows])
    assert own.sum() >= 2 and np.isfinite(whole.estimates_unit[:, own]).all()
    assert np.array_equal(chosen.estimates_unit[:, own], whole.estimates_unit[:, own])
    assert np.array_equal(chosen.estimates_sd[:, own], whole.estimates_sd[:, own])
    assert np.isnan(chosen.estimates_unit[:, ~own]).all()
    assert np.array_equal(chosen.reliability, whole.reliability)


def test_the_jackknife_leaves_out_one_patient_at_a_time(marker, ladder):
    found = jackknife_ladder(PLAN, ladder, [marker])
    assert found.estimates_unit.shape == (PATIENTS, len(ladder.rows))
    assert np.isfinite(found.estimates_sd).all()
    spread = found.estimates_unit.std(axis=0)
    boot = bootstrap_ladder(PLAN, ladder, [marker]).estimates_unit.std(axis=0)
    assert (spread < boot).all()  # one patient less moves less than a resample
    again = jackknife_ladder(PLAN, ladder, [marker], threads=2)
    assert np.array_equal(found.estimates_unit, again.estimates_unit)
