"""Tables as people bring them, invented, and the command line run on them."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from click.testing import Result
from typer.testing import CliRunner

from slopewise.cli.app import app
from slopewise.run.files import read_json, write_json
from tests.unit.report.report_tables import Invented


@dataclass(frozen=True)
class Written:
    """How a program writes its files."""

    delimiter: str = ","
    decimal: str = "."
    encoding: str = "utf-8"
    dates: str = ""
    """A strptime format; empty: days since the patient's start."""

    def save(self, frame: pd.DataFrame, path: Path) -> None:
        """Write a frame, missing values as empty cells."""
        text = frame.to_csv(index=False, sep=self.delimiter, decimal=self.decimal, lineterminator="\r\n")
        path.write_bytes(text.encode(self.encoding))

    def when(self, start: date, days: int) -> object:
        """A visit's time as a cell."""
        return (start + timedelta(days=days)).strftime(self.dates) if self.dates else days


@dataclass(frozen=True)
class Names:
    """The names of the columns."""

    patient: str = "id"
    time: str = "day"
    followup: str = "futime"
    event: str = "status"
    age: str = "age"
    markers: tuple[str, ...] = ("crp", "albumin")


def invent(
    patients: int = 60, seed: int = 1, names: Names | None = None, written: Written | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measurements (a row a visit) and patients: half-yearly visits until the event or the end, half with the event."""
    names, written = names or Names(), written or Written()
    rng = np.random.default_rng(seed)
    rows: list[dict[str, object]] = []
    people: list[dict[str, object]] = []
    for number in range(1, patients + 1):
        start = date(2012, 1, 1) + timedelta(days=int(rng.integers(0, 900)))
        level, change = rng.normal(1.5, 0.8), rng.normal(0.2, 0.3)
        event = 380 + rng.exponential(900 * np.exp(-0.6 * (level - 1.5)))
        end = float(rng.uniform(900, 2500))
        until = int(min(event, end))
        for planned in range(0, until, 183):
            day = max(0, planned + int(rng.integers(-20, 21)) * (planned > 0))
            if day >= until:
                continue
            row: dict[str, object] = {names.patient: f"P{number:03d}", names.time: written.when(start, day)}
            for place, marker in enumerate(names.markers):
                value = level * (-1) ** place + change * day / 365.25 + rng.normal(0, 0.3)
                row[marker] = round(float(np.exp(value)) if place == 0 else 40 + 3 * value, 3)
            rows.append(row)
        people.append(
            {
                names.patient: f"P{number:03d}",
                names.followup: written.when(start, until),
                names.event: int(event < end),
                names.age: int(rng.normal(60, 10)),
            }
        )
    return pd.DataFrame(rows), pd.DataFrame(people)


def call(*arguments: str | Path, folder: Path | None = None) -> Result:
    """Run `slopewise` with arguments, in a folder."""
    with contextlib.chdir(folder or Path.cwd()):
        return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def files_in(folder: Path) -> set[str]:
    """Names of all files below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def flat(text: str) -> str:
    """A page's text with runs of white space made one blank."""
    return " ".join(text.split())


def finished(invented: Invented, folder: Path) -> Path:
    """The study's results with its study file in provenance.json, as a run leaves them."""
    invented.write(folder)
    provenance = read_json(folder / "provenance.json")
    provenance["study"] = invented.study().model_dump(mode="json")
    write_json(folder / "provenance.json", provenance)
    return folder
