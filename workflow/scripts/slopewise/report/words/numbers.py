"""How numbers are printed: a true minus, as many digits as mean something, and no count that points at a person."""

from __future__ import annotations

import math

MISSING = "–"
MINUS = "−"


def number(value: float, digits: int = 3) -> str:
    """With a fixed number of decimals; a dash where there is none."""
    if not math.isfinite(value):
        return MISSING
    text = f"{abs(value):.{digits}f}"
    return f"{MINUS}{text}" if value < 0 and float(text) != 0 else text


def as_given(value: float) -> str:
    """As it stands in the study file: ``−0.2``."""
    return f"{value:g}".replace("-", MINUS)


def signed(value: float, digits: int = 3) -> str:
    """Like `number`, a plus before what is above zero."""
    text = number(value, digits)
    return f"+{text}" if math.isfinite(value) and value > 0 and float(text) != 0 else text


def figures(value: float, digits: int = 3) -> str:
    """With `digits` significant figures and no exponent up to a million: 0.0944, 0.404, 12.3, 845."""
    if not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    if magnitude < -4 or magnitude > 6:
        return f"{value:.{digits - 1}e}".replace("-", MINUS)
    rounded = round(value, digits - 1 - magnitude)
    return number(rounded, max(0, digits - 1 - math.floor(math.log10(abs(rounded)))))


def signed_figures(value: float) -> str:
    """Significant figures with a plus before what is above zero."""
    return f"+{figures(value)}" if value > 0 else figures(value)


def p_value(value: float) -> str:
    """``0.043``, ``<0.001``: three decimals say all that one should read into it."""
    if not math.isfinite(value):
        return MISSING
    return "<0.001" if value < 0.001 else number(value)


def p_words(value: float) -> str:
    """``p = 0.09``, ``p < 0.001``."""
    if not math.isfinite(value):
        return "no p-value"
    return "p < 0.001" if value < 0.001 else f"p = {number(value, 3 if value < 0.01 else 2)}"


def interval(low: float, high: float, digits: int = 3, plus: bool = False) -> str:
    """``0.480 to 0.601``; a dash where either end is missing."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return MISSING
    write = signed if plus else number
    return f"{write(low, digits)} to {write(high, digits)}"


def figure_interval(low: float, high: float, digits: int = 3) -> str:
    """An interval in significant figures; in more of them where its ends would look alike: 169.92 to 170.25."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return MISSING
    width = high - low
    if width > 0 and max(abs(low), abs(high)) > 10**digits * width / 10:
        decimals = max(0, 1 - math.floor(math.log10(width)))
        return interval(low, high, decimals) if decimals <= 9 else f"{figures(low, digits)} to {figures(high, digits)}"
    return f"{figures(low, digits)} to {figures(high, digits)}"


def percent(value: float, digits: int = 0) -> str:
    """A share as per cent."""
    return f"{number(100 * value, digits)}%" if math.isfinite(value) else MISSING


def count(value: int, limit: int) -> str:
    """A number of patients: under `limit` (``report.small_cells``) it prints as ``<limit``; nobody is 0."""
    return f"<{limit}" if 0 < value < limit else str(value)


def count_of(value: int, total: int, limit: int) -> str:
    """``34 (11%)``; no percentage beside a masked count, since it would tell the count."""
    shown = count(value, limit)
    return shown if shown.startswith("<") or total == 0 else f"{shown} ({percent(value / total)})"


def counts_of_parts(values: list[int], limit: int) -> list[str]:
    """Counts that add up to a known total: beside a single masked one the next smallest is masked as well.

    Else subtraction would tell it. ``[3, 21]`` is ``<5`` and ``≥5`` for a limit of 5.
    """
    shown = [count(value, limit) for value in values]
    masked = [text.startswith("<") for text in shown]
    if sum(masked) == 1:
        others = [(value, place) for place, value in enumerate(values) if not masked[place] and value > 0]
        if others:
            shown[min(others)[1]] = f"≥{limit}"
    return shown


def in_words(items: list[str], last: str = "and") -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def chance_text(share: float) -> str:
    """A probability from draws in per cent; neither 0 nor 100, which draws cannot show."""
    if share > 0.995:
        return "more than 99%"
    if share < 0.005:
        return "less than 1%"
    return percent(share)
