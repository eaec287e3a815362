"""The posterior of a growth model: PyMC's, exact where it can be worked out, and refused where chains fail."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slopewise.growth import BayesSettings, GrowthModel, PosteriorSample, Priors, sample_posterior
from slopewise.growth.bayes import importance, sampled
from slopewise.growth.bayes.checks import predictive_check, sensitivity
from slopewise.growth.bayes.importance import importance_sample
from slopewise.growth.data import GrowthData
from slopewise.growth.fitting import fit_batch
from slopewise.run.errors import InputError
from slopewise.run.seeds import generator

GOLDEN = Path(__file__).resolve().parents[3] / "golden"


@cache
def golden() -> object:
    """The module ``growth_bayes.py`` without PyMC and ArviZ: its cases and their rows."""
    source = (GOLDEN / "growth_bayes.py").read_text(encoding="utf-8")
    for name in ("import arviz as az\n", "import pymc as pm\n"):
        source = source.replace(name, "")
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("growth_bayes", loader=None))
    module.__dict__["__file__"] = str(GOLDEN / "growth_bayes.py")
    exec(source, module.__dict__)
    return module


def data_of(case: str, **settings: int) -> GrowthData:
    """The rows of a golden case with its priors."""
    *_, scales, residual, fixed = golden().CASES[case]
    terms = ("Intercept", "time")
    priors = Priors(dict(zip(terms, scales, strict=True)), residual, fixed=dict(zip(terms, fixed, strict=True)))
    model = GrowthModel(engine="bayes", bayes=BayesSettings(priors={"y": priors}, **settings))
    return model.data(golden().rows_of(case), "y")


@cache
def sample_of(case: str, draws: int = 2500) -> PosteriorSample:
    return sample_posterior(data_of(case, draws=draws), generator(1, "golden", case))


def names_of(table: pd.DataFrame) -> pd.Series:
    """Names of a table's parameters as the golden file has them."""
    plain = table["kind"].replace({"residual": "sigma"})
    return plain.where(plain.isin(["correlation", "sigma"]), plain + "_" + table["term_1"])


@pytest.mark.parametrize("case", ["sleepstudy", "orthodont", "pbc"])
def test_means_and_sds_are_those_of_pymc(case: str) -> None:
    known = pd.read_csv(GOLDEN / "growth_bayes.csv").query("case == @case").set_index("name")
    table = sample_of(case, draws=10_000).table()
    ours = table.set_index(names_of(table))
    assert len(ours) == 6
    for name, row in ours.iterrows():
        reference = known.loc[name]
        assert abs(row["mean"] - reference["mean"]) < 0.05 * reference["sd"], name
        assert row["sd"] == pytest.approx(reference["sd"], rel=0.03), name


@pytest.mark.parametrize("case", ["sleepstudy", "orthodont", "pbc"])
def test_slopes_of_patients_are_those_of_pymc(case: str) -> None:
    """By the 256 weighted points of a fit; the slopes' SD of orthodont is close to 0, where they are least exact."""
    known = pd.read_csv(GOLDEN / "growth_bayes.csv").query("case == @case").set_index("name")
    model = GrowthModel(engine="bayes", bayes=data_of(case).specification.bayes)
    effects = model.fit(golden().rows_of(case), "y").random_effects().set_index("patient")
    for name in known.index[known.index.str.startswith("slope of ")]:
        row = effects.loc[name.removeprefix("slope of ")]
        assert abs(row["time"] - known.loc[name, "mean"]) < 0.1 * known.loc[name, "sd"], name
        assert row["se_time"] == pytest.approx(known.loc[name, "sd"], rel=0.08), name


def test_importance_points_have_the_moments_of_the_chains() -> None:
    found = sample_of("sleepstudy")
    points = importance_sample(found.posterior)
    flat = found.theta.reshape(-1, found.posterior.size)
    assert not points.by_chains
    assert np.abs((points.weights @ points.theta - flat.mean(axis=0)) / flat.std(axis=0)).max() < 0.08


def test_short_chains_replace_weights_that_cannot_be_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    found = sample_of("sleepstudy")
    monkeypatch.setattr(importance, "MOST_SHAPE", -np.inf)
    points = importance_sample(found.posterior)
    flat = found.theta.reshape(-1, found.posterior.size)
    assert points.by_chains
    assert np.abs((points.theta.mean(axis=0) - flat.mean(axis=0)) / flat.std(axis=0)).max() < 0.2
    assert np.isfinite(found.posterior.results(points.theta).sigma2).all()


def test_one_seed_gives_one_chain_whatever_the_threads() -> None:
    data = data_of("sleepstudy", draws=600)
    one, two = (sample_posterior(data, generator(3), threads) for threads in (1, 2))
    assert np.array_equal(one.theta, two.theta)
    assert np.array_equal(one.beta, two.beta)


