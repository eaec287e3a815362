"""The landmark supermodel: stacks, windows, folds by patient, the sandwich, the table and its words."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from slopewise.growth import GrowthModel
from slopewise.landmarks.supermodel import Chosen, Landmark, Stacks, enough, estimate, scores, supermodel, supported
from slopewise.outcome.cox import fit_cox
from slopewise.outcome.predictors import COLLINEAR
from slopewise.outcome.sandwich import robust_covariance, score_residuals
from slopewise.report.pages.supermodel import fewer_resamples, supermodel_context
from slopewise.run.seeds import generator
from slopewise.slopes.marker import marker_data
from slopewise.study.model import Study
from slopewise.tables import files as tables
from slopewise.validate.bootstrap import Resample

PATIENTS, LANDMARKS, WINDOW = 150, (1.0, 2.0, 3.0), 2.0
CLOSE = {"rel": 1e-7}


def study_with(**outcome):
    return Study.model_validate(
        {
            "study": "s",
            "seed": 4,
            "data": {"measurements": "m.csv", "patient": "p", "time": "t", "time_unit": "years",
                     "analysis_unit": "years"},
            "markers": {"m": {"column": "m"}},
            "landmark": list(LANDMARKS),
            "outcome": {"kind": "survival", "time": "end", "time_unit": "years", "event": "e", "events": {"1": "death"},
                        "covariates": ["age"], "horizons": [1.0, WINDOW], "bootstrap": 4, "penalty": "none", **outcome},
            "crossfit": {"folds": 3, "repeats": 1},
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def raw():
    rng = generator(1, "supermodel test")
    names = np.array([f"p{i:03d}" for i in range(PATIENTS)])
    b = rng.multivariate_normal([0, 0.2], [[0.5, 0.05], [0.05, 0.3]], PATIENTS)
    rows = [
        (name, t, b0 + b1 * t + rng.normal(0, 0.2))
        for name, (b0, b1) in zip(names, b, strict=True)
        for t in np.concatenate([[0.0], np.sort(rng.uniform(0, 4, 8))])
    ]
    time = rng.exponential(1 / (0.12 * np.exp(0.8 * b[:, 0] + 0.5 * b[:, 1])))
    end = rng.uniform(3, 8, PATIENTS)
    people = pd.DataFrame(
        {"patient": names, "age": rng.normal(50, 10, PATIENTS), "end": np.minimum(time, end), "died": time <= end}
    )
    return pd.DataFrame(rows, columns=["patient", "time", "m"]), people


def at(raw, landmark):
    rows, people = raw
    cohort = people[people["end"] > landmark].reset_index(drop=True)
    cohort = cohort.assign(entry=np.nan, followup=cohort["end"] - landmark, event=cohort["died"].astype(int))
    seen = rows[(rows["time"] <= landmark) & rows["patient"].isin(cohort["patient"])]
    patients = cohort[["patient", "age", "entry", "followup", "event"]]
    return Landmark(landmark, patients, (marker_data(GrowthModel(), "m", seen, patients, landmark),))


@pytest.fixture(scope="module")
def landmarks(raw):
    return [at(raw, landmark) for landmark in LANDMARKS]


@pytest.fixture(scope="module")
def stacks(landmarks):
    return Stacks.of(study_with(), landmarks)


def folds_of(stacks, counts, seed=1):
    fold = np.random.default_rng(seed).integers(1, 4, size=(1, len(counts)))
    return Resample(counts, np.where(counts > 0, fold, 0))


def test_everybody_at_risk_is_followed_over_the_window_alone(landmarks, stacks):
    assert [int((stacks.landmark == i).sum()) for i in range(3)] == [len(one.patients) for one in landmarks]
    assert stacks.followup.max() <= WINDOW and not stacks.event[stacks.followup == WINDOW].any()
    whole = pd.concat(one.patients for one in landmarks)
    late = (whole["followup"] > WINDOW).to_numpy()
    assert (stacks.followup[late] == WINDOW).all() and not stacks.event[late].any()
    assert (stacks.event == ((whole["event"] == 1).to_numpy() & ~late)).all()


def test_no_row_of_a_patient_helps_to_make_a_slope_of_that_fold(raw, landmarks, stacks):
    once = np.ones(len(stacks.people), dtype=np.int64)
    resample = folds_of(stacks, once)
    before = scores(stacks, landmarks, [resample], 3, 1)[0]
    who = stacks.people[3]
    rows = raw[0].copy()
    rows.loc[rows["patient"] == who, "m"] += 5.0
    after = scores(stacks, [at((rows, raw[1]), landmark) for landmark in LANDMARKS], [resample], 3, 1)[0]
    peers = (resample.fold[0][stacks.who] == resample.fold[0][3]) & (stacks.who != 3)
    assert len(set(stacks.landmark[peers])) == 3  # at every landmark the whole fold is without the patient
    assert np.array_equal(before.slope[peers], after.slope[peers])
    assert not np.array_equal(before.slope[~peers], after.slope[~peers])


def test_the_common_model_is_a_stratified_cox_model_of_the_stacks(landmarks, stacks):
    once = np.ones(len(stacks.people), dtype=np.int64)
    made = scores(stacks, landmarks, [folds_of(stacks, once)], 3, 1)[0]
    x = np.column_stack([stacks.x, made.level, made.slope])
    alone = fit_cox(x, stacks.followup, stacks.event, strata=stacks.landmark)
    found = estimate(stacks, made, "slope", np.ones(3), once, errors=True)
    assert found.common == pytest.approx(alone.beta, **CLOSE)
    first = stacks.landmark == 0
    own = fit_cox(x[first], stacks.followup[first], stacks.event[first])
    assert found.separate[0] == pytest.approx(own.beta, **CLOSE)
    moving = np.column_stack([x, x[:, 1:] * (stacks.landmark - 1.0)[:, None]])
    changing = fit_cox(moving, stacks.followup, stacks.event, strata=stacks.landmark)
    assert found.changing[0] == pytest.approx(changing.beta[:3], **CLOSE)
    assert found.changing[1, 1:] == pytest.approx(changing.beta[3:], **CLOSE) and np.isnan(found.changing[1, 0])
    sandwich = robust_covariance(
        moving, stacks.followup, stacks.event, changing.beta, changing.covariance, stacks.who, stacks.landmark
    )
    assert found.robust["changing"][0] == pytest.approx(np.sqrt(np.diag(sandwich))[:3], **CLOSE)
    assert found.robust["at"][1, 1:] == pytest.approx(found.robust["changing"][0, 1:], **CLOSE)  # the middle landmark


def test_a_landmark_that_cannot_tell_slope_from_level_has_no_slope_of_its_own(landmarks, stacks):
    once = np.ones(len(stacks.people), dtype=np.int64)
    made = scores(stacks, landmarks, [folds_of(stacks, once)], 3, 1)[0]
    whole = estimate(stacks, made, "slope", np.ones(3), once, errors=False)
    slope = made.slope.copy()
    here = stacks.landmark == 1
    slope[here, 0] = 0.5 * made.level[here, 0]
    alike = replace(made, slope=slope)
    flags = made.out.copy()
    flags[1] = True
    for one in (alike, replace(made, out=flags)):
        found = estimate(stacks, one, "slope", np.ones(3), once, errors=True)
        assert np.isnan(found.separate[1, 2]) and np.isnan(found.robust["separate"][1, 2])
        assert np.isfinite(found.separate[[0, 2], 2]).all() and np.isfinite(found.common).all()
        assert found.separate[0] == pytest.approx(whole.separate[0])
        level = estimate(stacks, made, "level", np.ones(2), once, errors=False)
        assert found.separate[1, :2] == pytest.approx(level.separate[1])


def test_a_resample_has_the_terms_of_everybodys_model_or_no_model(landmarks, stacks):
    once = np.ones(len(stacks.people), dtype=np.int64)
    made = scores(stacks, landmarks, [folds_of(stacks, once)], 3, 1)[0]
    chosen = supported(stacks, made, "slope", once, COLLINEAR)
    assert chosen.common.all() and chosen.separate.all()
    flags = made.out.copy()
    flags[1] = True
    lacks = estimate(stacks, replace(made, out=flags), "slope", np.ones(3), once, False, chosen)
    assert np.isnan(lacks.separate[1]).all() and np.isfinite(lacks.separate[[0, 2]]).all()
    none = estimate(stacks, replace(made, out=np.ones_like(flags)), "slope", np.ones(3), once, False, chosen)
    assert np.isnan(none.common).all() and np.isnan(none.changing).all()
    # What everybody's model leaves out is in no resample's.
    less = Chosen(np.array([True, True, False]), chosen.separate & np.array([True, True, False]))
    out = estimate(stacks, made, "slope", np.ones(3), once, False, less)
    level = estimate(stacks, made, "level", np.ones(2), once, errors=False)
    assert out.common[:2] == pytest.approx(level.common) and np.isnan(out.common[2])
    # A correlation that crosses the threshold of the choice does not change the model.
    noise, one = made.slope - 0.5 * made.level, made.level
    near = replace(made, slope=one + 0.08 * (one.std() / noise.std()) * noise)
    assert COLLINEAR < np.corrcoef(near.level[:, 0], near.slope[:, 0])[0, 1] < 0.999
    assert np.isfinite(estimate(stacks, near, "slope", np.ones(3), once, False, chosen).common).all()


def test_a_patient_counted_twice_is_two_patients(landmarks, stacks):
    counts = np.random.default_rng(5).integers(0, 3, size=len(stacks.people))
    made = scores(stacks, landmarks, [folds_of(stacks, counts)], 3, 1)[0]
    found = estimate(stacks, made, "slope", np.ones(3), counts, errors=False)
    rows = np.repeat(np.arange(len(stacks.who)), counts[stacks.who])
    x = np.column_stack([stacks.x, made.level, made.slope])[rows]
    alone = fit_cox(x, stacks.followup[rows], stacks.event[rows], strata=stacks.landmark[rows])
    assert found.common == pytest.approx(alone.beta, **CLOSE)


def test_the_table_of_a_study(landmarks):
    study = study_with()
    table = tables.check(supermodel(study, landmarks), "supermodel")
    sd = table[(table["scale"] == "sd") & (table["predictors"] == "slope")]
    sd = sd.set_index(["model", "term", "landmark"]).sort_index()
    level = sd.loc[("common", "m.level")].iloc[0]
    assert level["estimate"] > 0 and level["ci_low_bootstrap"] < level["ci_high_bootstrap"] and level["p_value"] < 0.01
    line = sd.loc[("changing", "m.slope")]["estimate"].to_numpy()
    change = sd.loc[("change", "m.slope")].iloc[0]["estimate"]
    assert np.diff(line) == pytest.approx([change, change])
    assert ("change", "age") not in sd.index.droplevel(2) and ("common", "age") in sd.index.droplevel(2)
    unit = table[(table["scale"] == "unit")].set_index(["predictors", "model", "term", "landmark"]).sort_index()
    ratio = unit.loc[("slope", "common", "m.slope")]["estimate"] / sd.loc[("common", "m.slope")]["estimate"]
    again = unit.loc[("slope", "common", "m.slope")]["se"] / sd.loc[("common", "m.slope")]["se"]
    assert ratio.iloc[0] == pytest.approx(again.iloc[0])
    pd.testing.assert_frame_equal(table, tables.check(supermodel(study, landmarks, threads=2), "supermodel"))
    shown = supermodel_context(study, table)
    assert len(shown["picture"].panels) == 2 and "m, slope" in " ".join(shown["sentences"])
    assert len(shown["table"].rows) == 3 and shown["table"].rows[0][-1] == "–"
    assert shown["table"].cells[0][0].note == "per SD"
    ages = pd.DataFrame({"age": [40.0, 50.0] * 20})
    category = supermodel_context(study, table, ages)["table"].cells[0]
    unit_age = unit.loc[("slope", "common", "age")]["ratio"].iloc[0]
    assert category[0].note == "" and float(category[-2].text) == pytest.approx(unit_age, rel=0.01)
    assert "left out" not in " ".join(shown["sentences"])
    assert fewer_resamples(sd.reset_index(), study) == []
    some = sd.reset_index()
    some.loc[some["term"] == "m.slope", "resamples"] = 3
    assert "between 3 and 4 of 4" in " ".join(fewer_resamples(some, study))
    dropped = table["model"].eq("separate") & table["term"].eq("m.slope") & table["landmark"].isin([1.0, 3.0])
    less = supermodel_context(study, table.assign(estimate=table["estimate"].mask(dropped)))
    assert "slope: left out at landmarks 1 and 3 in the model of a single landmark" in less["sentences"][-1]


def test_too_few_events_make_no_model_unless_the_study_wants_none(landmarks, stacks):
    assert enough(study_with(), stacks, ["m"]) and not enough(study_with(penalty="elastic_net"), stacks, ["m"])
    many = [f"m{i}" for i in range(40)]
    assert enough(study_with(penalty="auto"), stacks, ["m"]) and not enough(study_with(penalty="auto"), stacks, many)
    empty = tables.check(supermodel(study_with(penalty="elastic_net"), landmarks), "supermodel")
    assert empty.empty and supermodel_context(study_with(), empty) is None


# -- The sandwich ------------------------------------------------------------------------------------------------------


def test_the_sandwich_is_that_of_r(golden):
    cohort = pd.read_csv(golden / "outcome_cohort.csv")
    expected = pd.read_csv(golden / "outcome_cox.csv", dtype={"name": str}).query("model == 'clustered'")
    terms = ["age", "log_bilirubin", "albumin"]
    x, strata = cohort[terms].to_numpy(), cohort["male"].to_numpy()
    fitted = fit_cox(x, cohort["coarse"], cohort["event"], strata=strata)
    cluster = (np.arange(len(x)) + 1) // 3
    found = robust_covariance(x, cohort["coarse"], cohort["event"], fitted.beta, fitted.covariance, cluster, strata)
    assert np.sqrt(np.diag(found)) == pytest.approx(expected.set_index("name")["value"][terms].to_numpy(), rel=1e-7)
    assert score_residuals(x, cohort["coarse"], cohort["event"], fitted.beta, strata).sum(axis=0) == pytest.approx(
        np.zeros(3), abs=1e-6
    )
