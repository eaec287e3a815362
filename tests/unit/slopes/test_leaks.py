"""Each way in which a test patient or the future can reach a model, planted, and the check that goes red.

The audit reads who was fitted, who was scored and on how many rows. A leak that leaves those numbers alone is found on
parameters: what was learned without a patient must not move, to the last bit, when that patient's data do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slopewise.cohort import Cohort, prepare_cohort
from slopewise.folds import CENTRE, CROSSFIT, VALIDATION, FoldPlan, TrainingFit, audit, fits, make_folds
from slopewise.growth.fit import GrowthFit
from slopewise.growth.fitting import fit_batch
from slopewise.outcome.fit import LadderFit, fit_ladder, fit_outcome
from slopewise.outcome.penalised import PenalisedData
from slopewise.slopes.crossfit import cross_fit
from slopewise.slopes.facts import facts, published
from slopewise.slopes.marker import MarkerData, growth_model, marker_data
from slopewise.study.model import Study
from slopewise.study.reading import load_study
from slopewise.tables import files as tables
from slopewise.validate import nested as nested_module
from slopewise.validate.nested import nested
from slopewise.validate.performance import performance
from tests.conftest import ROOT
from tests.unit.outcome.ladder_tables import STUDY, Tables, simulate
from tests.workflow.running import pbc_part

Plant = Callable[[list[TrainingFit]], list[TrainingFit]]


@dataclass(frozen=True)
class StageOne:
    """Stage 1 of a small study: who is fitted can be changed by a plant, whose rows by other measurements."""

    study: Study
    cohort: Cohort
    folds: pd.DataFrame

    def run(self, plant: Plant = list, rows: pd.DataFrame | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Scores and ledger of all markers, fitted on `rows` (the cohort's where none are given)."""
        measurements = self.cohort.measurements if rows is None else rows
        patients = self.cohort.patients
        plan = plant(list(fits(self.folds, sorted(patients["patient"]))))
        found = [
            cross_fit(
                marker_data(growth_model(self.study), name, measurements, patients, self.study.landmark_time), plan
            )
            for name in self.study.markers
        ]
        return pd.concat(own for own, _, _ in found), pd.concat(own for _, own, _ in found)

    def verdicts(self, scores: pd.DataFrame, ledger: pd.DataFrame) -> pd.Series:
        """The audit's verdict on each fit."""
        found = audit(
            self.folds, self.cohort.measurements, list(self.study.markers), scores, ledger, self.study.landmark_time
        )
        table = tables.check(found, "slopes/leakage_audit")
        return table.set_index(["scheme", "repeat", "held_out", "fold"])["verdict"]


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> StageOne:
    folder = tmp_path_factory.mktemp("leaks")
    study = load_study(pbc_part().write(folder))
    cohort = prepare_cohort(study, folder)
    return StageOne(study, cohort, make_folds(cohort.patients, FoldPlan(3, 1, 3, 1, study.seed)))


def test_the_honest_run_is_clean(one: StageOne):
    assert set(one.verdicts(*one.run())) == {"clean"}


def test_later_rows_in_a_fit_go_red(one: StageOne):
    both = pd.concat([one.cohort.measurements, one.cohort.later])
    scores, ledger = one.run(rows=both)
    assert set(one.verdicts(scores, ledger)) == {"leak"}


def everybody_trains(plan: list[TrainingFit]) -> list[TrainingFit]:
    """In-sample: the patients who are scored train too."""
    return [replace(fit, trained=fit.trained | fit.scored) for fit in plan]


def outer_folds_reused(plan: list[TrainingFit]) -> list[TrainingFit]:
    """The training slopes come from fits that leave out an inner fold but not the outer one."""
    return [replace(fit, trained=~fit.scored) if fit.scheme == VALIDATION and fit.fold else fit for fit in plan]


def scored_by_the_outer_fit(plan: list[TrainingFit]) -> list[TrainingFit]:
    """Training slopes are in-sample, test slopes are not: what a peer did."""
    outer = {(fit.repeat, fit.held_out): fit.trained for fit in plan if fit.scheme == VALIDATION and fit.fold == 0}
    return [
        replace(fit, trained=outer[fit.repeat, fit.held_out]) if fit.scheme == VALIDATION and fit.fold else fit
        for fit in plan
    ]


