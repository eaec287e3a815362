"""What a filter may see: the rows, cross-fitted scores and growth models of one set of training patients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.folds import CROSSFIT, EVERYBODY, Key, TrainingFit
from slopewise.growth.evidence.compare import boundary_p
from slopewise.run.short_repr import ShortRepr
from slopewise.slopes.crossfit import fitted, outer_of
from slopewise.slopes.marker import MarkerData

Floats = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Training(ShortRepr):
    """One set of training patients: R rows up to the landmark, n patients in text order, M markers.

    values (R, M): the markers in each row, NaN where missing; owner (R,): the place of the row's patient among
    `patients`; time (R,). level (n, M): the levels by growth models that did not see the patient, cross-fitted inside
    the set. reliability (M,): the mean reliability of these patients' slopes; p_value (M,): the test of the random
    slope in the growth model of the whole set. agreement (M,): the lower limit of the ICC between repeated scans of
    other patients, NaN where there is none; the same in every set.
    """

    key: Key
    patients: tuple[str, ...]
    markers: tuple[str, ...]
    values: Floats
    owner: NDArray[np.int64]
    time: Floats
    level: Floats
    reliability: Floats
    p_value: Floats
    agreement: Floats


def trainings(
    markers: Sequence[str], measurements: pd.DataFrame, fits: Sequence[TrainingFit], patients: Sequence[str],
    crossfit: pd.DataFrame, p_values: Mapping[Key, Floats], agreement: Floats,
) -> Iterator[Training]:  # fmt: skip
    """Every outer training set of the folds, everybody first.

    `measurements` and `crossfit` are the tables ``cohort/measurements`` and ``slopes/crossfit``; `fits` those of the
    fold table over `patients` in text order, `p_values` of each set as `slope_tests` gives them.
    """
    names = np.array(patients, dtype=object)
    values = measurements[list(markers)].to_numpy(dtype=float)
    owner: NDArray[np.int64] = pd.Index(names).get_indexer(pd.Index(measurements["patient"].astype(str)))
    time = measurements["time"].to_numpy(dtype=float)
    who = pd.Index(names).get_indexer(pd.Index(crossfit["patient"].astype(str)))
    which = pd.Index(markers).get_indexer(pd.Index(crossfit["marker"].astype(str)))
    level, reliability = (crossfit[name].to_numpy(dtype=float) for name in ("level", "reliability"))
    fold = crossfit["fold"].to_numpy(dtype=np.int64)
    places = crossfit.groupby(["scheme", "repeat", "held_out"]).indices
    for fit in fits:
        if fit.fold != 0:
            continue
        key = (fit.scheme, fit.repeat, fit.held_out)
        inside = np.flatnonzero(fit.trained)
        rows = np.flatnonzero(fit.trained[owner])
        # Everybody's own scores are those of the first repeat, as in the ladder that is shipped.
        own = np.asarray(places[(CROSSFIT, 1, 0)] if key == EVERYBODY else places[key])
        scored = own[(fold[own] > 0) & fit.trained[who[own]]]
        wide = np.full((2, len(names), len(markers)), np.nan)
        wide[0, who[scored], which[scored]] = level[scored]
        wide[1, who[scored], which[scored]] = reliability[scored]
        yield Training(
            key=key,
            patients=tuple(names[inside].tolist()),
            markers=tuple(markers),
            values=values[rows],
            owner=np.searchsorted(inside, owner[rows]),
            time=time[rows],
            level=wide[0, inside],
            reliability=_mean(wide[1, inside]),
            p_value=p_values[key],
            agreement=agreement,
        )


def _mean(values: Floats) -> Floats:
    """The mean of each column (M,) over what is not missing; 0 where all is."""
    known = ~np.isnan(values)
    return np.where(known, values, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)


def slope_tests(data: MarkerData, fits: Sequence[TrainingFit], ledger: pd.DataFrame) -> dict[Key, float]:
    """p of the test of one marker's random slope in each outer training set (docs/methods.md, section 2).

    The likelihood ratio of the growth model against the one with a random intercept alone, with the same fixed effects
    and patients; 1 where the growth model has no random slope. `ledger`: the marker's rows of ``growth/fits``.
    """
    leaders = [fits[i] for i in np.unique(outer_of(fits)).tolist()]
    copies = np.array([fit.trained for fit in leaders], dtype=np.int64)
    simple = fitted(data.trained_on, copies, ["intercept"] * len(leaders), values=data.values_of(leaders))
    own = ledger[ledger["fold"] == 0]
    names = ("scheme", "repeat", "held_out", "structure", "deviance")
    full = {tuple(row[:3]): row[3:] for row in zip(*(own[name].tolist() for name in names), strict=True)}
    q = simple.covariance.shape[1]
    parameters = {"correlated": q * (q + 1) // 2 - 1, "diagonal": q - 1}  # beside the variance of the intercept
    found = {}
    for fit, deviance in zip(leaders, simple.deviance.tolist(), strict=True):
        key = (fit.scheme, fit.repeat, fit.held_out)
        structure, least = full[key]
        added = parameters.get(str(structure), 0)
        found[key] = boundary_p(max(0.0, deviance - least), added) if added and np.isfinite(least - deviance) else 1.0
    return found
