"""Numbers with what they count or measure: ``1 visit``, ``3 visits``, ``1 month``, ``1.5 years``."""

from __future__ import annotations


def level_text(value: object) -> str:
    """A level of a column as text: a number in up to 15 digits (``1`` for 1.0), anything else as it is.

    Codes are read as floating-point numbers where a value is missing elsewhere, and stay the same levels.
    """
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def singular(unit: str) -> str:
    """One of a unit of time: ``month`` of ``months``; ``unit of time`` where a study's time has no unit."""
    return "unit of time" if unit == "none" else unit.removesuffix("s")


def duration(value: float, unit: str) -> str:
    """``2 years``, ``1 month``; the number alone where time has no unit. Up to six significant figures."""
    text = f"{value:g}"
    if unit == "none":
        return text
    return f"{text} {singular(unit) if text == '1' else unit}"


def amount(number: int | str, one: str, many: str = "") -> str:
    """``1 visit``, ``3 visits``; `many` where the plural is not `one` with an s.

    A number that is masked (``<5``) or has marks (``1,440``) is a text.
    """
    shown = str(number)
    return f"{shown} {one if shown == '1' else many or one + 's'}"


def agree(number: int | str, one: str, many: str) -> str:
    """The verb that goes with a number: ``is`` or ``are``."""
    return one if str(number) == "1" else many
