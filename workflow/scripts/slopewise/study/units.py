"""Units of a marker before and after its transform: a study file may name either, ``mg/dl`` or ``log mg/dl``."""

from __future__ import annotations

import re
from collections.abc import Mapping

WRITTEN: Mapping[str, tuple[str, str]] = {
    "log": (r"(?:(?:natural )?log|ln)\b\s*(.*)", "log {}"),
    "log1p": (r"(?:(?:natural )?log|ln)1?p?\b\s*(.*)", "log(1 + {})"),
    "sqrt": (r"(?:√|sqrt\b|square root of\b)\s*(.*)", "√({})"),
    "logit": (r"(?:logit|log odds of)\b\s*(.*)", "logit {}"),
}
"""How a unit after each transform is written: a pattern with the unit before it, and how it is made of that."""

UNNAMED = "units"
"""What stands for a unit that the study does not name."""


def column_unit(transform: str, unit: str) -> str:
    """The unit of the column, before the transform: ``mg/dl`` of ``log mg/dl`` and of ``mg/dl``; empty if unnamed."""
    found = _written(transform, unit)
    if found is None:
        return unit
    inner = re.sub(r"^\((.*)\)$", r"\1", found).strip()
    return re.sub(r"^1 \+ ", "", inner)


def transformed_unit(transform: str, unit: str) -> str:
    """The unit after the transform, which it names: ``log mg/dl`` of both, ``log units`` of an unnamed one.

    Without a transform it is the study's, or empty.
    """
    if transform == "none" or (_written(transform, unit) and unit):
        return unit
    return WRITTEN[transform][1].format(column_unit(transform, unit) or UNNAMED)


def _written(transform: str, unit: str) -> str | None:
    """What follows the transform's name in a unit that names it; None of another."""
    if transform == "none":
        return None
    found = re.fullmatch(WRITTEN[transform][0], unit.strip(), flags=re.IGNORECASE)
    return None if found is None else found[1].strip()
