"""The effect of a treatment: its average, and, where patients have both treatments, how much it differs between them.

    y_ij = x_ij'beta + (beta_1 + b_1i) d_ij + b_0i + e_ij,   (b_0i, b_1i) ~ N(0, sigma^2 Psi)

with d = 1 under the treatment and 0 under the reference, and a residual variance for each treatment where both are
repeated in a patient (docs/methods.md, section 8). The SD of b_1 is the heterogeneity of the effect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from slopewise.effects.arms import compare_arms
from slopewise.effects.checks import checks
from slopewise.effects.coding import PERIOD, SEQUENCE, TREATED, Coded, coded, design_of, replicated
from slopewise.effects.inputs import EffectRows
from slopewise.effects.patients import direction, effect_rows, limits, patient_effects, shares
from slopewise.effects.posterior import Asked, PosteriorEffects, residual_row
from slopewise.growth import GrowthFit, GrowthModel
from slopewise.growth.bayes.gridded import Gridded, integrated, settled, two_variances
from slopewise.growth.bayes.priors import Priors
from slopewise.growth.evidence.compare import SideBySide, bootstrap_p, comparison_rows, fit_side_by_side
from slopewise.growth.evidence.profile import component_intervals
from slopewise.growth.evidence.residual_variance import residual_table
from slopewise.growth.fitting import fit_everybody
from slopewise.run.errors import InputError
from slopewise.run.short_repr import ShortRepr
from slopewise.slopes.marker import effect_priors
from slopewise.study.model import Study

EFFECT = "treatment"


@dataclass(frozen=True, repr=False)
class WithinFit(ShortRepr):
    """The models of a within-patient comparison: without and with an effect that differs between patients."""

    coded: Coded
    models: SideBySide
    fit: GrowthFit
    by_treatment: bool


def estimate_treatment(
    rows: EffectRows, marker: str, rng: np.random.Generator, threads: int = 1
) -> dict[str, pd.DataFrame]:
    """The marker's rows of the tables of ``effects/``; `InputError` where the rows compare nothing."""
    one = coded(rows, marker)
    design = design_of(one)
    if design == "parallel":
        return compare_arms(rows.study, one)
    if design == "single":
        fit = _fit(one, "~ 1", None)
        return {
            "design": design_row(one, design, False),
            "average": average(one, fit),
            "checks": checks(one, fit),
        }
    found = fit_within(one)
    return {
        "design": design_row(one, design, found.by_treatment),
        "average": average(one, found.fit),
        "checks": checks(one, found.fit),
        "spread": spread(found, rows.study.growth.bootstrap, rng, threads),
        **of_patients(rows.study, found, rng),
        "residuals": residuals(found),
    }


