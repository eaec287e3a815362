"""The study file as a model: its keys at the top, and what follows from them.

Snakemake imports this module at each start, so it imports nothing heavy: pydantic, yaml and the standard library.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from slopewise.study.base import Keys
from slopewise.study.formulas import formula_names
from slopewise.study.keys import (
    Data,
    Marker,
    Outcome,
    expects,
    plain_categories,
)
from slopewise.study.keys_of_bayes import Bayes
from slopewise.study.keys_of_effects import Effects
from slopewise.study.keys_of_growth import Growth
from slopewise.study.keys_of_many import Features, Filters
from slopewise.study.keys_of_validation import CrossFit, Report, Validation
from slopewise.study.kinds import KINDS, Kind

BCA_FROM = 1000
"""From so many resamples on (`outcome.bootstrap`) intervals of coefficients are BCa ones: fewer make them rough."""


class Study(Keys):
    """A study file."""

    study: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    """Name of the study and of its folder, `results/{study}`: letters, digits, `_` and `-`, 1 to 64 of them.
    Example: `pbc`"""
    title: str = ""
    """Title of the report. Example: `Liver markers and transplant-free survival`"""
    description: str = ""
    """A paragraph for the report. Example: `Sequential data of the Mayo Clinic trial.`"""
    seed: int = Field(ge=0)
    """All randomness comes from it. Example: `20261122`"""
    data: Data
    markers: dict[str, Marker] = Field(default_factory=dict)
    """The markers, by a name that starts with a letter and goes on with letters, digits, `_` or `-`."""
    features: dict[str, Features] = Field(default_factory=dict)
    """Groups of many markers, each by a name of its own; the columns that match are markers after those of `markers`,
    in the order of the file. A run writes the study with every marker beside its results."""
    growth: Growth = Field(default_factory=Growth)
    bayes: Bayes = Field(default_factory=Bayes)
    filters: Filters = Field(default_factory=Filters)
    effects: Effects = Field(default_factory=Effects)
    landmark: Annotated[
        float | Annotated[tuple[float, ...], Field(strict=False)] | Literal["none"],
        expects("a number, a list of numbers or none"),
    ]
    """The moment from which one predicts, in the analysis unit since time zero; a list of moments; or `none`: each
    patient's own last visit. A list makes `results/{study}/landmark-{s}/` for each, with the same files below it, and
    `landmarks.csv`, `supermodel.csv` (one model for all, within the largest horizon) and `landmarks.html` over them.
    Example: `2`"""
    outcome: Outcome
    crossfit: CrossFit = Field(default_factory=CrossFit)
    validation: Validation = Field(default_factory=Validation)
    report: Report = Field(default_factory=Report)
    chunk_size: Annotated[Literal["auto"] | Annotated[int, Field(ge=1)], expects("auto or a whole number from 1")] = (
        "auto"
    )
    """Markers a job. Example: `50`"""
    private: bool = False
    """Results are readable by their owner alone: files have the mode 0600, folders 0700. Example: `true`"""

    @model_validator(mode="before")
    @classmethod
    def _categories(cls, content: Any) -> Any:
        return plain_categories(content)

    @property
    def landmark_time(self) -> float:
        """The landmark as one number, infinite for `none` (each patient's own last visit); `ValueError` for a list."""
        if isinstance(self.landmark, float):
            return self.landmark
        if self.landmark == "none":
            return math.inf
        raise ValueError("the study has several landmarks")

    @property
    def kind(self) -> Kind:
        """The kind of outcome."""
        return KINDS[self.outcome.kind]

    @property
    def causes(self) -> tuple[str, ...]:
        """What is predicted, as the column ``cause`` names it: the event, then competing ones (`Kind.causes`)."""
        return self.kind.causes(self.outcome)

    @property
    def horizons(self) -> tuple[float, ...]:
        """The horizons of the risks; one that is missing (NaN) where the outcome has no time."""
        return self.kind.horizons(self.outcome)

    @property
    def visits_from_zero(self) -> bool:
        """Whether visits are durations since a time zero that is a date, since the outcome is dated."""
        return self.data.time_unit != "date" and self.outcome.time_unit == "date"

    @property
    def followup_from_zero(self) -> bool:
        """Whether follow-up is a duration since a time zero that is a date, since the visits are dated."""
        return self.data.time_unit == "date" and self.outcome.time_unit not in ("date", None)

    def at(self, landmark: float) -> Study:
        """The same study at one landmark."""
        return self.model_copy(update={"landmark": landmark})

    @property
    def is_in_time(self) -> bool:
        """Whether the slopes are changes over time, so that neighbouring rows may be alike."""
        return self.growth.slope_of == "time" and self.data.time_unit != "none"

    @property
    def removes_batches(self) -> bool:
        """Whether the effect of batches is learned in each training set and removed from the values (combat)."""
        return self.data.batch is not None and self.data.batch.method == "combat"

    @property
    def growth_columns(self) -> tuple[str, ...]:
        """Columns of the patients or of the measurements that the growth model needs, `time` left out; sorted.

        The names in its formulas, `growth.residual_by`, `growth.weights` and the batch.
        """
        names = formula_names(self.growth.fixed) | formula_names(self.growth.random)
        batch = None if self.data.batch is None else self.data.batch.column
        names |= {name for name in (self.growth.residual_by, self.growth.weights, batch) if name is not None}
        return tuple(sorted(names - {"time"}))

    @property
    def model_columns(self) -> tuple[str, ...]:
        """Columns that models of the measurements need: those of the growth model and of the effects; sorted."""
        return tuple(sorted({*self.growth_columns, *self.effect_columns} - {self.data.time}))

    @property
    def effect_columns(self) -> dict[str, str]:
        """The columns that `effects` names, each with its key, without the markers among them."""
        return {column: key for column, key in self.effects.columns.items() if column not in self.markers}

    @property
    def grouping(self) -> tuple[str, ...]:
        """Columns that make groups of patients and enter no model: the centre, columns of subgroups."""
        known = {*self.outcome.covariates, *self.outcome.strata, *self.growth_columns}
        asked = [name for name in (self.data.centre, *self.validation.subgroups) if name is not None]
        return tuple(name for name in dict.fromkeys(asked) if name not in known)

    @property
    def imputable(self) -> tuple[str, ...]:
        """Covariates of the outcome whose missing values are imputed: no model of the measurements needs them."""
        needed = {*self.model_columns, self.data.centre}
        return tuple(name for name in self.outcome.covariates if name not in needed) if self.outcome.imputes else ()

    def chunks(self) -> list[list[str]]:
        """The markers in jobs: `chunk_size` in each; `auto` takes 50, or more where that would make over 200 jobs."""
        names = list(self.markers)
        size = max(50, -(-len(names) // 200)) if self.chunk_size == "auto" else self.chunk_size
        return [names[start : start + size] for start in range(0, len(names), size)]
