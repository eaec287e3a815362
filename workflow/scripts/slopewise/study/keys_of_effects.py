"""Keys of effects: of a treatment, of an interruption of a series, of a treatment that follows the patient's state."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from slopewise.study.base import Keys, Name
from slopewise.study.keys import Columns, Numbers, _code, expects

OVER_TIME = "effects.treatment_over_time"
KINDS_OF_EFFECTS = ("treatment", "interruption", "treatment_over_time")


class Treatment(Keys):
    """A treatment with two levels, whose effect may differ between patients."""

    column: Name
    """Column of the measurements with the treatment of each row (or of the patients, where each has one treatment);
    it must have two levels. Example: `treatment`"""
    reference: Annotated[str, BeforeValidator(_code)]
    """The level that the other one is compared with. Example: `placebo`"""


class MomentColumn(Keys):
    """A moment that stands in a column, one value a unit."""

    column: Name
    """Column with each unit's own moment, on the clock of `data.time`; empty for a unit without an interruption, which
    is then a control. Example: `law_from`"""


class Interruption(Keys):
    """A moment from which the course of a unit may differ in level and slope."""

    at: Annotated[float | MomentColumn | Name, expects("a number, a date or {column: NAME}")]
    """The moment, on the clock of `data.time`: one for all units, or a column with each unit's own.
    Example: `{column: law_from}`"""
    horizons: Numbers = ()
    """Times after the moment, in the analysis unit, at which the effect is given besides the change of level and slope;
    without any, the median of how long the units are followed after it. Example: `[1, 5]`"""
    correlation: Literal["serial", "none"] = "serial"
    """Correlation of neighbouring residuals within a unit: `serial` estimates it (AR(1) where rows are a whole number
    of steps apart, else exponential in time); `none` takes residuals as independent. Example: `none`"""
    characteristics: Columns = ()
    """Columns with one value a unit, on which the effect may depend; each is examined by itself.
    Example: `[enforcement]`"""


class TreatmentOverTime(Keys):
    """A treatment that may change at each visit and follows the patient's state, which it may change in turn."""

    column: Name
    """Column of the measurements with the treatment of each row; it must have two levels. Example: `surgery`"""
    reference: Annotated[str, BeforeValidator(_code)] = "0"
    """The level that means untreated. Example: `none`"""
    confounders: Columns
    """Columns of the measurements, or markers by their names, by which the treatment was decided and which earlier
    treatment may have changed; those of the last visit before a decision count. Example: `[crp]`"""
    baseline: Columns = ()
    """Columns with one value a patient, measured before any treatment: they enter the marginal model and stabilise the
    weights. Example: `[age]`"""
    given: Literal["since_last_visit", "from_this_visit"] = "since_last_visit"
    """What a row's treatment is: the one received since the patient's last row (`since_last_visit`), or the one decided
    at the row and received until the next (`from_this_visit`). Example: `from_this_visit`"""
    changes: Annotated[tuple[Literal["level", "slope"], ...], Field(strict=False, min_length=1)] = ("level", "slope")
    """What treatment may change: the marker's `level` while it is given, and its `slope` per time under treatment.
    Example: `[level]`"""
    horizons: Numbers = ()
    """Times under treatment, in the analysis unit, at which the effect is given besides the changes of level and slope;
    without any, the median time under treatment of the patients who were treated. Example: `[0.25, 1]`"""
    time_terms: str = "~ time"
    """Formula of `time` in the models of treatment and of staying. Example: `~ bs(time, df=4)`"""
    truncation: Annotated[float, Field(ge=0.0, lt=0.5)] = 0.0
    """The share of the weights at each end that is set to the quantile there; 0 leaves all weights as they are.
    Example: `0.01`"""
    followed_until: Annotated[float | None, Field(gt=0.0)] = None
    """When follow-up was planned to end, in the analysis unit since time zero: patients whose last row is earlier
    dropped out, and staying is weighted for by the same confounders; without it drop-out is not weighted for.
    Example: `24`"""


class Effects(Keys):
    """Effects of a treatment or an interruption; no effect is estimated where none of the three kinds is named."""

    treatment: Treatment | None = None
    """The treatment whose effect is estimated: its average, and how much it differs between patients.
    Example: `{column: treatment, reference: placebo}`"""
    period: Name | None = None
    """Column with the period of each row in a crossover trial; its levels are categories. Example: `period`"""
    sequence: Name | None = None
    """Column with the patient's sequence of treatments in a crossover trial. Example: `sequence`"""
    meaningful: Annotated[float | None, Field(gt=0.0)] = None
    """The smallest effect that matters, in units of the marker after the transform and without a sign: the report
    gives the share of patients whose effect is as large in the direction of the average. Example: `2.5`"""
    interruption: Interruption | None = None
    """The interruption of a series whose effect is estimated. Example: `{at: {column: law_from}}`"""
    treatment_over_time: TreatmentOverTime | None = None
    """The treatment whose effect is estimated although it follows the patient's state: by inverse probability weights
    and a marginal structural model. Example: `{column: drug, confounders: [crp]}`"""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of effect that are named."""
        return tuple(name for name in KINDS_OF_EFFECTS if getattr(self, name))

    @property
    def kind(self) -> str:
        """Which effect is asked for: `treatment`, `interruption` or `treatment_over_time`; empty where none is."""
        return next(iter(self.kinds), "")

    @property
    def columns(self) -> dict[str, str]:
        """The columns that are named, each with its key."""
        named = {
            "effects.treatment.column": self.treatment.column if self.treatment else None,
            "effects.period": self.period,
            "effects.sequence": self.sequence,
        }
        found = {column: key for key, column in named.items() if column is not None}
        for column in self.interruption.characteristics if self.interruption else ():
            found[column] = "effects.interruption.characteristics"
        over = self.treatment_over_time
        if over is not None:
            found |= dict.fromkeys(over.baseline, f"{OVER_TIME}.baseline")
            found |= dict.fromkeys(over.confounders, f"{OVER_TIME}.confounders")
            found[over.column] = f"{OVER_TIME}.column"
        return found

    @property
    def moment_column(self) -> str | None:
        """The column of each unit's moment of interruption, if there is one; it is read as `data.time` is."""
        at = self.interruption.at if self.interruption else None
        return at.column if isinstance(at, MomentColumn) else None
