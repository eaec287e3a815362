"""A good small study, as text and bytes, and the ways in which a case breaks it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

VISITS, PEOPLE, STUDY = "visits.csv", "patients.csv", "study.yaml"


@dataclass
class Good:
    """The study: two tables as rows of texts (the first is the header), the study file as content, and raw files.

    `raw` has the bytes of files that are written last, over the others; None removes one. `arguments` are those of the
    command.
    """

    visits: list[list[str]]
    people: list[list[str]]
    study: dict[str, Any]
    raw: dict[str, bytes | None] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=lambda: ["check", STUDY])

    def write(self, folder: Path) -> None:
        """Write all files."""
        files = {VISITS: text_of(self.visits), PEOPLE: text_of(self.people)}
        files[STUDY] = yaml.safe_dump(self.study, sort_keys=False, allow_unicode=True)
        for name, text in files.items():
            (folder / name).write_bytes(text.encode())
        for name, content in self.raw.items():
            (folder / name).unlink(missing_ok=True)
            if content is not None:
                (folder / name).write_bytes(content)

    def table(self, name: str) -> list[list[str]]:
        """The rows of one of the two tables."""
        return {VISITS: self.visits, PEOPLE: self.people}[name]


Change = Callable[[Good], None]


def text_of(rows: list[list[str]]) -> str:
    return "".join(",".join(row) + "\n" for row in rows)


@cache
def _tables() -> tuple[list[list[str]], list[list[str]]]:
    """60 patients with half-yearly visits of two markers, a follow-up of years and 30 or so deaths."""
    rng = np.random.default_rng(12)
    visits, people = [["id", "day", "crp", "albumin", "dose"]], [["id", "futime", "status", "age", "sex", "site"]]
    for number in range(60):
        patient, level, change = f"P{number + 1:02d}", rng.normal(1.5, 0.7), rng.normal(0.2, 0.3)
        death, end = 500 + rng.exponential(900 * np.exp(1.5 - level)), rng.uniform(1200, 2400)
        until = int(min(death, end))
        for planned in range(0, min(until, 1200), 120):
            day = planned + int(rng.integers(0, 20)) * (planned > 0)
            if day < until:
                value = level + change * day / 365.25
                cells = (np.exp(value + rng.normal(0, 0.2)), 40 - 3 * value + rng.normal(0, 1), rng.uniform(5, 9))
                visits.append([patient, str(day), *(f"{cell:.2f}" for cell in cells)])
        age = int(rng.normal(60, 9))
        site = ("north", "south", "west")[int(rng.integers(3))]
        people.append([patient, str(until), str(int(death < end)), str(age), "fm"[int(rng.integers(2))], site])
    return visits, people


def good() -> Good:
    """A fresh copy of the good study."""
    study: dict[str, Any] = {
        "study": "good",
        "seed": 3,
        "data": {
            "measurements": VISITS,
            "patients": PEOPLE,
            "patient": "id",
            "time": "day",
            "time_unit": "days",
            "analysis_unit": "years",
        },
        "markers": {"log_crp": {"column": "crp", "transform": "log"}, "albumin": {"column": "albumin"}},
        "landmark": 0.9,
        "growth": {"fixed": "~ time", "random": "~ time"},
        "outcome": {
            "kind": "survival",
            "time": "futime",
            "time_unit": "days",
            "event": "status",
            "events": {1: "death"},
            "covariates": ["age"],
            "horizons": [1, 2],
        },
    }
    visits, people = copy.deepcopy(_tables())
    return Good(visits, people, study)


# -- ways to break it -------------------------------------------------------------------------------------------------


def cell(file: str, line: int, column: str, value: str) -> Change:
    """Another text in one cell of a table; the header is line 1."""

    def change(study: Good) -> None:
        rows = study.table(file)
        rows[line - 1][rows[0].index(column)] = value

    return change


def column(file: str, name: str, value: str | Callable[[int, str], str]) -> Change:
    """One text in every cell of a column, or a function of the row's number (from 0) and the cell."""

    def change(study: Good) -> None:
        rows = study.table(file)
        place = rows[0].index(name)
        for number, row in enumerate(rows[1:]):
            row[place] = value(number, row[place]) if callable(value) else value

    return change


def trial(**columns: Callable[[int], str]) -> Change:
    """Further columns of the visits, each a function of the visit's number within the patient (from 0), and effects."""

    def change(study: Good) -> None:
        table, seen = study.visits, dict[str, int]()
        table[0].extend(columns)
        for row in table[1:]:
            number = seen[row[0]] = seen.get(row[0], -1) + 1
            row.extend(value(number) for value in columns.values())
        study.study["effects"] = {"treatment": {"column": "arm", "reference": "a"}}

    return change


def by_patient(name: str) -> Change:
    """The cells of a column of the visits 0 or 1 by the number of the patient, the same at each visit."""

    def change(study: Good) -> None:
        place = study.visits[0].index(name)
        for row in study.visits[1:]:
            row[place] = str(int(row[0][1:]) % 2)

    return change


def by_site(name: str, factor: float) -> Change:
    """The values of a column of the visits times a factor for the patients of the site west."""

    def change(study: Good) -> None:
        place, west = study.visits[0].index(name), {row[0] for row in study.people[1:] if row[5] == "west"}
        for row in study.visits[1:]:
            row[place] = f"{factor * float(row[place]):.2f}" if row[0] in west else row[place]

    return change


