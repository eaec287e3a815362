"""Growth models whose residuals are serially correlated within a patient, around the engine.

The residuals of patient i are sigma W^(-1/2) u with corr(u_j, u_k) = phi^|t_j - t_k|, t in steps: AR(1) where all
distances of one patient's rows are whole steps, else its continuous form (Ornstein-Uhlenbeck). With C the Cholesky
factor of that correlation, C^-1 W^(1/2) [X Z y] are rows whose residuals are independent with one variance, which the
engine fits; since u is a Markov process, each whitened row takes its own row and the one before it alone:

    (row_j - r_j row_(j-1)) / sqrt(1 - r_j^2),   r_j = phi^(t_j - t_(j-1)),   log|C|^2 = sum log(1 - r_j^2)

The deviance is the engine's plus log|C|^2 - sum log w, profiled over phi (Pinheiro & Bates 2000, section 5.3).
Source: docs/methods.md, section 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from slopewise.growth.batch import GrowthBatch
from slopewise.growth.data import GrowthData
from slopewise.growth.engine.components import RISE
from slopewise.growth.fit import GrowthFit
from slopewise.growth.fitting import fit_everybody
from slopewise.run.errors import InputError
from slopewise.run.short_repr import ShortRepr

Floats = NDArray[np.float64]

WHOLE = 1e-6
"""Distances this close to a whole number of steps are whole."""
MOST = 0.999
"""Largest correlation of neighbouring residuals: beyond it they are a random walk."""
APART, FAR = 0.15, 0.3
"""Distance in atanh phi of the places about a known phi, and how far beyond them the search may go."""
GRID = (-0.6, -0.3, 0.0, 0.2, 0.4, 0.6, 0.8, 0.9)
"""Where the profile over phi is looked at first; without the negative ones where time is not evenly spaced."""


@dataclass(frozen=True, repr=False)
class Spacing(ShortRepr):
    """Distances in steps of each row from the one before it of its patient; `step` in units of time.

    gaps (rows,): 0 at a patient's first row; even: all of them are whole, so that the process is AR(1).
    """

    gaps: Floats
    step: float
    even: bool

    @staticmethod
    def of(data: GrowthData) -> Spacing:
        """The spacing of a marker's rows, which lie by patient and time.

        Raises `InputError` for two rows of one patient at one time: their residuals cannot be told apart by a process.
        """
        time = data.frame[data.specification.time].to_numpy(dtype=float)
        gaps = np.diff(time, prepend=np.nan)
        gaps[data.starts[:-1][data.n_rows > 0]] = 0.0
        inner = np.ones(len(time), dtype=bool)
        inner[data.starts[:-1][data.n_rows > 0]] = False
        twin = np.flatnonzero(inner & ~(gaps > 0))
        if len(twin):
            raise InputError(
                f"{data.layout.patient} {data.patients[data.codes[twin[0]]]}: two rows at {time[twin[0]]:g}, but "
                "correlation between neighbouring rows needs one row a time; set data.duplicates: mean, or "
                "correlation: none"
            )
        if not inner.any():
            raise InputError(f"{data.response!r}: nobody has two rows, so neighbouring residuals cannot be compared")
        step = float(gaps[inner].min())
        even = bool((np.abs(gaps / step - np.round(gaps / step)) < WHOLE).all())
        return Spacing(np.round(gaps / step) if even else gaps / step, step, even)

    def correlation(self, phi: float) -> Floats:
        """(rows,): the correlation of each residual with the one before it; 0 at a patient's first row."""
        inner, found = self.gaps > 0, np.zeros(len(self.gaps))
        found[inner] = np.sign(phi) ** self.gaps[inner] * np.abs(phi) ** self.gaps[inner]
        return found

    @property
    def grid(self) -> tuple[float, ...]:
        return tuple(phi for phi in GRID if phi >= 0 or self.even)


