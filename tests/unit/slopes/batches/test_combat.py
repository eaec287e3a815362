"""Batch effects are learned on training patients alone, shrunken across markers, and removed from all values."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slopewise.folds import FoldPlan, TrainingFit, fit_on_everybody, fits, make_folds
from slopewise.growth.fit import GrowthFit
from slopewise.growth.fitting import fit_batch
from slopewise.shipped.reading import _marker
from slopewise.shipped.scores import marker_rows, scores
from slopewise.shipped.writing import _growth
from slopewise.slopes.batches.effects import marker_batches
from slopewise.slopes.batches.learn import LearnedBatches, audited, learn_batches
from slopewise.slopes.batches.shrink import shrink
from slopewise.slopes.crossfit import cross_fit
from slopewise.slopes.inputs import GrowthInputs
from slopewise.slopes.marker import growth_model, held, marker_data
from slopewise.slopes.scores import SCORES, score
from slopewise.study.model import Study
from slopewise.tables import files as tables
from slopewise.validate.batch_check import batch_check
from tests.unit.slopes.batches.batch_studies import SHIFT, cohort_of, study_of

FIT = ["scheme", "repeat", "held_out", "fold"]


@dataclass(frozen=True, eq=False)
class Made:
    study: Study
    rows: pd.DataFrame
    people: pd.DataFrame
    folds: pd.DataFrame

    @property
    def plan(self) -> list[TrainingFit]:
        return list(fits(self.folds, sorted(self.people["patient"])))

    def learn(self, plan: list[TrainingFit] | None = None) -> LearnedBatches:
        prepared = marker_batches(self.study, self.rows, self.people, list(self.study.markers))
        return learn_batches(prepared, plan or self.plan, self.rows["time"].to_numpy(), self.study.landmark_time)

    def audit(self, learned: LearnedBatches) -> pd.DataFrame:
        table = audited(learned, self.plan, [fit.scored for fit in self.plan])
        return tables.check(table, "slopes/batch_audit").set_index(FIT)

    def inputs(self, parameters: pd.DataFrame) -> GrowthInputs:
        return GrowthInputs(self.study, self.rows, self.people, None, parameters)

    def held_out(self, fold: int) -> pd.Series:
        """Which rows are of patients whom the models of this outer fold have to predict."""
        own = self.folds.query("scheme == 'validation' and held_out == 0 and fold == @fold")["patient"]
        return self.rows["patient"].isin(own)


@pytest.fixture(scope="module")
def made() -> Made:
    rows, people = cohort_of(40, 4, seed=3, scale=2.0)
    rows.loc[::7, "m1"] = np.nan
    return Made(study_of(4, "combat"), rows, people, make_folds(people, FoldPlan(2, 1, 2, 1, seed=1)))


@pytest.fixture(scope="module")
def learned(made: Made) -> LearnedBatches:
    return made.learn()


def test_without_random_effects_the_values_are_those_of_sva(golden: Path):
    rows, expected = pd.read_csv(golden / "combat_rows.csv"), pd.read_csv(golden / "combat.csv")
    names, everybody = list(expected), fit_on_everybody(len(rows))
    people = pd.DataFrame({"patient": rows["patient"], "outcome": 0.0})
    study = study_of(1, "combat")
    found = learn_batches(marker_batches(study, rows, people, names), [everybody], rows["time"].to_numpy(), 3.0)
    for own in marker_batches(study, rows, people, names, found.parameters):
        np.testing.assert_allclose(own.adjusted([everybody])[0], expected[own.data.response], rtol=1e-10)


def test_the_shift_of_a_scanner_is_found_and_shrunken(made: Made, learned: LearnedBatches):
    table = tables.check(learned.parameters, "slopes/batch_parameters")
    everybody = table[(table["repeat"] == 0)].set_index(["batch", "marker"])
    for scanner in "BC":
        away = everybody.loc[scanner, "location"] - everybody.loc["A", "location"]
        assert away.to_numpy() == pytest.approx(np.full(4, SHIFT[scanner]), abs=0.25)
    assert (everybody.loc["B", "scale"] > 1.1).all() and (everybody.loc[["A", "C"], "scale"] < 1.0).all()
    assert everybody.loc[("A", "m1"), "rows"] < everybody.loc[("A", "m0"), "rows"]
    rows, mean, squares = np.full((2, 1), 9.0), np.array([[0.2], [0.8]]), np.array([[6.0], [11.0]])
    both = shrink(rows, mean, squares)
    assert 0.2 < both.location[0, 0] < 0.5 < both.location[1, 0] < 0.8  # towards the mean of the two
    alone = shrink(rows[:1], mean[:1], squares[:1])
    assert (alone.location[0, 0], alone.scale[0, 0] ** 2) == (0.2, pytest.approx(6.0 / 8))


def test_held_out_patients_change_nothing_that_their_fold_learns(made: Made, learned: LearnedBatches):
    """Neither the batch effects of the fold and of all fits inside it, to the last bit, nor its growth models."""
    assert (made.audit(learned)["verdict"] == "clean").all()
    rows = made.rows.copy()
    altered = made.held_out(1) & (rows["scanner"] == "B")
    rows.loc[altered, ["m0", "m1", "m2", "m3"]] += 5.0
    other = replace(made, rows=rows)
    again = other.learn()
    keys = "scheme == 'validation' and held_out == 1"
    pd.testing.assert_frame_equal(again.parameters.query(keys), learned.parameters.query(keys))
    assert not again.parameters.query("held_out == 2").equals(learned.parameters.query("held_out == 2"))
    for mine, theirs in zip(
        made.inputs(learned.parameters).markers(["m0"]), other.inputs(again.parameters).markers(["m0"]), strict=True
    ):
        one, two = (cross_fit(data, made.plan)[1].query(keys) for data in (mine, theirs))
        pd.testing.assert_frame_equal(one, two)


def test_batch_effects_learned_outside_the_folds_are_caught(made: Made, learned: LearnedBatches):
    """The audit says so, and the parameters of a fold then move with the patients whom it holds out."""
    everybody = [replace(fit, trained=np.ones_like(fit.trained)) for fit in made.plan]
    leaking = made.learn(everybody)
    verdicts = made.audit(leaking)
    nested = verdicts.index.get_level_values("repeat") > 0
    assert (verdicts.loc[nested, "verdict"] == "leak").all() and (verdicts.loc[nested, "shared_patients"] > 0).all()
    assert (verdicts.loc[~nested, "verdict"] == "clean").all()
    late = replace(made, study=made.study.at(2.0)).learn()
    assert (made.audit(late)["rows_after_landmark"] > 0).all() and set(made.audit(late)["verdict"]) == {"leak"}


def test_a_batch_that_training_never_saw_is_left_as_it_is_and_named(made: Made):
    rows = made.rows.copy()
    rows["scanner"] = rows["scanner"].mask(made.held_out(1) & (rows["time"] > 2), "D")
    other = replace(made, rows=rows)
    found = other.learn()
    audit = other.audit(found)
    assert audit.loc[("validation", 1, 1, 0), "unseen"] == "D" and pd.isna(audit.loc[("validation", 1, 2, 0), "unseen"])
    own = found.parameters.query("scheme == 'validation' and held_out == 1 and batch == 'D'")
    assert (own["location"] == 0).all() and (own["scale"] == 1).all() and (own["rows"] == 0).all()
    fit = next(fit for fit in other.plan if (fit.scheme, fit.held_out, fit.fold) == ("validation", 1, 0))
    (marker,) = marker_batches(other.study, rows, other.people, ["m0"], found.parameters)
    unseen = rows["scanner"] == "D"
    np.testing.assert_allclose(marker.adjusted([fit])[0][unseen], rows.loc[unseen, "m0"], rtol=1e-12)


def test_values_of_everybody_and_of_each_fit(made: Made, learned: LearnedBatches):
    plan = made.plan
    for data in made.inputs(learned.parameters).markers(["m1"]):
        values = data.values_of(plan)
        assert values is not None and values.shape == (len(plan), made.rows["m1"].notna().sum())
        np.testing.assert_array_equal(values[0], data.growth.values)
        assert np.abs(values[1:] - values[0]).max() > 0.01
        ledger = cross_fit(data, plan)[1]
        alone = fit_batch(
            data.growth.with_values(values[3]), plan[3].trained[None].astype(int), [ledger["structure"][3]]
        )
        assert ledger["deviance"][3] == pytest.approx(alone.deviance[0], rel=1e-12)
    with pytest.raises(ValueError, match="batch effects are removed by their table"):
        next(GrowthInputs(made.study, made.rows, made.people, None).markers())
    with pytest.raises(ValueError, match="of other batches"):
        next(made.inputs(learned.parameters.query("batch != 'C'")).markers())


@pytest.mark.parametrize("slope_sd", [0.0, 0.5])
def test_scanners_confounded_with_the_order_of_visits_make_no_slope_and_remove_none(slope_sd: float):
    """The late scanner adds 1.5: unadjusted, the mean slope of 0.3 is far off. Means over 6 markers of 80 patients."""
    rows, people = cohort_of(80, 6, seed=11, late=True, slope_sd=slope_sd)
    study, everybody = study_of(6, "combat"), fit_on_everybody(80)
    names = list(study.markers)
    found = learn_batches(marker_batches(study, rows, people, names), [everybody], rows["time"].to_numpy(), 3.0)
    slopes, spreads, raw = [], [], []
    for data in GrowthInputs(study, rows, people, None, found.parameters).markers():
        fit = GrowthFit.from_batch(fit_batch(data.growth, data.everybody()), 0)
        slopes.append(fit.beta["time"])
        spreads.append(np.sqrt(fit.estimates.covariance[0][1, 1]))
        plain = marker_data(growth_model(study), data.marker, rows, people, 3.0)
        raw.append(GrowthFit.from_batch(fit_batch(plain.growth, plain.everybody()), 0).beta["time"])
    assert np.mean(raw) > 0.65
    assert np.mean(slopes) == pytest.approx(0.3, abs=0.1)
    assert np.mean(spreads) == pytest.approx(slope_sd, abs=0.1)


def test_the_check_says_that_the_batch_is_gone_and_the_outcome_is_not(made: Made):
    rows, people = cohort_of(80, 6, seed=5)
    risk = rows.groupby("patient")["m0"].last() - rows.groupby("patient")["scanner"].last().map(SHIFT)
    people["outcome"] = (risk > risk.median()).to_numpy(dtype=float)
    other = Made(study_of(6, "combat"), rows, people, make_folds(people, FoldPlan(2, 1, 2, 1, seed=1)))
    found = other.learn().parameters
    table = tables.check(batch_check(other.study, rows, people, other.folds, found), "outcome/batch_check")
    batches = table[table["asked"] == "batch"].set_index("batch")
    assert (batches.loc[["B", "C"], "before"] > 0.85).all() and batches["after"].between(0.3, 0.6).all()
    assert (batches["held_out"] == 400).all()
    outcome = table[table["asked"] == "outcome"].iloc[0]
    assert outcome["after"] > outcome["before"] + 0.03 and outcome["after"] > 0.75 and outcome["held_out"] == 80
    for name in ("before", "after", "change"):
        assert (table[f"{name}_low"] < table[name]).all() and (table[name] < table[f"{name}_high"]).all()
    assert (batches["after_low"] < 0.52).all() and (batches.loc[["B", "C"], "before_low"] > 0.75).all()
    np.testing.assert_allclose(table["change"], table["after"] - table["before"], atol=1e-12)
    assert outcome["change_high"] - outcome["change_low"] < outcome["after_high"] - outcome["before_low"], "paired"


@pytest.mark.parametrize("method", ["fixed", "combat"])
def test_a_shipped_model_scores_patients_as_the_cohort_was_scored(made: Made, learned: LearnedBatches, method: str):
    """New patients' batch effects are those of the model: its own patients, read anew, have the same scores."""
    study = study_of(4, method)
    inputs = GrowthInputs(study, made.rows, made.people, None, learned.parameters if method == "combat" else None)
    (data,) = inputs.markers(["m1"])
    content = {**_growth(study, data, 4), "unit": "", "values": None}
    everybody = np.arange(len(data.patients))
    expected = score(data, fit_batch(data.growth, data.everybody()), 0 * everybody, everybody)
    shipped = _marker("m1", content)
    assert (shipped.batch is None) == (method == "fixed")
    own = marker_rows(shipped, made.rows, made.people, 3.0, held(study, ["A", "B", "C"]))
    np.testing.assert_allclose(scores(own)[list(SCORES)], expected[list(SCORES)], rtol=1e-6, atol=1e-8)
