"""Elastic-net outcome models: against glmnet, scikit-survival and scikit-learn; where the penalty is chosen; noise."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from slopewise.kernels import losses as kernels
from slopewise.metrics.concordance import concordance
from slopewise.metrics.ipcw import StepCurve, ipc_weights
from slopewise.outcome import penalised as module_of_penalised
from slopewise.outcome.cox import CoxFit, risk_sets
from slopewise.outcome.fit import StepModel, fit_ladder, fit_outcome, ladder_data, scores_of
from slopewise.outcome.glm import GlmFit
from slopewise.outcome.ladder import LADDER
from slopewise.outcome.learners import is_penalised
from slopewise.outcome.penalised import LASSO_SHARE, PenalisedData, penalised_cox, penalised_glm
from slopewise.validate import nested as module_of_nested
from slopewise.validate.nested import nested, outer_folds
from tests.unit.outcome.ladder_tables import STUDY, simulate

PENALISED = STUDY.replace("penalty: none", "penalty: elastic_net")
AUTO = STUDY.replace("penalty: none", "penalty: auto")
TERMS = ["age", "male", "log_bilirubin", "albumin"]


@pytest.fixture(scope="module")
def cohort(golden):
    return pd.read_csv(golden / "outcome_cohort.csv", dtype={"patient": str})


def problem(cohort, model):
    x = cohort[TERMS].to_numpy()
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    n, once = len(x), np.ones(len(x))
    if not model.startswith("cox"):
        y = cohort["event"] if model == "logistic" else cohort["followup"] / cohort["followup"].std(ddof=0)
        kind = kernels.LOGISTIC if model == "logistic" else kernels.LINEAR
        nothing = np.zeros(n, dtype=np.int64)
        return PenalisedData(
            kind, np.zeros(n), y.to_numpy(dtype=float), nothing, once, nothing, np.ascontiguousarray(x.T)
        )
    strata = cohort["male"] if model == "cox_stratified" else None
    sets = risk_sets(cohort["coarse"], cohort["event"], strata=strata)
    weight = cohort["copies"].to_numpy(dtype=float)[sets.order] if model == "cox_weighted" else once
    xt = np.ascontiguousarray(x[sets.order].T)
    fold = np.zeros(n, dtype=np.int64)
    return PenalisedData(kernels.COX, sets.time, sets.event.astype(float), sets.stratum, weight, fold, xt)


@pytest.mark.parametrize("model", ["cox", "cox_stratified", "cox_weighted", "logistic", "linear"])
def test_coefficients_are_those_of_glmnet(cohort, golden, model):
    expected = pd.read_csv(golden / "penalty.csv").query("model == @model")
    for strength, rows in expected.groupby("lambda"):
        start = float(kernels.null_intercept.py_func(*problem_rows(problem(cohort, model))))
        beta, intercept, ended = problem(cohort, model).at(float(strength), np.zeros(4), start)
        values = rows.set_index("term")["value"]
        assert ended
        # glmnet's own search with strata stops earlier than its others.
        close = 4e-5 if model == "cox_stratified" else 2e-7
        assert beta == pytest.approx(values[TERMS].to_numpy(), abs=close)
        assert is_minimum(problem(cohort, model), beta, intercept, float(strength))
        if "(Intercept)" in values:
            assert intercept == pytest.approx(values["(Intercept)"], abs=2e-7)


def is_minimum(one, beta, intercept, strength):
    """The conditions of Karush, Kuhn and Tucker."""
    gradient, curvature = np.empty(one.xt.shape[1]), np.empty(one.xt.shape[1])
    eta = intercept + beta @ one.xt
    kernels.loss_of(one.kind, one.time, one.y, one.stratum, one.weight, eta, gradient, curvature)
    pull = one.xt @ gradient / one.weight.sum() - strength * (1 - LASSO_SHARE) * beta
    inside = beta != 0
    edge = strength * LASSO_SHARE
    return np.allclose(pull[inside], edge * np.sign(beta[inside]), atol=1e-9) and (abs(pull[~inside]) <= edge).all()


def grouped_minimum(one, beta, intercept, strength):
    """The conditions of Karush, Kuhn and Tucker under the grouped penalty: the largest violation."""
    gradient, curvature = np.empty(one.xt.shape[1]), np.empty(one.xt.shape[1])
    eta = intercept + beta @ one.xt
    kernels.loss_of(one.kind, one.time, one.y, one.stratum, one.weight, eta, gradient, curvature)
    pull = one.xt @ gradient / one.weight.sum() - strength * (1 - LASSO_SHARE) * beta
    worst = 0.0
    for label in np.unique(one.group):
        own = one.group == label
        edge, length = strength * LASSO_SHARE * np.sqrt(own.sum()), np.linalg.norm(beta[own])
        if length > 0:
            worst = max(worst, abs(pull[own] - edge * beta[own] / length).max())
        else:
            worst = max(worst, np.linalg.norm(pull[own]) - edge)
    return worst


def of_kind(kind, seed, n=120, k=60):
    x, followup, event, fold = many(seed, n, k)
    x[:, 1::3] = 0.9 * x[:, ::3] + 0.4 * x[:, 1::3]  # a group holds a correlated pair
    once, nothing = np.ones(n), np.zeros(n, dtype=np.int64)
    if kind == kernels.COX:
        sets = risk_sets(followup, event)
        order = sets.order
        return PenalisedData(
            kind, sets.time, sets.event.astype(float), sets.stratum, once, fold[order], x[order].T.copy()
        )
    y = event.astype(float) if kind == kernels.LOGISTIC else followup / followup.std()
    return PenalisedData(kind, np.zeros(n), y, nothing, once, fold, x.T.copy())


@pytest.mark.parametrize("kind", [kernels.COX, kernels.LOGISTIC, kernels.LINEAR])
def test_groups_enter_together_at_the_minimum(kind):
    one = replace(of_kind(kind, 11), group=np.arange(60) // 3)
    beta, intercept, penalty, ended = one.chosen()
    assert ended and penalty.grouped and 0 < penalty.kept < 60
    assert all(len(set(beta[own : own + 3] != 0)) == 1 for own in range(0, 60, 3))
    assert grouped_minimum(one, beta, intercept, penalty.strength) < 1e-8
    scattered = np.random.default_rng(0).permutation(60)  # a group's columns need not stand side by side
    other = replace(one, xt=one.xt[scattered], group=one.group[scattered])
    again, _, same, _ = other.chosen()
    assert same.strength == pytest.approx(penalty.strength) and again == pytest.approx(beta[scattered], abs=1e-7)


@pytest.mark.parametrize("kind", [kernels.COX, kernels.LOGISTIC, kernels.LINEAR])
def test_groups_of_one_are_the_elastic_net(kind):
    plain = of_kind(kind, 12)
    beta, intercept, _, _ = plain.chosen()
    again, other, _, _ = replace(plain, group=np.arange(60)).chosen()
    assert np.array_equal(beta, again) and intercept == other


@pytest.mark.parametrize("kind", [kernels.COX, kernels.LOGISTIC, kernels.LINEAR])
def test_the_path_ends_early_without_another_choice_and_leaves_out_nobody(kind, monkeypatch):
    for seed in range(4):
        one = of_kind(kind, seed, n=90, k=120)
        beta, intercept, penalty, _ = one.chosen()
        with monkeypatch.context() as patch:
            patch.setattr(module_of_penalised, "UNIMPROVED", 40)
            whole, _, other, _ = one.chosen()
        assert penalty.strength == other.strength and beta == pytest.approx(whole, abs=1e-9)
        if beta.any():
            assert is_minimum(one, beta, intercept, penalty.strength)  # no predictor that the rule left out would enter


def problem_rows(one):
    return one.kind, one.y, one.weight


def many(seed, n=120, k=150):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, k))
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    hazard = np.exp(x[:, 0] - 0.7 * x[:, 1])
    time, censored = rng.exponential(1 / hazard), rng.exponential(2.0, size=n)
    followup = np.ceil(10 * np.minimum(time, censored)) / 10
    return x, followup, time <= censored, rng.integers(1, 6, size=n)


def test_the_libraries_agree_when_predictors_are_many():
    from sklearn.linear_model import ElasticNet, LogisticRegression
    from sksurv.linear_model import CoxnetSurvivalAnalysis

    x, followup, event, fold = many(3)
    once, names = np.ones(len(x), dtype=np.int64), [f"x{i}" for i in range(x.shape[1])]
    cox = penalised_cox(x, once, fold, risk_sets(followup, event), (1.0,), names)
    outcome = np.array(list(zip(event, followup, strict=True)), dtype=[("event", bool), ("time", float)])
    library = CoxnetSurvivalAnalysis(l1_ratio=LASSO_SHARE, alphas=[cox.penalty.strength], tol=1e-14, max_iter=10**6)
    assert cox.beta == pytest.approx(library.fit(x, outcome).coef_[:, 0], abs=5e-7)
    assert 1 < cox.penalty.kept < 60 and np.isnan(cox.standard_errors).all()

    logistic = penalised_glm(x, event.astype(float), once, fold, "logit", names)
    reference = LogisticRegression(
        penalty="elasticnet", solver="saga", l1_ratio=LASSO_SHARE, C=1 / (len(x) * logistic.penalty.strength),
        tol=1e-9, max_iter=10**6,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # newer versions take the penalty from l1_ratio
        reference.fit(x, event)
    assert logistic.beta == pytest.approx(reference.coef_[0], abs=1e-6)

    linear = penalised_glm(x, followup, once, fold, "identity", names)
    straight = ElasticNet(alpha=linear.penalty.strength, l1_ratio=LASSO_SHARE, tol=1e-14, max_iter=10**6)
    unit = followup.std()
    assert linear.beta == pytest.approx(unit * straight.fit(x, followup / unit).coef_, abs=1e-8)
    assert linear.intercept == pytest.approx(unit * straight.intercept_, abs=1e-8)


def test_the_penalty_is_the_one_of_least_loss_of_the_folds():
    from sklearn.linear_model import ElasticNet

    x, followup, _, fold = many(4, k=6)
    found = penalised_glm(x, followup, np.ones(len(x), dtype=np.int64), fold, "identity", list("abcdef"))
    strengths, followup = found.penalty.largest * np.geomspace(1.0, 1e-3, 40), followup / followup.std()
    loss = np.zeros(len(strengths))
    for label in range(1, 6):
        inside, outside = fold != label, fold == label
        for place, strength in enumerate(strengths):
            model = ElasticNet(alpha=strength, l1_ratio=LASSO_SHARE, tol=1e-10).fit(x[inside], followup[inside])
            loss[place] += ((followup[outside] - model.predict(x[outside])) ** 2).sum()
    assert found.penalty.strength == strengths[loss.argmin()] and found.penalty.folds == 5


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_the_unit_of_a_continuous_outcome_does_not_matter(factor):
    x, followup, _, fold = many(4, k=6)
    once = np.ones(len(x), dtype=np.int64)
    plain = penalised_glm(x, followup, once, fold, "identity", list("abcdef"))
    other = penalised_glm(x, factor * followup, once, fold, "identity", list("abcdef"))
    assert other.beta / factor == pytest.approx(plain.beta, rel=1e-6, abs=1e-9)
    assert other.intercept / factor == pytest.approx(plain.intercept, rel=1e-9)
    assert other.penalty.strength == pytest.approx(plain.penalty.strength)


def test_a_model_with_all_coefficients_penalised_to_zero_has_none():
    rng, once = np.random.default_rng(0), np.ones(60, dtype=np.int64)
    x, fold = rng.normal(size=(60, 4)), np.arange(60) % 5 + 1
    time = rng.exponential(size=60)
    strata = (fold > 2).astype(np.int64)
    for event, codes in ((fold == 1, None), ((strata == 1) & (time < 1), strata)):
        found = penalised_cox(x, once, fold, risk_sets(time, event, strata=codes), (0.5,), list("abcd"))
        assert found.penalty.strength == found.penalty.largest, "chosen for this"
        assert not found.beta.any() and found.penalty.kept == 0 and found.message == ""
        assert np.ptp(found.linear_predictor(x)) == 0
    noise = penalised_glm(x, (fold == 1).astype(float), once, fold, "logit", list("abcd"))
    assert not noise.beta.any() and noise.intercept == pytest.approx(np.log(0.25))


def test_a_patient_who_counts_twice_is_two_rows():
    x, followup, event, fold = many(5, n=60, k=5)
    counts = np.random.default_rng(1).integers(0, 3, size=len(x))
    rows = np.repeat(np.arange(len(x)), counts)
    kept = counts > 0
    one = penalised_cox(x[kept], counts[kept], fold[kept], risk_sets(followup[kept], event[kept]), (1.0,), "abcde")
    twice = np.ones(len(rows), dtype=np.int64)
    other = penalised_cox(x[rows], twice, fold[rows], risk_sets(followup[rows], event[rows]), (1.0,), "abcde")
    assert one.penalty.strength == pytest.approx(other.penalty.strength, rel=1e-12)
    assert one.beta == pytest.approx(other.beta, abs=1e-9)
    assert one.baseline == pytest.approx(other.baseline, abs=1e-9)
    assert one.loglik == pytest.approx(other.loglik, rel=1e-9)


def test_the_hazard_is_breslows_and_a_model_comes_back_from_json():
    x, followup, event, fold = many(6, k=4)
    once = np.ones(len(x), dtype=np.int64)
    found = penalised_cox(x, once, fold, risk_sets(followup, event), (0.5, 1.5), list("abcd"))
    risk = np.exp(found.linear_predictor(x))
    for place, horizon in enumerate((0.5, 1.5)):
        times = followup[event & (followup <= horizon)]
        assert found.baseline[0, place] == pytest.approx(sum(1 / risk[followup >= t].sum() for t in times), rel=1e-10)
    again = CoxFit.from_dict(json.loads(json.dumps(found.to_dict())))
    assert np.array_equal(again.risk(x), found.risk(x)) and again.penalty == found.penalty
    linear = penalised_glm(x, followup, once, fold, "identity", list("abcd"))
    back = GlmFit.from_dict(json.loads(json.dumps(linear.to_dict())))
    assert np.array_equal(back.risk(x), linear.risk(x)) and back.penalty == linear.penalty


@pytest.mark.parametrize("kind", ["cox", "logistic"])
def test_a_net_ends_at_its_minimum_where_a_predictor_separates(kind):
    x, followup, event, fold = many(8, n=200, k=6)
    x[:, 0] = (event - event.mean()) / event.std(ddof=1)
    once, names = np.ones(len(x), dtype=np.int64), list("abcdef")
    if kind == "cox":
        sets = risk_sets(followup, event)
        found = penalised_cox(x, once, fold, sets, (1.0,), names)
        rows = (kernels.COX, sets.time, sets.event.astype(float), sets.stratum, once.astype(float), fold)
        one = PenalisedData(*rows, np.ascontiguousarray(x[sets.order].T))
    else:
        found = penalised_glm(x, event.astype(float), once, fold, "logit", names)
        nothing = np.zeros(len(x), dtype=np.int64)
        rows = (kernels.LOGISTIC, followup, event.astype(float), nothing, once.astype(float), fold)
        one = PenalisedData(*rows, np.ascontiguousarray(x.T))
    assert found.message.startswith("a: separates those with the event from the others;")
    assert "did not converge" not in found.message
    for share in (1e-3, 1e-2):  # 1.6% short of it in a hundred steps
        beta, intercept, ended = one.at(share * found.penalty.largest, np.zeros(6), 0.0)
        assert ended and is_minimum(one, beta, intercept, share * found.penalty.largest)


def test_a_predictor_that_separates_a_stratum_or_some_rows_alone_is_not_named():
    x, followup, event, fold = many(9, n=120, k=3)
    once, strata = np.ones(len(x), dtype=np.int64), (fold > 2).astype(np.int64)
    x[:, 0] = np.where(strata == 1, event, x[:, 0])
    sets = risk_sets(followup, event, strata=strata)
    assert "separates" not in penalised_cox(x, once, fold, sets, (1.0,), list("abc")).message
    assert "separates" not in penalised_glm(x, event.astype(float), once, fold, "logit", list("abc")).message
    x[:, 1] = -event.astype(float)  # in one row not, and that row does not count
    x[5, 1] = 7.0 if event[5] else -7.0
    counts = np.where(np.arange(len(x)) == 5, 0, 1)
    kept = counts > 0
    some = penalised_cox(x[kept], counts[kept], fold[kept], risk_sets(followup[kept], event[kept]), (1.0,), list("abc"))
    assert some.message.startswith("b: separates")
    assert "separates" not in penalised_cox(x, once, fold, risk_sets(followup, event), (1.0,), list("abc")).message


# -- In the ladder -----------------------------------------------------------------------------------------------------


def test_auto_counts_the_cohorts_events_against_the_largest_step():
    made = simulate(text=AUTO)
    data = ladder_data(made.study, made.patients, made.slopes)
    for events in (59, 60):  # six coefficients: age, sex, two levels, two slopes
        own = replace(data, event=(np.arange(120) < events).astype(np.int8))
        assert is_penalised(own) == (events < 60,)
        assert is_penalised(replace(own, penalty="none")) == (False,)
        assert is_penalised(replace(own, penalty="elastic_net")) == (True,)


@pytest.mark.parametrize(("events", "penalised"), [(59, True), (61, False)])
def test_training_sets_and_resamples_have_the_kind_of_model_that_is_shipped(events, penalised):
    made = simulate(text=AUTO)
    people = made.patients.assign(event=(np.arange(120) < events).astype(np.int8))
    made = made.change(patients=people)
    assert (fit_outcome(*made.outcome).coefficients["penalty"].notna() == penalised).all()
    validated = nested(*made.validation).ledger  # every training set has fewer than 60 events
    assert validated["message"].str.startswith("elastic net, penalty ").any() == penalised
    data = ladder_data(made.study, made.patients, made.slopes)
    level, slope, _ = scores_of(data, made.slopes)
    rng = np.random.default_rng(1)
    for _ in range(4):
        counts = np.bincount(rng.integers(120, size=120), minlength=120)
        fold = np.where(counts > 0, np.arange(120) % 3 + 1, 0)
        found = fit_ladder(data, level, slope, np.zeros(2, dtype=bool), counts=counts, fold=fold)
        assert (~np.isnan(found.penalty)).any() == penalised


def test_the_shipped_ladder_tells_its_penalty():
    made = simulate(text=PENALISED)
    found = fit_outcome(*made.outcome)
    table = found.coefficients
    assert table["penalty"].notna().all() and table[["se", "ci_low", "ci_high", "p_value"]].isna().all().all()
    assert (table.groupby("predictors")["penalty"].std() == 0).all()
    told = found.ledger[found.ledger["message"].str.startswith("elastic net, penalty ")]
    assert set(told["predictors"]) == set(table["predictors"]) and "chosen by 3 folds" in told["message"].iloc[0]
    slope = table.query("predictors == 'slope' and scale == 'sd'").set_index("term")["estimate"]
    plain = fit_outcome(*simulate().outcome).coefficients.query("predictors == 'slope' and scale == 'sd'")
    assert 0 < slope["alpha.level"] < plain.set_index("term")["estimate"]["alpha.level"]
    model = StepModel.from_dict(json.loads(json.dumps(found.models["slope"], allow_nan=False)))
    data, (level, slope_values, _) = found.data, scores_of(found.data, made.slopes)
    raw = data.raw(next(step for step in LADDER if step.name == "slope"), np.arange(120), level, slope_values)
    assert np.isfinite(model.risk(raw)).all()


def test_a_test_patient_moves_neither_penalty_nor_coefficients():
    made = simulate(seed=2, text=PENALISED)
    data = ladder_data(made.study, made.patients, made.slopes)
    who = data.patients[5]
    people, slopes, crossfit = made.patients.copy(), made.slopes.copy(), made.crossfit.copy()
    people.loc[people["patient"] == who, ["age", "followup", "event"]] = [95.0, 1.01, 1]
    slopes.loc[slopes["patient"] == who, ["first", "last"]] = 30.0
    crossfit.loc[(crossfit["patient"] == who) & (crossfit["fold"] == 0), ["level", "slope"]] = 9.0
    other = made.change(patients=people, slopes=slopes, crossfit=crossfit)
    changed = ladder_data(other.study, other.patients, other.slopes)
    pairs = zip(
        outer_folds(data, made.folds, made.crossfit, made.fits),
        outer_folds(changed, other.folds, other.crossfit, other.fits),
        strict=True,
    )
    held_out = 0
    for one, two in pairs:
        if 5 in one.tested:
            held_out += 1
            for name, model in one.fitted.models.items():
                assert model.to_dict() == two.fitted.models[name].to_dict()
    assert held_out == 2  # once a repeat


def test_the_penalties_differ_between_training_sets_and_are_told():
    found = nested(*simulate(text=PENALISED).validation)
    told = found.ledger[found.ledger["message"].str.startswith("elastic net") & (found.ledger["predictors"] == "slope")]
    assert len(told) == 4 * 2 and len(set(told["message"])) > 1
    assert not found.predictions["risk"].isna().any()


def test_more_predictors_than_patients_all_stay():
    made = simulate(text=PENALISED)
    few = np.arange(0, 120, 20)
    counts = np.isin(np.arange(120), few).astype(np.int64)  # six patients for six coefficients and an intercept
    for text, kept in ((PENALISED, 6), (STUDY, 5)):
        data = ladder_data(simulate(text=text).study, made.patients, made.slopes)
        data = replace(data, event=np.ones(120, dtype=np.int8))
        level, slope, _ = scores_of(data, made.slopes)
        fold = np.arange(120) // 20 % 3 + 1
        found = fit_ladder(data, level, slope, np.zeros(2, dtype=bool), counts=counts, fold=fold)
        assert len(found.models["slope"].recipe.terms) == kept


def test_a_penalty_needs_folds():
    made = simulate(text=PENALISED)
    data = ladder_data(made.study, made.patients, made.slopes)
    level, slope, _ = scores_of(data, made.slopes)
    with pytest.raises(ValueError, match="every one needs a fold"):
        fit_ladder(data, level, slope, np.zeros(2, dtype=bool))


def test_noise_is_not_predicted_and_a_weak_penalty_seems_to():
    validated, inside = zip(*(noise(seed) for seed in range(4)), strict=True)
    print(
        f"200 noise markers: validated C {np.mean(validated):.3f}, fixed weak penalty in-sample {np.mean(inside):.3f}"
    )
    assert np.mean(validated) == pytest.approx(0.5, abs=0.05)
    assert np.mean(inside) > 0.75


def noise(seed, n=300, k=200):
    """Validated C of a penalised Cox model of noise, by 5 outer folds with 4 inner ones; a weak penalty in-sample."""
    rng = np.random.default_rng(seed)
    x, followup, event = rng.normal(size=(n, k)), rng.exponential(size=n), rng.random(n) < 0.5
    outer, score = rng.permutation(n) % 5, np.zeros(n)
    for fold in range(5):
        train = outer != fold
        centre, scale = x[train].mean(axis=0), x[train].std(axis=0)
        inner = rng.permutation(int(train.sum())) % 4 + 1
        once, sets = np.ones(int(train.sum()), dtype=np.int64), risk_sets(followup[train], event[train])
        model = penalised_cox((x[train] - centre) / scale, once, inner, sets, (1.0,), [str(i) for i in range(k)])
        score[~train] = model.linear_predictor((x[~train] - centre) / scale)
    sets = risk_sets(followup, event)
    rows = (sets.time, sets.event.astype(float), sets.stratum, np.ones(n), np.zeros(n, dtype=np.int64))
    beta, _, _ = PenalisedData(kernels.COX, *rows, np.ascontiguousarray(x[sets.order].T)).at(0.05, np.zeros(k), 0.0)
    return harrell(followup, event, outer, score), harrell(followup, event, np.zeros(n, dtype=np.int64), x @ beta)


def harrell(followup, event, fold, score):
    weights = ipc_weights(followup, event, (1.0,), StepCurve(np.empty(0), np.empty(0)))
    once = np.ones((1, len(event)), dtype=np.int64)
    tau = float(followup.max())
    return concordance(followup, event, fold, score[:, None], weights, (1.0,), once, tau).harrell[0, 0]


def test_the_penaltys_folds_are_the_inner_ones_of_a_training_set(monkeypatch):
    """Outer folds inside would have the penalty chosen on slopes that the test fold helped to make."""
    made = simulate(text=PENALISED)
    data = ladder_data(made.study, made.patients, made.slopes)
    seen = []

    def spy(*arguments, **named):
        seen.append((named["counts"], named["fold"]))
        return fit_ladder(*arguments, **named)

    monkeypatch.setattr(module_of_nested, "fit_ladder", spy)
    for outer in outer_folds(data, made.folds, made.crossfit, made.fits):
        own = made.crossfit[(made.crossfit["scheme"] == "validation") & (made.crossfit["fold"] > 0)]
        own = own[(own["repeat"] == outer.repeat) & (own["held_out"] == outer.held_out)].drop_duplicates("patient")
        inner = own.astype({"patient": str}).set_index("patient")["fold"]
        counts, fold = seen[-1]
        training = np.flatnonzero(counts)
        assert fold[training].tolist() == inner.reindex(np.array(data.patients, dtype=object)[training]).tolist()
        assert (fold[outer.tested] <= 0).all()


def test_a_study_with_groups_fits_levels_and_slopes_together():
    made = simulate(text=STUDY.replace("penalty: none", "penalty: group"))
    found = fit_outcome(*made.outcome)
    ledger = found.ledger.query("predictors == 'slope'")["message"]
    assert ledger.str.startswith("grouped elastic net, penalty ").any()
    beta = found.coefficients.query("predictors == 'slope' and scale == 'sd'").set_index("term")["estimate"]
    assert (beta["alpha.level"] != 0) == (beta["alpha.slope"] != 0) and beta["alpha.level"] != 0
    model = StepModel.from_dict(json.loads(json.dumps(found.models["slope"], allow_nan=False)))
    assert model.parts[0].penalty.grouped
    elastic = fit_outcome(*simulate(text=PENALISED).outcome).coefficients.query("scale == 'sd'")
    table = found.coefficients.query("scale == 'sd'")
    same = table["predictors"] == "level"  # one quantity a marker: the plain elastic net
    assert np.array_equal(table.loc[same, "estimate"], elastic.loc[same, "estimate"], equal_nan=True)
