"""How long a study will run: an estimate from its size, before it does.

The processor seconds of each step follow from what it does: jobs that start, markers that are compared and tabulated,
growth models, outcome models by their coefficients, resamples of metrics. The costs were measured on runs with 3
and 200 markers (`benchmarks/runtime.py` compares them with the timings of a run). Steps of single markers share the
processors, the others follow each other. Take it for right within a factor of two; the first run after an installation
takes a minute more, while code is compiled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from slopewise.run.words import amount
from slopewise.study.model import BCA_FROM, Study

CORES = 2
START = 4.0
"""Seconds that Snakemake takes to start."""
JOB = 3.5
"""Seconds that a job takes to start, and to read and write its tables."""
REPORT, REPORT_OF_MANY = 17.0, 24.0
"""Seconds of the report's pictures and pages, and those that it has besides where markers are many."""
COMPARED, COMPARED_OF_PATIENT = 0.4, 0.002
"""Seconds for all growth models, tests and intervals of a marker, and more for each patient, where markers are few."""
COMPARED_OF_MANY, COMPARED_OF_MANY_PATIENTS, BOOTSTRAPPED = 0.12, 0.0009, 1.4
"""The same where they are many, without a parametric bootstrap of the random slope, and the factor for one: its draws
stop early where the decision is clear."""
SCORED, TABULATED, FILTERED, PICTURED = 0.02, 0.015, 0.03, 0.06
"""Seconds for a marker's scores of all folds, its rows in other tables, its filters, its part in example patients."""
GROWTH_FIT = 8.0e-7
"""Seconds for one growth model, by patient."""
LADDER_FIT = 1.0e-6
"""Seconds for the eight outcome models of one training set, by patient and coefficient of all of them together."""
RESAMPLE = 5.0e-8
"""Seconds for all metrics of one step in one resample and repeat, by patient and horizon."""
LADDER_STEPS = 8
LEFT_OUT = 400
"""Patients, or groups of them, that a BCa interval leaves out at most, one after the other."""
MARKER_QUANTITIES = 10
"""Quantities of a marker in all steps of the ladder together."""
SLOPE_STEP = 0.2
"""Share of the ladder's coefficients in the step of level and slope."""
PERMUTATIONS, PERMUTED_REPEATS, VARIANTS = 39, 2, 4
"""Permutations of penalised models, repeats in which they are made, and other ways to make slopes."""
MANY = 24
"""Markers up to which a model has no penalty by default, and permutations cost next to nothing."""


@dataclass(frozen=True)
class Estimate:
    """What is to be done (numbers of jobs, of growth models, of outcome ladders) and seconds on two cores.

    `steps`: processor seconds of each rule, all its jobs together.
    """

    jobs: int
    growth_fits: int
    ladder_fits: int
    seconds: float
    steps: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return about(self.seconds)


def estimate(study: Study, patients: int) -> Estimate:
    """Estimate a run on a cohort of so many patients; a fit needs their cross-products, so visits do not matter."""
    markers, crossfit, validation, outcome = len(study.markers), study.crossfit, study.validation, study.outcome
    inner = validation.repeats * validation.folds if study.kind.predicts else 0
    scored = 1 + crossfit.repeats * crossfit.folds + inner * (1 + crossfit.folds)
    again = outcome.bootstrap + (min(patients, LEFT_OUT) if outcome.bootstrap >= BCA_FROM else 0)
    resampled = again * (1 + crossfit.repeats * crossfit.folds) if study.kind.predicts else 0
    halves = 2 * outcome.stability if study.kind.predicts else 0
    fits, chunks = markers * (scored + resampled), len(study.chunks())
    ladders = 1 + inner + again if study.kind.predicts else 0
    coefficients = LADDER_STEPS * len(outcome.covariates) + MARKER_QUANTITIES * markers
    one_ladder = LADDER_FIT * patients * coefficients
    asked = study.filters.any
    steps = {
        "prepare_cohort": JOB + TABULATED * markers / 2,
        "make_folds": JOB / 2,
        "compare_growth": JOB * chunks + markers * _compared(study, patients),
        "cross_fit_slopes": JOB * chunks + markers * (SCORED + GROWTH_FIT * scored * patients),
        "gather_growth": JOB + TABULATED * markers if chunks > 1 else 0.0,
        "gather_slopes": JOB + markers * (FILTERED if asked else TABULATED),
        "record_run": JOB / 2,
        "render_report": JOB + REPORT + (REPORT_OF_MANY if markers > MANY else 0.0) + TABULATED * markers,
    }
    if study.kind.predicts:
        resamples = LADDER_STEPS * validation.repeats * validation.bootstrap
        half = (1 + crossfit.folds) * markers * GROWTH_FIT * patients / 2 + 3 * SLOPE_STEP * one_ladder
        permuted = PERMUTATIONS * PERMUTED_REPEATS * validation.folds * SLOPE_STEP if markers > MANY else 0
        steps |= {
            "fit_outcome": JOB + GROWTH_FIT * markers * resampled * patients + halves * half
            + (1 + again) * one_ladder + TABULATED * markers,
            "validate_outcome": JOB + inner * one_ladder
            + RESAMPLE * resamples * patients * max(1, len(outcome.horizons)) + TABULATED * markers,
            "examine_sensitivity": JOB + (VARIANTS * inner + permuted) * one_ladder + TABULATED * markers,
            "choose_examples": JOB + PICTURED * markers,
            "ship_model": JOB,
        }  # fmt: skip
    jobs = len(steps) - (chunks == 1) + 2 * (chunks - 1)
    together = sum(steps[name] for name in ("compare_growth", "cross_fit_slopes", "make_folds")) / CORES
    alone = sum(steps[name] for name in steps if name not in ("compare_growth", "cross_fit_slopes", "make_folds"))
    return Estimate(jobs, fits, ladders, START + together + alone, steps)


def _compared(study: Study, patients: int) -> float:
    """Processor seconds of a marker in `compare_growth`."""
    if len(study.markers) <= MANY:
        return COMPARED + COMPARED_OF_PATIENT * patients
    factor = BOOTSTRAPPED if study.growth.bootstrap else 1.0
    return factor * (COMPARED_OF_MANY + COMPARED_OF_MANY_PATIENTS * patients)


def about(seconds: float) -> str:
    """A duration as roughly as it is known: half a minute, 2 minutes, 3 hours."""
    if seconds < 45:
        return "about half a minute"
    if seconds < 90:
        return "about a minute"
    if seconds < 5400:
        return f"about {round(seconds / 60)} minutes"
    return f"about {amount(round(seconds / 3600), 'hour')}"
