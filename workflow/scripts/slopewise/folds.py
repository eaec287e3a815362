"""Folds of patients, made once and replayed by every step, and the audit that nothing leaked.

Folds hold patients, never rows. The keys are those of its table: in scheme ``crossfit`` held_out is 0; in scheme
``validation`` held_out 0 assigns the cohort to outer folds and held_out k assigns the training patients of outer
fold k to inner folds. A fit with fold j > 0 saw neither outer fold held_out nor fold j; fold 0 saw all the rest.
Scheme ``centre`` is the same with one repeat, whose outer folds are the centres in the order of their names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.run.errors import InputError
from slopewise.run.seeds import generator
from slopewise.run.short_repr import ShortRepr
from slopewise.run.words import level_text
from slopewise.study.model import Study

CROSSFIT, VALIDATION, CENTRE = "crossfit", "validation", "centre"
NESTED = (VALIDATION, CENTRE)
"""Schemes whose outer folds are held out of everything."""

Key = tuple[str, int, int]
"""Scheme, repeat and held-out fold of an outer training set; that of everybody is `EVERYBODY`."""
EVERYBODY: Key = (CROSSFIT, 0, 0)
Part = tuple[str, int, int, NDArray[np.object_], NDArray[np.int64]]
"""Scheme, repeat, held-out fold, and the patients with the fold of each."""


def assign(strata: NDArray[np.int64], folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """A fold 1..`folds` for each patient, balanced within every stratum and in total.

    `strata` has one label a patient (the event code). Within a stratum patients are shuffled and dealt round; the
    next stratum is dealt on from where the last one ended, so fold sizes differ by one at the most.
    """
    assigned = np.zeros(len(strata), dtype=np.int64)
    dealt = 0
    for stratum in np.unique(strata):
        members = rng.permutation(np.flatnonzero(strata == stratum))
        assigned[members] = (dealt + np.arange(len(members))) % folds + 1
        dealt += len(members)
    return assigned


@dataclass(frozen=True)
class FoldPlan:
    """How often and into how many parts patients are split: `crossfit` and `validation` of the study file."""

    crossfit_folds: int
    crossfit_repeats: int
    validation_folds: int
    validation_repeats: int
    seed: int

    def check(self, patients: int) -> None:
        """Refuse a cohort that is too small to be split so."""
        if not self.validation_repeats:
            if patients < self.crossfit_folds or patients - -(-patients // self.crossfit_folds) < 2:
                raise InputError(
                    f"{patients} patients are too few for crossfit.folds {self.crossfit_folds}: every fold needs a "
                    "patient, and two outside it. Change the number of folds."
                )
            return
        inner = patients - -(-patients // self.validation_folds)
        if patients < 2 * max(self.crossfit_folds, self.validation_folds) or inner < 2 * self.crossfit_folds:
            raise InputError(
                f"{patients} patients at risk are too few for crossfit.folds {self.crossfit_folds} inside "
                f"validation.folds {self.validation_folds}: every fold needs two patients. Lower the number of folds."
            )


def fold_plan(study: Study) -> FoldPlan:
    """The folds that a study asks for; without an outcome there is nothing to validate."""
    crossfit, validation = study.crossfit, study.validation
    repeats = validation.repeats if study.kind.predicts else 0
    return FoldPlan(crossfit.folds, crossfit.repeats, validation.folds, repeats, study.seed)


def strata_of(cohort: pd.DataFrame) -> NDArray[np.int64]:
    """What folds are balanced by, from ``cohort/patients``: the event, a binary outcome; else nothing (0)."""
    if "event" in cohort:
        return cohort["event"].to_numpy(dtype=np.int64)
    if "outcome" not in cohort:
        return np.zeros(len(cohort), dtype=np.int64)
    outcome = cohort["outcome"].to_numpy(dtype=float)
    binary = np.isin(outcome, (0.0, 1.0)).all()
    return outcome.astype(np.int64) if binary else np.zeros(len(outcome), dtype=np.int64)


def make_folds(patients: pd.DataFrame, plan: FoldPlan, centre: str | None = None) -> pd.DataFrame:
    """The table ``folds.parquet`` for a cohort, stratified by event or by a binary outcome where there is one.

    Patients are taken in text order, so the folds depend on the seed and on who is in the cohort with which event.
    `centre` is the column of the centres, where each is to be left out. Raises `InputError` for a cohort too small.
    """
    plan.check(len(patients))
    cohort = patients.sort_values("patient", kind="stable")
    names = cohort["patient"].to_numpy(dtype=object)
    events = strata_of(cohort)
    parts: list[Part] = []
    for repeat in range(1, plan.crossfit_repeats + 1):
        rng = generator(plan.seed, "folds", CROSSFIT, repeat)
        parts.append((CROSSFIT, repeat, 0, names, assign(events, plan.crossfit_folds, rng)))
    for repeat in range(1, plan.validation_repeats + 1):
        rng = generator(plan.seed, "folds", VALIDATION, repeat)
        parts += _nested(VALIDATION, repeat, names, assign(events, plan.validation_folds, rng), events, plan)
    if centre is not None:
        parts += _nested(CENTRE, 1, names, _by_centre(cohort, centre, plan.crossfit_folds), events, plan)
    schemes, repeats, held_out, patients_of, fold_of = zip(*parts, strict=True)
    lengths = [len(fold) for fold in fold_of]
    return pd.DataFrame(
        {
            "scheme": np.repeat(np.array(schemes, dtype=object), lengths),
            "repeat": np.repeat(np.array(repeats, dtype=np.int64), lengths),
            "held_out": np.repeat(np.array(held_out, dtype=np.int64), lengths),
            "patient": np.concatenate(patients_of),
            "fold": np.concatenate(fold_of),
        },
        copy=False,
    )


def _nested(
    scheme: str, repeat: int, names: NDArray[np.object_], outer: NDArray[np.int64], events: NDArray[np.int64],
    plan: FoldPlan,
) -> list[Part]:  # fmt: skip
    """Outer folds (n,) and, for each, inner folds of the others."""
    parts: list[Part] = [(scheme, repeat, 0, names, outer)]
    for held_out in range(1, int(outer.max()) + 1):
        training = outer != held_out
        rng = generator(plan.seed, "folds", scheme, repeat, held_out)
        inner = assign(events[training], plan.crossfit_folds, rng)
        parts.append((scheme, repeat, held_out, names[training], inner))
    return parts


def centres_of(cohort: pd.DataFrame, centre: str) -> NDArray[np.object_]:
    """The centre of each patient as text; a number as short as it can be written."""
    values = cohort[centre]
    return np.array([level_text(value) for value in values], dtype=object)


def _by_centre(cohort: pd.DataFrame, centre: str, inner: int) -> NDArray[np.int64]:
    """The number 1.. of each patient's centre, in the order of their names as text."""
    names, place = np.unique(centres_of(cohort, centre).astype(str), return_inverse=True)
    if len(names) < 2:
        raise InputError(f"data.centre: all patients of the cohort are in one centre ({names[0]}); leave the key out.")
    largest = int(np.bincount(place).max())
    if len(cohort) - largest < 2 * inner:
        raise InputError(
            f"data.centre: without its largest centre {len(cohort) - largest} patients are left, too few for "
            f"crossfit.folds {inner}. Leave the key out, or lower the number of folds."
        )
    return place.reshape(-1).astype(np.int64) + 1


