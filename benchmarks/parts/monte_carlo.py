"""Results of simulations with their Monte Carlo errors, kept in small tables so that a stopped program goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

COLUMNS = ["setting", "quantity", "value", "se", "sets"]


@dataclass(frozen=True)
class Quantity:
    """What a simulation found: its name, the value, its Monte Carlo standard error, over how many data sets."""

    name: str
    value: float
    se: float
    sets: int


def share(name: str, happened: Sequence[bool] | np.ndarray) -> Quantity:
    """The share of data sets in which something happened."""
    flags = np.asarray(happened, dtype=float)
    value = float(flags.mean())
    return Quantity(name, value, float(np.sqrt(value * (1.0 - value) / len(flags))), len(flags))


def mean(name: str, values: Sequence[float] | np.ndarray) -> Quantity:
    """The mean over data sets."""
    draws = np.asarray(values, dtype=float)
    error = float(draws.std(ddof=1) / np.sqrt(len(draws))) if len(draws) > 1 else float("nan")
    return Quantity(name, float(draws.mean()), error, len(draws))


def pooled_test(name: str, statistics: np.ndarray, drawn: np.ndarray, level: float = 0.05) -> Quantity:
    """The share rejected by a bootstrap test whose draws, one a data set, are pooled ("warp speed").

    Giacomini, Politis & White 2013 (10.1017/S0266466612000655). The critical value is estimated from as many draws as
    there are statistics, which doubles the variance of the share.
    """
    found = share(name, statistics > np.quantile(drawn, 1.0 - level))
    return Quantity(name, found.value, float(np.sqrt(2.0)) * found.se, found.sets)


@dataclass(frozen=True)
class Store:
    """One CSV for each part of the simulations; a setting that is there with as many data sets is not run again."""

    folder: Path

    def read(self, part: str) -> pd.DataFrame:
        """The table of a part, with the columns `COLUMNS`; empty where nothing was run."""
        path = self.folder / f"{part}.csv"
        return pd.read_csv(path) if path.exists() else pd.DataFrame(columns=COLUMNS)

    def add(self, part: str, setting: str, sets: int, run: Callable[[], list[Quantity]]) -> bool:
        """Run a setting and put its rows into the part's table; False where they are there already."""
        table = self.read(part)
        own = table["setting"] == setting
        if own.any() and int(table.loc[own, "sets"].max()) >= sets:
            return False
        rows = [(setting, one.name, one.value, one.se, one.sets) for one in run()]
        fresh = pd.DataFrame(rows, columns=COLUMNS)
        kept = [frame for frame in (table[~own], fresh) if len(frame)]
        self.write(part, pd.concat(kept, ignore_index=True))
        return True

    def grow(self, part: str, setting: str, sets: int, one: Callable[[int], dict[str, float]], block: int = 20) -> int:
        """Add data sets to a part whose table has a row for each, until a setting has `sets`; how many were added.

        `one` makes the row of a data set from its number; rows are written a block at a time.
        """
        table = self.read(part)
        done = int((table["setting"] == setting).sum())
        for start in range(done, sets, block):
            rows = [one(number) for number in range(start, min(start + block, sets))]
            fresh = pd.DataFrame(rows)
            fresh.insert(0, "setting", setting)
            table = pd.concat([table, fresh], ignore_index=True) if len(table) else fresh
            self.write(part, table)
        return max(0, sets - done)

    def write(self, part: str, table: pd.DataFrame) -> None:
        """Replace a part's table at one stroke."""
        path = self.folder / f"{part}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        waiting = path.with_suffix(".tmp")
        table.to_csv(waiting, index=False, float_format="%.6g", lineterminator="\n")
        waiting.replace(path)
