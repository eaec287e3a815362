"""From a patient's quantities to the columns of a model: what is learned, where, and what is left out.

Levels of text covariates come from the whole cohort (they are the study's, not an estimate). Everything else, the
mean that fills a missing quantity, centre, scale and what is left out, is learned from training patients alone and
replayed on others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.design.recipe import level_order
from slopewise.outcome.cox import independent
from slopewise.outcome.derived import Derived, learn_derived
from slopewise.run.errors import InputError
from slopewise.run.words import level_text

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
COLLINEAR = 0.99
"""Above this correlation in the cohort, level and slope enter as level alone (docs/methods.md, section 4)."""

INSEPARABLE = 0.999
"""Above this correlation no set of training patients can estimate both, whatever was decided on the cohort."""


@dataclass(frozen=True)
class Note:
    """A line of the ledger: what was decided in one step of the ladder, and for which marker (empty: the step)."""

    predictors: str
    marker: str
    message: str


@dataclass(frozen=True)
class CovariateCoding:
    """How covariates become columns: a number as it is, a text as one indicator a level but the first.

    `covariates` has (name, levels) in the order of the study file; levels in `level_order`, None for a number.
    """

    covariates: tuple[tuple[str, tuple[str, ...] | None], ...]

    @classmethod
    def learn(cls, patients: pd.DataFrame, names: Sequence[str]) -> CovariateCoding:
        """The coding of the columns `names` over the whole cohort."""
        coded: list[tuple[str, tuple[str, ...] | None]] = []
        for name in names:
            column = patients[name]
            if pd.api.types.is_numeric_dtype(column):
                coded.append((name, None))
            else:
                coded.append((name, tuple(level_order(column.dropna()))))
        return cls(tuple(coded))

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the columns, e.g. ``age`` and ``sex[m]``."""
        found: list[str] = []
        for name, levels in self.covariates:
            found += [name] if levels is None else [f"{name}[{level}]" for level in levels[1:]]
        return tuple(found)

    def matrix(self, patients: pd.DataFrame, missing: bool = False) -> Floats:
        """Columns (n, c) of the patients in `patients`; `InputError` for an unknown level, and for a missing value
        unless those may be `missing` (NaN in all columns of the covariate)."""
        columns: list[Floats] = []
        for name, levels in self.covariates:
            values = patients[name]
            absent = values.isna()
            if absent.any() and not missing:
                raise InputError(
                    f"patient {_first(patients, values.isna())}: covariate {name} is missing. Fill it in, or leave the "
                    "patient out."
                )
            if levels is None:
                columns.append(values.to_numpy(dtype=float))
                continue
            text = values.astype(str)
            unknown = ~(text.isin(levels) | absent)
            if unknown.any():
                who = _first(patients, unknown)
                raise InputError(
                    f"patient {who}: covariate {name} has a level that the model does not know; known are "
                    f"{', '.join(levels)}."
                )
            columns += [np.where(absent, np.nan, (text == level).to_numpy(dtype=np.float64)) for level in levels[1:]]
        return np.stack(columns, axis=1) if columns else np.empty((len(patients), 0))


@dataclass(frozen=True)
class StratumCoding:
    """Which stratum a patient is in: `columns` of the patients, `levels` the combinations of their values as text."""

    columns: tuple[str, ...]
    levels: tuple[str, ...]

    @classmethod
    def learn(cls, patients: pd.DataFrame, columns: Sequence[str]) -> StratumCoding:
        """The coding over the whole cohort; one stratum where there are no columns."""
        return cls(tuple(columns), tuple(sorted(set(_combined(patients, columns)))))

    def codes(self, patients: pd.DataFrame) -> Integers:
        """The stratum's number (n,) of each patient; `InputError` for a level that the model does not know."""
        known = {level: code for code, level in enumerate(self.levels)}
        found = _combined(patients, self.columns)
        for place, level in enumerate(found):
            if level not in known:
                who = patients["patient"].iloc[place]
                raise InputError(
                    f"patient {who}: {', '.join(self.columns)} {level} is a stratum that the model does not know; "
                    f"known are {'; '.join(self.levels)}."
                )
        return np.array([known[level] for level in found], dtype=np.int64)


