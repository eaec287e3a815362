"""The ladder: its steps, fits on arrays, the shipped tables, the apparent predictions, bootstrap intervals."""

import json

import numpy as np
import pandas as pd
import pytest

from slopewise.outcome.cox import fit_cox
from slopewise.outcome.fit import StepModel, bootstrap_intervals, fit_ladder, fit_outcome, flat_slopes, scores_of
from slopewise.outcome.ladder import LADDER, ladder_data, values
from slopewise.run.errors import InputError
from slopewise.tables import files as tables
from tests.unit.outcome.ladder_tables import STUDY, simulate


@pytest.fixture(scope="module")
def made():
    return simulate()


@pytest.fixture(scope="module")
def fitted(made):
    return fit_outcome(*made.outcome)


def arrays(made):
    data = ladder_data(made.study, made.patients, made.slopes)
    level, slope, _ = scores_of(data, made.slopes)
    return data, level, slope, np.zeros(2, dtype=bool)


def test_the_steps_are_those_of_the_contract():
    assert {step.name: (step.quantities, step.reference) for step in LADDER} == {
        "clinical": ((), None),
        "baseline": (("first",), "clinical"),
        "last": (("last",), "baseline"),
        "delta": (("first", "delta"), "baseline"),
        "ols": (("first", "ols"), "baseline"),
        "level": (("level",), "last"),
        "slope": (("level", "slope"), "level"),
        "slope_only": (("slope",), "clinical"),
    }


def test_values_has_a_column_a_marker_and_quantity(made):
    scores = made.crossfit[(made.crossfit["repeat"] == 0) & (made.crossfit["scheme"] == "crossfit")]
    wide = values(made.slopes, scores.sample(frac=1, random_state=1), ("beta", "alpha"))
    assert list(wide.columns)[:6] == [f"beta.{name}" for name in ("first", "last", "delta", "ols", "level", "slope")]
    assert wide.index.tolist() == sorted(made.patients["patient"])
    who = wide.index[3]
    row = scores[(scores["patient"] == who) & (scores["marker"] == "alpha")].iloc[0]
    assert wide.loc[who, "alpha.level"] == row["level"] and wide.loc[who, "alpha.slope"] == row["slope"]
    with pytest.raises(ValueError, match="more than one row"):
        values(made.slopes, pd.concat([scores, scores]), ("alpha",))


def test_each_step_is_the_cox_model_of_its_columns(made):
    data, level, slope, singular = arrays(made)
    found = fit_ladder(data, level, slope, singular)
    index = {key: i for i, key in enumerate(data.terms)}
    sex = (made.patients["sex"] == "m").to_numpy(dtype=float)
    facts = made.slopes.pivot(index="patient", columns="marker")
    filled = {name: facts[name].fillna(facts[name].mean()).to_numpy() for name in ("first", "delta")}
    columns = [made.patients["age"], sex, filled["first"][:, 0], filled["delta"][:, 0], filled["first"][:, 1],
               filled["delta"][:, 1]]  # fmt: skip
    x = np.column_stack(columns)
    alone = fit_cox(x, made.patients["followup"], made.patients["event"], horizons=data.horizons)
    terms = ["age", "sex[m]", "alpha.first", "alpha.delta", "beta.first", "beta.delta"]
    places = [index["delta", term] for term in terms]
    assert found.estimate_unit[places] == pytest.approx(alone.beta, rel=1e-8)
    assert found.se_unit[places] == pytest.approx(alone.standard_errors, rel=1e-7)
    assert found.estimate_sd[places] == pytest.approx(alone.beta * x.std(axis=0, ddof=1), rel=1e-8)
    raw = data.raw(LADDER[3], np.arange(len(sex)), level, slope)
    assert found.models["delta"].risk(raw) == pytest.approx(alone.risk(x), abs=1e-9)
    assert found.notes == []


