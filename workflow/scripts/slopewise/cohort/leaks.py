"""Does a column describe the outcome? A predictor that does was known only after what it is to predict.

One function, `describes_outcome`, for everybody who asks: the proposal of a study, the check of one, the audit.
"""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd

FEWEST = 5
"""Patients with and without the event below which nothing is told: of few, any column may separate some."""
MOST_LEVELS = 10
MANY = 1000
"""So many cells show whether a column has more levels than that."""
PURE = 0.98
"""Share of patients whose event a level of the column gives; a slip in one of fifty does not hide a copy."""
CHANCE = 1e-4
"""Probability below which a level without any event, or with nothing else, is no accident."""
CLOSE = 0.98
"""Correlation with the follow-up time from which a number counts the same time, rounded or in visits."""
FILLED = "is filled only for"
DEATH = re.compile(
    r"\b(death|dead|died|deceased|exitus|fatal|verstorben\w*|gestorben|tod|tot|d[eé]c[eé]d[eé]\w*|d[eé]c[eè]s|mort|morte|"
    r"muert[oe]|fallecid[oa]|overleden|d[oö]d|avliden)\b",
    re.IGNORECASE,
)


def describes_outcome(
    cells: np.ndarray, values: np.ndarray, missing: np.ndarray, event: np.ndarray, followup: np.ndarray
) -> str:
    """Why a column tells what happened later, as the end of a sentence that begins with its name; empty if it does not.

    All of shape (n,), one entry a patient: `cells` the texts, `values` the same as numbers (NaN for missing cells and
    for texts), `missing` whether a cell is missing, `event` the number of the event (0: none), `followup` its time
    (infinite or NaN: unknown).
    """
    had = event > 0
    if min(had.sum(), (~had).sum()) < FEWEST or missing.all():
        return ""
    numeric = bool(np.isfinite(values[~missing]).all())
    return (
        _filled_for(had, ~missing)
        or ("" if numeric else _names_death(cells[~missing], had[~missing]))
        or _same_levels(cells[~missing], event[~missing])
        or (_separates(values[~missing], had[~missing]) if numeric else "")
        or _excludes(cells[~missing], had[~missing])
        or (_is_a_time(values, followup) if numeric else "")
    )


def repeats_outcome(values: np.ndarray, event: np.ndarray, followup: np.ndarray) -> bool:
    """Whether a predictor without missing values is the outcome itself, in this coding or another.

    `values` (n,) numbers or texts, `event` and `followup` as in `describes_outcome`. Each of its few levels goes with
    one event, or each event with one level, without exception; or it is the follow-up time on another scale.
    """
    had = event > 0
    if min(had.sum(), (~had).sum()) < FEWEST:
        return False
    if values.dtype != object and (known := np.isfinite(followup)).all() and len(np.unique(values)) > MOST_LEVELS:
        spread = min(np.ptp(values), np.ptp(followup[known]))
        return bool(spread > 0 and _correlation(values, followup) > 1 - 1e-10)
    counts = _table(values, event)
    if not 2 <= len(counts) <= MOST_LEVELS or not _enough(counts):
        return False
    pure = bool((_table(values, had.astype(int)).min(axis=1) == 0).all())
    by_code = bool(((counts > 0).sum(axis=0) == 1).all()) and len(set(counts.argmax(axis=0))) >= 2
    return pure or by_code


def change_separates(change: np.ndarray, event: np.ndarray) -> bool:
    """Whether one threshold of a marker's change (n,), NaN where unknown, parts patients with the event from others."""
    known = np.isfinite(change)
    return bool(known.any() and np.ptp(change[known]) > 0 and _separates(change[known], event[known] > 0))


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """The absolute correlation of two columns that vary, however large their numbers."""
    scaled = (one / np.abs(one).max(), other / np.abs(other).max())
    with np.errstate(invalid="ignore", divide="ignore"):  # what varies in its last digits alone has none
        return float(np.nan_to_num(abs(np.corrcoef(*scaled)[0, 1])))


