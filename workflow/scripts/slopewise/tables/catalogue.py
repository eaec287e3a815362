"""Every table once: its file, its schema, the step that writes it, who reads it and what it holds.

The rules' outputs, the inputs of the report and of provenance.json, the frames that the report reads and docs/tables.md
follow from this list; a new table needs an entry here, a schema beside it and its writer. Snakemake imports this module
at each start: the standard library alone.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One table.

    name: that of the table, a path below the study's results without the suffix.
    step: the rule, or the command, that writes it.
    holds: one sentence on its rows.
    suffix: that of its file; empty for a table whose file the user of a command names.
    schema: the name of its schema, where it is not the table's; see `schema_name`.
    output: its name among the outputs of the rule, where it is not the last part of its name.
    frame: its name among the report's frames, where it is not the last part of its name.
    label: what it is called in Snakemake's own report, for a table that is shown there.
    of_outcome: whether only studies with an outcome have it.
    of_effects: whether only studies with `effects` have it.
    names_patients: whether it has a column of patients: not for sharing.
    in_report: whether the report reads it.
    in_provenance: whether provenance.json holds its digest.
    also_csv: whether a table in Parquet is written as CSV, too.
    without_outcome: the rule that writes it for a study without an outcome, where that is another.
    """

    name: str
    step: str
    holds: str
    suffix: str = "csv"
    schema: str = ""
    output: str = ""
    frame: str = ""
    label: str = ""
    of_outcome: bool = False
    of_effects: bool = False
    names_patients: bool = False
    in_report: bool = True
    in_provenance: bool = True
    also_csv: bool = False
    without_outcome: str = ""

    @property
    def file(self) -> str:
        """Its file below the study's results; empty where the user names it."""
        return f"{self.name}.{self.suffix}" if self.suffix else ""

    @property
    def files(self) -> dict[str, str]:
        """Each file that holds it, by its name among the outputs of the rule."""
        output = self.output or self.last
        return {output: self.file} | ({f"{output}_csv": f"{self.name}.csv"} if self.also_csv else {})

    @property
    def last(self) -> str:
        """The last part of its name."""
        return self.name.rpartition("/")[2]

    @property
    def schema_name(self) -> str:
        """The name of its schema."""
        return self.schema or self.name

    @property
    def frame_name(self) -> str:
        """Its name among the report's frames."""
        return self.frame or self.last


def _with_patients(name: str, step: str, holds: str, **others: Any) -> Entry:
    return Entry(name, step, holds, names_patients=True, **others)


def _unread(name: str, step: str, holds: str, **others: Any) -> Entry:
    """A table that neither the report reads nor provenance.json digests."""
    return Entry(name, step, holds, in_report=False, in_provenance=False, **others)


def _growth(name: str, holds: str, **others: Any) -> Entry:
    return Entry(f"growth/{name}", "compare_growth", holds, **others)


def _effects(name: str, holds: str, **others: Any) -> Entry:
    """A table of a study with `effects`; its frame is ``effects_NAME``."""
    return Entry(f"effects/{name}", "estimate_effects", holds, of_effects=True, frame=f"effects_{name}", **others)


def _fitted(name: str, holds: str, **others: Any) -> Entry:
    return Entry(f"outcome/{name}", "fit_outcome", holds, of_outcome=True, **others)


def _validated(name: str, holds: str, **others: Any) -> Entry:
    return Entry(f"outcome/{name}", "validate_outcome", holds, of_outcome=True, **others)


def _examined(name: str, holds: str) -> Entry:
    return Entry(f"outcome/{name}", "examine_sensitivity", holds, of_outcome=True)


PARQUET: dict[str, Any] = {"suffix": "parquet"}