def test_a_true_effect_is_found_and_noise_is_not(fitted):
    table = fitted.coefficients.set_index(["predictors", "term", "scale"])
    assert table.loc[("slope", "alpha.level", "unit"), "p_value"] < 1e-6
    assert table.loc[("slope", "alpha.slope", "unit"), "p_value"] < 1e-4
    assert table.loc[("slope", "beta.slope", "unit"), "p_value"] > 0.01
    for term, truth in (("alpha.level", 1.0), ("alpha.slope", 0.7)):
        row = table.loc[("slope", term, "unit")]
        assert abs(row["estimate"] - truth) < 3 * row["se"]


def test_counts_are_repeated_patients_and_count_0_is_not_read(made):
    data, level, slope, singular = arrays(made)
    counts = np.random.default_rng(3).integers(0, 3, size=len(data.patients))
    found = fit_ladder(data, level, slope, singular, counts=counts)
    level[counts == 0] = np.nan
    slope[counts == 0] = np.nan
    again = fit_ladder(data, level, slope, singular, counts=counts)
    assert np.array_equal(found.estimate_unit, again.estimate_unit)
    doubled = fit_ladder(data, level, slope, singular, counts=2 * counts)
    assert not np.allclose(doubled.se_unit, found.se_unit)
    assert doubled.se_unit == pytest.approx(found.se_unit / np.sqrt(2), rel=0.1)  # not exact: copies are ties


def test_a_left_out_slope_keeps_its_rows_without_numbers(made):
    data, level, slope, _ = arrays(made)
    found = fit_ladder(data, level, slope, np.array([False, True]), flat=np.array([True, False]))
    missing = {key for key, value in zip(data.terms, found.estimate_unit, strict=True) if np.isnan(value)}
    assert missing == {("slope", "alpha.slope"), ("slope_only", "alpha.slope"), ("slope", "beta.slope")}
    assert {(note.predictors, note.marker) for note in found.notes} == {
        ("slope", "alpha"), ("slope_only", "alpha"), ("slope", "beta"),
    }  # fmt: skip
    without = found.models["slope"].cox
    assert found.models["slope"].recipe.terms == ("age", "sex[m]", "alpha.level", "beta.level")
    assert without.beta == pytest.approx(found.models["level"].cox.beta)


def test_slopes_that_differ_only_between_folds_are_flat():
    fold = np.array([1, 1, 2, 2, 3])
    slope = np.column_stack([fold * 0.1, [0.1, 0.2, 0.3, 0.3, 0.3], np.full(5, np.nan)])
    assert flat_slopes(slope, fold).tolist() == [True, False, True]
    assert flat_slopes(slope, fold, np.array([0, 1, 1, 1, 1])).tolist() == [True, True, True]
    slope[0, 0] += 1e-14
    assert flat_slopes(slope, fold)[0]


def test_shipped_slopes_that_tell_only_the_fold_are_left_out(made):
    crossfit = made.crossfit.copy()
    own = (crossfit["marker"] == "beta") & (crossfit["scheme"] == "crossfit")
    crossfit.loc[own, "slope"] = 0.1 * crossfit.loc[own, "fold"]
    found = fit_outcome(*made.change(crossfit=crossfit).outcome)
    told = found.ledger[found.ledger["message"].str.contains("no random slope")]
    assert told[["predictors", "repeat", "held_out", "marker"]].to_numpy().tolist() == [
        ["slope", 0, 0, "beta"],
        ["slope_only", 0, 0, "beta"],
    ]


def test_the_shipped_tables_pass_their_schemas(fitted):
    table = tables.check(fitted.coefficients, "outcome/coefficients")
    tables.check(fitted.ledger, "outcome/ledger")
    assert len(table) == 2 * len(fitted.data.terms)
    assert set(table["cause"]) == {"transplant or death"}
    row = fitted.coefficients.iloc[0]
    assert row["ratio"] == pytest.approx(np.exp(row["estimate"]))
    assert (row["ci_high"] - row["ci_low"]) / row["se"] == pytest.approx(2 * 1.959964, rel=1e-6)


