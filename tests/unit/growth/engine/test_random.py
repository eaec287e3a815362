"""Random designs: never above the end of statsmodels, always finite, whatever the data."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slopewise.growth import GrowthModel
from slopewise.growth.fit import GrowthFit
from slopewise.growth.fitting import fit_batch
from tests.lengths import of_length
from tests.unit.growth.growth_dense import dense_deviance
from tests.unit.growth.growth_designs import design, two_minima

RANDOM = ("~ 1", "~ time", "~ time + x", "~ time + x + time:g", "~ 0 + time", "~ poly(time, 2, raw=True)")

LOWEST = {  # by `design`'s seed: the lowest deviance of 60 searches from random starts, on surfaces with several minima
    483: -20.844358,  # a slope without an intercept, 20 patients: small or large beside the residual
    492: 101.771351,  # correlated, three random effects, 21 patients
    909: 33.175046,
    1670: 182.471918,
    1962: -45.209637,  # diagonal, 179 patients, far from the origin of time: 641 below the end of one start
    2931: 105.597500,
    10194: 20.543218,
    10651: -155.663702,
    11752: -6.109806,
    12878: 95.142034,  # a slope without an intercept, 112 patients
    13176: 115.848116,
    13427: 242.413329,
    13904: 216.012615,
    14148: 58.213099,
    15279: 16.945452,
    30227: -25.423602,  # lowest with one column dropped and the others large
    34440: -48.173734,  # rounding stops the search at a singular Psi
    38020: -47.846825,
    38633: 51.104542,
    40972: -49.355065,  # lowest with one column dropped and the others small
}


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
    batch = fit_batch(data, counts)
    fit = GrowthFit.from_batch(batch, 0)
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


@pytest.mark.parametrize("seed", LOWEST)
def test_the_lowest_of_several_minima_is_found(seed: int) -> None:
    frame, model = design(seed)
    fit = GrowthModel(**model).fit(frame, "y")
    assert fit.converged and fit.structure == model["structure"]
    assert fit.deviance <= LOWEST[seed] + 2e-6


def test_a_diagonal_model_of_ten_patients_ends_no_higher_than_statsmodels() -> None:
    check(two_minima(), {"fixed": "~ time + g", "random": "~ time + x", "structure": "diagonal", "reml": True})


def test_a_likelihood_without_a_maximum_is_not_fitted() -> None:
    """Random effects that go through all rows: sigma goes to zero and the deviance falls without end."""
    for seed, structure in ((634, "excluded"), (100332, "intercept")):
        frame, model = design(seed)
        fit = GrowthModel(**model).fit(frame, "y")
        assert fit.structure == structure and fit.sigma > 1e-3 * frame["y"].std()
        assert "identified" in fit.message


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


@pytest.mark.slow
@settings(max_examples=of_length(15, 40))
@given(problems(most_patients=25))
def test_small_designs_end_no_higher_than_statsmodels(problem: tuple[pd.DataFrame, dict]) -> None:
    check(*problem)


@pytest.mark.slow
@settings(max_examples=of_length(8, 40))
@given(problems(most_patients=200))
def test_all_designs_end_no_higher_than_statsmodels(problem: tuple[pd.DataFrame, dict]) -> None:
    check(*problem)
