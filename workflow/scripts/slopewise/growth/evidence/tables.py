"""Everything that is computed to judge whether a marker needs a random slope, as the tables of ``growth/``."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pandas as pd

from slopewise.growth.data import GrowthData
from slopewise.growth.draws import bootstrap_components
from slopewise.growth.evidence.alike import under
from slopewise.growth.evidence.compare import (
    SideBySide,
    bootstrap_p,
    comparison_rows,
    explained,
    fit_side_by_side,
    information,
    textbook_model,
    variance_components,
)
from slopewise.growth.evidence.effort import MANY, Effort
from slopewise.growth.evidence.heteroscedastic import compare_scatter
from slopewise.growth.evidence.influence import influence, largest_influence
from slopewise.growth.evidence.judgement import AGAINST
from slopewise.growth.evidence.normality import normality, residual_classes, residual_rows, richest, visits_and_slopes
from slopewise.growth.evidence.pooling import patient_rows, planned_reliability
from slopewise.growth.evidence.residual_variance import residual_table
from slopewise.growth.evidence.serial import SerialComparison, SerialFit, compare_serial
from slopewise.growth.evidence.trends import implied_correlation, implied_variance, trends, variogram
from slopewise.growth.fit import GrowthFit, active_terms
from slopewise.growth.fitting import fit_everybody
from slopewise.growth.model import GrowthModel

NAMES = ("serial", "heteroscedastic", "verdict", "trends", "variogram", "implied", "correlation")

DRAWS = 200
"""Draws of the parametric bootstrap for the intervals of variance components that have no profile."""


def compare_marker(
    model: GrowthModel,
    study: GrowthFit,
    draws: int,
    rng: np.random.Generator,
    in_time: bool,
    threads: int = 1,
    markers: int = 1,
) -> dict[str, pd.DataFrame]:
    """The marker's rows of the tables of ``growth/``: the comparison, the diagnostics and the three kinds of pooling.

    model, study: the study's growth model and its fit to every patient (`growth.fitting.fit_everybody`); draws: of the
    parametric bootstrap; in_time: whether the predictor is time, so that residuals can be serially correlated at all;
    markers: of the study (`effort.Effort`).
    """
    assert study.batch is not None
    own = study.batch.data
    textbook = textbook_model(model)
    effort = None if markers <= MANY else Effort.of(markers)
    data = _textbook_data(own, textbook)
    models = fit_side_by_side(data)
    fits = {**models.reml, "study": study}
    comparison = comparison_rows(models)
    slope = comparison["model"] == "random_slope"
    comparison.loc[slope, "p_value_bootstrap"] = bootstrap_p(models, draws, rng, threads, effort)
    if differs(model, textbook) or study.structure != "correlated":
        comparison = pd.concat([comparison, pd.DataFrame([_own_row(own, study)])], ignore_index=True)
    return {
        "fixed_effects": pd.concat([fit.fixed_effects.assign(model=name) for name, fit in fits.items()]),
        "covariance": pd.concat(_components_of(fits, draws, rng)),
        "comparison": comparison,
        "residuals": residual_table(own, study),
        **_diagnostics(models, in_time),
        **_checks(models, textbook, rng, threads, Effort.of(markers)),
    }


def _textbook_data(own: GrowthData, textbook: GrowthModel) -> GrowthData:
    """The marker's rows under the model `textbook`: those of the study's model, where they are laid out alike."""
    wanted, given = textbook.specification(), own.specification
    alike = wanted.random.text.replace(" ", "") == given.random.text.replace(" ", "") and own.design is not None
    if alike and bool((own.n_rows > 0).all()):
        return replace(own, specification=replace(wanted, weights=given.weights))
    return under(textbook, own)


def _components_of(fits: dict[str, GrowthFit], draws: int, rng: np.random.Generator) -> list[pd.DataFrame]:
    """`components` of each fit with its name; those of the study's model once, where it is the random-slope model."""
    found: dict[str, pd.DataFrame] = {}
    slope = fits.get("random_slope")
    for name, fit in fits.items():
        same = name == "study" and slope is not None and _is_same(fit, slope)
        found[name] = found["random_slope"] if same else components(fit, draws, rng)
    return [frame.assign(model=name) for name, frame in found.items()]


def _is_same(one: GrowthFit, other: GrowthFit) -> bool:
    """Whether two fits are one model at one end, to the last bit."""
    alike = (one.structure, one.design.random_names) == (other.structure, other.design.random_names)
    ends = one.deviance == other.deviance and bool((one.results.psi == other.results.psi).all())
    return alike and ends and one.specification.reml == other.specification.reml


