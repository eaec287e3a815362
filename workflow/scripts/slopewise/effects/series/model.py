"""The model of an interrupted time series: level change and slope change at each unit's moment, random by unit.

With t_i the moment of unit i, and 0 in both new columns for a unit without one:

    after_ij = [t_ij >= t_i],   since_ij = after_ij (t_ij - t_i)
    y_ij = x_ij'beta + level_i after_ij + slope_i since_ij + (random effects of the growth model) + e_ij

so that the effect of the interruption k after it is level_i + k slope_i, of unit i and, with the fixed effects, on
average (Wagner et al. 2002, 10.1046/j.1365-2710.2002.00430.x; Linden & Adams 2011).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.growth.model import GrowthModel
from slopewise.growth.whitening import SerialGrowthFit, WhitenedRows, fit_serial
from slopewise.run.errors import InputError
from slopewise.run.short_repr import ShortRepr

Floats = NDArray[np.float64]

AFTER, SINCE, MOMENT = "after", "since", "interruption"
"""Our columns of the rows: after the moment (0 or 1), time since it; and of the patients, the moment."""
LEVEL, SLOPE = "level change", "slope change"
"""What the coefficients of `AFTER` and `SINCE` are called in the tables."""


def with_terms(frame: pd.DataFrame, moment: Floats | None = None) -> pd.DataFrame:
    """The rows with `AFTER` and `SINCE`, by the column `MOMENT` or by another moment of each row."""
    when = frame[MOMENT].to_numpy(dtype=float) if moment is None else moment
    time = frame["time"].to_numpy(dtype=float)
    after = (time >= when).astype(float)  # NaN, a unit without an interruption: never
    return frame.assign(**{AFTER: after, SINCE: np.where(after > 0, time - np.nan_to_num(when), 0.0)})


@dataclass(frozen=True, repr=False)
class SeriesFit(ShortRepr):
    """One fit of the model; random: the formula that could be fitted; left_out: random effects that could not be."""

    marker: str
    frame: pd.DataFrame  # the rows, with the terms
    model: GrowthModel
    serial: SerialGrowthFit
    left_out: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        return [str(name) for name in self.serial.fit.design.random_names]

    def fixed_row(self, k: float | None, term: str = "") -> Floats:
        """(p,): the combination of fixed effects that is the effect `k` after the moment, or that of one `term`."""
        fixed = list(self.serial.fit.design.fixed_names)
        row = np.zeros(len(fixed))
        for name, value in _parts(k, term):
            row[fixed.index(name)] = value
        return row

    def random_row(self, k: float | None, term: str = "") -> Floats:
        """(q,): the same of the random effects; without any element where the effect does not vary in the model."""
        row = np.zeros(len(self.names))
        for name, value in _parts(k, term):
            if name in self.names:
                row[self.names.index(name)] = value
        return row


def _parts(k: float | None, term: str) -> list[tuple[str, float]]:
    return [(term, 1.0)] if k is None else [(AFTER, 1.0), (SINCE, float(k))]


def series_model(base: GrowthModel) -> GrowthModel:
    """The study's growth model with the two changes, fixed and random."""
    added = f" + {AFTER} + {SINCE}"
    return replace(base, fixed=base.fixed + added, random=base.random + added, structure="correlated", bounds=None)


def fit_series(
    model: GrowthModel, frame: pd.DataFrame, marker: str, serial: bool, phi: float | None = None
) -> SeriesFit:
    """Fit; a random effect of the changes whose variance cannot be identified is left out, that of the slope first.

    A covariance that is singular is a valid fit and stays.
    """
    if frame[marker].nunique() < 2:
        raise InputError(f"{marker}: every row has the same value, so that no change can be estimated")
    last: SeriesFit | None = None
    for left_out in ((), (SINCE,), (AFTER,), (SINCE, AFTER)):
        random = model.random
        for name in left_out:
            random = random.replace(f" + {name}", "")
        tried = replace(model, random=random)
        rows = WhitenedRows.of(tried.data(frame, marker, "patient"), serial)
        columns = len(rows.data.design.random_names) if rows.data.design is not None else 1
        if len(rows.data.values) <= columns + len(rows.data.patients):
            continue
        found = fit_serial(rows)
        last = SeriesFit(marker, frame, tried, found, left_out)
        wanted = "correlated" if columns > 1 else "intercept"
        if found.fit.structure in (wanted, "correlated") and found.fit.converged:
            return last
    if last is None or not np.isfinite(last.serial.deviance) or not last.serial.fit.sigma > 0:
        raise InputError(
            f"{marker}: the model of the interruption cannot be fitted to these rows; the units need several rows "
            "before and after their moment, and values that vary"
        )
    return last


def whitened_units(fit: SeriesFit) -> list[tuple[int, Floats, Floats, Floats]]:
    """(unit, X, Z, y) of each unit with rows: whitened, so that its residuals are independent with one variance."""
    from slopewise.growth.engine.layout import expanded

    data = fit.serial.batch.data
    design = data.design
    assert design is not None and data.columns is not None
    x, z = expanded(data.columns, design.x_columns), expanded(data.columns, design.z_columns)
    return [
        (unit, x[start:stop], z[start:stop], data.values[start:stop])
        for unit, (start, stop) in enumerate(zip(data.starts[:-1], data.starts[1:], strict=True))
        if stop > start
    ]
