"""A new patient's level, slope and reliability under a shipped growth model, and draws of the first two.

The scores are those of `slopes.score` at the model's parameters. A draw takes β, Ψ, σ² from the parametric bootstrap
of the growth model and b_i from its distribution given them and the patient's own rows y (docs/methods.md, section 6):

    V = ZΨZ' + σ²R      b_i ~ N(ΨZ'V⁻¹(y − Xβ), Ψ − ΨZ'V⁻¹ZΨ)      (Ψ, σ² in the user's units)

with R = I, or diagonal: the ratio of the row's residual stratum over its prior weight.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.run.short_repr import ShortRepr
from slopewise.shipped.reading import MarkerModel
from slopewise.slopes.marker import at_landmark, moments
from slopewise.slopes.scores import SCORES

Floats = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class MarkerRows(ShortRepr):
    """New patients' rows of one marker and their design at the landmark s.

    `patients` sorted as text (n,); `frame` the rows with covariates joined. Of the rows that have a value: `own` (m,)
    the place of the patient, `x` (m, p) and `z` (m, q) the design, `y` (m,) the value, `stratum`, `weight` (m,)
    its stratum of the residual variance and prior weight. `level_x`, `slope_x` (n, p) and
    `level_z`, `slope_z` (n, q): the design and its derivative by time at s; `zero_x`, `zero_z` at time zero.
    """

    model: MarkerModel
    patients: tuple[str, ...]
    frame: pd.DataFrame
    own: NDArray[np.int64]
    x: Floats
    z: Floats
    y: Floats
    stratum: NDArray[np.int64]
    weight: Floats
    zero_x: Floats
    zero_z: Floats
    level_x: Floats
    level_z: Floats
    slope_x: Floats
    slope_z: Floats

    @cached_property
    def _places(self) -> dict[str, NDArray[np.intp]]:
        """Each patient's places in `frame`."""
        found = self.frame.groupby("patient", sort=False).indices
        return {str(patient): np.asarray(places) for patient, places in found.items()}

    def values_of(self, patient: int, column: str) -> Floats:
        """A column of numbers in the rows of the patient at this place."""
        return self.frame[column].iloc[self._places[self.patients[patient]]].to_numpy(dtype=float)


def marker_rows(
    model: MarkerModel, measurements: pd.DataFrame, patients: pd.DataFrame, s: float,
    at_values: Mapping[str, str] | None = None,
) -> MarkerRows:  # fmt: skip
    """Join covariates to rows as the cohort's were, and lay out the design at `s` (infinite: the last visit).

    at_values: columns with the value at which everybody's level and slope are taken (`slopes.marker.held`). Values are
    those without the batch effects that the model was shipped with.
    """
    cohort = patients.sort_values("patient", kind="stable").reset_index(drop=True)
    own = [column for column in cohort.columns if column not in measurements.columns]
    frame = measurements.merge(cohort[["patient", *own]], on="patient", how="inner", validate="many_to_one")
    if model.batch is not None:
        frame = frame.assign(**{model.name: model.batch.adjusted(model.name, frame)})
    fixed, random, time = model.fit.design.fixed, model.fit.design.random, model.fit.specification.time
    at = at_landmark(measurements, cohort, s, time, at_values)
    names = tuple(str(name) for name in cohort["patient"])
    seen = frame[frame[model.name].notna()]
    stratum, weight = model.fit.residual_rows(seen)
    zero, now = at.assign(**{time: 0.0}), at.assign(**{time: moments(measurements, names, s, time)})
    return MarkerRows(
        model=model,
        patients=names,
        frame=frame,
        own=pd.Index(names).get_indexer(pd.Index(seen["patient"].astype(str))).astype(np.int64),
        x=fixed.matrix(seen) if len(seen) else np.empty((0, len(fixed.names))),
        z=random.matrix(seen) if len(seen) else np.empty((0, len(random.names))),
        y=seen[model.name].to_numpy(dtype=float),
        stratum=stratum,
        weight=weight,
        zero_x=fixed.matrix(zero),
        zero_z=random.matrix(zero),
        level_x=fixed.matrix(now),
        level_z=random.matrix(now),
        slope_x=fixed.derivative(now),
        slope_z=random.derivative(now),
    )


def scores(rows: MarkerRows) -> pd.DataFrame:
    """Columns patient, visits and those of `slopes.SCORES`; without a row b̂ = 0, reliability 0."""
    fit = rows.model.fit
    names, effects, conditional = fit.score(rows.frame)
    if tuple(names) != rows.patients:
        raise ValueError("every patient needs a row")
    seen = rows.frame[rows.frame[rows.model.name].notna()].groupby("patient").size()
    visits = seen.reindex(rows.patients).fillna(0).to_numpy(dtype=np.int64)
    covariance = fit.estimates.covariance[0]
    conditional[visits == 0] = covariance  # to the last bit, so that their reliability is 0
    beta, dz = fit.estimates.beta[0], rows.slope_z
    prior = np.einsum("ni,ij,nj->n", dz, covariance, dz)
    posterior = np.einsum("ni,nij,nj->n", dz, conditional, dz)
    of_level = np.einsum("ni,nij,nj->n", rows.level_z, conditional, rows.level_z)
    share = np.divide(prior - posterior, prior, out=np.zeros_like(prior), where=prior > 0)
    found = {
        "intercept": rows.zero_x @ beta + np.einsum("ni,ni->n", rows.zero_z, effects),
        "level": rows.level_x @ beta + np.einsum("ni,ni->n", rows.level_z, effects),
        "level_se": np.sqrt(np.maximum(of_level, 0.0)),
        "slope": rows.slope_x @ beta + np.einsum("ni,ni->n", dz, effects),
        "slope_se": np.sqrt(np.maximum(posterior, 0.0)),
        "slope_deviation": np.einsum("ni,ni->n", dz, effects),
        "reliability": np.clip(share, 0.0, 1.0),
    }
    table = pd.DataFrame({"patient": rows.patients, "visits": visits} | {name: found[name] for name in SCORES})
    if fit.structure == "excluded":
        table[list(SCORES)] = np.nan
    return table


def drawn(rows: MarkerRows, patient: int, number: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """`number` draws of level and slope of one patient (by place), (number,) each; missing where the model has none."""
    draws, own = rows.model.draws, rows.own == patient
    if not len(draws):
        return np.full(number, np.nan), np.full(number, np.nan)
    x, z, y = rows.x[own], rows.z[own], rows.y[own]
    psi = draws.covariance
    loading = np.einsum("bij,nj->bin", psi, z)  # ΨZ'
    noise = draws.variance[:, None] * draws.ratios[:, rows.stratum[own]] / rows.weight[own]  # (B, n)
    v = np.einsum("mi,bin->bmn", z, loading) + noise[:, :, None] * np.eye(len(y))
    gain = np.linalg.solve(v, loading.transpose(0, 2, 1)).transpose(0, 2, 1)  # ΨZ'V⁻¹
    mean = np.einsum("bin,bn->bi", gain, y - np.einsum("np,bp->bn", x, draws.beta))
    spread = psi - np.einsum("bin,nj,bjk->bik", gain, z, psi)
    values, vectors = np.linalg.eigh((spread + spread.transpose(0, 2, 1)) / 2)
    root = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    which = np.arange(number) % len(draws)
    b = mean[which] + np.einsum("nij,nj->ni", root[which], rng.standard_normal((number, psi.shape[1])))
    level = draws.beta[which] @ rows.level_x[patient] + b @ rows.level_z[patient]
    slope = draws.beta[which] @ rows.slope_x[patient] + b @ rows.slope_z[patient]
    return level, slope
