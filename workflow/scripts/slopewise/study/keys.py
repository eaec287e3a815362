"""The parts of a study file: every key with its type, default, meaning and an example.

The docstring under a key is its meaning; config/README.md and config/study.schema.json are made from them by
`slopewise.study.docs`. Snakemake imports this module at each start, so it imports nothing heavy.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError, WrapValidator
from pydantic_core import PydanticCustomError

from slopewise.study.base import Keys, Name
from slopewise.study.keys_of_databases import Tables
from slopewise.study.keys_of_layout import Layout
from slopewise.study.keys_of_many import Batch, Lesions


def canonical_code(text: str) -> str:
    """A code as it is compared: ``1.0`` (what programs write for 1 beside missing values) is ``1``; ``01`` is not."""
    return re.sub(r"^([-+]?[0-9]+)\.0+$", r"\1", text)


def _code(value: Any) -> str:
    """A code of the event column as text; `true` and `false` are refused, since files spell them in many ways."""
    if isinstance(value, bool):
        word = str(value).lower()
        message = "`{word}` without quotes is not taken as a code: write it in quotes, as the data spell it"
        raise PydanticCustomError("code", message, {"word": word})
    if isinstance(value, str) and value.strip():
        return canonical_code(value.strip())
    if isinstance(value, int | float):
        return canonical_code(str(value))
    raise PydanticCustomError("code", "a code must be a number or a text")


def _codes(value: Any) -> tuple[str, ...]:
    return tuple(_code(item) for item in (value if isinstance(value, list | tuple) else [value]))


def _cells(value: Any) -> tuple[str, ...]:
    """Codes of rows that are selected, among which an empty text stands for an empty cell."""
    listed = value if isinstance(value, list | tuple) else [value]
    return tuple("" if item == "" else _code(item) for item in listed)


def _code_or_none(value: Any) -> str | None:
    return None if value is None else _code(value)


def _labelled(value: Any) -> Any:
    return {_code(code): label for code, label in value.items()} if isinstance(value, dict) else value


CATEGORY = re.compile(r"\s*C\(\s*(.+?)\s*\)\s*")


def plain_categories(content: Any) -> Any:
    """The raw content of a study with each ``C(column)`` in a list of columns as that column in `data.categories`."""
    if not isinstance(content, dict) or not isinstance(content.get("data"), dict):
        return content
    content = dict(content)
    found: list[str] = []
    for part, key in (("outcome", "covariates"), ("outcome", "strata"), ("validation", "subgroups")):
        own = content.get(part)
        listed = own.get(key) if isinstance(own, dict) else None
        if isinstance(listed, list | tuple):
            codes = [CATEGORY.fullmatch(name) if isinstance(name, str) else None for name in listed]
            found += [code[1] for code in codes if code]
            plain = [code[1] if code else name for name, code in zip(listed, codes, strict=True)]
            content[part] = {**content[part], key: plain}
    told = content["data"].get("categories", [])
    if found and isinstance(told, list | tuple):
        content["data"] = {**content["data"], "categories": list(dict.fromkeys([*told, *found]))}
    return content


def expects(what: str) -> WrapValidator:
    """One plain sentence in place of an error for each alternative of a union."""

    def check(value: Any, handler: Any) -> Any:
        try:
            return handler(value)
        except ValidationError:
            context = {"what": what, "value": repr(value)}
            raise PydanticCustomError("expects", "must be {what}, not {value}", context) from None

    return WrapValidator(check)


Label = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Labels = Annotated[dict[str, Label], BeforeValidator(_labelled)]
Codes = Annotated[tuple[str, ...], BeforeValidator(_codes)]
Where = dict[str, Annotated[tuple[str, ...], BeforeValidator(_cells)]]
Columns = Annotated[tuple[Name, ...], Field(strict=False)]
Numbers = Annotated[tuple[float, ...], Field(strict=False)]


class ColumnReference(Keys):
    """A time zero that stands in a column, one value a patient."""

    column: Name
    """Column with each patient's own time zero: a date where the study has dates (`data.time_unit` or
    `outcome.time_unit` is `date`), else a number in `data.time_unit`. Example: `date_of_surgery`"""


class Conditions(Keys):
    """A table `data.subjects` with a row per patient and diagnosis."""

    code: Name
    """Column of `data.subjects` with the code of the diagnosis. Example: `code`"""
    date: Name
    """Column of `data.subjects` with the date of the diagnosis, an ISO date. Example: `date`"""
    names: dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,99}$")], Codes]
    """A name for each condition with its codes; `K74*` stands for every code that begins so. Where it is a code of
    `outcome.events`, `outcome.competing` or `outcome.censored`, its first date ends the follow-up; else it is a column,
    1 for patients who had it at time zero and 0 for the others.
    Example: `{cirrhosis: [K74*], diabetes: [E10*, E11*]}`"""


class Data(Tables):
    """Where the data are and how to read them."""

    sheet: Name | None = None
    """Sheet of the workbook `data.measurements`, where more than one sheet holds anything. Example: `visits`"""
    patients_sheet: Name | None = None
    """Sheet of the workbook `data.patients`, which may be the same file. Example: `patients`"""
    subjects_sheet: Name | None = None
    """Sheet of the workbook `data.subjects`. Example: `demographics`"""
    layout: Layout | None = None
    """Where the measurements have a row per patient, time and parameter: the columns of the parameter, its value and
    its unit. Where they have a row per patient: `wide`. Example: `{parameter: PARAMCD, value: AVAL, unit: AVALU}`"""
    lesion: Lesions | None = None
    """Where the measurements have a row per patient, time and lesion: how they become one row per patient and time.
    Example: `{column: lesion, rule: largest, volume: original_shape_MeshVolume}`"""
    where: Where = Field(default_factory=dict)
    """Rows of the measurements that are read: those with one of the codes in each column; `""` is an empty cell.
    Example: `{ANL01FL: Y}`"""
    value_labels: Literal["levels", "codes"] = "levels"
    """Columns of SPSS and Stata files in which every value has a label: `levels` reads the labels (female), `codes` the
    values themselves (2). Example: `codes`"""
    delimiter: Literal["auto", ",", ";", "\t", "|"] = "auto"
    """What separates the cells of a CSV file; `auto` tells it from the file (a tab is written "\\t" in double quotes).
    Example: `";"`"""
    decimal: Literal["auto", ".", ","] = "auto"
    """Decimal mark of a CSV file; `auto` tells it from the file, and is an error where 1,234 could be either.
    Example: `","`"""
    encoding: Name = "auto"
    """Encoding of a CSV file; `auto` tells UTF-8 (with or without byte order mark) and Latin-1 apart.
    Example: `cp1252`"""
    patient: Name
    """Column with the patient, or any other unit that was measured repeatedly (school, site). Always text: 001 is
    not 1. Example: `id`"""
    patients_patient: Name | None = None
    """Column with the patient in `data.patients`, where it has another name there than `data.patient`.
    Example: `subject_id`"""
    time: Name
    """Column that says when the row was measured. Example: `day`"""
    time_unit: Literal["minutes", "hours", "days", "weeks", "months", "years", "date", "none"]
    """Unit of `data.time`: `date` reads calendar dates; `none` is a plain number, a predictor that is not time.
    Example: `days`"""
    time_labels: Annotated[dict[str, float], Field(strict=False)] = Field(default_factory=dict)
    """Labels of visits in the column `data.time`, each with its time in `data.time_unit`; a cell is one of them or a
    number. Example: `{Baseline: 0, Week 12: 12}`"""
    date_format: Name = "auto"
    """How dates are written: `auto` is ISO (2020-12-31), else a strptime format. An ambiguous order of day and month
    without a format is an error. Example: `"%d/%m/%Y"`"""
    patients_date_format: Name | None = None
    """How dates are written in `data.patients`, where they are written otherwise than in the measurements
    (`data.date_format`). Example: `"%m/%d/%Y"`"""
    analysis_unit: Literal["minutes", "hours", "days", "weeks", "months", "years", "none"]
    """Unit of time in every result. A year has 365.25 days, a month is a twelfth of a year. Example: `years`"""
    time_zero: Annotated[
        float | ColumnReference | Literal["first_visit"], expects("a number, {column: NAME} or first_visit")
    ] = 0.0
    """What is subtracted from every time of the patient, follow-up included: a number (in `data.time_unit`), a column
    with each patient's own, or the patient's first row. Example: `{column: date_of_surgery}`"""
    birth_date: Name | None = None
    """Column with each patient's date of birth, where time zero is a date: the age at time zero, in years of 365.25
    days, becomes the column `age`, for `outcome.covariates` and formulas. Example: `dob`"""
    conditions: Conditions | None = None
    """Where `data.subjects` has a row per patient and diagnosis, as FHIR's Condition has: its columns, and the
    conditions that end the follow-up or are covariates.
    Example: `{code: code, date: date, names: {cirrhosis: [K74*]}}`"""
    duplicates: Literal["error", "mean", "first", "last", "keep"] = "error"
    """Two rows of one patient at one time: an error, their mean (before the transform), the first or last in the file,
    or keep both. Example: `mean`"""
    missing: Codes = ()
    """Code or codes that mean a missing value, in both tables, besides those that always do: a cell that holds one, as
    text or as a number, is empty. They are counted for each column; the patient's own column is left as it is.
    Example: `[-999, unknown]`"""
    incomplete: Literal["exclude", "error"] = "exclude"
    """What lacks something that the analysis needs (a patient without rows, time zero, follow-up or outcome; a row
    without a time, or of a patient who is not in `data.patients`): `exclude` leaves it out, counted in the flow with
    its reason and listed in `cohort/problems.csv`; `error` refuses it. Example: `error`"""
    categories: Columns = ()
    """Columns whose numbers are codes of categories (site 101, stage 2), wherever the study uses them: in covariates,
    formulas, subgroups. `C(site)` among `outcome.covariates` or `validation.subgroups` says the same.
    Example: `[site]`"""
    left_out: dict[Name, Label] = Field(default_factory=dict)
    """Columns that patterns of `features` match and that are not analysed, each with the reason; they are listed in
    `cohort/problems.csv`. A run adds the columns that cannot be analysed (text, no value, one value).
    Example: `{original_glcm_MCC: not reproducible on our scanner}`"""
    batch: Batch | None = None
    """Where rows were measured by several scanners, plates or readers: the column that says by which, and how their
    differences are removed. Example: `{column: scanner, method: combat}`"""
    centre: Name | None = None
    """Column with the centre or scanner: besides the folds, each centre is left out once and predicted by the models of
    the others (internal–external validation). A patient without one is removed and counted. Example: `hospital`"""

    @property
    def condition_names(self) -> tuple[str, ...]:
        """The names of `conditions`."""
        return () if self.conditions is None else tuple(self.conditions.names)

    @property
    def zero_column(self) -> str:
        """The column of `time_zero`; empty where that is none."""
        return self.time_zero.column if isinstance(self.time_zero, ColumnReference) else ""

    @property
    def coded(self) -> tuple[str, ...]:
        """Columns whose numbers are codes: those of `data.categories`, and the batch."""
        return self.categories if self.batch is None else (*self.categories, self.batch.column)

    @property
    def format_of_patients(self) -> str:
        """How dates of the patients' table are written; without a file of their own, as in the measurements."""
        return (self.patients and self.patients_date_format) or self.date_format