@dataclass(frozen=True, repr=False)
class WhitenedRows(ShortRepr):
    """A marker's rows that can be whitened at any phi. `spacing`: None for independent residuals."""

    data: GrowthData
    spacing: Spacing | None

    @staticmethod
    def of(data: GrowthData, serial: bool = True) -> WhitenedRows:
        """Raises `InputError` for a formula that learns from rows, and for strata of the residual variance."""
        if data.design is None:
            raise InputError(
                "correlation between neighbouring residuals cannot be combined with bs, cr or poly in the growth "
                "formulas; write polynomials as I(time**2), or set correlation: none"
            )
        if len(data.layout.stratum_names) > 1:
            raise InputError("correlation between neighbouring residuals cannot be combined with growth.residual_by")
        return WhitenedRows(data, Spacing.of(data) if serial else None)

    def whitened(self, values: Floats, phi: float) -> Floats:
        """Columns (rows, k) whose residuals are independent with one variance."""
        scaled = values * np.sqrt(self.data.weights)[:, None]
        if self.spacing is None or phi == 0.0:
            return np.ascontiguousarray(scaled)
        r = self.spacing.correlation(phi)[:, None]
        before = np.roll(scaled, 1, axis=0)
        return np.ascontiguousarray((scaled - r * before) / np.sqrt(1.0 - r**2))

    def coloured(self, values: Floats, phi: float) -> Floats:
        """The inverse of `whitened` for one column (rows,): residuals that correlate again."""
        r = np.zeros(len(values)) if self.spacing is None else self.spacing.correlation(phi)
        innovation = np.sqrt(1.0 - r**2) * values
        made, starts = innovation.copy(), self.data.starts
        for place in range(1, int(self.data.n_rows.max(initial=1))):
            rows = starts[:-1][self.data.n_rows > place] + place
            made[rows] += r[rows] * made[rows - 1]
        found: Floats = made / np.sqrt(self.data.weights)
        return found

    def log_determinant(self, phi: float) -> float:
        """log|C C'| less the log of the weights: what the deviance of whitened rows lacks."""
        least = -float(np.log(self.data.weights).sum())
        if self.spacing is None:
            return least
        return least + float(np.log1p(-(self.spacing.correlation(phi) ** 2)).sum())

    def at(self, phi: float, values: Floats | None = None) -> GrowthData:
        """The marker as data whose residuals are independent: every column, the intercept too, is whitened.

        values (rows,): another response, as simulated data have.
        """
        data, design = self.data, self.data.design
        assert design is not None and data.columns is not None
        response = data.values if values is None else values
        whole = np.column_stack([data.columns, np.ones(len(response)), response])
        made = self.whitened(whole, phi)
        place = data.columns.shape[1]
        x = np.where(design.x_columns < 0, place, design.x_columns)
        z = np.where(design.z_columns < 0, place, design.z_columns)
        layout = replace(data.layout, weights=np.ones_like(data.layout.weights))
        return replace(
            data,
            layout=layout,
            design=replace(design, x_columns=x, z_columns=z),
            columns=np.ascontiguousarray(made[:, :-1]),
            values=np.ascontiguousarray(made[:, -1]),
            shared=None,
        )


@dataclass(frozen=True, repr=False)
class SerialGrowthFit(ShortRepr):
    """One growth model with serially correlated residuals.

    fit: that of the whitened rows at `phi`: fixed effects, covariance, random effects and residual SD are the model's,
    its deviance is not. deviance: -2 log (restricted) likelihood with its constant. profile: phi and its deviance, as
    looked at.
    """

    rows: WhitenedRows
    fit: GrowthFit
    phi: float
    deviance: float

    @property
    def step(self) -> float:
        """The distance, in units of time, at which neighbouring residuals correlate by phi."""
        return 1.0 if self.rows.spacing is None else self.rows.spacing.step

    @property
    def batch(self) -> GrowthBatch:
        assert self.fit.batch is not None
        return self.fit.batch

    def interval(self) -> tuple[float, float]:
        """95% profile interval of phi."""
        spacing = self.rows.spacing
        if spacing is None:
            return np.nan, np.nan
        structure = self.fit.structure

        def above(phi: float) -> float:
            return fit_at(self.rows, phi, structure).deviance - self.deviance - RISE

        return _crossing(above, self.phi, -MOST if spacing.even else 0.0), _crossing(above, self.phi, MOST)


