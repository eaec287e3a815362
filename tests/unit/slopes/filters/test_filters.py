"""Filters learn from training patients alone: nothing of a held-out patient changes what is left out of its fold."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, spearmanr

from slopewise.folds import EVERYBODY, FoldPlan, TrainingFit, fits, make_folds
from slopewise.growth.fitting import fit_batch
from slopewise.kernels.agreement import intraclass
from slopewise.slopes.crossfit import cross_fit
from slopewise.slopes.filters import study as of_study
from slopewise.slopes.filters.learn import Filtered, learn_filters
from slopewise.slopes.filters.redundancy import clusters, medoids, rank_correlation
from slopewise.slopes.filters.steps import FILTERS, duplicates, missing_often, near_constant, varying_slopes
from slopewise.slopes.filters.study import filtered_markers
from slopewise.slopes.filters.training import Training, slope_tests, trainings
from slopewise.slopes.inputs import GrowthInputs
from slopewise.study.keys_of_many import Filters
from slopewise.study.reading import parse_study

NAMES = ("sloped", "mate", "flat", "twin", "sparse", "dull")
STUDY = f"""
study: filtered
seed: 1
data: {{measurements: m.csv, patient: id, time: t, time_unit: years, analysis_unit: years}}
markers: {{{", ".join(f"{name}: {{column: {name}}}" for name in NAMES)}}}
filters:
  {{constant: 0.55, missing: 0.3, duplicates: true, redundant: 0.8, reliability: 0.9, q_value: 0.1,
  icc: 0.5, icc_table: icc.csv}}
landmark: 3
outcome: {{kind: binary, column: y, positive: "1", after_measurements: true}}
crossfit: {{folds: 2, repeats: 1}}
validation: {{folds: 3, repeats: 1}}
"""
AGREEMENT = pd.DataFrame({"marker": NAMES, "ci_low": 0.9})
"""As ``cohort/agreement``; from other patients, so that it is outside the folds by itself."""
FOLD = 1
"""The outer fold whose patients are altered."""


@dataclass(frozen=True, eq=False)
class Made:
    rows: pd.DataFrame
    patients: pd.DataFrame
    folds: pd.DataFrame

    @cache  # noqa: B019  seven in all
    def tables(self) -> tuple[pd.DataFrame, ...]:
        """Arguments of `filtered_markers` after the study, scores and models made anew from the rows."""
        plan = self.plan
        inputs = GrowthInputs(study(), self.rows, self.patients, None)
        scored = [cross_fit(data, plan) for data in inputs.markers()]
        crossfit, ledger = (pd.concat([one[place] for one in scored]) for place in (0, 1))
        return self.rows, self.patients, self.folds, crossfit, ledger, AGREEMENT

    @property
    def plan(self) -> list[TrainingFit]:
        return list(fits(self.folds, sorted(self.patients["patient"])))

    @cache  # noqa: B019
    def altered(self, marker: str) -> "Made":
        """Other values of a marker in the rows of the patients of the outer fold `FOLD`, and in no others."""
        own = self.folds.query("scheme == 'validation' and held_out == 0 and fold == @FOLD")["patient"]
        held_out = self.rows["patient"].isin(own)
        values = {
            "sparse": pd.Series(1.0 + np.arange(len(self.rows)) % 7, index=self.rows.index),
            "dull": self.rows["flat"],
            "twin": self.rows["flat"] + 1.0,
            "mate": 20.0 * self.rows["flat"],
            "sloped": 0.0 * self.rows["flat"] + self.rows["time"].rank(),
            "flat": self.rows["flat"] + 6.0 * self.rows["time"] * (self.rows["patient"].str[1:].astype(int) % 2),
        }[marker]
        rows = self.rows.copy()
        rows.loc[held_out, marker] = values[held_out]
        if marker == "flat":  # its twin stays its twin, so that the slope alone is what changes
            rows.loc[held_out, "twin"] = values[held_out]
        return replace(self, rows=rows)


def study():
    return parse_study(STUDY.encode(), "study.yaml")


@pytest.fixture(scope="module")
def made() -> Made:
    rng = np.random.default_rng(4)
    n, visits = 48, 5
    names = np.array([f"p{i:02d}" for i in range(n)], dtype=object)
    owner = np.repeat(np.arange(n), visits)
    time = np.round(np.tile(np.arange(visits) * 0.6, n) + rng.uniform(0, 0.3, n * visits), 3)
    level, slope = rng.normal(size=n), rng.normal(size=n)
    sloped = level[owner] + slope[owner] * time + 0.3 * rng.normal(size=len(owner))
    flat = rng.normal(size=n)[owner] + 0.5 * rng.normal(size=len(owner))
    # Of the rows of every patient 1 of 5 lacks `sparse`, of those of fold FOLD nearly all: too many of the whole.
    patients = pd.DataFrame({"patient": names, "outcome": (np.arange(n) % 2).astype(float)})
    folds = make_folds(patients, FoldPlan(2, 1, 3, 1, seed=1))
    assigned = folds.query("scheme == 'validation' and held_out == 0").set_index("patient")["fold"]
    in_fold = (assigned.reindex(names).to_numpy() == FOLD)[owner]
    place = np.tile(np.arange(visits), n)
    sparse = np.where((place == 4) | (in_fold & (place > 0)), np.nan, rng.normal(size=len(owner)))
    dull = np.where((place < 2) | in_fold, 3.0, rng.normal(size=len(owner)))
    rows = pd.DataFrame(
        {
            "patient": names[owner], "time": time, "sloped": sloped,
            "mate": 2.0 * sloped + 0.1 * rng.normal(size=len(owner)), "flat": flat, "twin": flat,
            "sparse": sparse, "dull": dull,
        }
    )  # fmt: skip
    return Made(rows, patients, folds)


@pytest.fixture(scope="module")
def filtered(made: Made) -> Filtered:
    return filtered_markers(study(), *made.tables())


def of_fold(found: Filtered, fold: int) -> list[pd.DataFrame]:
    """The tables of what one outer fold's training patients taught."""
    keys = f"scheme == 'validation' and held_out == {fold}"
    return [table.query(keys).reset_index(drop=True) for table in (found.filters, found.filter_survival)]


