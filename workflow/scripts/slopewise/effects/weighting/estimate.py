"""What is reported of a treatment that follows the patient's state, as rows of the tables of ``effects/``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from slopewise.effects.inputs import EffectRows
from slopewise.effects.series.average import after_name
from slopewise.effects.series.model import LEVEL, SLOPE
from slopewise.effects.weighting.diagnostics import balance, positivity, weights_by_visit
from slopewise.effects.weighting.histories import history_of
from slopewise.effects.weighting.marginal import Marginal, e_value
from slopewise.effects.weighting.models import Floats, WeightModels, Weights
from slopewise.effects.weighting.prepared import Prepared, default_horizons, prepared
from slopewise.effects.weighting.resampling import percentiles, resampled
from slopewise.growth.evidence.contrast import contrasts
from slopewise.growth.fitting import fit_everybody
from slopewise.run.errors import InputError
from slopewise.run.short_repr import ShortRepr
from slopewise.slopes.marker import by_likelihood, growth_model
from slopewise.study.keys_of_effects import OVER_TIME
from slopewise.study.model import Study

TREATED, EXPOSURE = "treated", "exposure"
WEIGHTED, UNWEIGHTED = "weighted", "unweighted"
RANDOM, ADJUSTED = "random slopes", "random slopes, adjusted"
SHARES = (0.0, 0.01, 0.05)
"""Truncations under which the estimates are given besides the study's."""

Effect = tuple[str, float, float]
"""Name of an effect, and what it takes of the coefficients of `treated` and of `exposure`."""


@dataclass(frozen=True, repr=False)
class Weighted(ShortRepr):
    """What the estimates of one marker are made of."""

    study: Study
    marker: str
    ready: Prepared
    models: WeightModels
    weights: Weights
    fixed: str
    effects: tuple[Effect, ...]

    @staticmethod
    def of(study: Study, marker: str, ready: Prepared) -> Weighted:
        """The models of the weights and the effects that the study asks for."""
        models = ready.models()
        asked = ready.asked
        terms = [name for name, change in ((TREATED, "level"), (EXPOSURE, "slope")) if change in asked.changes]
        fixed = " + ".join((study.growth.fixed.strip(), *ready.baseline, *terms))
        return Weighted(study, marker, ready, models, models.weights(asked.truncation), fixed, named_effects(ready))

    def rows(self, names: Sequence[str]) -> Floats:
        """(effects, terms): each effect as a combination of the coefficients of the terms `names`."""
        made = np.zeros((len(self.effects), len(names)))
        for row, (_, level, slope) in enumerate(self.effects):
            for term, share in ((TREATED, level), (EXPOSURE, slope)):
                if term in names:
                    made[row, list(names).index(term)] = share
        return made


def named_effects(ready: Prepared) -> tuple[Effect, ...]:
    """The effects that are reported: the changes of level and slope, and the effect at each time under treatment."""
    asked = ready.asked
    level, slope = float("level" in asked.changes), float("slope" in asked.changes)
    found: list[Effect] = [(LEVEL, 1.0, 0.0)] if level else []
    if slope:
        found.append((SLOPE, 0.0, 1.0))
        found += [(after_name(k), level, float(k)) for k in tuple(asked.horizons) or default_horizons(ready.rows)]
    return tuple(found)


def estimate_treatment_over_time(
    source: EffectRows, marker: str, rng: np.random.Generator, threads: int
) -> dict[str, pd.DataFrame]:
    """The marker's rows of the tables of ``effects/``, for a study with `effects.treatment_over_time`.

    Raises `InputError` where no weights can be estimated, or the marginal model cannot.
    """
    ready = prepared(source)
    try:
        one = Weighted.of(source.study, marker, ready)
        marginal = Marginal.learn(ready.rows, marker, one.fixed)
        return {
            "design": design_rows(one),
            "average": average_rows(one, marginal),
            "analyses": analysis_rows(one, marginal, rng),
            "weights": weight_rows(one),
            "balance": _shown(balance(ready.rows, ready.confounders, one.weights), "column", ready),
            "positivity": _shown(positivity(ready.rows, ready.confounders, one.weights), "column", ready),
            "models": model_rows(one),
        }
    except InputError as error:
        raise InputError(f"{OVER_TIME}, {marker}: {ready.shown(str(error))}") from None


def _shown(table: pd.DataFrame, column: str, ready: Prepared) -> pd.DataFrame:
    return table.assign(**{column: table[column].map(ready.shown)})


