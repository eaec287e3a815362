"""`slopewise init` on the analysis data sets of clinical trials (CDISC ADaM): ADLB or ADVS, ADTTE and ADSL.

They are known by their columns: USUBJID, PARAMCD and AVAL with ADY or ADT; USUBJID, PARAMCD, AVAL and CNSR. Long tables
of other standards are known in the same way (`STANDARDS`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from slopewise.cli.columns import is_constant, scalar
from slopewise.cli.init.guess import Proposal
from slopewise.cli.init.markers import LeftOut
from slopewise.cohort.measured_units import unit_factor
from slopewise.sources.long import pivoted
from slopewise.sources.numbers import numbers
from slopewise.sources.selected import selected
from slopewise.sources.table import TextTable
from slopewise.study.keys import Data, Marker
from slopewise.study.keys_of_layout import Layout

PATIENTS = ("USUBJID", "SUBJID")
ANALYSED = "ANL01FL"
"""The flag of the records that the trial analyses; those that repeat others do not have it."""
ANALYSED_WHY = f"the records that the trial analyses ({ANALYSED})"
OF_SUBJECT = frozenset(
    [
        *("TRT01P", "TRT01A", "ARM", "ACTARM", "AGE", "AGEU", "SEX", "RACE", "ETHNIC", "SITEID", "COUNTRY", "REGION1"),
        *("TRTSDT", "RANDDT", "SAFFL", "ITTFL", "BMIBL", "WEIGHTBL", "HEIGHTBL"),
    ]
)
"""Columns of ADSL that are known before treatment; dates of its end and of death would tell the outcome."""
OVERALL = ("OS", "DEATH", "TTDEATH")
"""Codes of overall survival, which is proposed before any other endpoint."""
BASELINE = "ABLFL"
"""The flag of the record that is a patient's baseline."""
ALIKE = 3.0
"""The medians of one parameter in two units, brought to one of them, differ by no larger factor."""
RELATIVE = "ADY is the relative day of ADaM, 1 on the day of reference (there is no day 0)"


@dataclass(frozen=True)
class LongTable:
    """A table of measurements with a row per patient and time, and how the study file says so.

    time, unit, zero: proposals for `data.time`, `data.time_unit` and `data.time_zero`, the last two for ADY alone.
    units: of the parameters, by their codes; factors: of the units of a parameter that has several. where: rows that
    are read, and why; why: what shows the layout.
    """

    table: TextTable
    layout: Layout
    time: Proposal
    unit: Proposal | None
    zero: Proposal | None
    units: Mapping[str, str]
    left_out: list[LeftOut]
    where: Mapping[str, tuple[str, ...]]
    where_why: str = ""
    why: str = ""
    factors: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Standard:
    """The names of columns in the long tables of one standard, and what the time is; the first name there is counts."""

    patients: tuple[str, ...]
    times: Mapping[str, str]
    parameter: str
    value: str
    unit: str


STANDARDS = (
    Standard(PATIENTS, {"ADY": RELATIVE, "ADT": "ADT is the date of analysis of ADaM"}, "PARAMCD", "AVAL", "AVALU"),
    Standard(("patient",), {"time": "the day of the observation in FHIR"}, "code", "value", "unit"),
    Standard(
        ("person_id",), {"measurement_date": "the date of the measurement in OMOP"},
        "measurement_concept_id", "value_as_number", "unit_source_value",
    ),
)  # fmt: skip


def by_visit(table: TextTable, data: Data) -> LongTable | None:
    """The table with a column for each parameter; None for a table that is none of `STANDARDS`."""
    names = [str(name) for name in table.text.columns]
    return next((found for one in STANDARDS if (found := _by_standard(table, data, one, names))), None)


def _by_standard(table: TextTable, data: Data, standard: Standard, names: list[str]) -> LongTable | None:
    patient, time = (next((n for n in known if n in names), "") for known in (standard.patients, standard.times))
    if not patient or not time or not {standard.parameter, standard.value} <= set(names) or "CNSR" in names:
        return None
    where = {ANALYSED: ("Y",)} if ANALYSED in names and set(table.text[ANALYSED]) > {"Y"} else {}
    unit = standard.unit if standard.unit in names else None
    reason = standard.times[time] + (_baseline(table, patient, time) if BASELINE in names else "")
    layout = Layout(parameter=standard.parameter, value=standard.value, unit=unit)
    found = by_parameter(
        selected(table, where, "data.where"), data, (patient, Proposal(time, reason)), layout, where,
        "the columns' names are those of a standard", ANALYSED_WHY,
    )  # fmt: skip
    if time != "ADY":
        return found
    return replace(found, unit=Proposal("days", "relative days"), zero=Proposal("1", RELATIVE))


def _baseline(table: TextTable, patient: str, time: str) -> str:
    """Whether rows flagged as baseline fit the proposed time zero (day 1, or a patient's first date), as a clause."""
    flagged = (table.text[BASELINE] == "Y").to_numpy()
    people = table.text[patient][flagged].nunique()
    if not people:
        return ""
    if time == "ADY":
        late, after = flagged & (numbers(table, time)[0] > 1), "after day 1"
    else:
        dates = table.text[time].where(~table.missing(time))
        first = dates.groupby(table.text[patient]).transform("min")
        late, after = flagged & (dates > first).to_numpy(), "after the first date"
    found = table.text[patient][late].nunique()
    if not found:
        return f"; the rows flagged as baseline ({BASELINE}) of {people} patients lie no later"
    share = f"of {found} of {people} patients lie {after}"
    return f"; but rows flagged as baseline ({BASELINE}) {share}: check data.time_zero"