def _combined(patients: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    texts = [[level_text(value) for value in patients[name]] for name in columns]
    return [", ".join(values) for values in zip(*texts, strict=True)] if texts else [""] * len(patients)


def _first(patients: pd.DataFrame, flagged: pd.Series) -> str:
    return str(patients.loc[flagged.to_numpy(dtype=bool), "patient"].iloc[0])


@dataclass(frozen=True)
class PredictorRecipe:
    """The columns of one step, learned from training patients: `terms` kept, with `fill`, `centre`, `scale` (k,).

    `columns` (k,) are their places among the step's `every_term` and, after them, the `derived` columns, for which
    `base_fill` fills what is missing in the others. `scale` is the SD (divisor n − 1).
    """

    step: str
    every_term: tuple[str, ...]
    terms: tuple[str, ...]
    columns: Integers
    fill: Floats
    centre: Floats
    scale: Floats
    coding: CovariateCoding
    base_fill: Floats = field(default_factory=lambda: np.empty(0))
    derived: tuple[Derived, ...] = ()

    @classmethod
    def learn(
        cls, step: str, terms: Sequence[str], raw: Floats, counts: Integers, left_out: Mapping[str, str],
        coding: CovariateCoding, penalised: bool = False, fixed: Sequence[Derived] = (),
    ) -> tuple[PredictorRecipe, dict[str, str]]:  # fmt: skip
        """Learn from the training patients' `raw` (n, k) predictors, NaN where missing, with `counts` (n,) > 0.

        `left_out` maps terms to the reason why they must not enter. Left out besides: a predictor that nobody has,
        one without variance, and unless the model is `penalised` one that is a linear combination of earlier ones.
        Derived terms take knots and centres from `fixed` where it has them. Returns the recipe and the reason why each
        term that is not in it was left out, in the order of `terms`.
        """
        base = tuple(terms)[: raw.shape[1]]
        raw, derived, reasons = _extended(terms, raw, counts, left_out, fixed)
        present = ~np.isnan(raw)
        copies = np.where(present, counts[:, None], 0)
        total = copies.sum(axis=0)
        fill = np.where(present, raw * copies, 0.0).sum(axis=0) / np.maximum(total, 1)
        filled = np.where(present, raw, fill)
        deviation = filled - fill
        variance = (counts[:, None] * deviation**2).sum(axis=0) / max(int(counts.sum()) - 1, 1)
        scale = np.sqrt(variance)
        flat = scale <= 1e-9 * np.abs(filled).max(axis=0, initial=0.0)
        for column, term in enumerate(terms):
            if term in reasons and term not in left_out:
                continue
            if total[column] == 0:
                reasons[term] = f"{term} left out: no training patient has a value"
            elif flat[column] and term not in reasons:
                reasons[term] = f"{term} left out: it does not vary between training patients"
        chosen = np.array([column for column, term in enumerate(terms) if term not in reasons], dtype=np.int64)
        standard = deviation[:, chosen] / scale[chosen]
        free = np.ones(len(chosen), dtype=bool)
        if not penalised:
            free = independent(np.einsum("ni,nj->ij", standard * counts[:, None], standard), 1e-10)
        for column in chosen[~free]:
            reasons[terms[column]] = f"{terms[column]} left out: it is a linear combination of the predictors before it"
        chosen = chosen[free]
        recipe = cls(
            step=step,
            every_term=base,
            terms=tuple(terms[column] for column in chosen),
            columns=chosen,
            fill=fill[chosen],
            centre=fill[chosen],
            scale=scale[chosen],
            coding=coding,
            base_fill=fill[: len(base)] if derived else np.empty(0),
            derived=derived,
        )
        return recipe, {term: reasons[term] for term in terms if term in reasons}

    def of_markers(self, markers: Collection[str]) -> PredictorRecipe:
        """The recipe for predictors of these markers (and covariates) alone; none of the others may be in its terms."""
        own = ("", *markers)
        kept = [place for place, term in enumerate(self.every_term) if marker_of(term, self.coding) in own]
        moved = {place: new for new, place in enumerate(kept)}
        derived = tuple(
            replace(one, of=tuple(moved[place] for place in one.of))
            for one in self.derived
            if marker_of(one.term, self.coding) in own
        )
        every = tuple(self.every_term[place] for place in kept)
        places = [*every, *(one.term for one in derived)]
        return replace(
            self,
            every_term=every,
            columns=np.array([places.index(term) for term in self.terms], dtype=np.int64),
            base_fill=self.base_fill[kept] if len(self.base_fill) else self.base_fill,
            derived=derived,
        )

    def standardise(self, raw: Floats) -> Floats:
        """The model's columns (n, kept) from the step's predictors `raw` (n, k) of any patients."""
        if self.derived:
            filled = np.where(np.isnan(raw), self.base_fill, raw)
            raw = np.column_stack([raw, *(one.column(filled) for one in self.derived)])
        own = raw[:, self.columns]
        return (np.where(np.isnan(own), self.fill, own) - self.centre) / self.scale

    def raw(self, patients: pd.DataFrame, values: pd.DataFrame, missing: bool = False) -> Floats:
        """The step's predictors (n, k) from frames: `patients` with covariates, which may be `missing` or not, `values`
        as `ladder.values` makes them."""
        wide = values.reindex(patients["patient"].astype(str))
        own = [wide[term].to_numpy(dtype=float) for term in self.every_term if term not in self.coding.terms]
        covariates = self.coding.matrix(patients, missing)
        return np.column_stack([covariates, *own]) if own else covariates

    def apply(self, patients: pd.DataFrame, values: pd.DataFrame) -> Floats:
        """The model's columns (n, kept) from frames as `raw` takes them."""
        return self.standardise(self.raw(patients, values))

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers for JSON."""
        return {
            "step": self.step,
            "every_term": list(self.every_term),
            "terms": list(self.terms),
            "fill": self.fill.tolist(),
            "centre": self.centre.tolist(),
            "scale": self.scale.tolist(),
            **(
                {"base_fill": self.base_fill.tolist(), "derived": [one.to_dict() for one in self.derived]}
                if self.derived
                else {}
            ),
            "covariates": [[name, None if levels is None else list(levels)] for name, levels in self.coding.covariates],
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> PredictorRecipe:
        """The inverse of `to_dict`."""
        every = tuple(content["every_term"])
        coded = tuple((name, None if levels is None else tuple(levels)) for name, levels in content["covariates"])
        derived = tuple(Derived.from_dict(one) for one in content.get("derived", ()))
        places = [*every, *(one.term for one in derived)]
        return cls(
            step=content["step"],
            every_term=every,
            terms=tuple(content["terms"]),
            columns=np.array([places.index(term) for term in content["terms"]], dtype=np.int64),
            fill=np.array(content["fill"], dtype=float),
            centre=np.array(content["centre"], dtype=float),
            scale=np.array(content["scale"], dtype=float),
            coding=CovariateCoding(coded),
            base_fill=np.array(content.get("base_fill", ()), dtype=float),
            derived=derived,
        )


def _extended(
    terms: Sequence[str], raw: Floats, counts: Integers, left_out: Mapping[str, str], fixed: Sequence[Derived]
) -> tuple[Floats, tuple[Derived, ...], dict[str, str]]:
    """`raw` with the columns of derived terms, those that come after its own; one that is left out is constant."""
    reasons, base = dict(left_out), tuple(terms)[: raw.shape[1]]
    if len(base) == len(terms):
        return raw, (), reasons
    present = ~np.isnan(raw)
    total = np.where(present, counts[:, None], 0).sum(axis=0)
    mean = np.where(present, raw * counts[:, None], 0.0).sum(axis=0) / np.maximum(total, 1)
    filled, made, columns = np.where(present, raw, mean), [], []
    known = {one.term: one.constants for one in fixed if one.of}
    for term in terms[len(base) :]:
        found: Derived | str = left_out.get(term, "")
        if not found:
            found = learn_derived(term, base, filled, counts, reasons, known.get(term))
        if isinstance(found, str):
            reasons[term] = found
            found = Derived(term, (), ())
            columns.append(np.zeros(len(raw)))
        else:
            columns.append(found.column(filled))
        made.append(found)
    return np.column_stack([raw, *columns]), tuple(made), reasons


def marker_of(term: str, coding: CovariateCoding) -> str:
    """The marker of a term such as ``albumin.slope``; empty for a covariate."""
    return "" if term in coding.terms else term.rsplit(".", 1)[0]


def slopes_left_out(
    step: str, markers: Sequence[str], level: Floats, slope: Floats, counts: Integers,
    singular: NDArray[np.bool_], flat: NDArray[np.bool_], limit: float = COLLINEAR,
) -> dict[str, str]:  # fmt: skip
    """The collinearity gate of docs/methods.md, section 4: slopes that must not enter a step, with the reason.

    `level`, `slope` (n, M) of training patients with `counts` (n,) > 0. A slope that is `flat` (M,), without a random
    part, identifies at most the fold that a patient was in and enters nowhere. In the step ``slope``, where level is
    there too, the slope is left out when the fit is `singular` (M,) or the two correlate above `limit`.
    """
    reasons: dict[str, str] = {}
    if step not in ("slope", "slope_only"):
        return reasons
    correlations = _correlations(level, slope, counts)
    for m, marker in enumerate(markers):
        term = f"{marker}.slope"
        if flat[m]:
            reasons[term] = f"{term} left out: the growth model has no random slope that could distinguish patients"
            continue
        if step != "slope":
            continue
        correlation = correlations[m]
        if singular[m] or abs(correlation) > limit:
            cause = (
                "the random effects have rank one, so a slope beside the level has no separate information"
                if singular[m]
                else f"they correlate above {limit:g}, so that the data cannot distinguish them"
            )
            reasons[term] = (
                f"{term} left out, {marker}.level stays: {cause} (correlation {correlation:.4f} in training patients)"
            )
    return reasons


def _correlations(a: Floats, b: Floats, counts: Integers) -> Floats:
    """Correlation (M,) of columns of `a` and `b` (n, M) over copies of patients who have both; 0 where either does not
    vary."""
    both = ~(np.isnan(a) | np.isnan(b))
    weight = np.where(both, counts[:, None], 0).astype(float)
    total = np.maximum(weight.sum(axis=0), 1.0)
    a, b = np.where(both, a, 0.0), np.where(both, b, 0.0)
    a, b = a - (weight * a).sum(axis=0) / total, b - (weight * b).sum(axis=0) / total
    spread = np.sqrt((weight * a * a).sum(axis=0) * (weight * b * b).sum(axis=0))
    return np.divide((weight * a * b).sum(axis=0), spread, out=np.zeros(a.shape[1]), where=spread > 0)