class FastChange(Keys):
    """A slope that counts as fast change: below or above a limit, marker units per analysis unit."""

    below: float | None = None
    """Slopes below this limit are fast change. Example: `-0.2`"""
    above: float | None = None
    """Slopes above this limit are fast change. Example: `0.3`"""


class Marker(Keys):
    """One marker: the column it is read from and how it is shown."""

    column: Name
    """Column of the measurements. Example: `bili`"""
    transform: Literal["none", "log", "log1p", "sqrt", "logit"] = "none"
    """Applied to each value; a value outside its domain (the log of 0) is an error. Example: `log`"""
    plausible: Annotated[tuple[float, float] | None, Field(strict=False)] = None
    """Lowest and highest value that is possible, before the transform: a value outside is an error, with line and
    patient, here and in `predict`. Example: `[1, 7]`"""
    units: dict[str, float] = Field(default_factory=dict)
    """Units of the column `data.layout.unit` and the factor that each value is multiplied by.
    Example: `{umol/L: 1, mg/dL: 88.4}`"""
    below: Literal["refuse", "half", "limit"] = "refuse"
    """What a value below a limit of detection (`<5`) is read as: half the limit, the limit, or an error.
    Example: `half`"""
    unit: str = ""
    """Unit for the report, before the transform or after it. Example: `mg/dl`"""
    label: str = ""
    """Name in the report; empty: the marker's own name. Example: `Bilirubin`"""
    family: str = ""
    """Family of the marker, where there are many; of `features` it follows from the name (`original_glcm`).
    Example: `cytokines`"""
    fast_change: FastChange | None = None
    """Which slopes count as fast change. Example: `{above: 0.3}`"""


