"""Folds hold patients, are balanced by event, and the audit goes red when something leaks."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slopewise.folds import FoldPlan, TrainingFit, assign, audit, centres_of, fits, make_folds
from slopewise.outcome.predictors import StratumCoding
from slopewise.run.errors import InputError
from slopewise.run.seeds import generator
from slopewise.tables import files as tables

PLAN = FoldPlan(crossfit_folds=3, crossfit_repeats=2, validation_folds=4, validation_repeats=2, seed=11)


def cohort(patients: int, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"patient": [f"p{i:03d}" for i in range(patients)], "event": rng.integers(0, 2, patients)})


@given(st.integers(2, 8), st.lists(st.integers(0, 2), min_size=8, max_size=60), st.integers(0, 5))
def test_every_fold_has_its_share_of_every_stratum(folds, strata, seed):
    labels = np.array(strata)
    fold = assign(labels, folds, np.random.default_rng(seed))
    assert set(fold) <= set(range(1, folds + 1))
    for group in [labels == stratum for stratum in set(strata)] + [labels >= 0]:
        sizes = np.bincount(fold[group], minlength=folds + 1)[1:]
        assert sizes.max() - sizes.min() <= 1


def test_the_table_is_that_of_the_contract_and_complete():
    patients = cohort(40)
    table = tables.check(make_folds(patients, PLAN), "folds")
    crossfit = table[table.scheme == "crossfit"]
    assert set(crossfit.held_out) == {0} and set(crossfit.repeat) == {1, 2} and set(crossfit.fold) == {1, 2, 3}
    assert crossfit.groupby("repeat").patient.nunique().tolist() == [40, 40]
    validation = table[table.scheme == "validation"]
    for repeat in (1, 2):
        part = validation[validation.repeat == repeat]
        outer = part[part.held_out == 0].set_index("patient").fold
        assert set(outer) == {1, 2, 3, 4} and len(outer) == 40
        for k in (1, 2, 3, 4):
            inner = part[part.held_out == k]
            assert set(inner.patient) == set(outer[outer != k].index)
            assert set(inner.fold) == {1, 2, 3}


def test_inner_folds_are_not_the_outer_ones_again():
    table = make_folds(cohort(60), PLAN)
    part = table[(table.scheme == "validation") & (table.repeat == 1)]
    outer = part[part.held_out == 0].set_index("patient").fold
    inner = part[part.held_out == 1].set_index("patient").fold
    together = pd.crosstab(outer[inner.index], inner)
    assert (together > 0).all().all()


def test_the_order_of_patients_does_not_matter_but_the_seed_does():
    patients = cohort(40)
    table = tables.check(make_folds(patients, PLAN), "folds")
    shuffled = tables.check(make_folds(patients.sample(frac=1, random_state=1), PLAN), "folds")
    assert table.equals(shuffled)
    other = tables.check(make_folds(patients, FoldPlan(3, 2, 4, 2, seed=12)), "folds")
    assert not table.equals(other)


def test_patients_renamed_in_the_same_order_keep_their_folds():
    patients = cohort(40)
    renamed = patients.assign(patient=[f"zz-{i:05d}" for i in range(40)])
    assert make_folds(patients, PLAN).fold.equals(make_folds(renamed, PLAN).fold)


def test_too_few_patients_are_refused_with_the_way_out():
    with pytest.raises(InputError, match=r"6 patients at risk are too few .* Lower the number of folds"):
        make_folds(cohort(6), PLAN)


def test_no_fit_but_the_one_on_everybody_scores_whom_it_saw():
    patients = cohort(40)
    planned = list(fits(make_folds(patients, PLAN), list(patients.patient)))
    assert len(planned) == 1 + 2 * 3 + 2 * 4 * (1 + 3)
    assert [fit.repeat for fit in planned if fit.in_sample] == [0]
    for fit in planned[1:]:
        if fit.scheme == "crossfit" or fit.fold > 0:
            assert fit.scored.sum() > 0
        if fit.scheme == "validation" and fit.fold > 0:
            outer = next(f for f in planned if f.held_out == fit.held_out and f.repeat == fit.repeat and f.fold == 0)
            assert not (fit.trained & outer.scored).any() and not (fit.scored & outer.scored).any()
            assert ((fit.trained | fit.scored) == outer.trained).all()


class Audited:
    """A cohort whose fits are exactly as they should be, to plant leaks into."""

    def __init__(self) -> None:
        self.patients = cohort(40)
        rng = generator(1, "audit")
        visits = [(p, t) for p in self.patients.patient for t in np.sort(rng.uniform(0, 2, 3))]
        self.measurements = pd.DataFrame(visits, columns=["patient", "time"]).assign(marker=1.0)
        self.folds = make_folds(self.patients, PLAN)
        names = list(self.patients.patient)
        self.scores = pd.concat([self.lines(fit, names) for fit in fits(self.folds, names)], ignore_index=True)
        self.ledger = pd.DataFrame(
            [
                ("marker", f.scheme, f.repeat, f.held_out, f.fold, f.trained.sum(), 3 * f.trained.sum())
                for f in fits(self.folds, names)
            ],
            columns=["marker", "scheme", "repeat", "held_out", "fold", "patients", "rows"],
        )

    @staticmethod
    def lines(fit: TrainingFit, names: list[str]) -> pd.DataFrame:
        scored = [name for name, member in zip(names, fit.scored, strict=True) if member]
        keys = {"scheme": fit.scheme, "repeat": fit.repeat, "held_out": fit.held_out, "fold": fit.fold}
        return pd.DataFrame({"patient": scored}).assign(**keys)

    def verdicts(self) -> pd.Series:
        table = audit(self.folds, self.measurements, ["marker"], self.scores, self.ledger, 2.0)
        return tables.check(table, "slopes/leakage_audit").verdict


def test_a_clean_run_is_clean():
    verdicts = Audited().verdicts()
    assert len(verdicts) == 2 * 3 + 2 * 4 * (1 + 3)
    assert set(verdicts) == {"clean"}


def test_a_row_after_the_landmark_goes_red():
    audited = Audited()
    audited.measurements.loc[0, "time"] = 2.5
    assert "leak" in set(audited.verdicts())


def test_a_test_patient_among_the_fitted_goes_red():
    audited = Audited()
    trained = next(f for f in fits(audited.folds, list(audited.patients.patient)) if f.scheme == "validation")
    name = audited.patients.patient[int(np.flatnonzero(trained.trained)[0])]
    keys = {"scheme": trained.scheme, "repeat": trained.repeat, "held_out": trained.held_out, "fold": trained.fold}
    audited.scores = pd.concat([audited.scores, pd.DataFrame({"patient": [name]}).assign(**keys)])
    assert (audited.verdicts() == "leak").sum() == 1


def test_a_model_that_was_given_one_patient_more_goes_red():
    audited = Audited()
    audited.ledger.loc[5, ["patients", "rows"]] += [1, 3]
    assert (audited.verdicts() == "leak").sum() == 1


def test_centres_of_long_numbers_stay_apart():
    cohort = pd.DataFrame({"site": [1000001.0, 1000002.0, 12.0, 0.1]})
    assert centres_of(cohort, "site").tolist() == ["1000001", "1000002", "12", "0.1"]
    assert StratumCoding.learn(cohort, ["site"]).levels == ("0.1", "1000001", "1000002", "12")