def test_each_filter_leaves_out_what_it_is_for(filtered: Filtered):
    own = of_fold(filtered, FOLD)[0].set_index("marker")
    # The training patients of FOLD have few gaps and few threes: both markers stay there, and on everybody they do not.
    assert {"sparse", "dull"}.isdisjoint(own.query("withholds == 'marker'").index)
    everybody = filtered.filters.query("scheme == 'crossfit'").set_index("marker")
    assert everybody.loc["sparse", ["step", "withholds"]].tolist() == ["missing", "marker"]
    assert everybody.loc["dull", "step"] == "near_constant"
    assert everybody.loc["twin", ["step", "stand_in"]].tolist() == ["duplicates", "flat"]
    assert set(everybody.query("step == 'redundant'").index) in ({"mate"}, {"sloped"})
    assert everybody.loc["flat", "withholds"] == "slope"
    assert "slope" not in everybody.reindex(["sloped", "mate"])["withholds"].tolist()


def test_survivors_are_counted_and_every_set_is_clean(filtered: Filtered):
    table = filtered.filter_survival
    assert len(table) == 4 * len(FILTERS) and (table["verdict"] == "clean").all()
    for _, own in table.groupby(["scheme", "held_out"], sort=False):
        assert own["before"].iloc[0] == len(NAMES) and own["after"].tolist()[:-1] == own["before"].tolist()[1:]
        assert own["step"].tolist() == [one.name for one in FILTERS]
    stability = filtered.filter_stability.query("scheme == 'validation'").set_index("step")
    assert (stability["training_sets"] == 3).all() and stability["nogueira"].dropna().between(-1, 1).all()


@pytest.mark.parametrize("marker", NAMES)
def test_altering_held_out_patients_changes_nothing_that_their_fold_learns(made: Made, filtered: Filtered, marker: str):
    other = filtered_markers(study(), *made.altered(marker).tables())
    for before, after in zip(of_fold(filtered, FOLD), of_fold(other, FOLD), strict=True):
        pd.testing.assert_frame_equal(before, after)