@pytest.mark.parametrize(
    ("plant", "guilty"),
    [
        (everybody_trains, lambda key: True),
        (outer_folds_reused, lambda key: key[0] == VALIDATION and key[3] > 0),
        (scored_by_the_outer_fit, lambda key: key[0] == VALIDATION and key[3] > 0),
    ],
)
def test_test_patients_in_a_fit_go_red_and_no_other_fit_does(
    one: StageOne, plant: Plant, guilty: Callable[[tuple[str, int, int, int]], bool]
):
    verdicts = one.verdicts(*one.run(plant))
    assert dict(verdicts) == {key: "leak" if guilty(key) else "clean" for key in verdicts.index}


def test_scores_from_another_fold_table_go_red(one: StageOne):
    other = StageOne(one.study, one.cohort, make_folds(one.cohort.patients, FoldPlan(3, 1, 3, 1, one.study.seed + 1)))
    assert "leak" in set(one.verdicts(*other.run()))


# -- Rows after the landmark of those who train (growth.rows: all) -----------------------------------------------------


@pytest.fixture(scope="module")
def both(one: StageOne) -> dict[str, tuple[MarkerData, pd.DataFrame, pd.DataFrame]]:
    """Every marker with fits that learn from later rows: data, scores, ledger."""
    return {name: with_later(one, name, one.cohort.later) for name in one.study.markers}


def with_later(one: StageOne, name: str, later: pd.DataFrame) -> tuple[MarkerData, pd.DataFrame, pd.DataFrame]:
    data = marker_data(
        growth_model(one.study), name, one.cohort.measurements, one.cohort.patients, one.study.landmark_time, later
    )
    scores, ledger, _ = cross_fit(data, list(fits(one.folds, sorted(one.cohort.patients["patient"]))))
    return data, scores, ledger


def test_later_rows_of_those_who_train_change_the_fits_and_are_audited(one: StageOne, both):
    scores, ledger = (pd.concat(part[place] for part in both.values()) for place in (1, 2))
    plain, plain_ledger = one.run()
    assert ledger["rows"].sum() > plain_ledger["rows"].sum()
    assert not np.allclose(scores["slope"], plain["slope"])
    arguments = (one.folds, one.cohort.measurements, list(one.study.markers), scores, ledger, one.study.landmark_time)
    allowed = audit(*arguments, later=one.cohort.later)
    assert set(allowed["verdict"]) == {"clean"} and (allowed["latest_time_fitted"] > one.study.landmark_time).all()
    assert (allowed["rows_after_landmark"] == 0).all()
    assert set(audit(*arguments)["verdict"]) == {"leak"}  # where the study does not allow them


def test_a_patients_own_later_rows_reach_no_score_of_the_patient(one: StageOne, both):
    for who in sorted(set(one.cohort.later["patient"]))[:4]:
        later = one.cohort.later.copy()
        own = later["patient"] == who
        for name in one.study.markers:
            later.loc[own, name] += np.linspace(1.0, 3.0, int(own.sum()))
        moved = 0
        for name, (_, before, _) in both.items():
            after = with_later(one, name, later)[1]
            honest = (before["patient"] == who) & ~((before["scheme"] == CROSSFIT) & (before["fold"] == 0))
            columns = ["intercept", "level", "level_se", "slope", "slope_se", "reliability"]
            mine = before.loc[honest, columns].to_numpy()
            assert np.array_equal(mine, after.loc[honest, columns].to_numpy())
            moved += int((before.loc[~honest, "slope"] != after.loc[~honest, "slope"]).sum())
        assert moved > 0  # the others' do


