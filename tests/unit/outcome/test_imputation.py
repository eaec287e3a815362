"""Multiple imputation of covariates: R's mice, Rubin's rules, no leak of tested patients or of their outcome."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slopewise.outcome.coefficients import imputed_notes
from slopewise.outcome.cox import fit_cox
from slopewise.outcome.fit import fit_ladder, fit_outcome
from slopewise.outcome.glm import fit_linear, fit_logistic
from slopewise.outcome.imputation import completed, nelson_aalen
from slopewise.outcome.ladder import LADDER, LadderData, ladder_data
from slopewise.outcome.models import StepModel
from slopewise.outcome.pooling import combined_test, pooled, rubin
from slopewise.outcome.predictors import CovariateCoding, StratumCoding
from slopewise.run.errors import InputError
from slopewise.study.kinds import KINDS
from slopewise.study.reading import parse_study
from slopewise.tables import files as tables
from slopewise.validate.nested import OuterFold, audit_line, nested
from slopewise.validate.sensitivity import sensitivity
from tests.unit.outcome.ladder_tables import KINDS as STUDIES
from tests.unit.outcome.ladder_tables import of_kind

GOLDEN = Path(__file__).parents[2] / "golden"
ROWS = pd.read_csv(GOLDEN / "imputation_rows.csv")
SETS = pd.read_csv(GOLDEN / "imputation_sets.csv")
EXPECTED = pd.read_csv(GOLDEN / "imputation.csv").set_index(["what", "model", "term", "quantity"])["value"].sort_index()
TERMS = ("x", "gb", "gc", "z")
ASKED = "penalty: none, missing_covariate: impute, imputations: 4"


def fit_one(model, columns):
    if model == "cox":
        return fit_cox(columns, ROWS["time"], ROWS["event"], horizons=(1.0,), terms=TERMS[: columns.shape[1]])
    plain = fit_linear if model == "linear" else fit_logistic
    return plain(columns, ROWS["y" if model == "linear" else "b"].to_numpy(dtype=float))


def given_sets(model):
    """The five completed sets of mice, as columns x, gb, gc, z."""
    for _, own in SETS[SETS["model"] == model].groupby("set"):
        whole = ROWS.copy()
        whole.loc[own["row"] - 1, ["x", "g"]] = own[["x", "g"]].to_numpy()
        x = whole["x"].to_numpy(dtype=float)
        yield np.column_stack([x, whole["g"] == "b", whole["g"] == "c", whole["z"]]).astype(float)


@pytest.mark.parametrize("model", ["cox", "linear", "logistic"])
def test_rubin_and_barnard_are_those_of_mice_on_given_imputations(model):
    part, df, information = pooled([fit_one(model, columns) for columns in given_sets(model)])
    for place, term in enumerate(TERMS):
        expected = EXPECTED["exact", model, term]
        assert part.beta[place] == pytest.approx(expected["estimate"], rel=1e-6)
        assert part.covariance[place, place] == pytest.approx(expected["t"], rel=1e-4)
        assert df[place] == pytest.approx(expected["df"], rel=2e-4)
        assert information[place] == pytest.approx(expected["fmi"], rel=1e-4)


def test_the_combined_likelihood_ratio_is_that_of_mitml():
    statistics = []
    for columns in given_sets("logistic"):
        y = ROWS["b"].to_numpy(dtype=float)
        lost = []
        for x in (columns, columns[:, 3:]):
            eta = fit_logistic(x, y).linear_predictor(x)
            lost.append(2.0 * float((np.logaddexp(0.0, eta) - y * eta).sum()))
        statistics.append(lost[1] - lost[0])
    value, residual, p = combined_test(np.array(statistics), 3)
    expected = EXPECTED["exact", "logistic", "x + g"]
    assert value == pytest.approx(expected["F.value"], rel=1e-6)
    assert residual == pytest.approx(expected["df2"], rel=1e-6)
    assert p == pytest.approx(expected["P(>F)"], rel=1e-5)


def mice_cohort(model, imputations):
    """The golden cohort as the ladder has it, with z as the level of its one marker."""
    kind = {"cox": "survival", "linear": "continuous", "logistic": "binary"}[model]
    n, timed = len(ROWS), model == "cox"
    people = ROWS.assign(patient=[f"p{i:03d}" for i in range(n)])
    coding = CovariateCoding.learn(people, ("x", "g"))
    outcome = np.full(n, np.nan) if timed else ROWS["y" if model == "linear" else "b"].to_numpy(dtype=float)
    data = LadderData(
        tuple(people["patient"]), ("m",), coding, KINDS[kind], ("event",), (1.0,) if timed else (np.nan,),
        ROWS["time"].to_numpy(), ROWS["event"].to_numpy(dtype=np.int8), outcome, StratumCoding((), ("",)),
        np.zeros(n, dtype=np.int64), coding.matrix(people, missing=True), np.zeros((n, 1, 4)), (),
        imputations=imputations, seed=1,
    )  # fmt: skip
    level = ROWS["z"].to_numpy()[:, None]
    rows = np.arange(n)
    return completed(data, rows, np.ones(n, dtype=np.int64), level, np.zeros_like(level)), level


@pytest.mark.parametrize("model", ["cox", "linear", "logistic"])
def test_our_imputations_give_the_estimates_of_those_of_mice(model):
    number = 40
    filled, level = mice_cohort(model, number)
    part, _, information = pooled([fit_one(model, np.column_stack([own, level])) for own in filled])
    for place, term in enumerate(TERMS):
        expected = EXPECTED["many", model, term]
        error = np.sqrt(expected["t"])
        # The Monte Carlo error of a pooled estimate is below sqrt(fmi / m) of its standard error.
        assert abs(part.beta[place] - expected["estimate"]) < 0.25 * error
        assert np.sqrt(part.covariance[place, place]) == pytest.approx(error, rel=0.12)
        assert information[place] == pytest.approx(expected["fmi"], abs=0.12)


def test_one_imputation_or_equal_ones_lose_no_information():
    estimates, covariances = np.array([[1.0, 2.0]] * 3), np.array([np.eye(2)] * 3)
    found = rubin(estimates, covariances, 100.0)
    assert found.df == pytest.approx(100 * 101 / 103)
    assert np.array_equal(found.covariance, np.eye(2)) and not found.missing_information.any()


def test_the_hazard_is_that_of_nelson_and_aalen_with_copies():
    followup, happened = np.array([3.0, 1.0, 2.0, 2.0]), np.array([True, True, False, True])
    found = nelson_aalen(followup, happened, np.array([1, 2, 1, 1]))
    first, second = 2 / 5, 2 / 5 + 1 / 3
    assert found == pytest.approx([second + 1.0, first, second, second])


# -- In the ladder -----------------------------------------------------------------------------------------------------


def lacking(kind, n=120):
    """The study of `kind` with a fifth of the ages and of the sexes missing, imputed."""
    made = of_kind(kind, n=n)
    text = STUDIES[kind]
    if "penalty: none," in text or "penalty: none}" in text:
        text = text.replace("penalty: none", ASKED)
    else:
        text = text.replace("penalty: none", ASKED.replace(", ", "\n  "))
    rng = np.random.default_rng(9)
    people = made.patients.copy()
    for name in ("age", "sex"):
        people.loc[rng.random(n) < 0.2, name] = np.nan if name == "age" else None
    if kind == "strata":
        people["sex"] = made.patients["sex"]
    return made.change(study=parse_study(text.encode(), "study.yaml"), patients=people)


@pytest.fixture(scope="module", params=["survival", "competing", "strata", "binary", "continuous"])
def imputed(request):
    made = lacking(request.param)
    return made, fit_outcome(*made.outcome)


def test_every_kind_of_outcome_has_pooled_models_and_predicts_everybody(imputed):
    made, found = imputed
    table = found.coefficients[found.coefficients["predictors"] == "slope"].set_index(["cause", "term", "scale"])
    cause = found.data.cause
    assert table.loc[(cause, "age", "unit"), "missing_information"] > 0.02
    assert table["se"].notna().all() and (table["missing_information"] < 1).all()
    assert len(found.apparent) and found.apparent["risk"].notna().all()
    texts = found.ledger["message"].tolist()
    assert any(text.startswith("age: missing for ") and text.endswith("imputed 4 times") for text in texts)
    validated = nested(*made.validation)
    assert validated.predictions["risk"].notna().all()
    tables.check(found.coefficients, "outcome/coefficients")


def test_the_shipped_model_read_back_predicts_whoever_lacks_a_covariate(imputed):
    _, found = imputed
    step = next(one for one in LADDER if one.name == "slope")
    rows = np.arange(len(found.data.patients))
    raw = found.data.raw(step, rows, found.level, found.slope)
    model = found.fitted.models["slope"]
    again = StepModel.from_dict(json.loads(json.dumps(model.to_dict())))
    stratum = found.data.stratum
    assert np.array_equal(model.risks(raw, stratum), again.risks(raw, stratum))
    lacks = model.imputer.lacking(raw)
    assert lacks.any() and not lacks.all()
    alone = [model.risks(raw[i : i + 1], stratum[i : i + 1])[0] for i in np.flatnonzero(lacks)]
    assert np.allclose(alone, model.risks(raw, stratum)[lacks], rtol=1e-12)  # whoever else is predicted
    whole = np.where(np.isnan(raw), 0.0, raw)
    assert np.array_equal(model.risks(whole, stratum)[~lacks], model.risks(raw, stratum)[~lacks])


def test_a_prediction_is_the_mean_over_the_imputed_values():
    made = lacking("binary")
    found = fit_outcome(*made.outcome)
    model, step = found.fitted.models["level"], next(one for one in LADDER if one.name == "level")
    raw = found.data.raw(step, np.arange(len(found.data.patients)), found.level, found.slope)
    rows = np.flatnonzero(model.imputer.lacking(raw))
    drawn = model.imputer.completed(raw[rows], model.recipe.every_term)
    assert drawn.shape == (4, len(rows), raw.shape[1]) and not np.isnan(drawn[:, :, :2]).any()
    assert set(np.unique(drawn[:, :, 1])) <= {0.0, 1.0}  # a category, not a number between
    seen = ~np.isnan(raw[rows])
    assert all(np.array_equal(one[seen], raw[rows][seen]) for one in drawn)
    assert model.risk(raw)[rows] == pytest.approx(np.mean([model.risk(one) for one in drawn], axis=0))


def ladder_of(made):
    data = ladder_data(made.study, made.patients, made.slopes)
    wide = made.slopes.set_index(["patient", "marker"])
    level, slope = (wide[name].unstack().reindex(data.patients).to_numpy() for name in ("level", "slope"))
    return data, level, slope


def test_nothing_of_a_tested_patient_reaches_an_imputation():
    made = lacking("survival")
    data, level, slope = ladder_of(made)
    counts = (np.arange(len(data.patients)) % 4 > 0).astype(np.int64)
    singular = np.zeros(2, dtype=bool)
    found = fit_ladder(data, level, slope, singular, counts=counts)
    tested = counts == 0
    people = made.patients.sort_values("patient").reset_index(drop=True)
    people.loc[tested, ["age", "followup"]] = [999.0, 0.1]
    people.loc[tested, "event"] = 1 - people.loc[tested, "event"]
    other, _, _ = ladder_of(made.change(patients=people))
    level[tested], slope[tested] = 50.0, -50.0
    again = fit_ladder(other, level, slope, singular, counts=counts)
    assert np.array_equal(found.estimate_unit, again.estimate_unit, equal_nan=True)
    assert found.models["slope"].to_dict() == again.models["slope"].to_dict()


def test_the_audit_sees_whose_values_taught_an_imputation():
    made = lacking("binary")
    found = tables.check(nested(*made.validation).imputations, "outcome/imputation_audit")
    patients = len(made.patients)
    assert len(found) == 4 * 2 and set(found["verdict"]) == {"clean"} and (found["shared_patients"] == 0).all()
    assert (found["patients_fitted"] + found["patients_predicted"] == patients).all()
    data, level, slope = ladder_of(made)
    leaking = fit_ladder(data, level, slope, np.zeros(2, dtype=bool))  # on everybody, those who are predicted included
    line = audit_line(OuterFold(1, 1, np.arange(7), leaking, level, slope), "validation")
    assert (line["verdict"], line["shared_patients"], line["patients_fitted"]) == ("leak", 7, patients)
    whole = of_kind("binary", n=120)
    assert nested(*whole.validation).imputations.empty, "nothing is imputed where nobody lacks a covariate"


def test_the_outcome_of_a_tested_patient_does_not_reach_the_imputed_value():
    """The outcome teaches training patients' imputations; the planted-wrong use of the same model must show."""
    made = lacking("continuous")
    data, level, slope = ladder_of(made)
    everybody = np.arange(len(data.patients))
    once = np.ones_like(everybody)
    filled = completed(data, everybody, once, level, slope)
    lacks = np.isnan(data.covariates).any(axis=1)
    moved = made.patients.assign(outcome=made.patients["outcome"] * np.where(lacks, -1.0, 1.0))
    other = completed(ladder_of(made.change(patients=moved))[0], everybody, once, level, slope)
    assert not np.allclose(filled, other)
    validated = nested(*made.validation).predictions
    held = made.folds[
        (made.folds["scheme"] == "validation") & (made.folds["held_out"] == 0) & (made.folds["repeat"] == 1)
    ]
    first = set(held.loc[held["fold"] == 1, "patient"])
    people = made.patients.assign(
        outcome=made.patients["outcome"] + 5.0 * made.patients["patient"].isin(first).to_numpy()
    )
    again = nested(*made.change(patients=people).validation).predictions
    own = validated["patient"].isin(first) & (validated["repeat"] == 1)
    assert np.array_equal(validated.loc[own, "risk"], again.loc[own, "risk"])