def of_patients(study: Study, found: WithinFit, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """``patients`` and ``shares``, by the engine of the study; with `bayes` the posterior of the effect as well."""
    fit, one, meaningful = found.fit, found.coded, study.effects.meaningful
    if study.growth.engine != "bayes":
        return {"patients": patient_effects(fit, one), "shares": shares(fit, one, meaningful, rng)}
    posterior = within_posterior(fit, effect_priors(study, one.marker))
    assert fit.batch is not None
    everybody = np.arange(len(fit.batch.data.patients))
    effects = PosteriorEffects.of(posterior, [Asked(EFFECT, *direction(fit))], everybody, rng)
    asked = limits(effects.average(0) >= 0, meaningful)
    table = effects.table()
    if found.by_treatment:
        u, weights = posterior.residual_number()
        ratio = residual_row("ratio of residual standard deviations", np.exp(0.5 * u), weights)
        table = pd.concat([table, ratio], ignore_index=True)
    return {
        "patients": effect_rows(fit, one, effects.patients(0)),
        "shares": pd.DataFrame([effects.share(0, limit) for limit in asked]),
        "posterior": table,
    }


def within_posterior(fit: GrowthFit, priors: Priors) -> Gridded:
    """The posterior of the model that `fit` is the REML fit of."""
    assert fit.batch is not None
    ratio = float(fit.ratios[1]) if len(fit.stratum_names) > 1 else 1.0
    data = settled(fit.batch.data)
    return integrated(data, two_variances(data, ratio), priors)


def fit_within(one: Coded, by_treatment: bool | None = None) -> WithinFit:
    """The random-effects models of rows in which patients have both treatments, repeated.

    by_treatment: whether each treatment has its own residual variance; None: where both are repeated in a patient.
    Raises `InputError` where the effect's spread cannot be separated from the residuals.
    """
    by_treatment = all(replicated(one)) if by_treatment is None else by_treatment
    model = GrowthModel(
        fixed=one.formula(), random=f"~ {TREATED}", time=TREATED, residual_by=TREATED if by_treatment else None
    )
    models = fit_side_by_side(model.data(one.frame, one.marker))
    if "random_slope" not in models.reml:
        raise InputError(
            f"effects.treatment: the spread of the effect between patients cannot be separated from the residuals of "
            f"{one.marker}; more patients with repeated values under each treatment are needed"
        )
    return WithinFit(one, models, models.reml["random_slope"], by_treatment)


def _fit(one: Coded, random: str, residual_by: str | None) -> GrowthFit:
    model = GrowthModel(fixed=one.formula(), random=random, time=TREATED, residual_by=residual_by)
    return fit_everybody(model.data(one.frame, one.marker))


def design_row(one: Coded, design: str, by_treatment: bool) -> pd.DataFrame:
    """The marker's row of ``effects/design``."""
    counts = one.rows_by.to_numpy()
    both = (counts > 0).all(axis=1)
    return pd.DataFrame(
        [
            {
                "design": design,
                "reference": one.reference,
                "versus": one.versus,
                "patients": len(counts),
                "patients_both": int(both.sum()),
                "rows": int(counts.sum()),
                "rows_reference": int(counts[:, 0].sum()),
                "rows_versus": int(counts[:, 1].sum()),
                "replicated": int((both & (counts > 1).any(axis=1)).sum()),
                "residual": "by treatment" if by_treatment else "one",
                "formula": one.formula(),
            }
        ]
    )


def average(one: Coded, fit: GrowthFit) -> pd.DataFrame:
    """The marker's rows of ``effects/average``: fixed effects with Satterthwaite's intervals, the treatment first.

    effect: treatment, period, sequence or covariate; term: the level, or the covariate's term.
    """
    table = fit.fixed_effects
    table = table[table["term"] != "Intercept"]
    named = [named_term(one, str(term)) for term in table["term"]]
    return table.assign(effect=[effect for effect, _ in named], term=[term for _, term in named])


def named_term(one: Coded, term: str) -> tuple[str, str]:
    """The kind of a term of the model, and what it is called in ``effects/average``."""
    if term == TREATED:
        return EFFECT, one.versus
    for name in (PERIOD, SEQUENCE):
        if name in one.columns and term.startswith(f"{name}[T."):
            return name, term.removeprefix(f"{name}[T.").removesuffix("]")
    return "covariate", term


def spread(found: WithinFit, draws: int, rng: np.random.Generator, threads: int) -> pd.DataFrame:
    """The marker's row of ``effects/spread``: SD of the effect between patients, profile interval, boundary test."""
    fit = found.fit
    test = comparison_rows(found.models).set_index("model").loc["random_slope"]
    ends, missing = component_intervals(fit), (np.nan, np.nan)
    covariance = fit.estimates.covariance[0]
    sd = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    low, high = ends.get((TREATED, TREATED), missing)
    first, last = ends.get(("Intercept", TREATED), missing)
    return pd.DataFrame(
        [
            {
                "effect": EFFECT,
                "sd": sd[1],
                "ci_low": low,
                "ci_high": high,
                "correlation": covariance[0, 1] / (sd[0] * sd[1]) if sd.all() else np.nan,
                "correlation_low": first,
                "correlation_high": last,
                "lrt": test["lrt"],
                "p_value": test["p_value"],
                "p_value_bootstrap": bootstrap_p(found.models, draws, rng, threads),
                "reliability": fit.reliability()[TREATED].mean(),
                "singular": fit.singular,
            }
        ]
    )


def residuals(found: WithinFit) -> pd.DataFrame:
    """The marker's rows of ``effects/residuals``; empty where one residual variance is assumed for both treatments."""
    table = residual_table(found.models.data, found.fit)
    if not len(table):
        return table
    names = {"0": found.coded.reference, "1": found.coded.versus}
    return table.assign(stratum=table["stratum"].map(lambda name: names[f"{float(name):g}"]))