def test_scores_rest_on_rows_up_to_the_landmark(one: StageOne, both):
    for name, (data, scores, _) in both.items():
        seen = one.cohort.measurements.groupby("patient")[name].count().reindex(data.patients)
        assert (data.growth.n_rows == seen.to_numpy()).all() and data.trained_on.n_rows.sum() > data.growth.n_rows.sum()
        batch = fit_batch(data.trained_on, data.everybody())
        known, rows = GrowthFit.from_batch(batch, 0), one.cohort.measurements
        people = one.cohort.patients.drop(columns=[c for c in one.cohort.patients if c in rows and c != "patient"])
        effects = known.random_effects(rows.merge(people, on="patient")).set_index("patient")
        own = scores[(scores["scheme"] == CROSSFIT) & (scores["fold"] == 0)].set_index("patient")
        slope = known.fixed_effects.set_index("term").loc["time", "estimate"] + effects["time"]
        assert own["slope"].to_numpy() == pytest.approx(slope.reindex(own.index).to_numpy(), rel=1e-9, abs=1e-12)


# -- On parameters: what numbers of patients and rows cannot tell ------------------------------------------------------


def moved_fits(one: StageOne, plant: Plant, patient: str) -> set[tuple[str, int, int, int]]:
    """Fits that move although the fold table holds the patient out of them, when the patient's values change."""
    rows = one.cohort.measurements.copy()
    own = rows["patient"] == patient
    rows.loc[own, list(one.study.markers)] += np.linspace(1.0, 3.0, int(own.sum()))[:, None]
    keys = ["scheme", "repeat", "held_out", "fold"]
    before, after = (one.run(plant, changed)[1].groupby(keys)["deviance"].sum() for changed in (None, rows))
    names = sorted(one.cohort.patients["patient"])
    held_out = {
        (fit.scheme, fit.repeat, fit.held_out, fit.fold)
        for fit in fits(one.folds, names)
        if not fit.trained[names.index(patient)]
    }
    return {key for key in before.index[before != after] if key in held_out}


def test_a_test_patient_who_took_a_seat_in_the_fit_moves_its_parameters(one: StageOne):
    names = sorted(one.cohort.patients["patient"])
    rows = one.cohort.measurements.groupby("patient")[list(one.study.markers)].count().reindex(names).to_numpy()

    def swapped(plan: list[TrainingFit]) -> list[TrainingFit]:
        """One test patient for one training patient with as many rows: the audit's numbers stay as they were."""
        target = next(i for i, fit in enumerate(plan) if fit.scheme == CROSSFIT and fit.fold == 1)
        trained = plan[target].trained.copy()
        tested = int(np.flatnonzero(~trained)[0])
        twin = next(i for i in np.flatnonzero(trained) if (rows[i] == rows[tested]).all())
        trained[tested], trained[twin] = True, False
        return [replace(fit, trained=trained) if i == target else fit for i, fit in enumerate(plan)]

    first = next(fit for fit in fits(one.folds, names) if fit.scheme == CROSSFIT and fit.fold == 1)
    patient = names[int(np.flatnonzero(~first.trained)[0])]
    assert set(one.verdicts(*one.run(swapped))) == {"clean"}  # counting does not see it
    assert moved_fits(one, swapped, patient) == {(CROSSFIT, 1, 0, 1)}
    assert moved_fits(one, list, patient) == set()


Learner = Callable[..., LadderFit]


def scaled_on_all(*arguments, counts=None, **options) -> LadderFit:
    """Centre, scale and fill from everybody, coefficients from the training patients."""
    data, level, slope = arguments[:3]
    whole = fit_ladder(data, np.nan_to_num(level), np.nan_to_num(slope), *arguments[3:], **options)
    own = fit_ladder(*arguments, counts=counts, **options)
    models = {name: replace(model, recipe=whole.models[name].recipe) for name, model in own.models.items()}
    return replace(own, models=models)


def selected_on_all(*arguments, counts=None, **options) -> LadderFit:
    """Everybody's outcome tells which marker's slope to keep."""
    data, level, slope = arguments[:3]
    whole = fit_ladder(data, np.nan_to_num(level), np.nan_to_num(slope), *arguments[3:], **options)
    with np.errstate(all="ignore"):
        z = np.abs(np.nan_to_num(whole.estimate_unit / whole.se_unit))
    last = {marker: z[data.terms.index(("last", f"{marker}.last"))] for marker in data.markers}
    best = max(last, key=lambda marker: last[marker])
    flat = np.array([marker != best for marker in data.markers])
    return fit_ladder(*arguments, counts=counts, **{**options, "flat": flat})


