"""Each unit's effect of an interruption, the share in which it went the other way, and the course without it.

For unit i with whitened rows, V_i = Z_i Sigma Z_i' + sigma^2 I and C_i = Sigma Z_i'V_i^-1, the effect
c'(beta + b_i) has the prediction variance of Henderson (1975, 10.2307/2529430)

    c'[(Sigma - C_i Z_i Sigma) + (I - C_i X_i) Var(beta^) (I - C_i X_i)']c

with I here the matrix that picks the fixed effect of each random one. For the interval of a share nothing counts as
known but the data: draws of (beta, Sigma, sigma^2, phi) come from the parametric bootstrap, and under each draw every
unit's effect is drawn given the unit's rows, as in `slopes.fast`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from slopewise.effects.patients import interval_about, share_interval
from slopewise.effects.series.average import named_effects
from slopewise.effects.series.draws import refits
from slopewise.effects.series.model import AFTER, MOMENT, SINCE, SeriesFit, whitened_units, with_terms
from slopewise.growth.whitening import SerialGrowthFit
from slopewise.run.short_repr import ShortRepr

Floats = NDArray[np.float64]

DRAWS = 10
"""Draws of the units' effects under each draw of the parameters."""


class UnitEffects(ShortRepr):
    """Predicted combinations of the effects of some units: estimate, and its SD without and with Var(beta)."""

    def __init__(self, fit: SeriesFit, serial: SerialGrowthFit, units: Sequence[int]) -> None:
        self.beta = serial.fit.estimates.beta[0]
        self.sigma = serial.fit.covariance.to_numpy()
        variance = serial.fit.sigma**2
        fixed_variance = np.nan_to_num(serial.fit.estimates.beta_covariance[0])
        fixed = list(serial.fit.design.fixed_names)
        places = [fixed.index(name) if name in fixed else -1 for name in fit.names]
        chosen, p, q = set(units), len(fixed), len(fit.names)
        self.b, self.within, self.lever = [], [], []
        for unit, x, z, y in whitened_units(_of(fit, serial)):
            if unit not in chosen:
                continue
            v = z @ self.sigma @ z.T + variance * np.eye(len(y))
            c = np.linalg.solve(v, z @ self.sigma).T
            self.b.append(c @ (y - x @ self.beta))
            self.within.append(self.sigma - c @ z @ self.sigma)
            self.lever.append(-c @ x)
        self.fixed_variance, self.p, self.q, self.places = fixed_variance, p, q, places

    def effect(self, fixed: Floats, random: Floats) -> tuple[Floats, Floats, Floats]:
        """Estimate, SD given beta, and SD, (units,) each, of fixed @ beta + random @ b."""
        estimate = np.array([fixed @ self.beta + random @ b for b in self.b])
        given = np.array([random @ w @ random for w in self.within])
        levers = np.array([fixed + random @ lever for lever in self.lever])
        whole = given + np.einsum("np,pr,nr->n", levers, self.fixed_variance, levers)
        return estimate, np.sqrt(np.maximum(given, 0.0)), np.sqrt(np.maximum(whole, 0.0))


def _of(fit: SeriesFit, serial: SerialGrowthFit) -> SeriesFit:
    from dataclasses import replace

    return replace(fit, serial=serial)


def interrupted(fit: SeriesFit) -> list[int]:
    """The units that have rows after their moment, as positions in the order of patients."""
    data = fit.serial.batch.data
    late = set(fit.frame.loc[fit.frame[AFTER] > 0, "patient"].astype(str))
    return [k for k, name in enumerate(data.patients) if name in late and data.n_rows[k] > 0]


def unit_rows(fit: SeriesFit, horizons: Sequence[float]) -> pd.DataFrame:
    """The rows of ``effects/patients``: each interrupted unit's changes and effects, with intervals and reliability.

    own: the unit's change by least squares in its own rows alone; empty where these do not determine it.
    """
    who = interrupted(fit)
    units = UnitEffects(fit, fit.serial, who)
    found = []
    for _, k, term in named_effects(horizons):
        fixed, random = fit.fixed_row(k, term), fit.random_row(k, term)
        estimate, given, sd = units.effect(fixed, random)
        total = float(random @ units.sigma @ random)
        reliability = np.clip(1.0 - given**2 / total, 0.0, 1.0) if total > 0 else np.zeros(len(who))
        found.append({"estimate": estimate, "se": sd, **interval_about(estimate, sd), "reliability": reliability})
    return of_units(fit, who, horizons, found)


