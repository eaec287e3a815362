"""Keys of effects that may differ between patients: of a treatment, or of an interruption of a series."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from slopewise.study.base import Keys, Name
from slopewise.study.keys import Columns, Numbers, _code, expects


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


class Effects(Keys):
    """Effects that may differ between patients; no effect is estimated where neither of the two kinds is named."""

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

    @property
    def kind(self) -> str:
        """Which effect is asked for: `treatment` or `interruption`; empty where none is."""
        return "treatment" if self.treatment else "interruption" if self.interruption else ""

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
        return found

    @property
    def moment_column(self) -> str | None:
        """The column of each unit's moment of interruption, if there is one; it is read as `data.time` is."""
        at = self.interruption.at if self.interruption else None
        return at.column if isinstance(at, MomentColumn) else None
