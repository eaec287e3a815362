"""A study's rows as decisions with histories: the treatment coded, confounders as they were last known, the models."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from slopewise.effects.inputs import EffectRows
from slopewise.effects.weighting.histories import with_histories
from slopewise.effects.weighting.models import WeightModels
from slopewise.run.errors import InputError
from slopewise.run.short_repr import ShortRepr
from slopewise.run.words import level_text
from slopewise.study.keys import canonical_code
from slopewise.study.keys_of_effects import OVER_TIME, TreatmentOverTime

CONFOUNDER = "confounder_"


@dataclass(frozen=True, repr=False)
class Prepared(ShortRepr):
    """The rows of a study with `effects.treatment_over_time`, by patient and time, with their histories.

    rows: columns of `with_histories` and `confounder_1`, ... in the order of the study's `confounders`, each the
    patient's last known value; left_out: rows before a patient's first value of each confounder; carried: rows in which
    a confounder is an earlier visit's value.
    """

    rows: pd.DataFrame
    asked: TreatmentOverTime
    versus: str
    left_out: int
    carried: int

    @property
    def confounders(self) -> tuple[str, ...]:
        """The columns of the confounders in `rows`."""
        return tuple(f"{CONFOUNDER}{k}" for k in range(1, len(self.asked.confounders) + 1))

    @property
    def baseline(self) -> tuple[str, ...]:
        """The baseline columns as terms of a formula."""
        return quoted(self.asked.baseline)

    def shown(self, text: str) -> str:
        """A text with the confounders by the names that the study file has."""
        return re.sub(rf"{CONFOUNDER}(\d+)", lambda found: self.asked.confounders[int(found[1]) - 1], text)

    def models(self) -> WeightModels:
        """The pooled models of treatment and of staying; `InputError` as `Decisions.learn` has it."""
        return WeightModels.learn(
            self.rows,
            self.confounders,
            self.baseline,
            self.asked.followed_until,
            (self.asked.time_terms.strip().removeprefix("~").strip(),),
        )


def quoted(names: Sequence[str]) -> tuple[str, ...]:
    """Columns as terms of a formula: in backticks where they are no names of Python."""
    return tuple(name if name.isidentifier() else f"`{name}`" for name in names)


def prepared(source: EffectRows) -> Prepared:
    """The rows of the study; `InputError` where the treatment has not two levels or nobody has a history."""
    asked, frame = source.study.effects.treatment_over_time, source.frame
    assert asked is not None
    levels = frame[asked.column].map(level_text).map(canonical_code)
    found = sorted(set(levels))
    if len(found) != 2 or asked.reference not in found:
        raise InputError(
            f"{OVER_TIME}: {asked.column!r} has the levels {', '.join(found)}; it must have two, one of them the "
            f"reference {asked.reference!r}"
        )
    frame = frame.assign(**{asked.column: (levels != asked.reference).astype(float)})
    frame = frame.sort_values(["patient", "time"], kind="stable").reset_index(drop=True)
    known = frame.groupby("patient")[list(asked.confounders)].ffill()
    complete = known.notna().all(axis=1).to_numpy()
    carried = frame[list(asked.confounders)].isna().any(axis=1).to_numpy() & complete
    names = [f"{CONFOUNDER}{k}" for k in range(1, len(asked.confounders) + 1)]
    rows = with_histories(
        pd.concat([frame, known.set_axis(names, axis=1)], axis=1)[complete], asked.column, asked.given
    )
    if not rows["decision"].any():
        raise InputError(f"{OVER_TIME}: no patient has two rows with the confounders, so that nothing was decided")
    versus = next(level for level in found if level != asked.reference)
    return Prepared(rows, asked, versus, int((~complete).sum()), int(carried.sum()))


def default_horizons(rows: pd.DataFrame) -> tuple[float, ...]:
    """The median time under treatment of the patients who had any, where the study names no horizon."""
    last = rows.groupby("patient")["exposure"].max()
    middle = float(np.median(last[last > 0])) if (last > 0).any() else 0.0
    return (float(f"{middle:.3g}"),) if middle > 0 else ()