def _different(levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different levels as texts, sorted, and the place among them of each (n,)."""
    code, found = pd.factorize(levels, use_na_sentinel=False)
    texts, place = np.unique(np.asarray(found).astype(str), return_inverse=True)
    return texts, place[code]


def _table(levels: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """How often each level (row) meets each code (column)."""
    of_level, level = _different(levels)
    of_code, code = np.unique(codes, return_inverse=True)
    counts = np.zeros((len(of_level), len(of_code)))
    np.add.at(counts, (level, code), 1)
    return counts


def _filled_for(had: np.ndarray, present: np.ndarray) -> str:
    """Filled (almost) only for patients with, or only for those without, the event."""
    for group, word in ((had, "with"), (~had, "without")):
        if present.sum() >= FEWEST and present[group].mean() >= 0.5 and present[~group].mean() <= 1 - PURE:
            return f"{FILLED} patients {word} the event"
    return ""


def _names_death(cells: np.ndarray, had: np.ndarray) -> str:
    """A text that says death, of patients who nearly all had the event."""
    found = np.array([DEATH.search(str(cell)) is not None for cell in cells])
    if found.sum() >= FEWEST and had[found].mean() >= 0.9 and not found.all():
        return f"says {str(cells[found][0])[:40]!r} for patients with the event"
    return ""


def _same_levels(cells: np.ndarray, event: np.ndarray) -> str:
    """Few levels, each with one event code, or each event code with a level of its own."""
    if len(set(cells[:MANY])) > MOST_LEVELS:
        return ""
    counts = _table(cells, event)
    if not 2 <= len(counts) <= MOST_LEVELS or counts.shape[1] < 2:
        return ""
    total = counts.sum()
    by_level = counts.max(axis=1).sum() / total
    # Which level the censored have says little when nearly all patients have it.
    informative = by_level > max(counts.sum(axis=0)) / total and np.all(counts.sum(axis=1) >= 1)
    if by_level >= PURE and informative and _enough(counts):
        return "has levels that give the event of each patient"
    by_code = counts.max(axis=0).sum() / total
    modal = counts.argmax(axis=0)
    if by_code >= PURE and len(set(modal)) >= 2 and _enough(counts):
        return "is constant within each code of the event"
    return ""


def _enough(counts: np.ndarray) -> bool:
    """Whether two levels at least, and two codes, have as many patients as anything is told of."""
    return bool((counts.sum(axis=1) >= FEWEST).sum() >= 2 and (counts.sum(axis=0) >= FEWEST).sum() >= 2)


def _separates(values: np.ndarray, had: np.ndarray) -> str:
    """One threshold parts patients with the event from those without."""
    if min(had.sum(), (~had).sum()) < FEWEST:
        return ""
    values = values / max(np.abs(values).max(), 1e-300)  # whose mean is finite
    low, high = (values[had], values[~had]) if values[had].mean() < values[~had].mean() else (values[~had], values[had])
    if np.quantile(low, PURE) < np.quantile(high, 1 - PURE):
        return "separates patients with the event from those without"
    return ""


def _excludes(cells: np.ndarray, had: np.ndarray) -> str:
    """Of two levels one has no patient with the event, or no other, as another endpoint of which this one is a part."""
    if len(set(cells[:MANY])) > MOST_LEVELS:
        return ""
    levels, level = _different(cells)
    if len(levels) != 2:
        return ""
    for one in (0, 1):
        of_level = had[level == one]
        for none, group in ((not of_level.any(), had), (of_level.all(), ~had)):
            if none and _log_none(len(had), int(group.sum()), len(of_level)) < math.log(CHANCE):
                who = "without" if group is had else "with"
                return f"has the level {str(levels[one])[:40]!r} only for patients {who} the event"
    return ""


def _log_none(n: int, group: int, drawn: int) -> float:
    """Logarithm of the hypergeometric probability that none of `group` is among `drawn` of `n`, where that can be."""
    rest = n - group
    log = math.lgamma
    return log(rest + 1) - log(rest - drawn + 1) - log(n + 1) + log(n - drawn + 1)


def _is_a_time(values: np.ndarray, followup: np.ndarray) -> str:
    """The follow-up in other units, or another time that ends with it: equal for many patients, never later."""
    known = np.isfinite(values) & np.isfinite(followup)
    if known.sum() < 4 * FEWEST or np.ptp(followup[known]) == 0 or np.ptp(values[known]) == 0:
        return ""
    one, other = values[known], followup[known]
    if _correlation(one, other) > CLOSE:
        return "is associated with the follow-up time"
    scale = np.abs(other).max()
    equal = np.abs(one - other) <= 1e-9 * scale
    # Rounded times are equal by chance now and then; not in a fifth of all patients with none later.
    if equal.mean() >= 0.2 and np.all(one <= other + 1e-9 * scale) and len(np.unique(one)) > MOST_LEVELS:
        return "is a time that ends with the follow-up"
    return ""