def design_rows(one: Weighted) -> pd.DataFrame:
    """The marker's row of ``effects/design``; `replicated`: patients whose treatment changes."""
    rows = one.ready.rows[one.ready.rows[one.marker].notna()]
    treated, patient = rows[TREATED] > 0, rows["patient"]
    per_patient = treated.groupby(patient).agg(["any", "all"])
    both = int((per_patient["any"] & ~per_patient["all"]).sum())
    row = {
        "design": "weighted",
        "reference": one.ready.asked.reference,
        "versus": one.ready.versus,
        "patients": int(patient.nunique()),
        "patients_both": both,
        "rows": len(rows),
        "rows_reference": int((~treated).sum()),
        "rows_versus": int(treated.sum()),
        "replicated": both,
        "residual": "one",
        "formula": one.fixed,
    }
    return pd.DataFrame([row])


def average_rows(one: Weighted, marginal: Marginal) -> pd.DataFrame:
    """The rows of ``effects/average``: the weighted effects with robust intervals, and the model's other terms."""
    fit = marginal.fit(one.weights.truncated)
    main = fit.contrasts(one.rows(marginal.names))
    main = main.assign(effect=[name for name, _, _ in one.effects], term=[name for name, _, _ in one.effects])
    others = fit.contrasts(np.eye(len(marginal.names))).assign(effect="course", term=marginal.names)
    others = others[~others["term"].isin([TREATED, EXPOSURE])]
    return pd.concat([main, others], ignore_index=True).drop(columns="se_robust")


def analysis_rows(one: Weighted, marginal: Marginal, rng: np.random.Generator) -> pd.DataFrame:
    """The rows of ``effects/analyses``: each effect weighted, without weights, and by random-slope models.

    The weighted effects have the percentile intervals of the bootstrap of patients through the weights, and E-values.
    """
    asked, draws = one.ready.asked, one.study.growth.bootstrap
    rows = one.rows(marginal.names)
    found = resampled(one.models, marginal, draws, asked.truncation, rng) @ rows.T
    low, high = percentiles(found, draws)
    sd = float(np.std(marginal.y, ddof=1))
    main = marginal.fit(one.weights.truncated).contrasts(rows)
    main = main.assign(analysis=WEIGHTED, ci_low_bootstrap=low, ci_high_bootstrap=high, resamples=len(found))
    values = [
        e_value(estimate, end - estimate, sd) if name != SLOPE and sd > 0 else (np.nan, np.nan)
        for (name, _, _), estimate, end in zip(one.effects, main["estimate"], main["ci_high"], strict=True)
    ]
    main[["e_value", "e_value_limit"]] = values
    parts = [main]
    for share in SHARES:
        if share != asked.truncation:
            fit = marginal.fit(one.models.weights(share).truncated)
            parts.append(fit.contrasts(rows).assign(analysis=truncated_name(share)))
    parts.append(marginal.fit(np.ones(len(one.ready.rows))).contrasts(rows).assign(analysis=UNWEIGHTED))
    parts += [mixed(one, adjusted) for adjusted in (False, True)]
    names = [name for name, _, _ in one.effects]
    whole = pd.concat([part.assign(effect=names) for part in parts], ignore_index=True)
    return whole.rename(columns={"se_robust": "se_uncorrected"})


def truncated_name(share: float) -> str:
    """What the analysis with another truncation is called."""
    return f"weighted, truncated at {100 * share:g}%" if share else "weighted, not truncated"


def mixed(one: Weighted, adjusted: bool) -> pd.DataFrame:
    """The effects by the random-slope model; `adjusted` for the confounders of the last visit, in rows with one."""
    rows, fixed = one.ready.rows, one.fixed
    if adjusted:
        history = history_of(rows, one.ready.confounders)
        later = rows["previous"].notna()
        rows, fixed = history.assign(time=rows["time"])[later], " + ".join((fixed, *one.ready.confounders))
    model = replace(growth_model(by_likelihood(one.study)), fixed=fixed)
    fit = fit_everybody(model.data(rows[rows[one.marker].notna()].reset_index(drop=True), one.marker))
    return contrasts(fit, one.rows(fit.design.fixed_names)).assign(analysis=ADJUSTED if adjusted else RANDOM)


def weight_rows(one: Weighted) -> pd.DataFrame:
    """The rows of ``effects/weights``: by visit, those of all visits first."""
    by_visit = weights_by_visit(one.ready.rows, one.weights)
    w = one.weights.truncated
    whole = {
        "visit": "all",
        "rows": len(w),
        "treated": int(by_visit["treated"].sum()),
        "mean": w.mean(),
        "minimum": w.min(),
        "maximum": w.max(),
        "effective": one.weights.effective,
    }
    return pd.concat([pd.DataFrame([whole]), by_visit.assign(visit=by_visit["visit"].astype(str))], ignore_index=True)


def model_rows(one: Weighted) -> pd.DataFrame:
    """The rows of ``effects/models``: coefficients (log odds) of the models that the weights come from."""
    parts = [
        pd.DataFrame({"model": name, "term": [one.ready.shown(term) for term in model.names], "log_odds": model.beta})
        for name, model in one.weights.models.items()
    ]
    return pd.concat(parts, ignore_index=True)