@dataclass(frozen=True, repr=False)
class TrainingFit(ShortRepr):
    """One growth-model fit: its keys, who trains it and whom it scores (booleans over the cohort in text order).

    The fit on everybody (scheme crossfit, repeat 0, fold 0) scores its own patients: for `apparent` performance
    and for the model that is shipped, never for anything that is called validated.
    """

    scheme: str
    repeat: int
    held_out: int
    fold: int
    trained: NDArray[np.bool_]
    scored: NDArray[np.bool_]

    @property
    def in_sample(self) -> bool:
        """Whether the fit scores patients that it was trained on."""
        return bool(np.any(self.trained & self.scored))


def fit_on_everybody(patients: int) -> TrainingFit:
    """The fit on all patients, which scores them too."""
    everybody = np.ones(patients, dtype=bool)
    return TrainingFit(CROSSFIT, 0, 0, 0, everybody, everybody)


def fits(folds: pd.DataFrame, patients: list[str]) -> Iterator[TrainingFit]:
    """Every fit that the fold table asks for, the outer one of a training set before its inner ones."""
    position = {patient: index for index, patient in enumerate(patients)}
    yield fit_on_everybody(len(patients))
    assigned: dict[tuple[str, int, int], NDArray[np.int64]] = {}
    for key, part in folds.groupby(["scheme", "repeat", "held_out"], sort=True):
        fold = np.zeros(len(patients), dtype=np.int64)  # 0: not among the training patients of this held-out fold
        fold[[position[patient] for patient in part["patient"]]] = part["fold"].to_numpy()
        assigned[cast(tuple[str, int, int], key)] = fold
    for (scheme, repeat, held_out), fold in assigned.items():
        if scheme in NESTED and held_out == 0:
            continue
        member = fold > 0
        if scheme in NESTED:
            yield TrainingFit(scheme, repeat, held_out, 0, member, assigned[(scheme, repeat, 0)] == held_out)
        for j in range(1, int(fold.max()) + 1):
            yield TrainingFit(scheme, repeat, held_out, j, member & (fold != j), fold == j)