def components(fit: GrowthFit, draws: int, rng: np.random.Generator) -> pd.DataFrame:
    """`variance_components`; with more than two random effects their intervals are of at most `DRAWS` `draws`.

    The percentiles of the draws are laid about the estimate by their median, and cut at what an SD and a correlation
    can be, so that an interval holds an estimate that lies where it cannot be less, or more.
    """
    frame = variance_components(fit)
    if len(active_terms(fit)) <= 2 or not draws or not (np.isfinite(fit.deviance) and fit.sigma > 0):
        return frame
    ends = bootstrap_components(fit, min(draws, DRAWS), rng)
    pairs = list(zip(frame["term_1"], frame["term_2"], strict=True))
    low, middle, high = np.array([ends.get(pair, (np.nan,) * 3) for pair in pairs]).T
    value, alone = frame["sd_or_correlation"].to_numpy(dtype=float), np.array([one == other for one, other in pairs])
    least, most = np.where(alone, 0.0, -1.0), np.where(alone, np.inf, 1.0)
    return frame.assign(
        ci_low=np.maximum(value - (middle - low), least), ci_high=np.minimum(value + (high - middle), most)
    )


def differs(model: GrowthModel, textbook: GrowthModel) -> bool:
    """Whether the study's own model is another one than the random slope of the comparison."""
    same = model.random.replace(" ", "") in (f"~{model.time}", f"~1+{model.time}")
    return not same or model.structure != textbook.structure or not model.reml


def _own_row(own: GrowthData, study: GrowthFit) -> dict[str, object]:
    """The row of the study's own model; it is tested against none, since which mixture holds depends on the formula."""

    def by(reml: bool) -> GrowthFit:
        data = replace(own, specification=replace(own.specification, reml=reml))
        return fit_everybody(data, study.structure)

    q = len(study.design.random_names)
    of_effects = {"correlated": q * (q + 1) // 2, "diagonal": q, "intercept": 1, "excluded": 0}[study.structure]
    parameters = len(study.beta) + len(study.ratios) + of_effects
    missing = dict.fromkeys(("lrt", "p_value", "p_value_naive", "p_value_bootstrap", "q_value"), np.nan)
    return {"model": "study", **information(by(True), by(False), parameters), **missing, **explained(study)}


def _diagnostics(models: SideBySide, in_time: bool) -> dict[str, pd.DataFrame]:
    """The tables serial, heteroscedastic, trends, variogram, implied, correlation; empty without a random slope.

    And of verdict what one marker tells: the p of each test and whether the fit is singular.

    What takes the residual variance to be the same in every row (all but implied) is empty where it is not.
    """
    empty = {name: pd.DataFrame() for name in NAMES}
    if "random_intercept" not in models.reml:
        return empty
    found, one_variance = empty, models.data.one_residual_variance
    if one_variance:
        found["trends"] = pd.DataFrame([asdict(trends(models.reml["random_intercept"]))])
    if "random_slope" not in models.reml:
        return found
    found["implied"] = implied_variance(models)
    tests = dict.fromkeys(AGAINST, np.nan) | {"singular": models.reml["random_slope"].singular}
    found["verdict"] = pd.DataFrame([tests])
    if not one_variance:
        return found
    found["heteroscedastic"] = scatter = compare_scatter(models)
    tests |= {f"p_{row.by}": row.p_value for row in scatter.itertuples()} | {"p_f": found["trends"]["p_value"].iloc[0]}
    found["correlation"] = implied_correlation(models)
    serial = SerialFit(np.nan, 0.0, np.nan, models.reml["random_intercept"].sigma)
    if in_time:
        compared = compare_serial(models.reml["random_intercept"], models.reml["random_slope"])
        found["serial"] = pd.DataFrame([_serial_row(compared)])
        tests["p_serial"] = compared.p_value
        serial = compared.serial
        found["variogram"] = variogram(models, serial)
    found["verdict"] = pd.DataFrame([tests])
    return found


def _checks(
    models: SideBySide, textbook: GrowthModel, rng: np.random.Generator, threads: int, effort: Effort
) -> dict[str, pd.DataFrame]:
    """The tables scatter, spread, quantiles, normality, patients, influence, planned, visits; empty if all is alike."""
    names = ("scatter", "spread", "quantiles", "normality", "patients", "influence", "planned", "visits")
    found = {name: pd.DataFrame() for name in names}
    if "random_intercept" not in models.reml or not richest(models).sigma > 0:
        return found
    fit = richest(models)
    found |= {"scatter": residual_rows(fit), "spread": residual_classes(fit)}
    found["quantiles"], found["normality"] = normality(fit, rng, effort.drawn)
    if "random_slope" in models.reml:
        rows = patient_rows(models)
        changes = influence(models, threads, effort.deleted)
        found["patients"] = rows.merge(changes, on="patient", how="left", validate="one_to_one")
        found["influence"] = largest_influence(models, changes, rng, threads, effort)
        if models.data.one_residual_variance:
            found["planned"] = planned_reliability(models, rows)
        found["visits"] = visits_and_slopes(models, textbook, rows)
    return found


def _serial_row(compared: SerialComparison) -> dict[str, object]:
    return {
        **{f"deviance_{name}": value for name, value in compared.deviance.items()},
        "share": compared.serial.share,
        "range": compared.serial.range,
        "residual_sd": compared.serial.sd,
        "lrt": compared.lrt,
        "p_value": compared.p_value,
    }
