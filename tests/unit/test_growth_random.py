"""Random designs: never above the end of statsmodels, always finite, whatever the data."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slopewise.growth import GrowthModel
from tests.unit.growth_dense import dense_deviance

RANDOM = ("~ 1", "~ time", "~ time + x", "~ time + x + time:g", "~ 0 + time", "~ poly(time, 2, raw=True)")


@st.composite
def problems(draw: st.DrawFn, most_patients: int) -> tuple[pd.DataFrame, dict]:
    """A frame and a model: 5 to `most_patients` patients, 1 to 12 visits, up to four random effects of any rank."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    patients, most = draw(st.integers(5, most_patients)), draw(st.integers(1, 12))
    index = np.repeat(np.arange(patients), rng.integers(1, most + 1, patients))
    n = len(index)
    time = rng.uniform(0, 5, n) if draw(st.booleans()) else rng.integers(0, most, n).astype(float)
    x, g = rng.standard_normal(n), rng.integers(0, 2, patients)[index].astype(float)
    columns = np.column_stack([np.ones(n), time, x, g * time])
    rank = draw(st.integers(0, 4))
    loading = rng.standard_normal((4, max(rank, 1))) * rng.choice([0.0, 0.01, 0.3, 1, 3], size=(4, 1)) * (rank > 0)
    b = rng.standard_normal((patients, max(rank, 1))) @ loading.T
    noise = draw(st.sampled_from([0.1, 1.0, 2.0]))
    y = 1 + 0.2 * time + 0.3 * g + (columns * b[index]).sum(axis=1) + noise * rng.standard_normal(n)
    frame = pd.DataFrame({"patient": [f"{i:03d}" for i in index], "time": time, "x": x, "g": g, "y": y})
    model = {
        "fixed": draw(st.sampled_from(["~ 1", "~ time + g", "~ time * g + x"])),
        "random": draw(st.sampled_from(RANDOM)),
        "structure": draw(st.sampled_from(["correlated", "correlated", "diagonal"])),
        "reml": draw(st.booleans()),
    }
    return frame, model


def check(frame: pd.DataFrame, model: dict) -> None:
    data = GrowthModel(**model).data(frame, "y")
    counts = np.ones((1, len(data.patients)), int)
    batch = data.fit_batch(counts)
    fit = batch.fit(0)
    if len(frame) > 6:
        for values in (fit.beta, fit.covariance, fit.sigma, fit.deviance, fit.random_effects().drop(columns="patient")):
            assert np.isfinite(np.asarray(values, dtype=float)).all()
        assert np.linalg.eigvalsh(fit.covariance).min() >= -1e-9 * max(1e-300, np.abs(fit.covariance.to_numpy()).max())
    if fit.structure == "excluded":
        return
    assert fit.converged
    design = batch.designs[0]
    x, z = design.fixed.matrix(data.frame), design.random.matrix(data.frame)
    x = x[:, ~batch.aliased[0]]

    def deviance(covariance: np.ndarray, sigma: float) -> tuple[float, np.ndarray]:
        residual = np.full(len(x), sigma**2)
        value, beta, _ = dense_deviance(data.values, x, z, data.codes, covariance, residual, model["reml"])
        return value, beta

    own, beta = deviance(fit.covariance.to_numpy(), fit.sigma)
    assert fit.deviance == pytest.approx(own, abs=1e-6)
    np.testing.assert_allclose(fit.beta, beta, atol=1e-6 * np.abs(beta).max())
    other = statsmodels_end(data.values, x, z, data.codes, fit.structure, model["reml"])
    if other is not None:
        assert fit.deviance <= deviance(*other)[0] + 1e-6


def statsmodels_end(
    y: np.ndarray, x: np.ndarray, z: np.ndarray, groups: np.ndarray, structure: str, reml: bool
) -> tuple[np.ndarray, float] | None:
    """Covariance and residual standard deviation where MixedLM stops; None where it fails."""
    from statsmodels.regression.mixed_linear_model import MixedLM, MixedLMParams

    used = z[:, :1] if structure == "intercept" else z
    free = None
    if structure == "diagonal":
        free = MixedLMParams.from_components(fe_params=np.ones(x.shape[1]), cov_re=np.eye(used.shape[1]))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            found = MixedLM(y, x, groups=groups, exog_re=used).fit(reml=reml, method="bfgs", free=free, maxiter=200)
        except (np.linalg.LinAlgError, ValueError):
            return None
    covariance = np.zeros((z.shape[1], z.shape[1]))
    covariance[: used.shape[1], : used.shape[1]] = np.asarray(found.cov_re)
    if not np.isfinite(covariance).all() or not found.scale > 0:
        return None
    return covariance, float(np.sqrt(found.scale))


@settings(max_examples=40)
@given(problems(most_patients=25))
def test_small_designs_end_no_higher_than_statsmodels(problem: tuple[pd.DataFrame, dict]) -> None:
    check(*problem)


@pytest.mark.slow
@settings(max_examples=200)
@given(problems(most_patients=200))
def test_all_designs_end_no_higher_than_statsmodels(problem: tuple[pd.DataFrame, dict]) -> None:
    check(*problem)