def weighed_on_all(*arguments, counts=None, **options) -> LadderFit:
    """A shrinkage that everybody's outcome chose, test patients included, as a penalty chosen on all would be."""
    data, level, slope = arguments[:3]
    own = fit_ladder(*arguments, counts=counts, **options)
    whole = fit_ladder(data, np.nan_to_num(level), np.nan_to_num(slope), *arguments[3:], **options)
    models = {}
    for name, model in own.models.items():
        other = whole.models[name].cox
        size = float(np.abs(other.beta).sum() / max(np.abs(model.cox.beta).sum(), 1e-12))
        models[name] = replace(model, parts=(replace(model.cox, beta=model.cox.beta * size),))
    return replace(own, models=models)


def fitted_on_all(*arguments, counts=None, **options) -> LadderFit:
    """The outcome model trains on the test patients too."""
    data, level, slope = arguments[:3]
    return fit_ladder(data, np.nan_to_num(level), np.nan_to_num(slope), *arguments[3:], **options)


def touched(made: Tables, patients: Sequence[str]) -> set[str]:
    """Patients whose out-of-fold risk moves when others of their outer fold change age, outcome and scores."""
    moved: set[str] = set()
    outer = made.folds[
        (made.folds["scheme"] == VALIDATION) & (made.folds["held_out"] == 0) & (made.folds["repeat"] == 1)
    ]
    fold = outer.set_index("patient")["fold"]
    before = nested(*made.validation).predictions.query("repeat == 1").set_index("patient")
    for who in patients:
        people, slopes, crossfit = made.patients.copy(), made.slopes.copy(), made.crossfit.copy()
        people.loc[people["patient"] == who, ["age", "followup"]] = [95.0, 1.01]
        people.loc[people["patient"] == who, "event"] = 1
        slopes.loc[slopes["patient"] == who, ["first", "last"]] = 0.0
        slopes.loc[(slopes["patient"] == who) & (slopes["marker"] == "beta"), ["first", "last"]] = 30.0
        tested = (crossfit["patient"] == who) & (crossfit["scheme"] == VALIDATION) & (crossfit["fold"] == 0)
        crossfit.loc[tested, ["level", "slope"]] = 9.0
        changed = made.change(patients=people, slopes=slopes, crossfit=crossfit)
        after = nested(*changed.validation).predictions.query("repeat == 1").set_index("patient")
        peers = [name for name in fold.index[fold == fold[who]] if name != who]
        same = (before.loc[peers, "risk"].to_numpy() == after.loc[peers, "risk"].to_numpy()).reshape(len(peers), -1)
        moved |= {name for name, unmoved in zip(peers, same.all(axis=1), strict=True) if not unmoved}
    return moved


@pytest.mark.parametrize("leak", [scaled_on_all, selected_on_all, weighed_on_all, fitted_on_all])
def test_what_is_learned_on_all_patients_moves_with_a_test_patient(monkeypatch: pytest.MonkeyPatch, leak: Learner):
    made = simulate(seed=2, effect=0.0)  # both markers are noise, so that one patient may turn a choice
    some = list(made.patients["patient"][:6])
    assert touched(made, some) == set()
    monkeypatch.setattr(nested_module, "fit_ladder", leak)
    assert touched(made, some) != set()


def penalty_chosen_on_all(*arguments, counts=None, fold=None, **options) -> LadderFit:
    """Coefficients from the training patients under the penalty that everybody's outcome chose."""
    data, level, slope = arguments[:3]
    everywhere = np.where(fold > 0, fold, 1)  # test patients help to choose, in some fold
    whole = fit_ladder(data, np.nan_to_num(level), np.nan_to_num(slope), *arguments[3:], fold=everywhere, **options)
    chosen = [model.cox.penalty for model in whole.models.values() if model.cox.penalty is not None]
    given = iter(chosen)

    def as_given(problem: PenalisedData):
        penalty = next(given)
        beta, intercept, ended = problem.at(penalty.strength, np.zeros(len(problem.xt)), 0.0)
        return beta, intercept, penalty, ended

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(PenalisedData, "chosen", as_given)
        return fit_ladder(*arguments, counts=counts, fold=fold, **options)


