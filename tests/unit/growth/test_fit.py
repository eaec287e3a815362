"""What a fit tells: tables, predictions, simulation, storage; hard data end in words and never in an exception."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slopewise.growth import GrowthFit, GrowthModel
from slopewise.growth.fitting import fit_batch
from slopewise.run.errors import InputError
from tests.unit.growth.growth_dense import dense_deviance, simulated


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return simulated(50, seed=7)


@pytest.fixture(scope="module")
def fit(frame: pd.DataFrame) -> GrowthFit:
    return GrowthModel(fixed="~ time * sex + age").fit(frame, "y")


def matrices(fit: GrowthFit) -> tuple[Any, np.ndarray, np.ndarray]:
    assert fit.batch is not None
    data = fit.batch.data
    kept = ~fit.results.aliased[0]
    return data, fit.design.fixed.matrix(data.frame)[:, kept], fit.design.random.matrix(data.frame)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("random", ["~ 1", "~ time", "~ poly(time, 2, raw=True)", "~ time + age:time + sex:time"])
@pytest.mark.parametrize("weights", [None, "weight"])
def test_every_number_agrees_with_full_matrices(
    frame: pd.DataFrame, random: str, reml: bool, weights: str | None
) -> None:
    model = GrowthModel(fixed="~ time * sex + age", random=random, reml=reml)
    fit = model.fit(frame, "y", weights=weights)
    data, x, z = matrices(fit)
    residual = fit.sigma**2 / data.weights
    covariance = fit.covariance.to_numpy()
    deviance, beta, spread = dense_deviance(data.values, x, z, data.codes, covariance, residual, reml)
    assert fit.deviance == pytest.approx(deviance, abs=1e-7)
    np.testing.assert_allclose(fit.beta, beta, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(fit.fixed_effects["se"], np.sqrt(np.diag(spread)), rtol=1e-7)
    effects = fit.random_effects()
    for i in (0, 11, 49):
        rows = data.codes == i
        v = z[rows] @ covariance @ z[rows].T + np.diag(residual[rows])
        gain = covariance @ z[rows].T @ np.linalg.inv(v)
        b = gain @ (data.values[rows] - x[rows] @ beta)
        se = np.sqrt(np.maximum(np.diag(covariance - gain @ z[rows] @ covariance), 0))
        names = list(fit.design.random_names)
        np.testing.assert_allclose(effects.loc[i, names].to_numpy(float), b, atol=1e-6)
        np.testing.assert_allclose(effects.loc[i, [f"se_{n}" for n in names]].to_numpy(float), se, atol=1e-6)


def test_no_step_from_the_optimum_lowers_the_deviance(frame: pd.DataFrame) -> None:
    fit = GrowthModel(random="~ poly(time, 2, raw=True)").fit(frame, "y")
    data, x, z = matrices(fit)
    rng = np.random.default_rng(1)
    best = fit.covariance.to_numpy()
    root = np.linalg.cholesky(best + 1e-12 * np.eye(3))
    for size in (1e-3, 1e-2, 0.1):
        for _ in range(20):
            moved = root @ (np.eye(3) + size * rng.standard_normal((3, 3)))
            sigma2 = fit.sigma**2 * np.exp(size * rng.standard_normal())
            residual = np.full(len(x), sigma2)
            assert dense_deviance(data.values, x, z, data.codes, moved @ moved.T, residual)[0] > fit.deviance - 1e-9


@pytest.mark.parametrize("by", ["sex", "half"])
def test_residual_variances_by_stratum_are_at_their_optimum(frame: pd.DataFrame, by: str) -> None:
    rows = frame.assign(half=np.where(np.arange(len(frame)) % 2, "odd", "even"))
    rows["y"] = rows["y"] + np.where(rows[by] == rows[by].max(), 1.0, 0.0) * np.sin(1e3 * np.arange(len(rows)))
    fit = GrowthModel(fixed="~ time + age", residual_by=by).fit(rows, "y")
    data, x, z = matrices(fit)

    def deviance(log_sd: np.ndarray) -> float:
        residual = np.exp(2 * log_sd)[data.strata]
        return dense_deviance(data.values, x, z, data.codes, fit.covariance.to_numpy(), residual)[0]

    best = np.log(fit.residual_sd.to_numpy())
    assert fit.deviance == pytest.approx(deviance(best), abs=1e-7)
    assert fit.residual_sd.iloc[1] > 1.2 * fit.residual_sd.iloc[0]
    for k in (0, 1):
        step = np.zeros(2)
        step[k] = 1e-3
        up, down = deviance(best + step), deviance(best - step)
        assert abs(up - down) / 2e-3 < 1e-2 * (up + down - 2 * deviance(best)) / 1e-6 * 1e-2
        assert min(up, down) > fit.deviance
    assert (fit.fixed_effects["df"] > 3).all()


def test_degrees_of_freedom_by_brute_force(frame: pd.DataFrame) -> None:
    """Satterthwaite from a Hessian of the dense likelihood in other coordinates than the engine's."""
    model = GrowthModel(fixed="~ time * sex + age")
    fit = model.fit(frame, "y")
    data, x, z = matrices(fit)

    def parameters(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        root = np.array([[eta[0], 0], [eta[1], eta[2]]])
        return root @ root.T, np.full(len(x), np.exp(eta[3]))

    def deviance(eta: np.ndarray) -> float:
        return dense_deviance(data.values, x, z, data.codes, *parameters(eta))[0]

    def variances(eta: np.ndarray) -> np.ndarray:
        return np.diag(dense_deviance(data.values, x, z, data.codes, *parameters(eta))[2])

    root = np.linalg.cholesky(fit.covariance.to_numpy())
    eta = np.array([root[0, 0], root[1, 0], root[1, 1], 2 * np.log(fit.sigma)])
    step, unit = 1e-3, np.eye(4)
    hessian = np.array(
        [
            [
                sum(s * t * deviance(eta + step * (s * unit[i] + t * unit[j])) for s in (1, -1) for t in (1, -1))
                / (4 * step**2)
                for j in range(4)
            ]
            for i in range(4)
        ]
    )
    slopes = np.array([(variances(eta + step * e) - variances(eta - step * e)) / (2 * step) for e in unit]).T
    spread = np.einsum("ki,ij,kj->k", slopes, 2 * np.linalg.inv(hessian), slopes)
    np.testing.assert_allclose(fit.fixed_effects["df"], 2 * variances(eta) ** 2 / spread, rtol=1e-3)


def test_the_table_of_fixed_effects_is_consistent(fit: GrowthFit) -> None:
    from scipy.stats import t

    table = fit.fixed_effects
    assert list(table) == ["term", "estimate", "se", "df", "statistic", "p_value", "ci_low", "ci_high"]
    assert table["term"].tolist() == ["Intercept", "time", "sex[T.m]", "age", "time:sex[T.m]"]
    np.testing.assert_allclose(table["statistic"], table["estimate"] / table["se"])
    np.testing.assert_allclose(table["p_value"], 2 * t.cdf(-table["statistic"].abs(), table["df"]))
    np.testing.assert_allclose(t.cdf((table["ci_high"] - table["estimate"]) / table["se"], table["df"]), 0.975)


def test_prediction(fit: GrowthFit, frame: pd.DataFrame) -> None:
    population, personal = fit.predict(frame, "population"), fit.predict(frame)
    assert np.var(frame["y"] - personal) < 0.5 * np.var(frame["y"] - population)
    shuffled = frame.sample(frac=1, random_state=1)
    np.testing.assert_allclose(fit.predict(shuffled), pd.Series(personal, frame.index)[shuffled.index])
    with pytest.raises(InputError, match="patient stranger: not in the fit"):
        fit.predict(frame.assign(patient="stranger"))
    newcomers = frame[frame["patient"] < "p010"].assign(patient=lambda rows: "new " + rows["patient"])
    effects = fit.random_effects(newcomers)
    np.testing.assert_allclose(
        fit.predict(newcomers, effects=effects), personal[(frame["patient"] < "p010").to_numpy()]
    )


def test_a_patient_without_rows_has_the_populations_values(fit: GrowthFit, frame: pd.DataFrame) -> None:
    unseen = frame.head(3).assign(patient="unseen", y=np.nan)
    effects = fit.random_effects(pd.concat([frame, unseen])).set_index("patient")
    assert effects.loc["unseen", "Intercept"] == 0 and effects.loc["unseen", "time"] == 0
    assert effects.loc["unseen", "se_time"] == pytest.approx(np.sqrt(fit.covariance.loc["time", "time"]))


def test_reliability_is_the_share_of_variance_that_a_patients_rows_settle(fit: GrowthFit, frame: pd.DataFrame) -> None:
    reliability, effects = fit.reliability(), fit.random_effects()
    for name in ("Intercept", "time"):
        variance = fit.covariance.loc[name, name]
        np.testing.assert_allclose(reliability[name], 1 - effects[f"se_{name}"] ** 2 / variance, atol=1e-12)
        assert reliability[name].between(0, 1).all() and reliability[name].std() > 0.01
    flat = GrowthFit.from_batch(
        fit_batch(GrowthModel().fit(frame, "y").batch.data, np.ones((1, 50), int), ["intercept"]), 0
    )
    assert (flat.reliability()["time"] == 0).all()
    unseen = frame.head(3).assign(patient="unseen", y=np.nan)
    assert (fit.reliability(unseen)[["Intercept", "time"]].to_numpy() == 0).all()


def test_simulation_follows_the_model(frame: pd.DataFrame) -> None:
    fit = GrowthModel(residual_by="sex").fit(frame, "y", weights="weight")
    data, x, z = matrices(fit)
    drawn = fit.simulate(np.random.default_rng(1), 4000)
    assert drawn.shape == (4000, len(data.values))
    np.testing.assert_array_equal(fit.simulate(np.random.default_rng(1), 2), drawn[:2])
    expected = x @ fit.beta.to_numpy()
    residual = fit.residual_sd.to_numpy()[data.strata] ** 2 / data.weights
    variance = np.einsum("na,ab,nb->n", z, fit.covariance.to_numpy(), z) + residual
    np.testing.assert_allclose((drawn.mean(axis=0) - expected) / np.sqrt(variance / 4000), 0, atol=5)
    np.testing.assert_allclose(drawn.var(axis=0) / variance, 1, atol=0.15)
    first = np.flatnonzero(data.codes == data.codes[np.argmax(data.n_rows[data.codes])])[:2]
    covariance = np.cov(drawn[:, first].T)[0, 1]
    assert covariance == pytest.approx(z[first[0]] @ fit.covariance.to_numpy() @ z[first[1]], rel=0.15)
    again = fit_batch(data.with_values(drawn[0]), np.ones((1, len(data.patients)), int))
    assert again.converged[0]


def test_a_fit_survives_json_and_notices_a_change(fit: GrowthFit, frame: pd.DataFrame) -> None:
    content = json.loads(json.dumps(fit.to_dict(), allow_nan=False))
    restored = GrowthFit.from_dict(content)
    pd.testing.assert_frame_equal(restored.fixed_effects, fit.fixed_effects)
    pd.testing.assert_frame_equal(restored.random_effects(frame), fit.random_effects())
    pd.testing.assert_frame_equal(restored.covariance, fit.covariance)
    assert restored.to_dict() == content
    assert restored.optimiser == fit.optimiser and restored.deviance == fit.deviance
    text = json.dumps(content)
    assert not any(name in text for name in frame["patient"]), "no patient may be in what is shipped"
    content["parameters"]["beta"][1] *= 1.001
    with pytest.raises(InputError, match="does not match its checksum"):
        GrowthFit.from_dict(content)
    with pytest.raises(InputError, match="give random_effects a frame"):
        restored.random_effects()


def test_learned_recipes_and_strata_survive_json(frame: pd.DataFrame) -> None:
    model = GrowthModel(fixed="~ poly(time, 2) + sex", random="~ time", residual_by="sex", bounds=(0, 3))
    fit = model.fit(frame, "z", weights="weight")
    restored = GrowthFit.from_dict(json.loads(json.dumps(fit.to_dict())))
    new = frame[frame["patient"] < "p020"]
    np.testing.assert_array_equal(restored.predict(new, "population"), fit.predict(new, "population"))
    pd.testing.assert_frame_equal(restored.random_effects(new), fit.random_effects(new))
    with pytest.raises(InputError, match="stratum 'x' was not seen"):
        restored.random_effects(new.assign(sex="x"))


def hard_cases() -> dict[str, pd.DataFrame]:
    frame = simulated(30, seed=2)
    number = frame["patient"].str[1:].astype(float)
    visit = frame.groupby("patient").cumcount().astype(float)
    return {
        "constant response": frame.assign(y=3.0),
        "exact line": frame.assign(y=1 + 2 * frame["time"]),
        "exact line for each patient": frame.assign(y=frame["age"] + frame["time"] * frame["age"]),
        "no noise": frame.assign(y=number),
        "two patients": frame[frame["patient"] < "p002"],
        "two rows": frame.groupby("patient").head(1).head(2),
        "single visits": frame.groupby("patient").head(1),
        "the same two times": frame.assign(time=visit)[visit < 2],
        "no time": frame.assign(time=1.5),
        "no value": frame.assign(y=np.nan),
        "no row": frame.head(0),
        "tiny": frame.assign(y=frame["y"] * 1e-150),
        "huge": frame.assign(y=frame["y"] * 1e150),
        "far away": frame.assign(y=frame["y"] + 1e12, time=frame["time"] + 1e8),
        "one outlier": frame.assign(y=np.where(np.arange(len(frame)) == 3, 1e8, frame["y"])),
        "two values": frame.assign(y=(frame["y"] > 3).astype(float)),
        "alternating": frame.assign(y=frame["y"] * 0 + number % 2 - visit % 2 + 0.01 * frame["time"]),
        "copies": pd.concat([frame] * 3),
        "times almost equal": frame.assign(time=np.round(frame["time"]) + 1e-9 * np.arange(len(frame))),
    }


@pytest.mark.parametrize("engine", ["slopewise", "statsmodels"])
@pytest.mark.parametrize("rows", [1, 2, None])
@pytest.mark.parametrize("reml", [True, False])
def test_one_patient_is_refused(engine: str, rows: int | None, reml: bool) -> None:
    frame = simulated(30, seed=2)
    one = frame[frame["patient"] == "p003"].head(rows)
    for random in ("~ 1", "~ time", "~ 0 + time"):
        with pytest.raises(InputError, match=r"'y': all \d+ rows are of one patient; .* needs several"):
            GrowthModel(random=random, reml=reml, engine=engine).fit(one, "y")
    alone = frame.assign(y=frame["y"].where(frame["patient"] == "p003"))  # the others were never measured
    with pytest.raises(InputError, match="rows are of one patient"):
        GrowthModel(reml=reml, engine=engine).fit(alone, "y")


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("structure", [None, "correlated", "diagonal", "intercept"])
def test_a_training_set_of_one_patient_has_no_variance_between_patients(structure: str | None, reml: bool) -> None:
    data = GrowthModel(fixed="~ 1", reml=reml).data(simulated(5, seed=2), "y")
    counts = np.eye(5, dtype=np.int64)[:2]
    batch = fit_batch(data, counts, None if structure is None else [structure] * 2)
    assert batch.structure == ["excluded"] * 2
    assert not batch.converged.any() and (batch.covariance == 0).all() and np.isfinite(batch.beta).all()
    assert set(batch.message) == {"no random effect can be identified: pooled regression"}


@pytest.mark.parametrize("case", hard_cases())
@pytest.mark.parametrize(
    "model",
    [{}, {"structure": "diagonal"}, {"random": "~ 1"}, {"random": "~ poly(time, 2, raw=True)"}, {"residual_by": "sex"}],
    ids=["correlated", "diagonal", "intercept", "quadratic", "strata"],
)
def test_hard_data_end_in_words(case: str, model: dict) -> None:
    fit = GrowthModel(**model).fit(hard_cases()[case], "y")
    assert np.isfinite(fit.estimates.beta).all() and np.isfinite(fit.covariance.to_numpy()).all()
    assert np.isfinite(fit.random_effects().drop(columns="patient").to_numpy(float)).all()
    assert fit.structure in ("correlated", "diagonal", "intercept", "excluded")
    assert fit.converged == (fit.structure != "excluded")
    wanted = model.get("structure", "correlated")
    assert fit.message or fit.structure == wanted
    assert fit.to_dict()["checksum"]
    list(fit.fixed_effects)


def test_what_cannot_be_identified_goes_down_the_ladder() -> None:
    cases = hard_cases()
    assert GrowthModel().fit(cases["single visits"], "y").structure == "excluded"
    assert GrowthModel().fit(cases["the same two times"], "y").structure == "intercept"
    no_time = GrowthModel().fit(cases["no time"], "y")
    assert no_time.structure == "intercept" and no_time.aliased == ("time",)
    assert "random intercept" in no_time.message and "aliased terms dropped: time" in no_time.message
    assert GrowthModel(random="~ 0 + time").fit(cases["single visits"], "y").structure != "intercept"


def test_an_imposed_structure_is_kept(frame: pd.DataFrame) -> None:
    data = GrowthModel().data(frame, "y")
    batch = fit_batch(data, np.ones((4, len(data.patients)), int), ["correlated", "diagonal", "intercept", "excluded"])
    assert batch.structure == ["correlated", "diagonal", "intercept", "excluded"]
    assert (np.diff(batch.deviance) > 0).all(), "each is nested in the one before"
    assert batch.converged.tolist() == [True, True, True, False]
    assert batch.covariance[2, 1, 1] == 0 and not batch.covariance[3].any()
    alone = GrowthModel(random="~ 1").fit(frame, "y")
    assert batch.deviance[2] == pytest.approx(alone.deviance, abs=1e-9)


def test_a_variance_too_small_for_others_does_not_empty_the_fixed_effects(frame: pd.DataFrame) -> None:
    """Elsewhere a random-effect variance below 1e-10 gave fixed effects of exactly 0, reported as converged."""
    small = frame.assign(y=1.0 + frame["time"] + 1e-6 * frame["y"])
    fit = GrowthModel().fit(small, "y")
    assert fit.converged and 0 < fit.covariance.iloc[0, 0] < 1e-10
    np.testing.assert_allclose(fit.beta, [1, 1], atol=1e-5)


def test_mistakes_in_the_data_are_told(frame: pd.DataFrame) -> None:
    model = GrowthModel(fixed="~ time + age")
    with pytest.raises(InputError, match="no column 'nothing' to fit"):
        model.fit(frame, "nothing")
    with pytest.raises(InputError, match="patient p000, column 'y': an infinite value"):
        model.fit(frame.assign(y=np.where(frame["patient"] == "p000", np.inf, frame["y"])), "y")
    with pytest.raises(InputError, match="patient p002, column 'age': missing"):
        model.fit(frame.assign(age=frame["age"].mask(frame["patient"] == "p002")), "y")
    with pytest.raises(InputError, match="'sex' is not numeric"):
        model.fit(frame, "sex")
    with pytest.raises(InputError, match="weights are positive"):
        model.fit(frame.assign(weight=0.0), "y", weights="weight")
    with pytest.raises(InputError, match="no patient in row"):
        model.fit(frame.assign(patient=frame["patient"].mask(frame["time"] < 0.1)), "y")
    with pytest.raises(InputError, match="structure 'banded'"):
        GrowthModel(structure="banded")
    with pytest.raises(InputError, match="columns, not 1 to 4"):
        GrowthModel(random="~ time * age * sex").fit(frame, "y")
    missing = frame.assign(age=frame["age"].mask(frame["patient"] == "p002"))
    missing["y"] = missing["y"].mask(missing["patient"] == "p002")
    assert model.fit(missing, "y").n_patients == 49, "a row without a response needs no covariate"
