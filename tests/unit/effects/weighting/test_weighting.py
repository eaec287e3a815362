"""Weights and marginal models: R's numbers, histories that end before the decision, bias that the weights remove."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slopewise.effects.weighting.diagnostics import balance, weights_by_visit
from slopewise.effects.weighting.histories import FROM_THIS, history_of, with_histories
from slopewise.effects.weighting.marginal import Marginal, e_value, marginal_model
from slopewise.effects.weighting.models import WeightModels, stabilised_weights
from slopewise.effects.weighting.resampling import percentiles, resampled
from slopewise.run.errors import InputError

GOLDEN = Path(__file__).parents[3] / "golden"
BELTS = Path(__file__).parents[4] / "data" / "usseatbelts" / "measurements.csv"


@pytest.fixture(scope="module")
def golden() -> pd.DataFrame:
    return pd.read_csv(GOLDEN / "weighting.csv")


@pytest.fixture(scope="module")
def simulated() -> pd.DataFrame:
    return with_histories(pd.read_csv(GOLDEN / "weighting_rows.csv"), "drug")


def of(golden: pd.DataFrame, case: str, kind: str) -> np.ndarray:
    rows = golden[(golden["case"] == case) & golden["name"].str.startswith(f"{kind}_")]
    return rows["value"].to_numpy()


def compare(model: pd.DataFrame, golden: pd.DataFrame, case: str) -> None:
    np.testing.assert_allclose(model["estimate"], of(golden, case, "beta"), rtol=1e-6)
    np.testing.assert_allclose(model["se_robust"], of(golden, case, "se"), rtol=1e-6)


def test_weights_and_marginal_model_are_those_of_r_where_treatment_starts_and_stops(golden, simulated):
    weights = stabilised_weights(simulated, ["severity"], ["age"], truncation=0.01, followed_until=5.0)
    np.testing.assert_allclose(weights.treatment, of(golden, "changes", "treatment"), rtol=1e-6)
    np.testing.assert_allclose(weights.staying, of(golden, "changes", "staying"), rtol=1e-6)
    np.testing.assert_allclose(weights.truncated, of(golden, "changes", "weight"), rtol=1e-6)
    compare(marginal_model(simulated, "y", "~ time + age + treated + exposure", weights.truncated), golden, "changes")


def test_weights_and_marginal_model_are_those_of_r_on_shipped_data(golden):
    belts = pd.read_csv(BELTS)
    frame = belts.assign(
        patient=belts["state"], time=belts["year"] - 1983, y=np.log(belts["fatalities"]),
        law=(belts["enforce"] != "no").astype(float),
    )  # fmt: skip
    rows = with_histories(frame, "law")
    weights = stabilised_weights(rows, ["y", "income"])
    np.testing.assert_allclose(weights.truncated, of(golden, "belts", "weight"), rtol=1e-6)
    compare(marginal_model(rows, "y", "~ time + treated", weights.truncated), golden, "belts")


def test_a_history_ends_at_the_last_row():
    frame = pd.DataFrame(
        {"patient": list("aaab"), "time": [0.0, 1.0, 3.0, 0.0], "drug": [0, 1, 1, 1], "crp": [5.0, 6.0, 7.0, 8.0]}
    )
    since = with_histories(frame, "drug")
    assert since["treated"].tolist() == [0, 1, 1, 1]
    assert since["exposure"].tolist() == [0, 1, 3, 0]
    assert since["decision"].tolist() == [False, True, False, False]  # treated for good, and a first row
    assert history_of(since, ["crp"])["crp"].tolist()[1:3] == [5.0, 6.0]
    later = with_histories(frame, "drug", FROM_THIS)
    assert later["treated"].tolist() == [0, 0, 1, 0]
    assert later["exposure"].tolist() == [0, 0, 2, 0]


def test_what_is_measured_after_the_last_decision_changes_no_weight(simulated):
    last = ~simulated.duplicated("patient", keep="last")
    changed = simulated.assign(severity=simulated["severity"].where(~last, 99.0))
    kept = stabilised_weights(simulated, ["severity"], ["age"]).treatment
    np.testing.assert_array_equal(stabilised_weights(changed, ["severity"], ["age"]).treatment, kept)


def test_order_of_rows_and_units_of_confounders_do_not_matter(simulated):
    shuffled = with_histories(simulated.sample(frac=1.0, random_state=1), "drug")
    kept = stabilised_weights(simulated, ["severity"], ["age"]).truncated
    again = stabilised_weights(shuffled.assign(severity=1000 * shuffled["severity"] + 7), ["severity"], ["age"])
    np.testing.assert_allclose(again.truncated, kept, rtol=1e-9)


def test_weights_remove_the_bias_of_a_confounder_that_treatment_changes():
    """The treatment lowers y by 1 in all; the unweighted difference is far from it, the weighted one is not."""
    rng, n, effect = np.random.default_rng(4), 4000, -1.0
    u, state, drug, parts = rng.normal(size=n), np.zeros(n), np.zeros(n), []
    for visit in range(4):
        if visit:
            drug = (rng.random(n) < 1 / (1 + np.exp(1.0 - 1.2 * state))).astype(float)
        state = 0.5 * u - 0.4 * drug + rng.normal(size=n)
        y = u + effect * drug + rng.normal(size=n)
        parts.append(
            pd.DataFrame({"patient": np.arange(n), "time": float(visit), "drug": drug, "state": state, "y": y})
        )
    rows = with_histories(pd.concat(parts), "drug")
    weights = stabilised_weights(rows, ["state", "y"])
    found = marginal_model(rows, "y", "~ time + treated", weights.truncated).set_index("term").loc["treated"]
    naive = marginal_model(rows, "y", "~ time + treated", np.ones(len(rows))).set_index("term").loc["treated"]
    assert abs(naive["estimate"] - effect) > 5 * naive["se"]
    assert abs(found["estimate"] - effect) < 3 * found["se"]
    assert weights.truncated.mean() == pytest.approx(1.0, abs=0.05)
    assert weights.effective < len(rows)


def test_weights_balance_what_they_are_made_for(simulated):
    weights = stabilised_weights(simulated, ["severity"], ["age"])
    made = balance(simulated, ["severity", "age"], weights).set_index("column")
    assert (made["before"].abs() > 0.25).all()
    assert (made["after"].abs() < made["before"].abs() / 3).all()
    at = simulated["decision"]
    then = simulated.loc[at, "treated"] > 0
    age = simulated.loc[at, "age"]
    spread = np.sqrt((age[then].var() + age[~then].var()) / 2)
    assert made.loc["age", "before"] == pytest.approx((age[then].mean() - age[~then].mean()) / spread)


def test_weights_are_counted_by_visit(simulated):
    weights = stabilised_weights(simulated, ["severity"], ["age"])
    made = weights_by_visit(simulated, weights).set_index("visit")
    assert made["rows"].sum() == len(simulated)
    assert made.loc[0, "mean"] == made.loc[0, "maximum"] == 1.0
    assert made.loc[0, "effective"] == made.loc[0, "rows"] == 300
    assert (made.loc[1:, "effective"] < made.loc[1:, "rows"]).all()
    assert made["treated"].sum() == simulated["treated"].sum()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"drug": 0}, "every row has the treatment 0"),
        ({"drug": 2}, "0 or 1 in every row"),
        ({"drug": "yes"}, "0 or 1 in every row"),
    ],
)
def test_a_treatment_that_cannot_be_compared_is_refused(simulated, change, message):
    with pytest.raises(InputError, match=message):
        with_histories(simulated.assign(**change), "drug")


def test_a_wrong_column_and_a_share_that_is_none_are_named(simulated):
    ones = np.ones(len(simulated))
    with pytest.raises(InputError, match=r"there is no column 'drugs'; the data have .*drug"):
        with_histories(simulated, "drugs")
    with pytest.raises(InputError, match="there is no column 'severe'"):
        stabilised_weights(simulated, ["severe"])
    with pytest.raises(InputError, match="there is no column 'bmi'"):
        marginal_model(simulated, "bmi", "~ time + treated", ones)
    for share in (-0.1, 0.5, 0.9):
        with pytest.raises(InputError, match=f"truncation is {share:g}"):
            stabilised_weights(simulated, ["severity"], truncation=share)


def test_histories_without_positivity_are_refused(simulated):
    after = simulated["treated"].groupby(simulated["patient"]).shift(-1).fillna(0.0)
    with pytest.raises(InputError, match="no positivity"):
        stabilised_weights(simulated.assign(severity=after), ["severity"])
    with pytest.raises(InputError, match="'age' has one value"):
        stabilised_weights(simulated.assign(age=1.0), ["severity"], ["age"])


def test_e_values_are_those_of_the_formula():
    estimate, limit = e_value(-0.5, 0.1, 1.0)
    ratio = np.exp(0.91 * 0.5)
    assert estimate == pytest.approx(ratio + np.sqrt(ratio * (ratio - 1)))
    assert 1 < limit < estimate
    assert e_value(0.1, 0.1, 1.0)[1] == 1.0


def test_a_patient_who_counts_twice_is_two_patients(simulated):
    kept = simulated[simulated["patient"] < "p080"].reset_index(drop=True)
    kept["patient"] = kept["patient"].astype(object)
    names = sorted(kept["patient"].unique())
    counts = np.array([k % 3 for k in range(len(names))])
    copies = [
        kept[kept["patient"] == name].assign(patient=f"{name}-{k}")
        for name, count in zip(names, counts, strict=True)
        for k in range(count)
    ]
    apart = pd.concat(copies).sort_values(["patient", "time"], kind="stable").reset_index(drop=True)
    models = WeightModels.learn(kept, ["severity"], ["age"], followed_until=5.0)
    counted = models.weights(0.05, counts)
    whole = stabilised_weights(apart, ["severity"], ["age"], 0.05, followed_until=5.0)
    np.testing.assert_allclose(np.repeat(counted.truncated, counts[models.patient]).mean(), whole.truncated.mean())
    formula = "~ time + treated + exposure"
    beta = Marginal.learn(kept, "y", formula).solve(counted.truncated * counts[models.patient])[0]
    expected = marginal_model(apart, "y", formula, whole.truncated)["estimate"]
    np.testing.assert_allclose(beta, expected, rtol=1e-7)


def test_resamples_spread_as_the_robust_error_says_and_the_same_seed_gives_the_same_ones(simulated):
    models = WeightModels.learn(simulated, ["severity"], ["age"])
    marginal = Marginal.learn(simulated, "y", "~ time + age + treated + exposure")
    found = resampled(models, marginal, 200, 0.01, np.random.default_rng(3))
    again = resampled(models, marginal, 200, 0.01, np.random.default_rng(3))
    np.testing.assert_array_equal(found, again)
    fit = marginal.fit(models.weights(0.01).truncated)
    beta = fit.beta
    assert found.shape == (200, 5)
    np.testing.assert_allclose(found.std(axis=0), np.sqrt(np.diag(fit.corrected)), rtol=0.35)
    low, high = percentiles(found, 200)
    assert ((low < beta) & (beta < high)).all()


@pytest.fixture(scope="module")
def few(simulated) -> tuple[Marginal, np.ndarray]:
    """Twenty patients with uneven weights."""
    kept = simulated[simulated["patient"] < "p021"].reset_index(drop=True)
    kept = kept.assign(y=kept["y"].where(kept.index % 7 != 3))
    weights = stabilised_weights(kept, ["severity"]).truncated
    return Marginal.learn(kept, "y", "~ time + age + treated + exposure"), weights


def test_the_corrected_variance_is_that_of_leaving_out_each_patient(few):
    marginal, weights = few
    fit = marginal.fit(weights)
    left = []
    for number in np.unique(marginal.patient):
        without = weights.copy()
        without[np.flatnonzero(marginal.seen)[marginal.patient == number]] = 0.0
        left.append(marginal.solve(without)[0] - fit.beta)
    np.testing.assert_allclose(fit.corrected, np.array(left).T @ np.array(left), rtol=1e-8)
    assert (np.diag(fit.corrected) > np.diag(fit.robust)).all()


def test_degrees_of_freedom_are_those_of_the_patients_parts(few):
    """P formed: the parts of the patients as linear functions of independent errors of one variance."""
    marginal, weights = few
    fit, w, x = marginal.fit(weights), weights[marginal.seen], marginal.x
    contrast = np.array([0.0, 0.0, 0.0, 1.0, 2.0])
    inverse = np.linalg.inv((x * w[:, None]).T @ x)
    leftover = np.eye(len(w)) - x @ inverse @ (x * w[:, None]).T
    parts = []
    for number in np.unique(marginal.patient):
        own = marginal.patient == number
        better = np.linalg.inv(leftover[np.ix_(own, own)])
        parts.append((contrast / marginal.size) @ inverse @ (x[own] * w[own][:, None]).T @ better @ leftover[own])
    p = np.array(parts) @ np.array(parts).T
    assert fit.degrees_of_freedom(contrast[None])[0] == pytest.approx(np.trace(p) ** 2 / (p**2).sum(), rel=1e-8)
    residual = marginal.y - x @ (fit.beta * marginal.size)
    table = fit.contrasts(contrast[None]).iloc[0]
    assert table["se"] == pytest.approx(np.sqrt(((np.array(parts) @ residual) ** 2).sum()), rel=1e-8)


def test_degrees_of_freedom_of_equal_patients_are_one_less_than_their_number():
    rows = pd.DataFrame({"patient": [f"p{k}" for k in range(9)], "y": np.arange(9.0) ** 2})
    row = marginal_model(rows, "y", "~ 1", np.ones(9)).iloc[0]
    assert row["df"] == pytest.approx(8.0)
    assert row["se_robust"] == pytest.approx(rows["y"].std(ddof=0) / 3) and row["se"] > row["se_robust"]


def test_a_term_of_one_patient_alone_is_refused(simulated):
    alone = simulated.assign(rare=(simulated["patient"] == "p007").astype(float))
    with pytest.raises(InputError, match="the rows of one patient alone determine a term"):
        marginal_model(alone, "y", "~ time + rare + treated", np.ones(len(alone)))


def test_an_interval_of_few_resamples_is_missing():
    values = np.arange(100.0)[:, None]
    assert np.isfinite(percentiles(values, 105)[0]).all()
    assert np.isnan(percentiles(values, 120)[0]).all()  # a sixth of the resamples had no estimate
    assert np.isnan(percentiles(values[:39], 39)[1]).all()


def test_terms_of_time_may_bend(simulated):
    straight = stabilised_weights(simulated, ["severity"], ["age"])
    bent = stabilised_weights(simulated, ["severity"], ["age"], time_terms=("bs(time, df=4)",))
    assert len(bent.models["treatment, numerator"].names) == len(straight.models["treatment, numerator"].names) + 3
    assert np.abs(bent.truncated - straight.truncated).max() > 1e-3