def fit_at(
    rows: WhitenedRows, phi: float, structure: str | None = None, values: Floats | None = None
) -> SerialGrowthFit:
    """The model with phi held."""
    fit = fit_everybody(rows.at(phi, values), structure)
    return SerialGrowthFit(rows, fit, phi, fit.deviance + rows.log_determinant(phi))


def fit_serial(rows: WhitenedRows, structure: str | None = None, values: Floats | None = None) -> SerialGrowthFit:
    """The model by the phi of the lowest deviance; phi is 0 for independent residuals."""
    from scipy.optimize import minimize_scalar

    if rows.spacing is None:
        return fit_at(rows, 0.0, structure, values)

    def deviance(phi: float) -> float:
        found = fit_at(rows, phi, structure, values).deviance
        return found if np.isfinite(found) else 1e300

    grid = rows.spacing.grid
    looked = [deviance(phi) for phi in grid]
    best = int(np.argmin(looked))
    low = grid[best - 1] if best else (-MOST if rows.spacing.even else 0.0)
    high = grid[best + 1] if best + 1 < len(grid) else MOST
    found = minimize_scalar(deviance, bounds=(low, high), method="bounded", options={"xatol": 1e-7})
    phi = float(found.x) if found.fun <= looked[best] else grid[best]
    return fit_at(rows, phi, structure, values)


def fit_near(known: SerialGrowthFit, values: Floats, about: float | None = None) -> SerialGrowthFit:
    """The same model for another response (rows,) of the same rows: phi is searched about the known one, or `about`.

    For simulated responses, of which phi is known up to its sampling error: two steps of quadratic interpolation of the
    deviance in atanh phi. The structure is imposed.
    """
    rows, structure = known.rows, known.fit.structure
    if rows.spacing is None:
        return fit_at(rows, 0.0, structure, values)
    least = -MOST if rows.spacing.even else 0.0
    ends = float(np.arctanh(least)), float(np.arctanh(MOST))
    middle = float(np.arctanh(known.phi if about is None else about))
    found: dict[float, SerialGrowthFit] = {}

    def look(place: float) -> None:
        at = min(max(place, ends[0]), ends[1])
        if at not in found:
            found[at] = fit_at(rows, float(np.tanh(at)), structure, values)

    for place in (middle - APART, middle, middle + APART):
        look(place)
    for _ in range(2):
        if len(found) >= 3:
            look(_vertex(found))
    return min(found.values(), key=lambda one: one.deviance if np.isfinite(one.deviance) else np.inf)


def _vertex(found: dict[float, SerialGrowthFit]) -> float:
    """The lowest point of the parabola through the best of the places and two next to it; at most `FAR` beyond them."""
    places = sorted(found)
    best = min(range(len(places)), key=lambda k: found[places[k]].deviance)
    first = min(max(best - 1, 0), len(places) - 3)
    x = np.array(places[first : first + 3])
    y = np.array([found[place].deviance for place in x])
    if not np.isfinite(y).all():
        return places[best]
    curve, slope, _ = np.polyfit(x - x[1], y - y[1], 2)
    lowest = x[1] - slope / (2.0 * curve) if curve > 0 else places[best]
    return float(np.clip(lowest, x[0] - FAR, x[2] + FAR))


def _crossing(above: Callable[[float], float], inside: float, limit: float) -> float:
    """Where the profile has risen by `RISE` between phi and the limit of what it can be, else the limit."""
    from scipy.optimize import brentq

    if above(limit) <= 0:
        return limit
    return float(brentq(above, inside, limit, xtol=1e-6))
