"""Levels of categories: spellings of one level that differ in case or spaces alone, and columns of too many levels."""

from __future__ import annotations

import unicodedata

import numpy as np
import pandas as pd

from slopewise.cohort.findings import ERROR, Findings
from slopewise.cohort.named_units import vocabulary
from slopewise.sources.table import shown

MOST_OWN = 0.5
"""Share of patients with a level that nobody else has, above which a column of text is refused as a predictor."""
MOST_LEVELS = 0.2
"""Levels per patient above which a column of text is refused as a predictor, where it has more than `ALLOWED`."""
ALLOWED = 10
INITIALS = {
    "f": vocabulary("female femme frau feminin feminino femenino"),
    "m": vocabulary("male man mann mannlich männlich masculin masculino"),
    "w": vocabulary("weiblich woman"),
    "y": vocabulary("yes"),
    "n": vocabulary("no nein non nee"),
    "j": vocabulary("ja"),
    "o": vocabulary("oui"),
    "s": vocabulary("si sí sim"),
}
"""Letters that stand for a word in columns of sex and of yes and no."""
SHEET_ERRORS = vocabulary("#REF! #VALUE! #DIV/0! #NAME? #NUM! #NULL! #SPILL! #CALC! #WERT! #BEZUG! #VALEUR!")
"""What spreadsheets write into cells whose formula failed; ``#N/A`` is a missing value."""
SHOWN = 3
"""So many spellings or levels are given as examples."""


def folded(level: str) -> str:
    """A level without what readers overlook: upper and lower case, spaces, and the ways to compose an accent."""
    return " ".join(unicodedata.normalize("NFKC", level).casefold().split())


def _in_full(level: str, levels: set[str]) -> str:
    """The word that a single letter abbreviates where that is a level, too: ``f`` beside ``female``."""
    return next(iter(sorted(INITIALS.get(level, frozenset()) & levels)), level)


def refuse_spellings(cells: pd.Series, file: str, findings: Findings) -> None:
    """Refuse levels that differ in case or spaces alone, or abbreviate another one, at the first row of the rarer ones.

    `cells` (n,): texts, None or NaN where missing, indexed by the line of the file, named by the column.
    """
    present = cells.dropna().astype(str)
    counts = present.value_counts()
    for wrong in sorted(SHEET_ERRORS & set(counts.index)):
        at, action = present.index[(present == wrong).to_numpy()], "correct the cell, or empty it"
        message = (
            f"{shown(wrong)} is what a spreadsheet writes where a formula failed ({len(at)} of {len(present)} cells)"
        )
        findings.add(ERROR, file, message, action, line=int(at[0]), column=str(cells.name))
    groups: dict[str, list[str]] = {}
    full = {folded(level) for level in counts.index}
    for level in sorted(counts.index, key=lambda level: (-counts[level], level)):
        groups.setdefault(_in_full(folded(level), full), []).append(level)
    for common, *rarer in groups.values():
        for level in rarer:
            often = f"({counts[level]} of {len(present)} cells)"
            message = f"the level {shown(level)} {often} is {shown(common)} in another spelling"
            action = "write one level in one way throughout the file"
            line = int(present.index[(present == level).to_numpy()][0])
            findings.add(ERROR, file, message, action, line=line, column=str(cells.name))


def refuse_many_levels(cells: pd.Series, key: str, file: str, findings: Findings) -> None:
    """Refuse a predictor of text with nearly as many levels as patients; `cells` (n,): one text a patient.

    Refused are columns in which more than `MOST_OWN` of the patients have a level of their own, and those of more than
    `ALLOWED` levels that have more than `MOST_LEVELS` levels per patient. `key`: the key of the study that names it.
    """
    counts = cells.dropna().astype(str).value_counts()
    n, own = int(counts.sum()), int((counts == 1).sum())
    many = len(counts) > max(ALLOWED, MOST_LEVELS * n)
    if len(counts) < SHOWN or not (many or (n > ALLOWED and own > MOST_OWN * n)):
        return
    examples = ", ".join(shown(str(level)) for level in sorted(counts.index)[:SHOWN])
    message = f"text with {len(counts)} levels in {n} patients ({examples}, ...), with a coefficient each"
    action = f"group its levels, or leave it out of {key}"
    findings.add(ERROR, file, message, action, column=str(cells.name))


def close_level(level: str, known: tuple[str, ...]) -> str:
    """The known level that `level` is in another spelling; empty if there is none."""
    return next((one for one in known if folded(one) == folded(level)), "")


def is_text(values: pd.Series) -> bool:
    """Whether a column holds categories: texts, as `typed_column` leaves them."""
    return values.dtype == object or not np.issubdtype(values.to_numpy().dtype, np.number)
