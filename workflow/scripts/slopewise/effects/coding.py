"""The rows of a treatment: coded 0 and 1, with period and sequence as categories, and the formula of its model."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from slopewise.cohort.effects import arrangement
from slopewise.effects.inputs import EffectRows
from slopewise.run.errors import InputError
from slopewise.run.short_repr import ShortRepr
from slopewise.run.words import level_text
from slopewise.study.formulas import formula_names
from slopewise.study.keys import canonical_code
from slopewise.study.model import Study

TREATED, PERIOD, SEQUENCE = "treated", "period", "sequence"
"""Names of our columns; a covariate of the study that is called so is not one of the growth formula's terms then."""

MANY_VISITS = 3
"""Distinct times under each treatment, in the median patient, from which the effect is compared over time."""


@dataclass(frozen=True, repr=False)
class Coded(ShortRepr):
    """Rows of one marker with the columns `TREATED` (0 in the reference), and `PERIOD` and `SEQUENCE` as text.

    reference, versus: the two levels; covariates: terms of `growth.fixed` that name none of the three.
    """

    marker: str
    frame: pd.DataFrame
    reference: str
    versus: str
    columns: tuple[str, ...]  # of PERIOD and SEQUENCE, those that the study names
    covariates: tuple[str, ...]

    def formula(self, *left_out: str, more: tuple[str, ...] = ()) -> str:
        """Fixed effects: treatment, period, sequence, covariates; without those `left_out`, and with `more`."""
        terms = (TREATED, *self.columns, *self.covariates, *more)
        return "~ " + " + ".join(term for term in terms if term not in left_out)

    @property
    def rows_by(self) -> pd.DataFrame:
        """Rows of each patient (index) under the reference (column 0) and the other treatment (column 1)."""
        counts = self.frame.groupby(["patient", TREATED]).size().unstack(fill_value=0)
        return counts.reindex(columns=[0.0, 1.0], fill_value=0)

    @property
    def many_visits(self) -> bool:
        """Whether the effect can be compared over time: several times under each treatment, time in the model."""
        if "time" not in self.covariates:
            return False
        times = self.frame.groupby(["patient", TREATED])["time"].nunique().unstack(fill_value=0)
        return bool((times.reindex(columns=[0.0, 1.0], fill_value=0).median() >= MANY_VISITS).all())


def coded(rows: EffectRows, marker: str) -> Coded:
    """The rows of a marker, coded as the study asks; `InputError` where the treatment has not two levels."""
    study = rows.study
    treatment, effects = study.effects.treatment, study.effects
    assert treatment is not None
    frame = rows.of_marker(marker)
    levels = frame[treatment.column].map(level_text).map(canonical_code)
    found = sorted(set(levels))
    if len(found) != 2 or treatment.reference not in found:
        raise InputError(
            f"effects.treatment: {treatment.column!r} has the levels {', '.join(found)} in the rows of {marker}; it "
            f"must have two, one of them the reference {treatment.reference!r}"
        )
    versus = next(level for level in found if level != treatment.reference)
    named = {PERIOD: effects.period, SEQUENCE: effects.sequence}
    made: dict[str, pd.Series] = {TREATED: (levels != treatment.reference).astype(float)}
    for name, column in named.items():
        if column is not None:
            source = "time" if column == study.data.time else column
            made[name] = frame[source].map(level_text).astype(object)
    kept = frame.drop(columns=[name for name in (TREATED, PERIOD, SEQUENCE) if name in frame])
    used = {treatment.column, *filter(None, named.values()), *made}
    return Coded(
        marker=marker,
        frame=kept.assign(**made),
        reference=treatment.reference,
        versus=versus,
        columns=tuple(name for name in (PERIOD, SEQUENCE) if name in made),
        covariates=covariate_terms(study, used),
    )


def covariate_terms(study: Study, used: set[str]) -> tuple[str, ...]:
    """The terms of `growth.fixed`, expanded, that name no column in `used`; nor time where it is the period."""
    from formulaic import Formula

    gone = used | ({"time"} if study.effects.period == study.data.time else set())
    terms = [str(term) for term in Formula(study.growth.fixed.strip()[1:])]
    return tuple(term for term in terms if term not in ("1", "0") and not formula_names(f"~ {term}") & gone)


def replicated(coded: Coded) -> tuple[bool, bool]:
    """Whether some patient has two rows under the reference, and under the other treatment."""
    counts = coded.rows_by.to_numpy()
    return bool((counts[:, 0] > 1).any()), bool((counts[:, 1] > 1).any())


def design_of(coded: Coded) -> str:
    """``within``, ``single`` or ``parallel``, as `arrangement` has them; the cohort was refused otherwise."""
    return arrangement(coded.rows_by.to_numpy())
