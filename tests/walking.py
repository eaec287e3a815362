"""Numbers in a text, walked back to the cells of tables from which they can have been printed."""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

NUMBER = re.compile(r"-?\d+\.?\d*(?:e[+-]?\d+)?")
PRINTED = re.compile(r"(?<![\w.])[+−]?\d+(?:\.\d+)?%?(?!\w)")


def cells_of(file: Path, only: str = "") -> list[float]:
    """Every number in a table, in its texts, too; of the lines that hold a match of `only` alone."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [float(x) for line in lines if re.search(only, line) for x in NUMBER.findall(line)]


def unknown(text: str, cells: Iterable[float], of_100: bool = False) -> list[str]:
    """The printed numbers of `text` that no cell becomes when it is rounded to as many decimals.

    A number with a per cent sign may be a share, and with `of_100` every number may count patients of 100.
    """
    known, strange = np.array(list(cells)), []
    for word in PRINTED.findall(text):
        value = float(word.strip("+%").replace("−", "-"))
        half = 0.5 * 10.0 ** -len(word.partition(".")[2].strip("%")) + 1e-9
        scales = (1.0, 100.0) if of_100 or word.endswith("%") else (1.0,)
        if not any((np.abs(known * scale - value) <= half).any() for scale in scales):
            strange.append(word)
    return strange