def test_the_shipped_coefficients_are_those_of_lifelines(made, fitted):
    pytest.importorskip("lifelines")
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifelines import CoxPHFitter

        wide = made.slopes.pivot(index="patient", columns="marker")
        frame = pd.DataFrame({f"{m}.{q}": wide[q][m] for m in ("alpha", "beta") for q in ("level", "slope")})
        own = made.patients.set_index("patient")
        frame["age"], frame["sex[m]"] = own["age"], (own["sex"] == "m").astype(float)
        frame["time"], frame["event"] = own["followup"], own["event"]
        library = CoxPHFitter().fit(frame, "time", "event")
    found = fitted.coefficients.query("predictors == 'slope' and scale == 'unit'").set_index("term")
    for term, beta in library.params_.items():
        assert found.loc[term, "estimate"] == pytest.approx(beta, rel=1e-5, abs=1e-6)
        assert found.loc[term, "se"] == pytest.approx(library.standard_errors_[term], rel=1e-4)


def test_apparent_predictions_score_in_sample_with_the_shipped_models(made, fitted):
    whole = made.crossfit[(made.crossfit["scheme"] == "crossfit") & (made.crossfit["repeat"] == 0)]
    model = StepModel.from_dict(json.loads(json.dumps(fitted.models["slope"], allow_nan=False)))
    lp, risk = model.predict(made.patients, values(made.slopes, whole, ("alpha", "beta")))
    own = fitted.apparent[fitted.apparent["predictors"] == "slope"]
    assert set(own["repeat"]) == {0} and set(own["fold"]) == {0}
    for h, horizon in enumerate((1.0, 2.0)):
        at = own[own["horizon"] == horizon].set_index("patient").loc[made.patients["patient"]]
        assert np.array_equal(at["risk"], risk[:, h]) and np.array_equal(at["linear_predictor"], lp)
    assert len(fitted.apparent) == 120 * 8 * 2


def test_the_published_slopes_train_and_the_in_sample_ones_do_not(made, fitted):
    changed = made.crossfit.copy()
    whole = (changed["scheme"] == "crossfit") & (changed["repeat"] == 0)
    changed.loc[whole, "slope"] *= 3
    other = fit_outcome(*made.change(crossfit=changed).outcome)
    pd.testing.assert_frame_equal(other.coefficients, fitted.coefficients)
    assert not np.allclose(other.apparent["risk"], fitted.apparent["risk"])


def test_models_hold_no_patient(made, fitted):
    text = json.dumps(fitted.models)
    assert not any(f'"{name}"' in text for name in made.patients["patient"])


def test_one_visit_patients_are_told_and_refused_when_the_study_excludes_them(made, fitted):
    lines = fitted.ledger[fitted.ledger["message"].str.contains("training patients' mean")]
    lacking = made.slopes[made.slopes["delta"].isna()].groupby("marker").size()
    assert f"alpha.delta: missing for {lacking['alpha']} of 120 patients" in " ".join(lines["message"])
    assert set(lines["predictors"]) == {"delta", "ols"}
    text = STUDY.replace("covariates: [age, sex]", "covariates: [age, sex]\n  one_visit: exclude")
    strict = simulate(text=text)
    with pytest.raises(InputError, match=r"patient p\d+, marker \w+: one visit only .* outcome.one_visit"):
        fit_outcome(*strict.outcome)


def test_too_few_events_a_coefficient_are_told():
    small = simulate(n=40)
    messages = fit_outcome(*small.outcome).ledger.set_index("predictors")["message"]
    assert "fewer than 10 each" in " ".join(messages.loc[["slope"]])


def test_a_horizon_beyond_the_follow_up_is_refused(made):
    far = simulate(text=STUDY.replace("horizons: [1, 2]", "horizons: [1, 2, 40]"))
    with pytest.raises(InputError, match=r"40 cannot be evaluated: the largest supported one is 2"):
        fit_outcome(*far.outcome)