def test_chains_that_fail_a_gate_are_refused() -> None:
    with pytest.raises(InputError, match=r"have not converged .* nothing is reported; raise bayes\.draws"):
        sample_posterior(data_of("sleepstudy", draws=50), generator(1))


def test_gates_are_those_of_every_parameter() -> None:
    table = pd.DataFrame({"parameter": ["a", "b"], "rhat": [1.0, 1.02], "ess_bulk": 900.0, "ess_tail": 900.0})
    with pytest.raises(InputError, match=r"b: R-hat 1\.02, at most 1\.01"):
        sampled._require_converged("y", table)


def test_the_export_has_chains_draws_and_named_axes() -> None:
    found = sample_of("sleepstudy")
    groups = found.to_arviz()
    assert groups["posterior"]["beta"].shape == (4, 2500, 2)
    assert groups["posterior"]["correlation"].shape == (4, 2500, 1)
    assert groups["coords"] == {"fixed": ["Intercept", "time"], "random": ["Intercept", "time"],
                                "pair": ["Intercept and time"]}  # fmt: skip
    long = found.long()
    assert len(long) == 10000
    assert long["fixed time"].mean() == pytest.approx(found.beta[:, :, 1].mean())


def test_priors_that_the_data_outweigh_do_not_matter_and_strong_ones_do() -> None:
    assert not sensitivity(sample_of("sleepstudy"))["sensitive"].any()
    few = golden().rows_of("sleepstudy").query("patient in ('308', '309', '310')")
    model = GrowthModel(engine="bayes", bayes=BayesSettings(priors={"y": Priors(sd={"time": 1.0})}))
    table = sensitivity(sample_posterior(model.data(few, "y"), generator(1)))
    assert table.query("kind == 'sd' and term_1 == 'time'")["sensitive"].item()


def test_predicted_data_look_like_data_of_the_model_and_not_like_others() -> None:
    rows = golden().rows_of("sleepstudy")
    rng = np.random.default_rng(1)
    check = predictive_check(sample_of("sleepstudy"), generator(1)).set_index("statistic")
    assert check["above"].between(0.005, 0.995).all()
    # Residuals with a heavy tail: the largest value is beyond what normal ones predict.
    spoilt = rows.assign(y=rows["y"] + np.where(rng.random(len(rows)) < 0.03, 600.0, 0.0))
    model = GrowthModel(engine="bayes")
    found = predictive_check(sample_posterior(model.data(spoilt, "y"), generator(1)), generator(1))
    assert found.set_index("statistic")["above"]["largest"] < 0.02


@pytest.mark.parametrize(
    ("priors", "message"),
    [
        ({"sd": {"time": 0.0}}, "improper"),
        ({"sd": {"time": float("inf")}}, "improper"),
        ({"correlation": -1.0}, "improper"),
        ({"fixed": {"time": (0.0, 0.0)}}, "improper"),
        ({"fixed": {"time": (float("nan"), 1.0)}}, "give a number"),
        ({"sd": {"time": 1e9}}, "makes no sense in the units of the data"),
        ({"residual": 1e-9}, "makes no sense in the units of the data"),
        ({"sd": {"tme": 1.0}}, "'tme', which is no random effect"),
    ],
)
def test_priors_without_sense_are_refused(priors: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        model = GrowthModel(engine="bayes", bayes=BayesSettings(priors={"y": Priors(**priors)}))
        model.fit(golden().rows_of("sleepstudy"), "y")


def test_one_patient_is_no_posterior() -> None:
    rows = golden().rows_of("sleepstudy").query("patient == '308'")
    with pytest.raises(InputError, match="all 10 rows are of one patient"):
        GrowthModel(engine="bayes").fit(rows, "y")


def test_a_held_out_patient_changes_no_bit() -> None:
    rows = golden().rows_of("sleepstudy")
    changed = rows.assign(y=rows["y"].where(rows["patient"] != "308", 5.0 * rows["y"] + rows["time"] ** 2))
    model = GrowthModel(engine="bayes")
    counts = np.ones((2, 18), np.int64)
    counts[1, 0] = 0
    one, two = (fit_batch(model.data(frame, "y"), counts).draws for frame in (rows, changed))
    for everybody, first, second in zip(one[0].results, one[1].results, two[1].results, strict=True):
        assert np.array_equal(first, second, equal_nan=True)
        assert everybody.shape == first.shape
    assert np.array_equal(one[1].weights, two[1].weights)
    assert not np.array_equal(one[0].results.beta, two[0].results.beta)


def test_residual_variances_by_stratum_are_refused() -> None:
    with pytest.raises(InputError, match="one residual variance"):
        GrowthModel(engine="bayes", residual_by="time")
