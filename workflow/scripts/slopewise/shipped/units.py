"""Values that only a slip explains, most often another unit: a new patient's value far outside the training range.

A value is far outside when it lies beyond the training range by more than the range is wide, on the scale on which the
model has it or, where range and value are positive, on the logarithmic scale (35 is far above 2 to 5, and 3.5 as far
below 20 to 50), or is negative and without its sign within a range of positive values. Where a usual conversion brings
all such values of a column into the range, or they are a code for missing values, they are refused: a risk from them
would be nonsense with decimals. Else the patient may be extreme, which is said beside the risk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from slopewise.cohort.conversions import CONVERSIONS
from slopewise.cohort.sentinels import CODES, as_code

Floats = NDArray[np.float64]

INVERSES: Mapping[str, Callable[[Floats], Floats]] = {
    "none": lambda x: x,
    "log": np.exp,
    "log1p": np.expm1,
    "sqrt": np.square,
    "logit": lambda x: 1 / (1 + np.exp(-x)),
}
"""From the scale of a marker's transform back to that of its column."""


OF_UNITS: Mapping[tuple[str, str], float] = {
    ("g/dl", "g/l"): 10,
    ("mg/dl", "mg/l"): 10,
    ("mg/l", "µg/l"): 1000,
    ("kg", "g"): 1000,
    ("kg", "pounds"): 2.20462,
    ("m", "cm"): 100,
    ("years", "months"): 12,
    ("years", "days"): 365.25,
    ("months", "days"): 30.4375,
    ("weeks", "days"): 7,
}
"""Factors between named units, the model's first."""


WIDEST = 3.0
"""In a range more than so many times as wide as its lower end a small negative value may be right."""


def far_outside(values: Floats, low: float, high: float) -> NDArray[np.bool_]:
    """Which values (n,) lie beyond [low, high] by more than its width, plain or logarithmic, or in it but for their
    sign; missing ones do not."""
    width = high - low
    far = (values < low - width) | (values > high + width)
    if low > 0:
        ratio = high / low
        with np.errstate(invalid="ignore"):
            far |= (
                (values > 0) & ((values < low / ratio) | (values > high * ratio)) & ((values < low) | (values > high))
            )
    return (far | _without_sign(values, low, high)) & np.isfinite(values)


def _without_sign(values: Floats, low: float, high: float) -> NDArray[np.bool_]:
    return (high - low <= WIDEST * low) & (-values >= low) & (-values <= high)


def likely_unit(values: Floats, low: float, high: float, unit: str) -> str | None:
    """In words, the slip or the unit that explains all `values` (n,) beside [low, high], the model's unit being `unit`;
    None without one.

    All on the scale of the column. Codes and signs come first; of several units that of the model's own is named, else
    the one that brings the values nearest to the middle of the range; logarithms come last.
    """
    if np.isin(values, list(CODES - {0.0})).all() and len(np.unique(values)) == 1:
        return f"{as_code(float(values[0]))} is a usual code for a missing value"
    if _without_sign(values, low, high).all():
        return f"without the minus sign it would be {_some(-values)}"
    found = []
    for one in CONVERSIONS:
        back = values / one.factor
        if ((low <= back) & (back <= high)).all():
            middle = float(np.median(back))
            centre = abs(np.log(middle / np.sqrt(low * high))) if low > 0 else abs(middle - (low + high) / 2)
            found.append((named_unit(one.factor, unit) is None, centre, one))
    if found:
        chosen = min(found, key=lambda item: item[:2])[2]
        factor, named = chosen.factor, named_unit(chosen.factor, unit)
        by = f"divided by {factor:.6g}" if factor > 1 else f"times {1 / factor:.6g}"
        example = f"{named} instead of {unit}" if named else f"as {chosen.example}"
        return f"{by} it would be {_some(values / factor)}, so it seems to be in another unit ({example})"
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        for name, back in (("a logarithm", np.exp(values)), ("a decimal logarithm", 10.0**values)):
            if ((low <= back) & (back <= high)).all():
                return f"it seems to be {name} of what the model takes ({_some(back)})"
        for name, back in (("the logarithm", np.log(values)), ("the decimal logarithm", np.log10(values))):
            if ((low <= back) & (back <= high)).all():
                return f"the model takes {name} of it ({_some(back)}), as it was given when the model was made"
    return None


def named_unit(factor: float, unit: str) -> str | None:
    """The unit in which values are `factor` times those in `unit`, by the table of named units."""
    plain = "".join(unit.split()).casefold()
    for (small, large), known in OF_UNITS.items():
        if small == plain and np.isclose(known, factor):
            return large
        if large == plain and np.isclose(1 / known, factor):
            return small
    return None


def _some(values: Floats) -> str:
    low, high = f"{values.min():.4g}", f"{values.max():.4g}"
    return low if low == high else f"{low} to {high}"