def of_units(
    fit: SeriesFit, who: Sequence[int], horizons: Sequence[float], found: Sequence[dict[str, Floats]]
) -> pd.DataFrame:
    """The rows of ``effects/patients`` with what was `found` of units `who` for each of the named effects."""
    names, counts = fit.serial.batch.data.patients, fit.serial.batch.data.n_rows
    alone = _alone(fit, who)
    parts = []
    for (name, k, term), own in zip(named_effects(horizons), found, strict=True):
        weights = {AFTER: np.array([1.0, 0.0]), SINCE: np.array([0.0, 1.0])}.get(term, np.array([1.0, k]))
        shared = {"effect": name, "patient": [names[i] for i in who], "rows": [int(counts[i]) for i in who]}
        parts.append(pd.DataFrame({**shared, **own, "own": alone @ weights}))
    return pd.concat(parts, ignore_index=True)


def _alone(fit: SeriesFit, who: Sequence[int]) -> Floats:
    """(units, 2): level change and slope change by least squares of each unit's own rows on time; NaN where too few."""
    made = np.full((len(who), 2), np.nan)
    by_name = {str(name): rows for name, rows in fit.frame.groupby("patient")}
    names = fit.serial.batch.data.patients
    for place, unit in enumerate(who):
        rows = by_name[names[unit]]
        x = np.column_stack([np.ones(len(rows)), rows[["time", AFTER, SINCE]].to_numpy(dtype=float)])
        if len(rows) > 4 and np.linalg.matrix_rank(x) == 4:
            made[place] = np.linalg.lstsq(x, rows[fit.marker].to_numpy(dtype=float), rcond=None)[0][2:]
    return made


def share_rows(
    fit: SeriesFit, horizons: Sequence[float], draws: int, rng: np.random.Generator, threads: int
) -> pd.DataFrame:
    """The rows of ``effects/shares``: in which share of the units the effect goes against the average.

    share: mean probability over the interrupted units; its interval from `draws` draws of all parameters, 0: none.
    """
    who = interrupted(fit)
    found, effects = UnitEffects(fit, fit.serial, who), named_effects(horizons)
    drawn: dict[str, list[Floats]] = {name: [] for name, _, _ in effects}
    again = refits(fit, draws, rng, threads)
    for serial in again:
        each = UnitEffects(fit, serial, who)
        for name, k, term in effects:
            estimate, given, _ = each.effect(fit.fixed_row(k, term), fit.random_row(k, term))
            drawn[name].append(estimate + given * rng.standard_normal((DRAWS, len(who))))
    rows = []
    for name, k, term in effects:
        fixed = fit.fixed_row(k, term)
        estimate, _, sd = found.effect(fixed, fit.random_row(k, term))
        below = bool(fixed @ found.beta > 0)
        chance = ndtr(np.where(below, -1.0, 1.0) * estimate / np.where(sd > 0, sd, np.nan))
        whole = np.concatenate(drawn[name]) if drawn[name] else np.empty((0, len(who)))
        low, high = share_interval(whole, 0.0, below)
        rows.append(
            {
                "effect": name,
                "what": "opposite",
                "side": "below" if below else "above",
                "limit": 0.0,
                "patients": len(who),
                "share": float(np.nanmean(chance)),
                "ci_low": low,
                "ci_high": high,
                "likely": int((chance > 0.5).sum()),
                "sure": int((chance > 0.9).sum()),
            }
        )
    return pd.DataFrame(rows)


def curve_rows(fit: SeriesFit) -> pd.DataFrame:
    """The rows of ``effects/curves``: each row observed, as the model expects it for its unit, and without the change.

    since: time since the unit's moment, before it below 0; empty for a unit without one.
    """
    growth, frame = fit.serial.fit, fit.frame
    table = growth.random_effects().set_index("patient")[list(growth.design.random_names)]
    b = table.reindex(frame["patient"].astype(str)).to_numpy()
    never = with_terms(frame, np.full(len(frame), np.nan))

    def expected(rows: pd.DataFrame) -> Floats:
        z = growth.design.random.matrix(rows)
        course: Floats = growth.predict(rows, "population") + np.einsum("nq,nq->n", z, b)
        return course

    made = {
        "patient": frame["patient"].to_numpy(),
        "time": frame["time"].to_numpy(dtype=float),
        "since": frame["time"].to_numpy(dtype=float) - frame[MOMENT].to_numpy(dtype=float),
        "observed": frame[fit.marker].to_numpy(dtype=float),
        "fitted": expected(frame),
        "without": expected(never),
    }
    return pd.DataFrame(made).sort_values(["patient", "time"], kind="stable").reset_index(drop=True)
