"""The study file: one function that reads it, and which of its parts each step depends on.

Snakemake imports this module at each start, so it imports nothing heavy: pydantic, yaml and the standard library.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError, model_validator

from slopewise.run import InputError
from slopewise.strict_yaml import MOST_BYTES, Document, StrictYamlError, read_document
from slopewise.study_errors import MOST_OTHERS, Finding, findings_of, one_line, shortened_path
from slopewise.study_keys import (
    CrossFit,
    Data,
    Growth,
    Keys,
    Marker,
    Outcome,
    Report,
    Validation,
    expects,
    plain_categories,
)
from slopewise.study_rules import broken_rules, formula_names

__all__ = ["STEPS", "Marker", "Study", "formula_names", "load_study"]

BCA_FROM = 1000
"""From so many resamples on (`outcome.bootstrap`) intervals of coefficients are BCa ones: fewer make them rough."""

STEPS = ("cohort", "folds", "compare_growth", "crossfit", "outcome", "validate", "report")
"""The steps that `Study.subset` knows."""


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
    markers: Annotated[dict[str, Marker], Field(min_length=1)]
    """The markers, by a name that starts with a letter and goes on with letters, digits, `_` or `-`."""
    growth: Growth = Field(default_factory=Growth)
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
    def has_outcome(self) -> bool:
        """Whether the slopes are to predict anything: `outcome.kind` is not `none`."""
        return self.outcome.kind != "none"

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
    def growth_columns(self) -> tuple[str, ...]:
        """Columns of the patients or of the measurements that the growth model needs, `time` left out; sorted.

        The names in its formulas, `growth.residual_by` and `growth.weights`.
        """
        names = formula_names(self.growth.fixed) | formula_names(self.growth.random)
        names |= {name for name in (self.growth.residual_by, self.growth.weights) if name is not None}
        return tuple(sorted(names - {"time"}))

    @property
    def grouping(self) -> tuple[str, ...]:
        """Columns that make groups of patients and enter no model: the centre, columns of subgroups."""
        known = {*self.outcome.covariates, *self.outcome.strata, *self.growth_columns}
        asked = [name for name in (self.data.centre, *self.validation.subgroups) if name is not None]
        return tuple(name for name in dict.fromkeys(asked) if name not in known)

    def chunks(self) -> list[list[str]]:
        """The markers in jobs: `chunk_size` in each; `auto` takes 50, or more where that would make over 200 jobs."""
        names = list(self.markers)
        size = max(50, -(-len(names) // 200)) if self.chunk_size == "auto" else self.chunk_size
        return [names[start : start + size] for start in range(0, len(names), size)]

    def subset(self, step: str) -> dict[str, Any]:
        """Exactly the parts of the study that `step` depends on, fit for JSON: when they change, it runs again.

        What reaches a step only through a table that it reads (follow-up, folds, fits) is not among them.
        Raises `ValueError` for an unknown step.
        """
        if step not in STEPS:
            raise ValueError(f"unknown step {step!r}: one of {', '.join(STEPS)}")
        content = self.model_dump(mode="json")
        chosen: dict[str, Any] = {}
        for path in _DEPENDS_ON[step]:
            _copy(content, chosen, path.split("."))
        if step != "folds":
            chosen["marker_names"] = list(self.markers)
        if step == "cohort":
            chosen["growth_columns"] = list(self.growth_columns)
        return chosen


def _keys(place: str, names: str) -> tuple[str, ...]:
    return tuple(f"{place}.{name}" for name in names.split())


_GROWTH_MODEL = (
    *_keys("growth", "fixed random structure reml engine residual_by weights rows slope_of"),
    "landmark",
)
_OUTCOME_MODEL = _keys(
    "outcome", "kind events competing positive covariates strata horizons terms penalty one_visit missing_marker entry"
)
_DEPENDS_ON: dict[str, tuple[str, ...]] = {
    "cohort": (
        *("data", "landmark", "growth.rows", "growth.residual_by", "growth.weights", "growth.slope_of"),
        *_keys("markers.*", "column transform plausible"),
        *_keys("outcome", "kind time time_unit entry after_measurements event events competing censored column"),
        *_keys("outcome", "positive covariates strata one_visit missing_marker"),
        "validation.subgroups",
    ),
    "folds": ("seed", "data.centre", "outcome.kind", "crossfit", "validation.folds", "validation.repeats"),
    "compare_growth": ("seed", *_GROWTH_MODEL, "growth.bootstrap", "data.time_unit"),
    # The transform tells whether a relative change is exp(delta) - 1.
    "crossfit": ("seed", *_GROWTH_MODEL, *_keys("markers.*", "transform fast_change")),
    # Both stages again in each bootstrap sample; model.json also tells `predict` how to read a new patient.
    "outcome": (
        *("seed", *_GROWTH_MODEL, *_OUTCOME_MODEL, "outcome.bootstrap", "outcome.time_unit", "crossfit"),
        *_keys("markers.*", "column transform unit plausible"),
        *_keys("data", "patient patients_patient time time_unit date_format patients_date_format analysis_unit"),
        *_keys("data", "time_zero duplicates categories missing"),
    ),
    "validate": ("seed", "data.centre", *_OUTCOME_MODEL, "validation"),
    "report": tuple(key for key in Study.model_fields if key != "chunk_size"),
}


def _copy(source: dict[str, Any], target: dict[str, Any], path: list[str]) -> None:
    """Copy what `path` leads to, with the maps on the way; ``*`` stands for every key."""
    for key in source if path[0] == "*" else [path[0]]:
        if len(path) == 1:
            target[key] = source[key]
        else:
            _copy(source[key], target.setdefault(key, {}), path[1:])


def load_study(path: str | Path) -> Study:
    """Read and check a study file.

    Raises `InputError` with the first finding in the order of lines: file, line, key, what is wrong, what to do;
    the others follow in short. Paths in the study stay as they are written.
    """
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: the study file cannot be read: {error.strerror or error}") from error
    return parse_study(data, str(path))


def parse_study(data: bytes, name: str) -> Study:
    """Read and check the bytes of a study file; `name` stands in messages. Raises `InputError`."""
    try:
        document = read_document(data)
    except StrictYamlError as error:
        raise InputError(one_line(name, error.line, Finding(error.path, str(error)))) from error
    try:
        study = Study.model_validate(document.content)
    except ValidationError as error:
        raise _refusal(name, document, findings_of(error, Study)) from error
    findings = [*broken_rules(study)]
    if findings:
        raise _refusal(name, document, findings)
    return study


def _refusal(name: str, document: Document, findings: list[Finding]) -> InputError:
    """The first finding in full and the others in short, in the order of their lines."""
    placed = sorted((document.line(finding.path) or 0, finding) for finding in findings)
    message = one_line(name, *placed[0])
    if others := [
        f"line {line}, {shortened_path(key)}" if line else shortened_path(key) for line, (key, _) in placed[1:]
    ]:
        listed = "; ".join(others[:MOST_OTHERS]) + ("; ..." if len(others) > MOST_OTHERS else "")
        message += f" (and {len(others)} more: {listed})"
    return InputError(message)
