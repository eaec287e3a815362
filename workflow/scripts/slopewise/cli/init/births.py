"""A date of birth among the columns of patients, from which the study makes the age at time zero."""

from __future__ import annotations

import numpy as np
import pandas as pd

from slopewise.cli.columns import Column, named, readable
from slopewise.cli.init.clock import Clock
from slopewise.cli.init.guess import Look, Proposal
from slopewise.cli.init.outcome import of_patients
from slopewise.cohort.ages import OLDEST
from slopewise.cohort.clock import DAYS, read_times
from slopewise.cohort.named_units import vocabulary
from slopewise.study.formulas import AGE

BIRTH = vocabulary(
    "birth birthdate birthday dob brthdt brthdtc born geburt geburtsdatum geburtstag gebdat gebdatum geb naissance "
    "nele nacimiento geboorte geboortedatum nascita"
)


def guess_birth(
    seen: Look, patient: str, clock: Clock, is_dated: bool, visits: tuple[Column, str], asked: str
) -> tuple[Proposal, str]:
    """The column with each patient's date of birth and how it is written, where no column is an age already.

    is_dated: time zero is a date. visits: their column and its format. asked: the format of the other dates of
    patients, if there are any. A column that is called so and cannot serve is named in the reason, without a value.
    """
    table, columns = of_patients(seen, patient, visits[0].name)
    name = next((name for name, column in columns.items() if column.is_date and named(name, BIRTH) >= 2), "")
    if not name or AGE in columns or AGE in seen.columns:
        return Proposal("", ""), ""
    if not is_dated:
        return Proposal("", f"{readable(name)} gives an age only where time zero is a date"), ""
    formats = columns[name].formats
    fitting = [one for one in (asked, clock.date_format, visits[1]) if one in formats] if seen.patients else [visits[1]]
    written = fitting[0] if fitting else formats[0]
    if written not in formats or (asked and written != asked) or (not fitting and len(formats) > 1):
        return Proposal("", f"{readable(name)} is written in another way than the other dates; write them alike"), ""
    born, _ = read_times(table, name, "date", written)
    ages = (_start(seen, clock, *visits).reindex(clock.ids(table)).to_numpy() - born) / DAYS["years"]
    ages = ages[np.isfinite(ages)]
    if not len(ages) or ages.min() < 0 or ages.max() > OLDEST:
        why = f"{readable(name)} is no date of birth: ages at time zero would lie outside 0 to {OLDEST:g}"
        return Proposal("", why), ""
    why = f"the age at time zero, {ages.min():.0f} to {ages.max():.0f} years, becomes the column {AGE}"
    return Proposal(name, why), written


def _start(seen: Look, clock: Clock, visits: Column, date_format: str) -> pd.Series:
    """Each patient's time zero in days since 1970: its date, else the first visit."""
    if clock.zero is not None:
        return clock.zero
    days, _ = read_times(seen.measurements, visits.name, "date", date_format)
    return pd.Series(days, index=clock.ids(seen.measurements)).groupby(level=0).min()