TABLES: tuple[Entry, ...] = (
    _with_patients("cohort/measurements", "prepare_cohort", "Measurements up to the landmark.", **PARQUET),
    _unread("cohort/later", "prepare_cohort", "Measurements after the landmark.", names_patients=True, **PARQUET),
    _with_patients(
        "cohort/patients", "prepare_cohort", "Patients at risk at the landmark: covariates and outcome.", **PARQUET
    ),
    Entry("cohort/flow", "prepare_cohort", "Patients and rows that each step of selection removed and left."),
    Entry(
        "cohort/excluded",
        "prepare_cohort",
        "Characteristics of the patients who are analysed and of those who left, with missing values.",
    ),
    _with_patients("cohort/problems", "prepare_cohort", "Problems found in the input files, and what was done."),
    Entry(
        "cohort/agreement",
        "prepare_cohort",
        "How well each marker is reproduced by repeated scans; empty without `filters.icc`.",
    ),
    _with_patients("folds", "make_folds", "The fold of each patient in each scheme.", **PARQUET, in_report=False),
    _growth("fixed_effects", "Fixed effects of each growth model, with intervals and tests.", label="growth models"),
    _growth("covariance", "Variances and correlations of random effects and residuals, with intervals."),
    _growth("population", "The mean course of each marker in the population."),
    _growth("comparison", "Fit statistics of the growth models and tests of the random effects."),
    _growth("serial", "Models with serially correlated residuals beside those with random slopes."),
    _growth("heteroscedastic", "The test of the random slope when the residual variance may change."),
    _growth("verdict", "The conclusion on patient-specific trends in each marker.", frame="judged"),
    _growth("trends", "The F test of patients' separate least-squares slopes."),
    _growth("variogram", "The variogram of the residuals, observed and implied by each model."),
    _growth("implied", "The variance over time, observed and implied by each model."),
    _growth("correlation", "The correlation between two times that each model implies."),
    _growth(
        "patients",
        "Each patient's intercept and slope under no, partial and complete pooling, and the patient's influence.",
        frame="pooling",
        names_patients=True,
    ),
    _growth(
        "influence",
        "The largest influence of one patient on each growth model, and how often it is as large by chance.",
    ),
    _growth("planned", "The reliability of slopes that a number of visits over a span would give."),
    _growth("residuals", "The residual variance in each stratum, and the test of equal variances."),
    _growth("scatter", "Fitted values and residuals."),
    _growth("spread", "The mean and standard deviation of residuals along the fitted values."),
    _growth("quantiles", "Quantiles of residuals and random effects beside those of the normal distribution."),
    _growth("normality", "Skewness, kurtosis and extreme values of residuals and random effects."),
    _growth("visits", "Whether patients with more visits have other slopes."),
    _growth("linearity", "Linear, quadratic and spline courses compared."),
    _growth("slopes_by_stratum", "The mean slope in each stratum and its differences between strata.", frame="strata"),
    _growth("centring", "The growth model with time zero at different moments."),
    _growth("origin", "Mean values and the spread between patients at time zero, landmark and mean time."),
    _growth("lines", "Lines of a sample of patients, by mixed model and by least squares."),
    _effects("design", "What the design lets one estimate of an effect, and on how many patients and rows it rests."),
    _effects("average", "Average effects of a treatment or an interruption, and of what the model has besides."),
    _effects("checks", "Tests of period, sequence and time beside a treatment; empty where there is nothing to test."),
    _effects(
        "spread", "How much an effect differs between patients, with its test; empty where that is not identified."
    ),
    _effects("patients", "Each patient's effect, with interval and reliability.", names_patients=True),
    _effects("shares", "The share of patients whose effect has the other sign, or is as large as matters."),
    _effects(
        "posterior", "The posterior of effects and of how much they differ; empty without `growth.engine: bayes`."
    ),
    _effects("residuals", "The residual variance under each treatment, with the interval of their ratio."),
    _effects("arms", "Variances of level, slope and residual in parallel arms, compared; empty in other designs."),
    _effects("serial", "The correlation of neighbouring residuals beside an interruption, and the model without it."),
    _effects("course", "The average effect of an interruption at moments after it, and where units' effects lie."),
    _effects("curves", "Each row of a series: observed, expected, and without the interruption.", names_patients=True),
    _effects("sensitivity", "The changes at an interruption under other assumptions, and at a placebo moment."),
    _effects("characteristics", "How the changes at an interruption depend on characteristics of the units."),
    _effects("analyses", "Effects of a treatment that follows the patient's state, with weights and without."),
    _effects("weights", "Inverse probability weights by visit: mean, extremes, effective number of rows."),
    _effects("balance", "Standardised differences of confounders before decisions, without and with weights."),
    _effects("positivity", "Decisions and treatments by strata of each confounder."),
    _effects("models", "Coefficients of the models of treatment, and of staying, that the weights come from."),
    _growth("posterior", "The posterior of each parameter; empty without `growth.engine: bayes`."),
    _growth(
        "prior_sensitivity", "Posterior means under narrower and wider priors; empty without `growth.engine: bayes`."
    ),
    _growth(
        "posterior_check", "Data predicted by the posterior beside those seen; empty without `growth.engine: bayes`."
    ),
    _unread(
        "growth/posterior_draws",
        "compare_growth",
        "Draws of each parameter by chain; empty without `growth.engine: bayes`.",
        **PARQUET,
    ),
    Entry("growth/fits", "gather_slopes", "Every fit of the growth models: convergence, structure, rows and patients."),
    _with_patients("slopes/slopes", "gather_slopes", "Each patient's level and slope.", **PARQUET, also_csv=True),
    _unread(
        "slopes/crossfit",
        "gather_slopes",
        "Each patient's level and slope from growth models that did not see the patient.",
        names_patients=True,
        **PARQUET,
    ),
    Entry(
        "slopes/reliability",
        "fit_outcome",
        "The reliability of each marker's slopes, with a bootstrap interval.",
        label="reliability of slopes",
        without_outcome="rate_slopes",
    ),
    Entry(
        "slopes/leakage_audit",
        "gather_slopes",
        "For each fold, whether a fit saw a patient whom it scored or a row after the landmark.",
        output="audit",
        frame="audit",
        label="leakage audit",
    ),
    _unread(
        "slopes/fast_changers",
        "gather_slopes",
        "Patients whose slope may be beyond a limit that the study names.",
        names_patients=True,
    ),
    Entry("slopes/fast_share", "gather_slopes", "The share of patients whose slope is beyond a limit."),
    Entry("slopes/dropout", "gather_slopes", "Mean slopes by the time of the last visit."),
    Entry("slopes/dropout_pattern", "gather_slopes", "Mean values over time by the time of the last visit."),
    Entry(
        "slopes/batch_parameters",
        "gather_slopes",
        "What is removed from each marker in each batch, by the whole cohort and by each training set; empty without "
        "`data.batch: {method: combat}`.",
        in_report=False,
    ),
    Entry(
        "slopes/batch_audit",
        "gather_slopes",
        "Whom the batch effects of each fit were learned from, and whether a scored patient is among them; empty "
        "without `data.batch: {method: combat}`.",
    ),
    Entry(
        "slopes/filters",
        "gather_slopes",
        "Markers, or their slopes, that a filter leaves out of a training set; empty without `filters`.",
    ),
    Entry(
        "slopes/filter_survival",
        "gather_slopes",
        "How many markers each filter leaves of each training set, and whether it saw a held-out patient.",
    ),
    Entry(
        "slopes/filter_stability",
        "gather_slopes",
        "How alike the markers are that each filter leaves of the training sets.",
    ),
    _fitted("coefficients", "Coefficients of the outcome models, with intervals.", label="outcome models"),
    _fitted("ledger", "Markers and models that could not be fitted on all patients or in bootstrap samples."),
    _fitted("proportional_hazards", "Tests of proportional hazards.", frame="hazards"),
    _fitted("schoenfeld", "Scaled Schoenfeld residuals over time, with a smooth curve."),
    _fitted(
        "delta", "Coefficients of slopes if patients changed otherwise after their last visit than the model expects."
    ),
    _fitted("selection", "How often halves of the patients keep each term of the penalised models."),
    _fitted("stability", "How alike the penalised models of halves of the patients are."),
    _fitted("instability", "Predictions of models of resampled patients beside those of the models of all patients."),
    _fitted("classification", "How often models of resampled patients put a patient on the other side of a threshold."),
    _fitted("optimism", "Apparent performance, its optimism by the bootstrap, and the figure corrected by it."),
    _fitted("calibration_instability", "Calibration curves of models of resampled patients."),
    _fitted("slow_fast", "Risks with a low and a high slope of a marker at its median level, and the difference."),
    _fitted("likelihood_ratio", "Likelihood-ratio tests of the slopes beside the levels."),
    _fitted("associations", "The slope of each marker alone beside its level and the covariates: its coefficient."),
    _fitted(
        "apparent",
        "Each patient's apparent predictions, from the models of everybody.",
        names_patients=True,
        in_report=False,
        **PARQUET,
    ),
    _validated(
        "batch_check",
        "Whether markers of held-out patients tell the batch and the outcome, before and after batch effects are "
        "removed; empty without `data.batch: {method: combat}`.",
    ),
    _validated(
        "validation_ledger",
        "Markers and models that could not be fitted in validation.",
        schema="outcome/ledger",
        output="ledger",
    ),
    _validated("performance", "Apparent and validated performance, with intervals.", label="performance"),
    _validated("calibration", "Calibration curves."),
    _validated("decision_curve", "Net benefit along the threshold."),
    _validated("risk_groups", "What was predicted and observed in thirds of the validated prediction."),
    _validated("imputation_audit", "Whose values taught the imputation of covariates for whom; empty without any."),
    _validated("predictions", "Each patient's validated predictions.", names_patients=True, **PARQUET),
    _examined("sensitivity", "Performance with slopes that were made in other ways."),
    _examined("censoring", "Performance under censoring that depends on the predictors: weights from a Cox model."),
    _examined("permutation", "The gain from slopes when slopes are permuted among patients."),
    _examined("subgroups", "Performance in subgroups of patients."),
    _examined("centres", "Performance in each centre when models learn from the others; empty without `data.centre`."),
    Entry(
        "outcome/examples",
        "choose_examples",
        "Example patients, as averages of neighbours: measured values, lines, risks without and with the slopes.",
        of_outcome=True,
    ),
    Entry(
        "outcome/evidence",
        "ship_model",
        "The numbers that the finding rests on: gains, effects of the slopes, tests, events that would be needed.",
        of_outcome=True,
        in_report=False,
    ),
    _unread(
        "supermodel",
        "stack_landmarks",
        "One model for all landmarks beside separate ones.",
        output="table",
        of_outcome=True,
    ),
    _unread("landmarks", "gather_landmarks", "Performance at each landmark.", output="table", of_outcome=True),
    _unread(
        "risks",
        "predict",
        "Risks of new patients, in the file that `slopewise predict` is asked to write.",
        suffix="",
        of_outcome=True,
        names_patients=True,
    ),
)


