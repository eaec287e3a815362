"""Are there patients and events enough for the coefficients that the ladder asks for?

Riley et al. 2019 (Statistics in Medicine 38:1276–1296, 10.1002/sim.7992) and 2020 (BMJ 368:m441, 10.1136/bmj.m441):
with R² the anticipated Cox–Snell R² of a model with p parameters, the shrinkage S is expected with

    n = p / ((S − 1) ln(1 − R²/S))

patients. Criterion (i) asks for S ≥ 0.9; criterion (ii) for a difference of at most 0.05 between apparent and adjusted
R² of Nagelkerke, which is S = R² / (R² + 0.05 R²max). With φ events per patient, R²max = 1 − exp(2(φ ln φ − φ)); for a
binary outcome that a share φ of the patients has, 1 − exp(2(φ ln φ + (1 − φ) ln(1 − φ))). Where nothing better is known
they advise R² = 0.15 R²max. Criterion (iii) asks that the overall risk (at a time point) be known within 0.05.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from slopewise.outcome.causes import event_codes
from slopewise.outcome.derived import quantities
from slopewise.outcome.ladder import LADDER
from slopewise.outcome.predictors import CovariateCoding
from slopewise.run.words import amount
from slopewise.study.kinds import EVENTS_PER_COEFFICIENT
from slopewise.study.model import Study

SHRINKAGE = 0.9
OPTIMISM = 0.05
NAGELKERKE = 0.15
MARGIN = 0.05
NORMAL_975 = 1.959963984540054


def max_r_squared(events_per_patient: float) -> float:
    """The largest Cox–Snell R² that a survival model can have (Riley 2019, equation 23)."""
    share = min(events_per_patient, 1.0)
    return 1.0 - math.exp(2.0 * (share * math.log(share) - share))


def patients_needed(parameters: int, r_squared: float, shrinkage: float) -> int:
    """Patients with which a model of so many parameters is expected to need this shrinkage."""
    return math.ceil(parameters / ((shrinkage - 1.0) * math.log(1.0 - r_squared / shrinkage)))


@dataclass(frozen=True)
class SampleSize:
    """What one model needs: patients by criteria (i) and (ii), and the margin of the overall risk (iii)."""

    parameters: int
    patients: int
    events: int
    for_shrinkage: int
    for_optimism: int
    margin: float
    margin_of: str = "the overall risk at the last horizon"

    @property
    def needed(self) -> int:
        """Patients by the stricter of the first two criteria."""
        return max(self.for_shrinkage, self.for_optimism)

    @property
    def enough(self) -> bool:
        """Whether all three are met."""
        return self.patients >= self.needed and round(self.margin, 3) <= MARGIN

    @property
    def events_needed(self) -> int:
        """Events among so many patients, at the cohort's own rate."""
        return math.ceil(self.needed * self.events / self.patients)


def sample_size(parameters: int, patients: int, events: int, person_time: float, horizon: float) -> SampleSize:
    """Judge a model of `parameters` (≥ 1) on a cohort; `person_time` and `horizon` in one unit."""
    most = max_r_squared(events / patients)
    return _size(parameters, patients, events, most, risk_margin(events, person_time, horizon))


def sample_size_binary(parameters: int, patients: int, events: int) -> SampleSize:
    """The same for a logistic model; (iii) is the overall risk, its margin that of a binomial share."""
    share = events / patients
    most = 1.0 - math.exp(2.0 * (share * math.log(share) + (1.0 - share) * math.log(1.0 - share)))
    margin = NORMAL_975 * math.sqrt(share * (1.0 - share) / patients)
    return replace(_size(parameters, patients, events, most, margin), margin_of="the overall risk")


def _size(parameters: int, patients: int, events: int, most: float, margin: float) -> SampleSize:
    r_squared = NAGELKERKE * most
    small_optimism = r_squared / (r_squared + OPTIMISM * most)
    return SampleSize(
        parameters=parameters,
        patients=patients,
        events=events,
        for_shrinkage=patients_needed(parameters, r_squared, SHRINKAGE),
        for_optimism=patients_needed(parameters, r_squared, small_optimism),
        margin=margin,
    )


def risk_margin(events: int, person_time: float, horizon: float) -> float:
    """Half the width of the 95% interval of the overall risk at a horizon, under a constant rate."""
    rate = events / person_time
    error = NORMAL_975 * math.sqrt(rate / person_time)
    low, high = (1.0 - math.exp(-max(rate + sign * error, 0.0) * horizon) for sign in (-1, 1))
    return (high - low) / 2.0


def ladder_sizes(study: Study, patients: pd.DataFrame) -> dict[str, int]:
    """Coefficients of each step of the ladder: those of the covariates and of each marker's quantities."""
    covariates = len(CovariateCoding.learn(patients, study.outcome.covariates).terms)
    asked = study.outcome.terms
    return {
        step.name: covariates + (len(step.quantities) + len(quantities(step.quantities, asked))) * len(study.markers)
        for step in LADDER
    }


def counted_events(study: Study, patients: pd.DataFrame) -> int:
    """What coefficients are divided by: events; the rarer of two outcomes; patients, where the outcome is a number."""
    return study.kind.informative(int((event_codes(patients, study.kind) == 1).sum()), len(patients))


def judge(study: Study, patients: pd.DataFrame, sizes: Mapping[str, int]) -> SampleSize | None:
    """The largest step's sample size in the cohort `patients`; None for an outcome that is a number."""
    largest = max(sizes.values())
    if study.kind.numeric or not largest:
        return None
    if study.kind.dichotomous:
        return sample_size_binary(largest, len(patients), int((patients["outcome"] == 1).sum()))
    events, person_time = int((patients["event"] == 1).sum()), float(patients["followup"].sum())
    return sample_size(largest, len(patients), events, person_time, study.outcome.horizons[-1])


def shortfalls(
    study: Study,
    sizes: Mapping[str, int],
    events: int,
    size: SampleSize | None,
    names: Mapping[str, str] | None = None,
    limit: int = 0,
) -> list[str]:
    """What is too small for the largest step of the ladder, in words; nothing where all is enough.

    `events` as `counted_events`; fewer than ten for each coefficient are named even where the criteria of Riley et al.
    are met. `names` are those of the steps, if they have others; counts of events below `limit` are masked.
    """
    largest = max(sizes.values())
    found = []
    if size is not None and size.patients < size.needed:
        steps = ", ".join((names or {}).get(name, name) for name, count in sizes.items() if count == largest)
        shown = f"<{limit}" if 0 < size.events < limit else str(size.events)
        found.append(
            f"{amount(largest, 'coefficient')} (steps {steps}) require {size.needed} patients with "
            f"{size.events_needed} events, and there are {size.patients} with {shown} (Riley et al. 2019, 2020): "
            "expect overfitting, rely on the validated numbers, or name fewer markers or covariates"
        )
    if size is not None and round(size.margin, 3) > MARGIN:
        margin = f"{size.margin:.{2 if round(size.margin, 2) > MARGIN else 3}f}"
        found.append(
            f"{size.margin_of} would be estimated with a margin of error of ± {margin} (Riley et "
            f"al. 2020 ask for at most ± {MARGIN:g})"
        )
    if events < EVENTS_PER_COEFFICIENT * largest:
        what = study.kind.counted
        each = f"{events / largest:.1f}" if events == 0 or events >= limit else f"less than {limit / largest:.1f}"
        found.append(f"{each} {what} for each coefficient of the largest step: fewer than {EVENTS_PER_COEFFICIENT}")
    return found
