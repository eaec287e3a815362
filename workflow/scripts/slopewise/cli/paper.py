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
SHORT = {"hazard ratio": "HR", "odds ratio": "OR", "difference in the outcome": "difference"}
"""Effects in the heads of columns."""
MEANINGS = {
    "AUC": "area under the receiver operating characteristic curve",
    "CI": "confidence interval",
    "HR": "hazard ratio",
    "IPA": "index of prediction accuracy (the improvement of the Brier score over the same risk for all)",
    "MAE": "mean absolute error",
    "OR": "odds ratio",
    "O:E": "observed over expected number of events",
    "RMSE": "root mean squared error",
    "SD": "standard deviation",
}
FORMS = {
    "95% bootstrap": "from bootstrap resamples of patients through both stages",
    "95% naive": "Wald intervals, which take levels and slopes as known",
}
"""What the intervals of coefficients are, by the heads of their columns in the report."""


def paper_sheets(tables: Sequence[Table]) -> list[Sheet]:
    """The paper's tables from those of the report, in their order; a study without an outcome has two of them."""
    named = {table.name: table for table in tables}
    found = (_patients(named), _performance(tables), _effects(named), _growth(named))
    return [sheet for sheet in found if sheet is not None]


def _patients(named: Mapping[str, Table]) -> Sheet | None:
    table = named.get("patients")
    if table is None:
        return None
    caption = f"Characteristics of the patients. {table.caption}"
    return _sheet("table-1-patients", caption, table.columns, _texts(table))


def _performance(tables: Sequence[Table]) -> Sheet | None:
    """The headline metric with what each set of predictors adds, and the other metrics at the last horizon."""
    own = [table for table in tables if table.name.startswith("performance-")]
    headline = next((table for table in own if "validated, 95% interval" in table.columns), None)
    if headline is None:
        return None
    name = headline.caption.partition(",")[0]
    columns = ["predictors", "compared with", f"{name} (95% CI)", "difference (95% CI)"]
    heads = ("predictors", "compared with", "validated, 95% interval", "difference, 95% interval")
    places = [headline.columns.index(head) for head in heads]
    rows = [[row[place] for place in places] for row in _texts(headline)]
    caption = f"Validated performance of each set of predictors. {headline.caption}"
    at = [table for table in own if set(table.columns) & set(METRICS)]
    if at:
        last = at[-1]
        chosen = [column for column in METRICS if column in last.columns][: MOST_COLUMNS - len(columns)]
        columns += [f"{column} (95% CI)" for column in chosen]
        by_step = {row[0]: row for row in _texts(last)}
        rows = [row + [by_step[row[0]][last.columns.index(column)] for column in chosen] for row in rows]
        when = last.caption.partition(", validated")[0]
        caption += f". {_listed(chosen)}: {when[:1].lower()}{when[1:]}"
    return _sheet("table-2-performance", caption, columns, rows)


def _effects(named: Mapping[str, Table]) -> Sheet | None:
    """Coefficients of the level's model, and of that of level and slope, with intervals of the two-stage bootstrap."""
    full, level = named.get("coefficients-slope"), named.get("coefficients-level")
    if full is None:
        return None
    effects = full.caption.partition(":")[0]
    effect = effects.removesuffix("s").lower().replace("differences", "difference")
    parts = [(f"level and slope, {SHORT.get(effect, effect)} {scale}", full, scale) for scale in (SD, UNIT)]
    if level is not None:
        parts.insert(0, (f"level, {SHORT.get(effect, effect)} {SD}", level, SD))
    found = [_estimates(table, scale) for _, table, scale in parts]
    terms = list(dict.fromkeys([*found[0][1], *found[-1][1]]))
    rows = [[term, *(values.get(term) or MISSING for _, values in found)] for term in terms]
    kinds = dict.fromkeys(kind for kind, _ in found if kind)
    ends = f". The intervals are {_listed([FORMS.get(kind, kind) for kind in kinds])}" if kinds else ""
    caption = f"{effects} of the predictors, in the models of level and of level and slope{ends}"
    return _sheet("table-3-effects", caption, ["term", *(f"{name} (95% CI)" for name, _, _ in parts)], rows)


def _estimates(table: Table, scale: str) -> tuple[str, dict[str, str]]:
    """By term the estimate on this scale with its interval, and what kind of interval: the bootstrap's, the last of
    the columns, or where no term has one the naive."""
    place = next(place for place, column in enumerate(table.columns) if scale in column)
    texts, ends = _texts(table), []
    for column in range(place + 1, len(table.columns)):
        if "95%" not in table.columns[column]:
            break
        ends.append(column)
    interval = next((end for end in reversed(ends) if any(row[end] not in ("", MISSING) for row in texts)), None)
    cells = {row[0]: _with(row[place], row[interval] if interval else "") for row in texts}
    return table.columns[interval] if interval else "", cells


def _growth(named: Mapping[str, Table]) -> Sheet | None:
    """The average slope, what varies between patients, and the reliability of slopes, a row a marker."""
    random, fixed, slopes = named.get("growth-random"), named.get("slopes-by-stratum"), named.get("slopes")
    if random is None:
        return None
    columns, rows = [*random.columns[:5]], [row[:5] for row in _texts(random)]
    if fixed is not None:
        estimate, interval = fixed.columns.index("estimate"), fixed.columns.index("95% interval")
        average: dict[str, str] = {}
        for marker, row in zip(_names(fixed), _texts(fixed), strict=True):
            average.setdefault(marker, _with(row[estimate], row[interval]))
        columns.insert(1, "average slope (95% CI)")
        rows = [
            [row[0], average.get(marker, MISSING), *row[1:]] for marker, row in zip(_names(random), rows, strict=True)
        ]
    if slopes is not None:
        place = next(place for place, column in enumerate(slopes.columns) if column.startswith("reliability"))
        unit = slopes.columns.index("unit")
        units = {
            marker: row[unit].rpartition(" per ")[0] for marker, row in zip(_names(slopes), _texts(slopes), strict=True)
        }
        rows = [
            [_with(marker, units.get(marker, "")), *row[1:]] for marker, row in zip(_names(random), rows, strict=True)
        ]
        reliability = {marker: row[place] for marker, row in zip(_names(slopes), _texts(slopes), strict=True)}
        columns.append("reliability (95% CI)")
        rows = [[*row, reliability.get(marker, MISSING)] for marker, row in zip(_names(random), rows, strict=True)]
    return _sheet("table-4-growth", f"Growth models. {random.caption}", columns, rows)


def _listed(names: Sequence[str]) -> str:
    """``AUC, Brier score and IPA``."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _names(table: Table) -> list[str]:
    """The first cell of each row without its second line, in which one table has the unit and another has not."""
    return [row[0].text for row in table.cells]


def _texts(table: Table) -> list[list[str]]:
    """Every cell as one text, its second line (an interval) in brackets."""
    return [[_with(cell.text, cell.note) for cell in row] for row in table.cells]


def _with(text: str, note: str) -> str:
    return f"{text} ({note})" if note and note != MISSING and text != MISSING else text


def _sheet(name: str, caption: str, columns: Sequence[str], rows: list[list[str]]) -> Sheet:
    """The sheet, below it what its abbreviations mean."""
    words = " ".join([caption, *columns])
    said = [f"{short}, {MEANINGS[short]}" for short in MEANINGS if _has(words, short)]
    return Sheet(name, caption, list(columns), rows, frozenset(range(len(columns))), "; ".join(said))


def _has(words: str, short: str) -> bool:
    return any(part.strip("(),.;") == short for part in words.split())
