"""The rows of measurements: read, checked against each transform's domain, twins settled, transformed.

A frame of rows has columns patient, time, one a marker and one a time-varying covariate; its index is the line in
the file, so that a finding can always say where.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from slopewise.cohort.clock import LARGEST, TOO_LARGE, finite, read_times
from slopewise.cohort.columns import Columns
from slopewise.cohort.findings import ERROR, NOTE, WARNING, Findings
from slopewise.cohort.incomplete import severity, way_out
from slopewise.sources.numbers import BELOW, NUMBER, is_numeric, numbers
from slopewise.sources.table import BadCell, TextTable, shown
from slopewise.study.keys import Marker, canonical_code
from slopewise.study.model import Study


@dataclass(frozen=True)
class Transform:
    """A function of a marker's value, where it is defined, and how to say that."""

    apply: Callable[[np.ndarray], np.ndarray]
    defined: Callable[[np.ndarray], np.ndarray]
    domain: str


TRANSFORMS: Mapping[str, Transform] = {
    "none": Transform(lambda x: x, lambda x: np.isfinite(x), "finite numbers"),
    "log": Transform(np.log, lambda x: x > 0, "numbers greater than 0"),
    "log1p": Transform(np.log1p, lambda x: x > -1, "numbers greater than -1"),
    "sqrt": Transform(np.sqrt, lambda x: x >= 0, "numbers from 0"),
    "logit": Transform(lambda x: np.log(x) - np.log1p(-x), lambda x: (x > 0) & (x < 1), "numbers between 0 and 1"),
}


MEND = "correct it, leave the cell empty, or name it in data.missing"


def read_rows(study: Study, table: TextTable, columns: Columns, findings: Findings) -> pd.DataFrame:
    """All rows, `time` in `data.time_unit` on the file's own clock, markers as measured; findings for what is wrong."""
    data, gap = study.data, severity(study)
    action = way_out(study, "fill it in or delete the row")
    frame = pd.DataFrame({"patient": table.text[data.patient].to_numpy()}, index=table.lines)
    tell_missing_patients(table, data.patient, findings, gap, action)
    times, bad = read_times(table, data.time, data.time_unit, data.date_format)
    mend = "correct it or set data.date_format" if data.time_unit == "date" else "correct it"
    findings.add_cells(table, data.time, bad, mend, data.patient)
    empty = [BadCell(int(row), "the row has no time") for row in np.flatnonzero(table.missing(data.time))]
    findings.add_cells(table, data.time, empty, action, data.patient, gap)
    frame["time"] = times
    covariates = dict.fromkeys((*columns.growth_rows, *columns.last_values))
    values = {column: typed_column(table, column, study, findings) for column in covariates}
    predictor = study.growth.slope_of
    if predictor in values and values[predictor].dtype == object:
        message = "the predictor whose slope is wanted (growth.slope_of) is a column of text"
        findings.add(ERROR, table.name, message, "name a column of numbers", column=predictor)
    if study.growth.weights in values:
        tell_bad_weights(study, table, values[study.growth.weights], findings)
    values |= read_markers(study, table, findings)
    return _with_untimed(pd.concat([frame, pd.DataFrame(values, index=frame.index)], axis=1), columns.constant)


def _with_untimed(rows: pd.DataFrame, constant: Iterable[str]) -> pd.DataFrame:
    """The rows with what a patient's rows without a time hold of the columns `constant`, as a table of patients would.

    A row with a time keeps its own value, and lends it to no other: it may be after the landmark.
    """
    for column in (name for name in constant if name in rows):
        known = rows[rows["time"].isna() & rows[column].notna()].groupby("patient")[column].first()
        if len(known):
            rows = rows.assign(**{column: rows[column].where(rows[column].notna(), rows["patient"].map(known))})
    return rows


def tell_bad_weights(study: Study, table: TextTable, values: np.ndarray, findings: Findings) -> None:
    """A prior weight (`growth.weights`, `values` as `typed_column` reads them) is a positive number."""
    column = study.growth.weights
    assert column is not None
    if values.dtype == object:
        message = "the weights of the growth model (growth.weights) are a column of text"
        findings.add(ERROR, table.name, message, "name a column of positive numbers", column=column)
        return
    wrong = np.flatnonzero(~np.isnan(values) & ~((values > 0) & np.isfinite(values)))
    cells = [BadCell(int(row), f"{shown(table.text[column].iloc[row])} is not a positive weight") for row in wrong]
    action = "correct it; leave the cell empty to leave the row out"
    findings.add_cells(table, column, cells, action, study.data.patient)