def carried(name: str) -> Change:
    """Each patient's first value of a column at all visits."""

    def change(study: Good) -> None:
        place, first = study.visits[0].index(name), dict[str, str]()
        for row in study.visits[1:]:
            row[place] = first.setdefault(row[0], row[place])

    return change


def rescaled(patient: str, factor: float) -> Change:
    """The times of one patient's visits times a factor."""

    def change(study: Good) -> None:
        for row in study.visits[1:]:
            row[1] = f"{factor * float(row[1]):.1f}" if row[0] == patient else row[1]

    return change


def numbered() -> Change:
    """The number of the visit, from 0, in place of its time."""

    def change(study: Good) -> None:
        seen: dict[str, int] = {}
        for row in study.visits[1:]:
            seen[row[0]] = seen.get(row[0], -1) + 1
            row[1] = str(seen[row[0]])

    return change


def older(name: str) -> Change:
    """The age at each visit in a column of the visits."""

    def change(study: Good) -> None:
        place, age = study.visits[0].index(name), {row[0]: int(row[3]) for row in study.people[1:]}
        for row in study.visits[1:]:
            row[place] = f"{age[row[0]] + int(row[1]) / 365.25:.3f}"

    return change


def dates(form: str, exchanged_in: int = 0) -> Change:
    """Dates of this form in place of days since a column `start`; in each so many-th row of the visits, where both are
    at most 12, day and month are exchanged."""

    def change(study: Good) -> None:
        start = date(2020, 1, 1)
        for file, name in ((VISITS, "day"), (PEOPLE, "futime")):
            column(file, name, lambda _, old: (start + timedelta(days=int(old))).strftime(form))(study)
        for row in study.visits[1::exchanged_in] if exchanged_in else ():
            when = datetime.strptime(row[1], form)
            if when.day <= 12:
                row[1] = when.replace(day=when.month, month=when.day).strftime(form)
        study.people[0].append("start")
        for row in study.people[1:]:
            row.append(start.strftime(form))
        study.study["data"] |= {
            "time_unit": "date", "time_zero": {"column": "start"}, "date_format": form, "patients_date_format": form,
        }  # fmt: skip
        study.study["outcome"]["time_unit"] = "date"

    return change


def exchanged(one: str, other: str) -> Change:
    """The values of two columns of the visits exchanged in each 20th row."""

    def change(study: Good) -> None:
        first, second = (study.visits[0].index(name) for name in (one, other))
        for row in study.visits[4::20]:
            row[first], row[second] = row[second], row[first]

    return change


def moved(name: str) -> Change:
    """A column of the visits one row too low."""

    def change(study: Good) -> None:
        place = study.visits[0].index(name)
        cells = [row[place] for row in study.visits[1:]]
        for row, value in zip(study.visits[1:], [cells[-1], *cells[:-1]], strict=True):
            row[place] = value

    return change


def again(patient: str, name: str) -> Change:
    """A patient a second time, under another id."""

    def change(study: Good) -> None:
        for table in (study.visits, study.people):
            table.extend([name, *row[1:]] for row in table[1:] if row[0] == patient)

    return change


def same(file: str, name: str, other: str) -> Change:
    """The cells of another column of the table in this one."""

    def change(study: Good) -> None:
        table = study.table(file)
        for row in table[1:]:
            row[table[0].index(name)] = row[table[0].index(other)]

    return change


def rows(file: str, keep: Callable[[int, list[str]], bool]) -> Change:
    """Only the rows for which `keep` (number from 0, cells) holds."""

    def change(study: Good) -> None:
        table = study.table(file)
        table[1:] = [row for number, row in enumerate(table[1:]) if keep(number, row)]

    return change


def extra(file: str, *cells: str) -> Change:
    """One more row."""
    return lambda study: study.table(file).append(list(cells))


def rename(file: str, old: str, new: str) -> Change:
    """Another name of a column."""

    def change(study: Good) -> None:
        header = study.table(file)[0]
        header[header.index(old)] = new

    return change


def key(path: str, value: Any) -> Change:
    """Another value of a key of the study file: ``key("outcome.horizons", [])``."""

    def change(study: Good) -> None:
        *parents, last = path.split(".")
        place = study.study
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value

    return change


def gone(path: str) -> Change:
    """A key of the study file left out."""

    def change(study: Good) -> None:
        *parents, last = path.split(".")
        place = study.study
        for parent in parents:
            place = place[parent]
        del place[last]

    return change


def raw(file: str, content: bytes | Callable[[bytes], bytes] | None) -> Change:
    """Other bytes in a file, or a function of those it has; None removes it."""

    def change(study: Good) -> None:
        if callable(content):
            texts = {VISITS: text_of(study.visits), PEOPLE: text_of(study.people)}
            texts[STUDY] = yaml.safe_dump(study.study, sort_keys=False, allow_unicode=True)
            study.raw[file] = content(texts[file].encode())
        else:
            study.raw[file] = content

    return change


def line(old: str, new: str) -> Change:
    """Another text in the study file as it is written."""

    def replaced(content: bytes) -> bytes:
        assert content.count(old.encode()) >= 1, old
        return content.replace(old.encode(), new.encode(), 1)

    return raw(STUDY, replaced)


def both(*changes: Change) -> Change:
    """Several changes, one after the other."""

    def change(study: Good) -> None:
        for one in changes:
            one(study)

    return change


def command(*arguments: str) -> Change:
    """Another command than ``check study.yaml``."""

    def change(study: Good) -> None:
        study.arguments = list(arguments)

    return change
