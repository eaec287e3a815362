"""Nested validation: every step of the ladder learned on the training patients of an outer fold, tested on the fold.

For repeat r and outer fold k, stage 2 is learned on the training patients with their inner cross-fitted level and
slope (held_out k, fold j > 0), and tested on the patients of k, scored by the growth model of all training patients
(held_out k, fold 0). Nothing of a held-out patient reaches a coefficient of its fold (docs/methods.md, section 3).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.folds import VALIDATION
from slopewise.outcome.fit import (
    LadderFit,
    check_support,
    fit_ladder,
    flat_slopes,
    growth_flags,
    ledger_frame,
    predictions_frame,
    scores_of,
    with_choices,
)
from slopewise.outcome.ladder import LADDER, LadderData, Step, ladder_data
from slopewise.outcome.predictors import Note
from slopewise.run.errors import InputError
from slopewise.run.short_repr import ShortRepr
from slopewise.study.model import Study


@dataclass(frozen=True, repr=False)
class Nested(ShortRepr):
    """Tables ``outcome/predictions`` (out of fold, sorted by its keys), ``outcome/ledger`` (what fits left out) and
    ``outcome/imputation_audit``."""

    predictions: pd.DataFrame
    ledger: pd.DataFrame
    imputations: pd.DataFrame


@dataclass(frozen=True, repr=False)
class OuterFold(ShortRepr):
    """One outer fold: who is held out (rows of the cohort), the ladder without them, and their own scores (n, M)."""

    repeat: int
    held_out: int
    tested: NDArray[np.int64]
    fitted: LadderFit
    level: NDArray[np.float64]
    slope: NDArray[np.float64]


def nested(
    study: Study, patients: pd.DataFrame, folds: pd.DataFrame, slopes: pd.DataFrame, crossfit: pd.DataFrame,
    fits: pd.DataFrame, filters: pd.DataFrame | None = None, scheme: str = VALIDATION,
) -> Nested:  # fmt: skip
    """Out-of-fold predictions of the whole ladder, every patient once a repeat; `scheme` says of which outer folds.

    Tables as in `tables`; of `slopes` only the facts of the data are read (first, last, delta, slope_ols), which no
    model has touched. Raises `InputError` for a horizon that the folds do not support, `ValueError` when the tables do
    not belong together (a scored patient who is in another fold by the fold table). `filters` is ``slopes/filters``:
    each outer fold leaves out what the filters say that its own training patients taught.
    """
    data = with_choices(ladder_data(study, patients, slopes, filters), crossfit, fits)
    parts: list[pd.DataFrame] = []
    lines: list[tuple[int, int, Note]] = []
    audited: list[dict[str, object]] = []
    for outer in outer_folds(data, folds, crossfit, fits, scheme=scheme):
        lines += [(outer.repeat, outer.held_out, note) for note in outer.fitted.notes]
        audited += [audit_line(outer, scheme)] if data.imputations else []
        parts.append(
            predictions_frame(
                data, outer.fitted.models, outer.level, outer.slope, outer.tested, outer.repeat, outer.held_out
            )
        )
    predictions = pd.concat(parts, ignore_index=True)
    keys = ["patient", "predictors", "cause", "repeat", "horizon"]
    predictions = predictions.sort_values(keys, kind="stable", ignore_index=True)
    return Nested(predictions, ledger_frame(lines), pd.DataFrame(audited, columns=list(AUDIT)))


AUDIT = ("scheme", "repeat", "held_out", "patients_fitted", "patients_predicted", "shared_patients", "verdict")


def audit_line(outer: OuterFold, scheme: str) -> dict[str, object]:
    """Whose values taught the imputation of covariates of an outer fold, and whether somebody who is predicted did."""
    shared = len(np.intersect1d(outer.fitted.imputed_from, outer.tested))
    return {
        "scheme": scheme, "repeat": outer.repeat, "held_out": outer.held_out,
        "patients_fitted": len(outer.fitted.imputed_from), "patients_predicted": len(outer.tested),
        "shared_patients": shared, "verdict": "leak" if shared else "clean",
    }  # fmt: skip


def outer_folds(
    data: LadderData, folds: pd.DataFrame, crossfit: pd.DataFrame, fits: pd.DataFrame, steps: Sequence[Step] = LADDER,
    scheme: str = VALIDATION, at: tuple[float, ...] = (),
) -> Iterator[OuterFold]:  # fmt: skip
    """Every outer fold of every repeat, in order, with the ladder (or `steps` of it) fitted without it.

    The models give risks at the moments `at`, where there are any, instead of at the horizons.
    """
    outer_of = _outer_assignment(data, folds, scheme)
    validation = crossfit[crossfit["scheme"] == scheme].reset_index(drop=True)
    places = validation.groupby(["repeat", "held_out"]).indices
    flags = fits[(fits["scheme"] == scheme) & (fits["fold"] == 0)].reset_index(drop=True)
    flag_places = flags.groupby(["repeat", "held_out"]).indices
    for repeat, fold in outer_of.items():
        try:
            check_support(data, fold)
        except InputError as error:
            if scheme == VALIDATION:
                raise
            raise InputError(f"data.centre: with one centre left out, {error} Or leave data.centre out.") from None
        for held_out in np.unique(fold).tolist():
            key = (repeat, held_out)
            if key not in places or key not in flag_places:
                raise ValueError(f"slopes/crossfit has no fits of repeat {repeat}, held-out fold {held_out}")
            own, outer = validation.iloc[places[key]], fold == held_out
            level, slope, inner = scores_of(data, own[own["fold"] > 0])
            test_level, test_slope, scored = scores_of(data, own[own["fold"] == 0])
            if not (((inner > 0) == ~outer).all() and ((scored == 0) == outer).all()):
                raise ValueError(
                    f"slopes/crossfit and folds disagree about who is held out in repeat {repeat}, fold {held_out}"
                )
            counts = (~outer).astype(np.int64)
            singular, without = growth_flags(data, flags.iloc[flag_places[key]])
            flat = without | flat_slopes(slope, inner, counts)
            own_data = data.trained_on((scheme, repeat, held_out))
            own_data = replace(own_data, horizons=at) if at else own_data
            fitted = fit_ladder(own_data, level, slope, singular, flat=flat, counts=counts, fold=inner, steps=steps)
            yield OuterFold(repeat, held_out, np.flatnonzero(outer), fitted, test_level, test_slope)


def _outer_assignment(data: LadderData, folds: pd.DataFrame, scheme: str) -> dict[int, NDArray[np.int64]]:
    """Outer fold of each patient (n,) for each repeat, from the fold table."""
    table = folds[(folds["scheme"] == scheme) & (folds["held_out"] == 0)]
    assigned: dict[int, NDArray[np.int64]] = {}
    for repeat, own in table.groupby("repeat", sort=True):
        place = pd.Index(data.patients).get_indexer(pd.Index(own["patient"].astype(str)))
        fold = np.zeros(len(data.patients), dtype=np.int64)
        fold[place[place >= 0]] = own["fold"].to_numpy(dtype=np.int64)[place >= 0]
        if (place < 0).any() or (fold == 0).any():
            raise ValueError(f"folds and cohort/patients do not hold the same patients (repeat {repeat})")
        assigned[int(str(repeat))] = fold
    return assigned