def tell_missing_patients(
    table: TextTable, column: str, findings: Findings, gap: str = ERROR, action: str = "fill it in or delete the row"
) -> None:
    """A row that names no patient, of the severity `gap`."""
    cells = table.text[column]
    bad = [BadCell(int(row), f"the row has no patient ({shown(cells.iloc[row])})")
           for row in np.flatnonzero(table.missing(column))]  # fmt: skip
    findings.add_cells(table, column, bad, action, column, gap)


def read_markers(study: Study, table: TextTable, findings: Findings) -> dict[str, np.ndarray]:
    """Each marker as measured (NaN where missing); cells that are no number or outside the transform are errors."""
    raw: dict[str, np.ndarray] = {}
    values = {}
    for name, marker in study.markers.items():
        if marker.column not in raw:
            raw[marker.column], bad = numbers(table, marker.column)
            _read_limits(study, table, name, raw[marker.column], bad, findings)
        values[name] = raw[marker.column]
        outside = outside_domain(table, marker, values[name])
        action = "correct it, leave the cell empty, or choose another transform"
        findings.add_cells(table, marker.column, outside, action, study.data.patient)
        findings.add_cells(table, marker.column, _too_large(table, marker, values[name]), MEND, study.data.patient)
        action = f"correct it, leave the cell empty, or widen markers.{name}.plausible"
        findings.add_cells(table, marker.column, _implausible(table, marker, values[name]), action, study.data.patient)
    return values


def _read_limits(
    study: Study, table: TextTable, name: str, values: np.ndarray, bad: list[BadCell], findings: Findings
) -> None:
    """Values below a limit of detection (``<5``) as `markers.NAME.below` has them; other bad cells are errors.

    values: of the marker's column, filled in place.
    """
    marker, patient = study.markers[name], study.data.patient
    limits = {cell.row: limit for cell in bad if (limit := _limit(table, marker.column, cell.row)) is not None}
    others = [cell for cell in bad if cell.row not in limits]
    findings.add_cells(table, marker.column, others, "correct it, or leave the cell empty", patient)
    if not limits:
        return
    if marker.below == "refuse":
        action = f"correct it, leave the cell empty, or set markers.{name}.below (half or limit)"
        findings.add_cells(table, marker.column, [cell for cell in bad if cell.row in limits], action, patient)
        return
    values[list(limits)] = np.array(list(limits.values())) * (0.5 if marker.below == "half" else 1.0)
    what = "half the limit" if marker.below == "half" else "the limit"
    message = f"{len(limits)} value{'s' if len(limits) > 1 else ''} below a limit of detection read as {what}"
    findings.add(NOTE, table.name, message, f"as given in markers.{name}.below", column=marker.column)


def _limit(table: TextTable, column: str, row: int) -> float | None:
    """The limit of detection in a cell such as ``<5``; None where it holds something else."""
    found = BELOW.fullmatch(table.text[column].iloc[row])
    if found is None or not NUMBER[table.decimal].fullmatch(found[1]):
        return None
    return float(found[1].replace(table.decimal, "."))


def outside_domain(table: TextTable, marker: Marker, values: np.ndarray) -> list[BadCell]:
    """The cells of a marker for which its transform is not defined."""
    transform = TRANSFORMS[marker.transform]
    wrong = ~np.isnan(values) & ~transform.defined(values)
    what = f"has no {marker.transform}, which takes {transform.domain}"
    return [BadCell(int(row), f"{shown(table.text[marker.column].iloc[row])} {what}") for row in np.flatnonzero(wrong)]


def _too_large(table: TextTable, marker: Marker, values: np.ndarray) -> list[BadCell]:
    """The cells of a marker that stay too large to compute with after its transform."""
    with np.errstate(all="ignore"):
        scale = TRANSFORMS[marker.transform].apply(values)
    wrong = np.flatnonzero(np.isfinite(scale) & (np.abs(scale) > LARGEST))
    return [BadCell(int(row), f"{shown(table.text[marker.column].iloc[row])} {TOO_LARGE}") for row in wrong]


def _implausible(table: TextTable, marker: Marker, values: np.ndarray) -> list[BadCell]:
    """The cells of a marker outside its plausible range (`markers.X.plausible`)."""
    if marker.plausible is None:
        return []
    low, high = marker.plausible
    what = f"is outside the plausible range, {low:g} to {high:g}"
    outside = np.flatnonzero((values < low) | (values > high))
    return [BadCell(int(row), f"{shown(table.text[marker.column].iloc[row])} {what}") for row in outside]