def audit(
    folds: pd.DataFrame,
    measurements: pd.DataFrame,
    markers: list[str],
    scores: pd.DataFrame,
    ledger: pd.DataFrame,
    landmark: float,
    later: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The table ``slopes/leakage_audit.csv``: for each validated fit, whom it saw, whom it scored, up to when.

    Who was scored is read from `scores` (slopes/crossfit), how many patients and rows each model was really given
    from `ledger` (growth/fits), and the times from the cohort's measurements. A verdict is ``leak`` when a scored
    patient is among the fitted ones, a fitted row lies after the landmark, or a model reports other numbers of
    patients or rows than its training patients have. With `later`, rows after the landmark are allowed in training
    (`growth.rows: all`): then only those of scored patients are counted as rows after it. The fit on everybody
    (repeat 0) is no validated fit: not listed.
    """
    patients = sorted(set(folds["patient"]))
    trained_on = measurements if later is None else pd.concat([measurements, later], ignore_index=True)
    times = trained_on["time"].to_numpy()
    row_of = pd.Categorical(trained_on["patient"], categories=patients).codes.astype(np.int64)
    rows = {m: np.bincount(row_of[trained_on[m].notna()], minlength=len(patients)) for m in markers}
    keys = ["scheme", "repeat", "held_out", "fold"]
    scored_by = {key: set(part["patient"]) for key, part in scores.groupby(keys)}
    recorded = {
        key: dict(zip(part["marker"], zip(part["patients"], part["rows"], strict=True), strict=True))
        for key, part in ledger.groupby(keys)
    }
    lines = []
    for fit in fits(folds, patients):
        key = (fit.scheme, fit.repeat, fit.held_out, fit.fold)
        if fit.repeat == 0:
            continue
        fitted = {patient for patient, trained in zip(patients, fit.trained, strict=True) if trained}
        seen = times[fit.trained[row_of]]
        expected = {m: (int((rows[m][fit.trained] > 0).sum()), int(rows[m][fit.trained].sum())) for m in markers}
        shared = len(fitted & scored_by.get(key, set()))
        if later is None:
            late = int((seen > landmark).sum())
        else:
            both = np.array([patient in scored_by.get(key, set()) for patient in patients]) & fit.trained
            late = int((times[both[row_of]] > landmark).sum())
        lines.append(
            {
                **dict(zip(keys, key, strict=True)),
                "patients_fitted": len(fitted),
                "patients_scored": len(scored_by.get(key, set())),
                "shared_patients": shared,
                "latest_time_fitted": float(seen.max()),
                "landmark": landmark if np.isfinite(landmark) else np.nan,
                "rows_after_landmark": late,
                "verdict": "clean" if shared == 0 and late == 0 and expected == recorded[key] else "leak",
            }
        )
    return pd.DataFrame(lines)