def test_complete_cases_stand_beside_the_imputed_ones(monkeypatch):
    monkeypatch.setattr("slopewise.validate.sensitivity.PERMUTATIONS", 3)
    made = lacking("binary")
    apparent = fit_outcome(*made.outcome).apparent
    found = sensitivity(*made.validation, apparent).sensitivity
    own = found.set_index(["slopes", "predictors"])["validated"]
    assert own.index.get_level_values("slopes").nunique() == 5 and own.between(0.4, 1.0).all()
    whole = made.patients[["age", "sex"]].notna().all(axis=1)
    kept = set(made.patients.loc[whole, "patient"])
    alone = made.change(
        patients=made.patients[whole],
        **{
            name: getattr(made, name)[getattr(made, name)["patient"].isin(kept)]
            for name in ("folds", "slopes", "crossfit")
        },
    )
    assert own["complete_cases", "slope"] == pytest.approx(
        sensitivity(*alone.validation, apparent[apparent["patient"].isin(kept)]).sensitivity.set_index(
            ["slopes", "predictors"]
        )["validated"]["nested", "slope"]
    )


def test_without_the_key_a_missing_covariate_is_an_error_and_nothing_changes_where_none_is_missing():
    made = lacking("binary")
    plain = of_kind("binary")
    with pytest.raises(InputError, match="covariate age is missing"):
        ladder_data(plain.study, made.patients, plain.slopes)
    whole = plain.change(study=made.study)
    one, other = fit_outcome(*plain.outcome), fit_outcome(*whole.outcome)
    assert one.coefficients.equals(other.coefficients) and one.apparent.equals(other.apparent)
    assert imputed_notes(other.data) == []