def entry(name: str) -> Entry:
    """The table of this name; `KeyError` where there is none."""
    return {one.name: one for one in TABLES}[name]


def written_by(step: str) -> list[Entry]:
    """The tables that a rule writes, in the order of the list."""
    return [one for one in TABLES if step in (one.step, one.without_outcome)]


PARTS = ("every study", "effects", "outcome")
"""Which studies have a table; `part_of` says it of one."""


def part_of(one: Entry) -> str:
    """``outcome`` or ``effects`` for a table of studies that have such a part, else ``every study``."""
    return "outcome" if one.of_outcome else "effects" if one.of_effects else "every study"


def read_by_report(part: str | None = None) -> list[Entry]:
    """The tables that the report reads: all, or those of one of `PARTS`."""
    return [one for one in TABLES if one.in_report and part in (None, part_of(one))]


def in_provenance(part: str | None = None) -> list[Entry]:
    """The tables whose digests provenance.json holds: all, or those of one of `PARTS`."""
    return [one for one in TABLES if one.in_provenance and part in (None, part_of(one))]


def faults(schemas: Collection[str]) -> list[str]:
    """Tables without a schema, schemas without a table, and names that two tables share; each by its name."""
    found = [f"{one.name} has no schema {one.schema_name}" for one in TABLES if one.schema_name not in schemas]
    found += [f"the schema {name} has no table" for name in sorted({*schemas} - {one.schema_name for one in TABLES})]
    outputs = [f"{one.step}: {output}" for one in TABLES for output in one.files]
    frames = [f"frame {one.frame_name}" for one in read_by_report()]
    for names in ([one.name for one in TABLES], outputs, frames):
        found += [f"{name} stands twice" for name in sorted({name for name in names if names.count(name) > 1})]
    return found
