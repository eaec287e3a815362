"""How long a study will run: an estimate from its size, before it does.

Each step's cost is a number of fits times the cost of one, in proportion to patients. The costs were measured on two
cores with the PBC study (278 patients, 3 markers) and an invented one (975 patients, 6 markers). Take it for right
within a factor of three; the first run after an installation takes a minute more, while code is compiled.
"""

from __future__ import annotations

from dataclasses import dataclass

from slopewise.run.words import amount
from slopewise.study.model import Study

START = 4.0
"""Seconds that Snakemake takes to start."""
JOB = 2.0
"""Seconds that a job takes to start and to read and write its tables."""
GROWTH_FIT = 8.0e-7
"""Seconds for one growth model, by patient."""
LADDER_FIT = 2.0e-6
"""Seconds for the eight outcome models of one training set, by patient and coefficient of all of them together."""
RESAMPLE = 3.0e-7
"""Seconds for all metrics of one step in one resample and repeat, by patient and horizon."""
LADDER_STEPS = 8
MARKER_QUANTITIES = 10
"""Quantities of a marker in all steps of the ladder together."""


@dataclass(frozen=True)
class Estimate:
    """What is to be done (numbers of jobs, of growth models, of outcome ladders) and seconds on two cores."""

    jobs: int
    growth_fits: int
    ladder_fits: int
    seconds: float

    def __str__(self) -> str:
        return about(self.seconds)


def estimate(study: Study, patients: int) -> Estimate:
    """Estimate a run on a cohort of so many patients; a fit needs their cross-products, so visits do not matter."""
    markers, crossfit, validation = len(study.markers), study.crossfit, study.validation
    inner = validation.repeats * validation.folds
    scored = 1 + crossfit.repeats * crossfit.folds + inner * (1 + crossfit.folds)
    resampled = study.outcome.bootstrap * (1 + crossfit.repeats * crossfit.folds)
    jobs, ladders, resamples = 7 + len(study.chunks()), 0, 0
    if study.kind.predicts:
        ladders = 1 + inner + study.outcome.bootstrap
        resamples = LADDER_STEPS * validation.repeats * validation.bootstrap
    else:
        scored, resampled = 1 + crossfit.repeats * crossfit.folds, 0
    fits = markers * (scored + resampled)
    coefficients = LADDER_STEPS * len(study.outcome.covariates) + MARKER_QUANTITIES * markers
    seconds = (
        START
        + JOB * jobs
        + GROWTH_FIT * fits * patients
        + LADDER_FIT * ladders * patients * coefficients
        + RESAMPLE * resamples * patients * max(1, len(study.outcome.horizons))
    )
    return Estimate(jobs, fits, ladders, seconds)


def about(seconds: float) -> str:
    """A duration as roughly as it is known: half a minute, 2 minutes, 3 hours."""
    if seconds < 45:
        return "about half a minute"
    if seconds < 90:
        return "about a minute"
    if seconds < 5400:
        return f"about {round(seconds / 60)} minutes"
    return f"about {amount(round(seconds / 3600), 'hour')}"