def by_parameter(
    table: TextTable, data: Data, key: tuple[str, Proposal], layout: Layout, where: Mapping[str, tuple[str, ...]],
    why: str, where_why: str,
) -> LongTable:  # fmt: skip
    """The `table`, whose rows are selected by `where`, with a column for each parameter; `key`: patient and time."""
    patient, time = key
    names = [str(name) for name in table.text.columns]
    units, factors, left_out = _parameters(table, layout)
    data = data.model_copy(update={"patient": patient, "time": time.value, "layout": layout})
    gone = (patient, time.value, layout.parameter, layout.value, layout.unit)
    filled = [name for name in names if name not in gone and not table.missing(name).all()]
    of_patients = [name for name in filled if is_constant(table, patient, name)]
    table = pivoted(
        table, data, {code: Marker(column=code, units=factors.get(code, {})) for code in units}, complete=False
    )
    kept = [name for name in map(str, table.text.columns) if name in (patient, time.value, *units, *of_patients)]
    return LongTable(_with(table, kept), layout, time, None, None, units, left_out, where, where_why, why, factors)


def of_one_endpoint(table: TextTable) -> tuple[TextTable, Mapping[str, str], str]:
    """The rows of one endpoint of ADTTE, `outcome.where` for them and a remark; other tables as they are."""
    names = [str(name) for name in table.text.columns]
    if not {"PARAMCD", "AVAL", "CNSR"} <= set(names):
        return table, {}, ""
    codes = table.text["PARAMCD"][~table.missing("PARAMCD")].drop_duplicates().tolist()
    chosen = next((code for code in OVERALL if code in codes), codes[0] if codes else "")
    others = ", ".join(code for code in codes if code != chosen)
    remark = (
        f"other endpoints of {table.name}: {others} (outcome.where names the one that is analysed)" if others else ""
    )
    table = selected(table, {"PARAMCD": (chosen,)}, "outcome.where")
    kept = [name for name in names if name == "PARAMCD" or (name != "PARAM" and len(set(table.text[name])) > 1)]
    return _with(table, kept), {"PARAMCD": chosen}, remark


def of_subjects(table: TextTable) -> TextTable:
    """The columns of ADSL that are known before treatment, for a proposal; another table as it is."""
    names = [str(name) for name in table.text.columns]
    known = [name for name in names if name in OF_SUBJECT]
    if not known or not set(PATIENTS) & set(names):
        return table
    return _with(table, [name for name in names if name in (*PATIENTS, *known)])


def _parameters(table: TextTable, layout: Layout) -> tuple[dict[str, str], dict[str, dict[str, float]], list[LeftOut]]:
    """The unit of each parameter that has numbers in one unit, or in several with known factors, by its code; those
    factors; why the others are left out."""
    parameter, unit = str(layout.parameter), layout.unit
    number = numbers(table, str(layout.value))[0]
    values = ~np.isnan(number)
    known: dict[str, str] = {}
    factors: dict[str, dict[str, float]] = {}
    left_out = []
    for code in table.text[parameter][~table.missing(parameter)].drop_duplicates():
        own = (table.text[parameter] == code).to_numpy() & values
        units = sorted(set(table.text[unit][own])) if unit else []
        if not own.any():
            left_out.append(LeftOut(code, "no value of the parameter is a number"))
        elif len(units) > 1:
            found = _factors(str(code), table.text[unit][own].to_numpy(dtype=object), number[own])
            if found:
                known[str(code)], factors[str(code)] = next(iter(found)), found
                continue
            listed = ", ".join(one or "no unit" for one in units)
            parts = ", ".join(f"{scalar(one)}: {'1' if one == units[0] else 'FACTOR'}" for one in units)
            way = f"which need factors in markers.NAME.units: write {{column: {scalar(code)}, units: {{{parts}}}}}"
            left_out.append(LeftOut(code, f"it has several units ({listed}), {way}"))
        else:
            known[str(code)] = units[0] if units else ""
    return known, factors, left_out


def _factors(code: str, units: np.ndarray, values: np.ndarray) -> dict[str, float]:
    """The factors of a parameter's units (n,) to the commonest one, which comes first; empty where one is not known, or
    where the `values` (n,) contradict it: then their medians are not alike after the conversion."""
    common = [str(unit) for unit in pd.Series(units).value_counts().index]
    wanted = common[0]
    factors = {unit: unit_factor(unit, wanted, code) for unit in common}
    medians = {unit: float(np.median(values[units == unit])) for unit in common}
    found: dict[str, float] = {}
    for unit, factor in factors.items():
        if factor is None or min(medians[unit], medians[wanted]) <= 0:
            return {}
        if abs(np.log(medians[unit] * factor / medians[wanted])) > np.log(ALIKE):
            return {}
        found[unit] = factor
    return found


def _with(table: TextTable, names: list[str]) -> TextTable:
    """The table with some of its columns only."""
    return replace(table, text=table.text[names])