def typed_column(table: TextTable, column: str, study: Study, findings: Findings) -> np.ndarray:
    """A covariate as numbers (NaN where missing) if all its cells are, else as text (None where missing).

    A column of `data.categories` is text whatever its cells are, a code of 1.0 the same as 1. Another column that mixes
    both is an error, told at the cells of the rarer kind: a slip of the pen in a column of numbers must not turn it
    into categories.
    """
    present = ~table.missing(column)
    words = table.text[column].to_numpy(dtype=object, copy=True)
    words[~present] = None
    if column in study.data.coded:
        words[present] = [canonical_code(cell) for cell in words[present]]
        return words
    known = words[present]
    if len(known) and not any(is_numeric(cells, table.decimal).any() for cells in (known[:1], pd.unique(known))):
        return words
    values, bad = numbers(table, column)
    if not bad:
        values, bad = finite(table, column)
        findings.add_cells(table, column, bad, MEND, study.data.patient)
        return values
    if len(bad) == present.sum() and not any(cell.numeric for cell in bad):
        return words
    if 2 * len(bad) > present.sum() and not any(cell.numeric for cell in bad):
        wrong = {cell.row for cell in bad}
        rows = [int(row) for row in np.flatnonzero(present) if row not in wrong]
        bad = [BadCell(row, f"{shown(table.text[column].iloc[row])} is a number in a column of text") for row in rows]
    action = "correct it; if the column holds categories, name it in data.categories"
    findings.add_cells(table, column, bad, action, study.data.patient)
    return values


def measured(rows: pd.DataFrame, markers: list[str]) -> pd.DataFrame:
    """The rows that have a value of at least one marker."""
    return rows[rows[markers].notna().any(axis=1)]


def settle_twins(
    rows: pd.DataFrame, rule: str, landmark: float, file: str, column: str, findings: Findings
) -> pd.DataFrame:
    """Settle rows of one patient at one time by `data.duplicates`; `rows` in file order, `time` since time zero.

    Under ``error`` twins after the landmark are a warning only: they enter nothing that predicts, and what comes
    after the landmark must not decide whether there is a result.
    """
    twins = rows.duplicated(["patient", "time"], keep=False)
    if rule == "keep" or not twins.any():
        return rows
    if rule == "first":
        return rows[~rows.duplicated(["patient", "time"], keep="first")]
    if rule == "last":
        return rows[~rows.duplicated(["patient", "time"], keep="last")]
    if rule == "mean":
        merged = _means(rows[twins], file, findings)
        return pd.concat([rows[~twins], merged]).sort_index(kind="stable")
    for _, group in rows[twins].groupby(["patient", "time"], sort=True):
        message = f"the patient has {len(group)} rows at one time ({findings.places(file, group.index)})"
        severity, action = (ERROR, "correct them, or set data.duplicates to mean, first, last or keep")
        if group["time"].iloc[0] > landmark:
            severity, action = WARNING, "both are after the landmark and are not used; correct them"
        place = {"line": group.index[1], "patient": group["patient"].iloc[0], "column": column}
        findings.add(severity, file, message, action, **place)
    return rows


def _means(twins: pd.DataFrame, file: str, findings: Findings) -> pd.DataFrame:
    """One row for several at one time: the mean of what was measured, the line of the first; a text must agree."""
    keys = ["patient", "time"]
    first = twins[~twins.duplicated(keys)]
    merged = {}
    for column in twins.columns[2:]:
        values = twins[[*keys, column]].dropna()
        if values[column].dtype == object:
            differ = values.groupby(keys)[column].transform("nunique") > 1
            wrong = values[differ & values.duplicated(keys)]
            for line, patient, text in zip(wrong.index, wrong["patient"], wrong[column], strict=True):
                message = f"the patient has different texts at one time (here {shown(text)})"
                place = {"line": line, "patient": patient, "column": column}
                findings.add(ERROR, file, message, "correct them; a text has no mean", **place)
            merged[column] = values.groupby(keys)[column].first()
        else:
            # Added up in the order of their size, not of the file.
            merged[column] = values.sort_values([*keys, column]).groupby(keys)[column].mean()
    means = pd.DataFrame(merged).reindex(pd.MultiIndex.from_frame(first[keys]))
    return pd.concat([first[keys], means.set_axis(first.index)], axis=1).astype(twins.dtypes)


def transformed(rows: pd.DataFrame, markers: Mapping[str, Marker]) -> pd.DataFrame:
    """The rows with each marker transformed as the study says."""
    values = {name: TRANSFORMS[marker.transform].apply(rows[name].to_numpy()) for name, marker in markers.items()}
    return rows.assign(**values)
