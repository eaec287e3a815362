"""What was removed with the batches: from whom it was learned, and whether too much or too little was removed."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Cell, Section, Table
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import interval, number

BY_CHANCE = 0.5
"""The area, and the concordance, of a score that knows nothing."""
GONE, LOST = 0.6, 0.03
"""The area from which a batch can still be recognised, if its interval is above chance, and the fall of the
concordance, as far as it was above chance, from which it is named."""


def batches_section(frames: Frames, naming: Naming) -> Section:
    """The audit of the batch effects in a sentence, and the check of over-correction with its table."""
    audit, check = frames.further["batch_audit"], frames.further["batch_check"]
    batch = naming.study.data.batch
    assert batch is not None
    unseen = audit[audit["unseen"].notna()]
    return Section(
        "batches",
        "Differences between batches that were removed",
        "batches.html.j2",
        {
            "column": batch.column,
            "markers": len(naming.study.markers),
            "fits": len(audit),
            "leaks": int((audit["verdict"] == "leak").sum()),
            "unseen": len(unseen),
            "which": ", ".join(sorted({name for text in unseen["unseen"] for name in str(text).split(", ")})),
            "said": said(check) if len(check) else [],
            "tables": [check_table(check)] if len(check) else [],
        },
    )


def said(check: pd.DataFrame) -> list[str]:
    """What the check of held-out patients found, in sentences."""
    batches = check[(check["asked"] == "batch") & check["after"].notna()]
    outcome = check[check["asked"] == "outcome"].iloc[0]
    left = batches[(batches["after"] >= GONE) & ~(batches["after_low"] <= BY_CHANCE)]
    sentences = []
    if len(batches):
        sentences.append(
            "Before, the markers of held-out patients distinguished a batch from the others with areas under the "
            f"curve up to {_with_ends(batches, 'before')}; after, up to {_with_ends(batches, 'after')} "
            f"({number(BY_CHANCE, 1)} is chance)."
        )
        if len(left):
            sentences.append(f"The batches {', '.join(left['batch'])} can still be recognised.")
    if math.isfinite(outcome["change"]):
        sentences.append(
            f"The concordance of the markers’ last values with the outcome was {number(outcome['before'], 2)} before "
            f"and {number(outcome['after'], 2)} after: a difference of {number(outcome['change'], 2)} (95% interval "
            f"{interval(outcome['change_low'], outcome['change_high'], 2)})."
        )
        if float(outcome["before"]) - max(float(outcome["after"]), BY_CHANCE) > LOST:
            sentences.append(
                "It fell, so a part of what predicts the outcome may have been removed with the batches: compare "
                "the patients of each batch, and a run without data.batch."
            )
    return sentences


def _with_ends(batches: pd.DataFrame, name: str) -> str:
    """The largest area with its interval, where it has one."""
    row = batches.loc[batches[name].idxmax()]
    low, high = float(row[f"{name}_low"]), float(row[f"{name}_high"])
    ends = f", 95% interval {interval(low, high, 2)}" if math.isfinite(low) else ""
    return f"{number(row[name], 2)}{ends}"


def check_table(check: pd.DataFrame) -> Table:
    """A row a batch, and one for the outcome."""
    lines: list[list[Cell | str]] = [
        [
            f"batch {row['batch']}" if row["asked"] == "batch" else "the outcome",
            "area under the curve" if row["asked"] == "batch" else "concordance",
            *(_cell(row, name) for name in ("before", "after", "change")),
            str(row["held_out"]),
        ]
        for row in check.to_dict("records")
    ]
    columns = ["what is predicted", "measure", "before", "after", "difference", "held-out rows or patients"]
    title = (
        "What the markers of held-out patients predict, before and after differences between batches are removed; 95% "
        "intervals of held-out patients, given what the training sets taught"
    )
    return Table("batches", title, columns, lines, frozenset({0, 1}))


def _cell(row: Mapping[Hashable, Any], name: str) -> Cell:
    """A figure with its interval below it; a dash where there is none."""
    low, high = float(row[f"{name}_low"]), float(row[f"{name}_high"])
    return Cell(number(row[name], 2), interval(low, high, 2) if math.isfinite(low) else "")