def leaking(markers, measurements, plan: Sequence[TrainingFit], patients, *others):
    """`trainings` with a mistake planted: every set has everybody's rows, scores and tests."""
    (everybody,) = [one for one in trainings(markers, measurements, plan, patients, *others) if
                    one.key == EVERYBODY]  # fmt: skip
    for fit in plan:
        if fit.fold == 0:
            yield replace(everybody, key=(fit.scheme, fit.repeat, fit.held_out))


def test_filters_outside_the_folds_are_caught(made: Made, filtered: Filtered, monkeypatch: pytest.MonkeyPatch):
    """The audit says so, and what the fold learns does change with the patients whom it holds out."""
    monkeypatch.setattr(of_study, "trainings", leaking)
    caught: set[str] = set()
    leaky = filtered_markers(study(), *made.tables())
    survival = leaky.filter_survival
    assert (survival.query("scheme == 'validation'")["verdict"] == "leak").all()
    assert (survival.query("scheme == 'validation'")["shared_patients"] > 0).all()
    assert (survival.query("scheme == 'crossfit'")["verdict"] == "clean").all()
    for marker in NAMES:
        other = filtered_markers(study(), *made.altered(marker).tables())
        before, after = of_fold(leaky, FOLD)[0], of_fold(other, FOLD)[0]
        changed = pd.concat([before, after]).drop_duplicates(keep=False)
        caught |= set(changed["step"])
    # `slope_test` has nothing left to say here; the next test plants each filter alone.
    assert caught >= {one.name for one in FILTERS} - {"slope_test", "agreement"}


def agreement_of_visits(everybody: Training) -> Training:
    """The mistake of taking the patients' first two visits for repeated scans."""
    firsts = np.array([np.flatnonzero(everybody.owner == place)[:2] for place in range(len(everybody.patients))])
    pairs = (everybody.values[firsts, marker] for marker in range(len(everybody.markers)))
    low = [intraclass(own[~np.isnan(own).any(axis=1)], True)[1] for own in pairs]
    return replace(everybody, agreement=np.array(low))


@pytest.mark.parametrize("step", [one.name for one in FILTERS])
def test_one_filter_outside_the_folds_is_caught(made: Made, step: str, monkeypatch: pytest.MonkeyPatch):
    """Each filter alone, learned on everybody: some alteration of held-out patients changes its fold.

    Repeated scans are of other patients, and `agreement` cannot change: there the mistake is to take visits for them.
    """
    (planted,) = [one for one in FILTERS if one.name == step]
    whole: dict[int, Training] = {}

    def outside(training, left, threshold):
        everybody = agreement_of_visits(whole[0]) if step == "agreement" else whole[0]
        return planted.learn(everybody, left, threshold)

    def learned(*tables):
        whole[0] = next(iter(of_study.training_sets(study(), *tables)))
        assert whole[0].key == EVERYBODY
        return of_fold(filtered_markers(study(), *tables), FOLD)[0]

    places = tuple(replace(one, learn=outside) if one.name == step else one for one in FILTERS)
    monkeypatch.setattr("slopewise.slopes.filters.learn.FILTERS", places)
    before = learned(*made.tables())
    assert any(not before.equals(learned(*made.altered(marker).tables())) for marker in NAMES)


def training(values: np.ndarray, **others: object) -> Training:
    """A set of ten patients with a row each."""
    n, m = values.shape
    known = {"level": values, "reliability": np.ones(m), "p_value": np.zeros(m), "agreement": np.ones(m)} | others
    names, markers = tuple(f"p{i}" for i in range(n)), tuple(f"m{j}" for j in range(m))
    return Training(EVERYBODY, names, markers, values, np.arange(n), np.zeros(n), **known)


def test_shares_are_of_rows_with_a_value_and_of_all_rows():
    values = np.array([[1.0, 1, 1], [1, 2, np.nan], [1, 3, np.nan], [2, 4, np.nan]])
    left = np.arange(3)
    assert near_constant(training(values), left, 0.75).statistic.tolist() == [0.75, 0.25, 1.0]
    assert near_constant(training(values), left, 0.75).kept.tolist() == [True, True, False]
    assert missing_often(training(values), left, 0.5).statistic.tolist() == [0, 0, 0.75]