class Outcome(Keys):
    """What the slopes are to predict."""

    kind: Literal["survival", "binary", "continuous", "none"]
    """What is predicted. Example: `survival`"""
    where: Where = Field(default_factory=dict)
    """Rows of `data.patients` that are read: those with one of the codes in each column. Example: `{PARAMCD: OS}`"""
    time: Name | None = None
    """Column with the end of follow-up (needed for survival), on the clock of `data.time`: time zero is subtracted from
    it as from visits. For other kinds: when the outcome was seen, where a column tells. Example: `futime`"""
    time_unit: Literal["minutes", "hours", "days", "weeks", "months", "years", "date", "none"] | None = None
    """Unit of `outcome.time` (needed with it); `none` where `data.time_unit` is. Dates beside durations need the date
    of time zero (`data.time_zero: {column: NAME}`): the durations, of visits or of follow-up, count from it.
    Example: `days`"""
    entry: Name | None = None
    """Column with a delayed entry: at or before the landmark, others leave. Example: `entry_day`"""
    after_measurements: bool = False
    """The author states that a binary or continuous outcome lies after all measurements up to the landmark; needed
    where no `outcome.time` tells. Example: `true`"""
    event: Name | None = None
    """Column with the code of what ended the follow-up (needed for survival). Example: `status`"""
    events: Labels = Field(default_factory=dict)
    """Codes that are the event, each with its label (needed for survival); several make one composite event.
    Example: `{1: transplant, 2: death}`"""
    competing: Labels = Field(default_factory=dict)
    """Codes of competing events, each with its label. Example: `{3: other death}`"""
    censored: Codes = ("0",)
    """Code or codes of a censored follow-up; `[]` where nobody was censored. A code that is named nowhere is an error.
    Example: `[0, 9]`"""
    column: Name | None = None
    """Column of a binary or continuous outcome (needed for them), one value a patient; who has none leaves, counted.
    Example: `remission`"""
    positive: Annotated[str | None, BeforeValidator(_code_or_none)] = None
    """The level of a binary outcome that is the event (needed for binary). Example: `"yes"`"""
    covariates: Columns = ()
    """Patient-level columns that are in every step of the ladder; a time-varying one enters with its last value up to
    the landmark. `C(site)`: its numbers are codes of categories. A patient who lacks one is removed and counted, unless
    `outcome.missing_covariate` is `impute`. Example: `[age, sex, C(site)]`"""
    strata: Columns = ()
    """Columns whose levels have their own baseline hazard. Example: `[centre]`"""
    margin: float = Field(default=0.02, gt=0.0, lt=1.0)
    """The smallest gain in C, AUC or R² that would matter; smaller ones are called small in the report. 0.02 is two
    more of 100 comparable pairs of patients in the right order (of R², two hundredths of the outcome's variance). It
    changes words and pictures, no estimate. Example: `0.01`"""
    horizons: Numbers = ()
    """Times after the landmark, in the analysis unit, at which risks are predicted (needed for survival).
    Example: `[3, 5, 8]`"""
    thresholds: Numbers = ()
    """Risks at which one would act, in hundredths: the report gives the net benefit at each, per 1,000 patients. They
    change no estimate. Example: `[0.1, 0.2]`"""
    terms: Annotated[tuple[Literal["nonlinear_level", "level_by_slope"], ...], Field(strict=False)] = ()
    """Terms besides levels and slopes, in every step that has what they are made of: `nonlinear_level` lets the effect
    of the level bend (restricted cubic spline, knots at the 10th, 50th and 90th percentile of the training patients),
    `level_by_slope` lets the effect of the slope depend on the level. Example: `[nonlinear_level]`"""
    penalty: Literal["auto", "none", "elastic_net", "group"] = "auto"
    """Penalty of the outcome model; `auto`: elastic net when there are fewer than 10 events per coefficient of the
    largest step; `group`: as the elastic net, but the level and the slope of a marker enter together or not at all.
    Example: `none`"""
    one_visit: Literal["population", "exclude"] = "population"
    """A patient with one visit of a marker: its slope by least squares and its change are the training patients' mean,
    flagged; or the patient leaves. Example: `population`"""
    missing_marker: Literal["population", "exclude"] = "population"
    """A patient without any row of a marker: the population's values (reliability 0), flagged; or the patient leaves.
    Example: `population`"""
    missing_covariate: Literal["exclude", "impute"] = "exclude"
    """A patient who lacks one of `outcome.covariates`: the patient leaves, counted; or the covariate is imputed several
    times, by a model that training patients alone teach. Columns of the growth formulas, strata and the centre are not
    imputed. Example: `impute`"""
    imputations: int = Field(default=20, ge=2, le=200)
    """How many imputations, with `missing_covariate: impute`. Example: `20`"""
    bootstrap: int = Field(default=200, ge=0)
    """Patients resampled through both stages for the coefficients' intervals; 0: none. Intervals of percentiles; from
    1000 on BCa intervals, with a jackknife through both stages. Example: `200`"""
    stability: int = Field(default=0, ge=0)
    """Complementary pairs of halves of the patients on which both stages are repeated, for how often a penalised model
    keeps each term; 0: none. Example: `50`"""

    @property
    def imputes(self) -> bool:
        """Whether missing covariates are imputed."""
        return self.missing_covariate == "impute"


MISSING = frozenset(["", "NA", "N/A", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "."])
"""Cells that mean a missing value; any other text in a column of numbers is an error."""