def test_a_penalty_chosen_on_all_patients_moves_with_a_test_patient(monkeypatch: pytest.MonkeyPatch):
    text = STUDY.replace("penalty: none", "penalty: elastic_net").replace(
        "{folds: 4, repeats: 2,", "{folds: 2, repeats: 1,"
    )
    made = simulate(seed=4, n=80, text=text)
    some = list(made.patients["patient"][:3])
    assert touched(made, some) == set()
    monkeypatch.setattr(nested_module, "fit_ladder", penalty_chosen_on_all)
    assert touched(made, some) != set()


def test_a_centre_that_trains_the_model_it_is_tested_with_goes_red(one: StageOne):
    patients = one.cohort.patients.assign(hospital=[("a", "b", "c")[place % 3] for place in one.cohort.patients.index])
    folds = make_folds(patients, FoldPlan(3, 1, 3, 1, one.study.seed), "hospital")
    by_centre = StageOne(one.study, one.cohort, folds)
    assert set(by_centre.verdicts(*by_centre.run())) == {"clean"}

    def stays(plan: list[TrainingFit]) -> list[TrainingFit]:
        return [replace(fit, trained=fit.trained | fit.scored) if fit.scheme == CENTRE else fit for fit in plan]

    verdicts = by_centre.verdicts(*by_centre.run(stays))
    assert dict(verdicts) == {key: "leak" if key[0] == CENTRE else "clean" for key in verdicts.index}


# -- The leak that shows: the future in the slopes ---------------------------------------------------------------------


def validated_c(study: Study, cohort: Cohort, rows: pd.DataFrame, folds: pd.DataFrame) -> tuple[pd.Series, set[str]]:
    """Validated Harrell's C of each step with slopes from these rows, and the verdicts of the audit."""
    patients = tables.check(cohort.patients, "cohort/patients")
    plan = list(fits(folds, sorted(patients["patient"])))
    scores, ledgers, slopes = [], [], []
    for name in study.markers:
        own, ledger, _ = cross_fit(marker_data(growth_model(study), name, rows, patients, study.landmark_time), plan)
        logarithmic = study.markers[name].transform == "log"
        slopes.append(published(own, facts(cohort.measurements, patients, name, logarithmic)))
        scores.append(own)
        ledgers.append(ledger)
    crossfit, fitted, summary = pd.concat(scores), pd.concat(ledgers), pd.concat(slopes)
    found = audit(folds, cohort.measurements, list(study.markers), crossfit, fitted, study.landmark_time)
    apparent = fit_outcome(study, patients, summary, crossfit, fitted).apparent
    predictions = nested(study, patients, folds, summary, crossfit, fitted).predictions
    table = performance(study, patients, predictions, apparent).performance
    return table[table["metric"] == "c_harrell"].set_index("predictors")["validated"], set(found["verdict"])


def test_slopes_from_all_visits_read_too_high_and_the_audit_says_so():
    study = load_study(Path(ROOT / "config/studies/pbc.yaml"))
    study = study.model_copy(update={"validation": study.validation.model_copy(update={"bootstrap": 0})})
    cohort = prepare_cohort(study, ROOT)
    folds = make_folds(cohort.patients, FoldPlan(5, 1, 5, 5, study.seed))
    honest, clean = validated_c(study, cohort, cohort.measurements, folds)
    both = pd.concat([cohort.measurements, cohort.later], ignore_index=True)
    leaking, red = validated_c(study, cohort, both, folds)
    assert clean == {"clean"} and red == {"leak"}
    assert honest["slope"] == pytest.approx(0.823, abs=0.01)
    gap = leaking["slope"] - honest["slope"]
    print(
        f"validated C of the step slope: honest {honest['slope']:.4f}, all visits {leaking['slope']:.4f}, gap {gap:.4f}"
    )
    assert 0.03 < gap < 0.06
    assert leaking["last"] == honest["last"]  # what needs no model is untouched
