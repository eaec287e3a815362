"""The four tables of a paper: patients, performance, effects, growth; at most seven columns, intervals in the cells.

They hold what the report prints, under its words: a paper's table is a selection of rows and columns of the report's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from slopewise.cli.sheets import Sheet
from slopewise.report.material.parts import Table
from slopewise.report.words.numbers import MISSING

MOST_COLUMNS = 7
METRICS = ("AUC", "Brier score", "IPA", "calibration slope", "O:E", "calibration in the large", "RMSE", "MAE")
"""Columns of a table of performance at one horizon, the first ones that fit; R² and C head a table of their own."""
SD, UNIT = "per SD", "per unit"


def paper_sheets(tables: Sequence[Table]) -> list[Sheet]:
    """The paper's tables from those of the report, in their order; a study without an outcome has two of them."""
    named = {table.name: table for table in tables}
    found = (_patients(named), _performance(tables), _effects(named), _growth(named))
    return [sheet for sheet in found if sheet is not None]


def _patients(named: Mapping[str, Table]) -> Sheet | None:
    table = named.get("patients")
    return None if table is None else _sheet("table-1-patients", table.caption, table.columns, _texts(table))


def _performance(tables: Sequence[Table]) -> Sheet | None:
    """The headline metric with what each set of predictors adds, and the other metrics at the last horizon."""
    own = [table for table in tables if table.name.startswith("performance-")]
    headline = next((table for table in own if "validated, 95% interval" in table.columns), None)
    if headline is None:
        return None
    name = headline.caption.partition(",")[0]
    columns = ["predictors", f"{name} (95% CI)", "difference (95% CI)"]
    places = [headline.columns.index(column) for column in ("predictors", "validated, 95% interval")]
    places.append(headline.columns.index("difference, 95% interval"))
    rows = [[row[place] for place in places] for row in _texts(headline)]
    caption = f"Validated performance; differences from the set of predictors named in the report. {headline.caption}"
    at = [table for table in own if set(table.columns) & set(METRICS)]
    if at:
        last = at[-1]
        chosen = [column for column in METRICS if column in last.columns][: MOST_COLUMNS - len(columns)]
        columns += [f"{column} (95% CI)" for column in chosen]
        by_step = {row[0]: row for row in _texts(last)}
        rows = [row + [by_step[row[0]][last.columns.index(column)] for column in chosen] for row in rows]
        caption += f". The other measures: {last.caption}"
    return _sheet("table-2-performance", caption, columns, rows)


def _effects(named: Mapping[str, Table]) -> Sheet | None:
    """Coefficients of the level's model, and of that of level and slope, with intervals of the two-stage bootstrap."""
    full, level = named.get("coefficients-slope"), named.get("coefficients-level")
    if full is None:
        return None
    columns, parts = ["term"], [_estimates(full, SD), _estimates(full, UNIT)]
    names = [f"level and slope, {head} (95% CI)" for head, _ in parts]
    if level is not None:
        head, values = _estimates(level, SD)
        parts.insert(0, (head, values))
        names.insert(0, f"level, {head} (95% CI)")
    terms = list(dict.fromkeys([*parts[0][1], *parts[-1][1]]))
    rows = [[term, *(values.get(term) or MISSING for _, values in parts)] for term in terms]
    return _sheet("table-3-effects", full.caption, columns + names, rows)


def _estimates(table: Table, scale: str) -> tuple[str, dict[str, str]]:
    """The heading of the column on this scale, and by term the estimate with its last interval (the bootstrap's)."""
    place = next(place for place, column in enumerate(table.columns) if scale in column)
    interval = place
    while interval + 1 < len(table.columns) and "95%" in table.columns[interval + 1]:
        interval += 1
    texts = _texts(table)
    cells = {row[0]: _with(row[place], row[interval] if interval > place else "") for row in texts}
    return table.columns[place], cells


def _growth(named: Mapping[str, Table]) -> Sheet | None:
    """The average slope, what varies between patients, and the reliability of slopes, a row a marker."""
    random, fixed, slopes = named.get("growth-random"), named.get("slopes-by-stratum"), named.get("slopes")
    if random is None:
        return None
    columns, rows = [*random.columns[:5]], [row[:5] for row in _texts(random)]
    if fixed is not None:
        estimate, interval = fixed.columns.index("estimate"), fixed.columns.index("95% interval")
        average: dict[str, str] = {}
        for row in _texts(fixed):
            average.setdefault(row[0], _with(row[estimate], row[interval]))
        columns.insert(1, "average slope (95% CI)")
        rows = [[row[0], average.get(row[0], MISSING), *row[1:]] for row in rows]
    if slopes is not None:
        place = next(place for place, column in enumerate(slopes.columns) if column.startswith("reliability"))
        reliability = {row[0]: row[place] for row in _texts(slopes)}
        columns.append("reliability (95% CI)")
        rows = [[*row, reliability.get(row[0], MISSING)] for row in rows]
    return _sheet("table-4-growth", random.caption, columns, rows)


def _texts(table: Table) -> list[list[str]]:
    """Every cell as one text, its second line (an interval) in brackets."""
    return [[_with(cell.text, cell.note) for cell in row] for row in table.cells]


def _with(text: str, note: str) -> str:
    return f"{text} ({note})" if note and note != MISSING and text != MISSING else text


def _sheet(name: str, caption: str, columns: Sequence[str], rows: list[list[str]]) -> Sheet:
    return Sheet(name, caption, list(columns), rows, frozenset(range(len(columns))))