def test_markers_that_are_not_reproduced_are_left_out_as_are_those_without_an_icc(made: Made):
    low = AGREEMENT.assign(ci_low=[0.9, 0.4, np.nan, 0.5, 0.9, 0.9])
    found = filtered_markers(study(), *made.tables()[:-1], low.query("marker != 'sloped'")).filters
    for _, own in found.query("step == 'agreement'").groupby(["scheme", "held_out"]):
        assert {"sloped", "mate", "flat"} >= set(own["marker"]) >= {"sloped", "mate"}
        assert (own["withholds"] == "marker").all() and (own["threshold"] == 0.5).all()


def test_duplicates_keep_the_first_of_those_that_are_left():
    values = np.array([[1.0, 5, 1, 5], [2, 6, 2, 6], [-0.0, 7, 0.0, 7.1]])
    found = duplicates(training(values), np.array([1, 2, 0, 3]), 1.0)
    assert found.kept.tolist() == [True, True, False, True] and found.stand_in.tolist() == [1, 2, 2, 3]


def test_rank_correlation_is_scipy_s():
    values = np.random.default_rng(1).integers(0, 6, size=(30, 4)).astype(float)
    np.testing.assert_allclose(rank_correlation(values), spearmanr(values).statistic, atol=1e-11)
    values[:, 3] = 2.0
    assert rank_correlation(values)[3].tolist() == [0, 0, 0, 1]


def test_clusters_are_of_average_linkage_and_the_medoid_is_nearest_to_its_cluster():
    correlation = np.array([[1, 0.9, 0.8, 0], [0.9, 1, 0.95, 0], [0.8, 0.95, 1, 0.1], [0, 0, 0.1, 1]])
    label = clusters(correlation, 0.8)  # 1 and 2 join at 0.95, 0 with both at (0.9 + 0.8) / 2
    assert label[0] == label[1] == label[2] != label[3]
    assert medoids(correlation, label).tolist() == [1, 1, 1, 3]
    label = clusters(correlation, 0.86)
    assert label[1] == label[2] and len(set(label.tolist())) == 3
    assert clusters(np.ones((1, 1)), 0.9).tolist() == [1]


def test_q_values_are_over_the_markers_that_are_left():
    own = training(np.zeros((3, 4)), p_value=np.array([0.01, 0.04, 0.5, 0.03]))
    found = varying_slopes(own, np.array([0, 1, 3]), 0.04)
    np.testing.assert_allclose(found.statistic, [0.03, 0.04, 0.04])  # 3 p / rank, from the largest down
    assert varying_slopes(own, np.array([0, 1, 2, 3]), 0.04).kept.tolist() == [True, False, False, False]


def test_the_slope_test_is_the_mixture_of_two_fits(made: Made):
    plan = made.plan
    data = next(iter(GrowthInputs(study(), made.rows, made.patients, None).markers(["sloped"])))
    found = slope_tests(data, plan, cross_fit(data, plan)[1])
    (fit,) = [one for one in plan if (one.scheme, one.held_out, one.fold) == ("validation", 2, 0)]
    counts = np.array([fit.trained, fit.trained], dtype=np.int64)
    batch = fit_batch(data.trained_on, counts, ["correlated", "intercept"])
    ratio = batch.deviance[1] - batch.deviance[0]
    expected = 0.5 * (chi2.sf(ratio, 1) + chi2.sf(ratio, 2))
    assert found["validation", 1, 2] == pytest.approx(expected, rel=1e-6) and 0 < expected < 1e-3
    assert set(found) == {EVERYBODY, *(("validation", 1, fold) for fold in (1, 2, 3))}


def test_a_study_without_filters_has_empty_tables(made: Made):
    plain = study().model_copy(update={"filters": Filters()})
    found = filtered_markers(plain, *made.tables())
    assert [len(table) for table in vars(found).values()] == [0, 0, 0]
    assert not Filters().any and study().filters.any


def test_a_row_after_the_landmark_is_a_leak(made: Made):
    own = replace(training(np.ones((3, 1)), level=np.full((3, 1), np.nan)), time=np.array([1.0, 2.0, 3.5]))
    plan = [TrainingFit(*EVERYBODY, 0, np.ones(3, bool), np.ones(3, bool))]
    found = learn_filters([own], Filters(missing=0.5), plan, own.patients, 3.0).filter_survival
    assert found[["patients", "rows_after_landmark", "verdict"]].to_numpy().tolist() == [[3, 1, "leak"]]
