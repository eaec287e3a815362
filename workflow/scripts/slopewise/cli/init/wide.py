"""`slopewise init` on wide tables: a row per patient, the visits in columns such as ``crp_0``, ``crp_12``."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

from slopewise.cli.columns import is_key
from slopewise.cohort.shapes import WIDE
from slopewise.sources.table import TextTable
from slopewise.sources.wide import stacked
from slopewise.study.keys import Data, Marker
from slopewise.study.keys_of_layout import Layout

COLUMN = re.compile(r"(?P<marker>.*?[A-Za-z].*?)(?P<between>[_.\- ]?)(?P<time>[0-9]+(\.[0-9]+)?)")
TIMES = ("time", "visit_time", "time_of_visit")
"""Names of the column of times that is made, the first that the table does not have."""


def unfolded(table: TextTable, data: Data) -> tuple[TextTable, Layout | None, str]:
    """The table with a row per patient and time, the layout that makes it so, and the name of the column of times.

    The table as it is, None and nothing where no column holds each patient once, or no name has `WIDE` times.
    """
    pattern, markers = _pattern([str(name) for name in table.text.columns])
    measured = {name for name in map(str, table.text.columns) if pattern and _marker(name, pattern, markers)}
    patient = next((name for name in map(str, table.text.columns) if name not in measured and is_key(table, name)), "")
    time = next((name for name in TIMES if name not in table.text.columns), "")
    if not markers or not patient or not time:
        return table, None, ""
    layout = Layout(wide=pattern)
    data = data.model_copy(update={"patient": patient, "time": time, "layout": layout})
    return stacked(table, data, {name: Marker(column=name) for name in markers}), layout, time


def _pattern(names: list[str]) -> tuple[str, list[str]]:
    """What the columns' names look like, and the markers that have `WIDE` times or more."""
    times: defaultdict[tuple[str, str], set[float]] = defaultdict(set)
    for name in names:
        if found := COLUMN.fullmatch(name):
            times[found["between"], found["marker"]].add(float(found["time"]))
    many = [key for key, own in times.items() if len(own) >= WIDE]
    if not many:
        return "", []
    between = Counter(between for between, _ in many).most_common(1)[0][0]
    return f"{{marker}}{between}{{time}}", [marker for own, marker in many if own == between]


def _marker(name: str, pattern: str, markers: list[str]) -> bool:
    found = COLUMN.fullmatch(name)
    return found is not None and found["marker"] in markers and pattern == f"{{marker}}{found['between']}{{time}}"
