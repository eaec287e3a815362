"""The parts of a study file on cross-fitting, validation and the report; made into documents as `study.keys` is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from slopewise.study.base import Keys
from slopewise.study.keys import Columns, Label, expects


class CrossFit(Keys):
    """The cross-fitting that makes the published slopes."""

    folds: int = Field(default=5, ge=2)
    """Folds of patients; also the number of inner folds of the validation. Example: `5`"""
    repeats: int = Field(default=5, ge=1)
    """How often it is repeated with new folds; the slopes are means over repeats. Example: `5`"""


class Validation(Keys):
    """The nested validation."""

    folds: int = Field(default=5, ge=2)
    """Outer folds of patients. Example: `5`"""
    repeats: int = Field(default=5, ge=1)
    """How often it is repeated with new folds. The spread between repeats, whose models are refitted to other training
    patients, is part of the intervals; with 1 they hold the models fixed. Example: `5`"""
    bootstrap: int = Field(default=1000, ge=0)
    """Resamples of the tested patients in each repeat, for the intervals of validated figures; 0: none. Example:
    `1000`"""
    subgroups: Columns = ()
    """Columns, besides the covariates, by whose levels (or halves) the performance is told too. They enter no model; a
    patient without a value is in a group of its own. Example: `[stage]`"""


class Report(Keys):
    """The report."""

    patients: bool = False
    """Pages of single patients, in a file of their own. Example: `true`"""
    subjects: Annotated[tuple[Label, Label] | None, Field(strict=False)] = None
    """What the report calls one and several of those who were measured, where they are no patients; without it, in an
    interrupted time series, `unit` and `units`. Example: `[state, states]`"""
    small_cells: int = Field(default=5, ge=0)
    """Counts under this number are printed as `<5` (for 5). Example: `5`"""
    detailed: int = Field(default=8, ge=1, le=60)
    """Markers, the first of the file, for which the growth model's checks are pictured; the tables have all markers.
    Example: `8`"""
    calculator: Annotated[Literal["auto"] | bool, expects("auto, true or false")] = "auto"
    """A form in the report that computes level, slope and risk of a patient from the shipped model, without a network;
    `auto`: where the model has at most 8 markers. Example: `false`"""
