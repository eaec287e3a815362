"""Does the result rest on the moment, on the autocorrelation, or on a property of the units? The same model again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from slopewise.effects.series.average import contrast_table
from slopewise.effects.series.model import AFTER, LEVEL, MOMENT, SINCE, SLOPE, SeriesFit, fit_series, with_terms
from slopewise.growth.evidence.compare import naive_p
from slopewise.growth.model import GrowthModel
from slopewise.growth.whitening import WhitenedRows, fit_at

FEWEST = 3
"""Rows of a unit before and after a moment from which a change of its level and slope can be estimated."""


def sensitivity_rows(fit: SeriesFit) -> pd.DataFrame:
    """The rows of ``effects/sensitivity``: both changes as reported, with independent residuals, and at a placebo.

    The placebo is the middle of each unit's rows before its moment, in those rows alone (and those of controls): it
    should find no change. It takes units with `FEWEST` such rows on either side; without two of them it is left out.
    """
    parts = [changes(fit, "as reported", len(_interrupted(fit.frame)))]
    if fit.serial.rows.spacing is not None:
        plain = fit_series(fit.model, fit.frame, fit.marker, False)
        parts.append(changes(plain, "independent residuals", len(_interrupted(fit.frame))))
    earlier = placebo_rows(fit.frame)
    units = len(_interrupted(earlier))
    if units >= 2:
        found = fit_series(fit.model, earlier, fit.marker, fit.serial.rows.spacing is not None)
        parts.append(changes(found, "placebo moment", units))
    return pd.concat(parts, ignore_index=True)


def changes(fit: SeriesFit, analysis: str, units: int) -> pd.DataFrame:
    """Average level and slope change of one analysis, with the SD of each between units."""
    rows = np.array([fit.fixed_row(None, AFTER), fit.fixed_row(None, SINCE)])
    covariance = fit.serial.fit.covariance.to_numpy()
    random = [fit.random_row(None, AFTER), fit.random_row(None, SINCE)]
    sd = [float(np.sqrt(max(row @ covariance @ row, 0.0))) for row in random]
    table = contrast_table(fit, rows).assign(effect=[LEVEL, SLOPE], sd=sd)
    return table.assign(analysis=analysis, units=units, correlation=fit.serial.phi)


def _interrupted(frame: pd.DataFrame) -> pd.Index:
    return pd.Index(frame.loc[frame[AFTER] > 0, "patient"].unique())


def placebo_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows before the moment of units with enough of them, and all rows of controls, the moment in their middle."""
    before = frame[~(frame["time"] >= frame[MOMENT])]
    times = before[before[MOMENT].notna()].groupby("patient")["time"]
    middle = {str(unit): _middle(own.to_numpy(dtype=float)) for unit, own in times}
    kept = [unit for unit, at in middle.items() if np.isfinite(at)]
    rows = before[before["patient"].astype(str).isin(kept) | before[MOMENT].isna()]
    moment = rows["patient"].astype(str).map(middle).to_numpy(dtype=float)
    return with_terms(rows.assign(**{MOMENT: moment}).reset_index(drop=True))


def _middle(time: np.ndarray) -> float:
    """The moment with half of the distinct times before it; NaN where either side has fewer than `FEWEST`."""
    distinct = np.unique(time)
    place = len(distinct) // 2
    return float(distinct[place]) if place >= FEWEST and len(distinct) - place >= FEWEST else np.nan


def characteristic_rows(fit: SeriesFit, columns: Sequence[str]) -> pd.DataFrame:
    """The rows of ``effects/characteristics``: how both changes depend on properties of the units, one at a time.

    A number counts by SD of the interrupted units, a category against its most frequent level among them. Each property
    has a main effect, its own trend, and its part in both changes; the last two are tested together by the likelihood
    ratio (ML, random effects, residuals and phi as estimated).
    """
    parts = [_of_characteristic(fit, column) for column in columns]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _of_characteristic(fit: SeriesFit, column: str) -> pd.DataFrame:
    frame, coded = _coded(fit.frame, column)
    if not coded:
        return pd.DataFrame()
    main = "".join(f" + {name} + time:{name}" for name in coded)
    parts = "".join(f" + {AFTER}:{name} + {SINCE}:{name}" for name in coded)
    model = replace(fit.model, fixed=fit.model.fixed + main + parts)
    rich = fit_series(model, frame, fit.marker, fit.serial.rows.spacing is not None)
    names = list(rich.serial.fit.design.fixed_names)
    labels = [(name, effect, term) for name in coded for effect, term in ((LEVEL, AFTER), (SLOPE, SINCE))]
    rows = np.zeros((len(labels), len(names)))
    for place, (name, _, term) in enumerate(labels):
        rows[place, names.index(f"{term}:{name}" if f"{term}:{name}" in names else f"{name}:{term}")] = 1.0
    lrt = _ratio(replace(fit.model, fixed=fit.model.fixed + main), model, frame, rich)
    left = rich.serial.fit.covariance.to_numpy()
    sd = {LEVEL: rich.random_row(None, AFTER), SLOPE: rich.random_row(None, SINCE)}
    return contrast_table(rich, rows).assign(
        characteristic=column,
        level=[coded[name] for name, _, _ in labels],
        effect=[effect for _, effect, _ in labels],
        sd_left=[float(np.sqrt(max(sd[effect] @ left @ sd[effect], 0.0))) for _, effect, _ in labels],
        lrt=lrt,
        lrt_df=2 * len(coded),
        p_joint=naive_p(lrt, 2 * len(coded)),
    )


def _ratio(small: GrowthModel, large: GrowthModel, frame: pd.DataFrame, rich: SeriesFit) -> float:
    """Twice the gain in log-likelihood (ML) at the phi of the larger model."""
    serial, phi = rich.serial.rows.spacing is not None, rich.serial.phi
    deviance = []
    for model in (small, large):
        ml = replace(model, random=rich.model.random, reml=False)
        deviance.append(fit_at(WhitenedRows.of(ml.data(frame, rich.marker, "patient"), serial), phi).deviance)
    return max(0.0, deviance[0] - deviance[1])


def _coded(frame: pd.DataFrame, column: str) -> tuple[pd.DataFrame, dict[str, str]]:
    """The rows with a column for each part of a property, and what each part is called; none where it does not vary.

    Units without an interruption have no part in the changes, so that a level that only they have is the reference.
    """
    late = frame[AFTER] > 0
    units = frame[late].drop_duplicates("patient")[column].dropna()
    if units.nunique() < 2:
        return frame, {}
    if pd.api.types.is_numeric_dtype(frame[column].dtype):
        values = ((frame[column] - units.mean()) / units.std(ddof=1)).fillna(0.0)
        return frame.assign(part_1=values.to_numpy(dtype=float)), {"part_1": "per SD"}
    text = units.astype(str)
    counts = text.value_counts()
    reference = sorted(counts.index, key=lambda level: (-counts[level], level))[0]
    made, names = {}, {}
    for place, level in enumerate(sorted(set(text) - {reference}), start=1):
        made[f"part_{place}"] = (frame[column].astype(str) == level).astype(float)
        names[f"part_{place}"] = f"{level}, not {reference}"
    return frame.assign(**made), names