def test_the_order_of_rows_moves_no_byte(made, fitted):
    shuffled = [frame.sample(frac=1, random_state=2) for frame in made.outcome[1:]]
    other = fit_outcome(made.study, *shuffled)
    pd.testing.assert_frame_equal(other.coefficients, fitted.coefficients, check_exact=True)
    pd.testing.assert_frame_equal(other.apparent, fitted.apparent, check_exact=True)


def test_bootstrap_intervals_are_of_the_resamples_that_have_the_shipped_terms(fitted):
    data = fitted.data
    draws = np.tile(np.arange(101.0)[:, None], (1, len(data.terms)))
    rare, often = data.terms.index(("slope", "alpha.slope")), data.terms.index(("slope_only", "beta.slope"))
    age = data.terms.index(("clinical", "age"))
    draws[:20, rare], draws[:60, often], draws[:40, age] = np.nan, np.nan, np.nan
    table, ledger = bootstrap_intervals(fitted.coefficients, draws, 2 * draws, data)
    rows = table.set_index(["predictors", "term", "scale"])[["ci_low_bootstrap", "ci_high_bootstrap"]]
    assert rows.loc[("level", "age", "unit")].tolist() == [2.5, 97.5]
    assert rows.loc[("level", "age", "sd")].tolist() == [5.0, 195.0]
    # Without the slope of alpha the level's coefficient is another one: the whole step is from the 81 others.
    for term in ("alpha.slope", "alpha.level", "beta.level", "age"):
        assert rows.loc[("slope", term, "unit")].tolist() == [22.0, 98.0]
    assert rows.loc["slope_only"].isna().all(axis=None)  # fewer than half
    # A covariate whose level nobody drawn has says nothing of the other coefficients.
    assert rows.loc[("clinical", "age", "unit")].tolist() == [41.5, 98.5]
    assert rows.loc[("clinical", "sex[m]", "unit")].tolist() == [2.5, 97.5]
    told = ledger.set_index("predictors")["message"]
    assert told["slope"].startswith("alpha.slope could not be estimated in 20 of 101 bootstrap resamples")
    assert "60 of 101" in told["slope_only"] and "age was left out in 40 of 101" in told["clinical"]
    tables.check(table, "outcome/coefficients")
    often = data.terms.index(("slope", "beta.slope"))
    rng = np.random.default_rng(1)
    value = fitted.coefficients.query("scale == 'unit'")["estimate"].to_numpy()
    near, apart = value + 0.1 * rng.normal(size=(400, len(value))), value + np.zeros((30, len(value)))
    near[:, often] = value[often] + 1.0  # every draw on one side
    bca, told = bootstrap_intervals(fitted.coefficients, near, near, data, (apart, apart))
    inside = bca.query("scale == 'unit'")
    assert (inside["ci_low_bootstrap"].to_numpy()[:often] < value[:often]).all()
    assert told["message"].tolist() == [
        "beta.slope: the bootstrap interval is of percentiles, a BCa interval could not be had"
    ]
    near[:, often], apart[:, often] = (
        near[:, rare] - value[rare] + value[often],
        np.nan,
    )  # never fitted without a patient
    flat, told = bootstrap_intervals(fitted.coefficients, near, near, data, (apart, apart))
    assert told["message"].tolist() == [
        "beta.slope: the bootstrap interval is of percentiles, a BCa interval could not be had"
    ]
    ends = flat.query("scale == 'unit'")[["ci_low_bootstrap", "ci_high_bootstrap"]].to_numpy()[often]
    assert ends == pytest.approx(np.percentile(near[:, often], [2.5, 97.5]))
    none, empty = bootstrap_intervals(
        fitted.coefficients, np.empty((0, len(data.terms))), np.empty((0, len(data.terms))), data
    )
    assert none["ci_low_bootstrap"].isna().all() and empty.empty
