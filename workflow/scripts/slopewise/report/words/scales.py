"""Values and slopes of a marker as they were measured first, with those of the model's scale beside them.

The mean of logarithms is the logarithm of the geometric mean, and a slope of a logarithm is a relative change: `exp` of
both ends of an interval of either is the interval on the scale of the measurements, since the transform is monotone. A
slope of another transform has no such form: it stays on the model's scale, which its unit names.
"""

from __future__ import annotations

import math

from slopewise.report.material.parts import Cell
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import figures, signed


def value_label(marker: str, words: str, naming: Naming) -> Cell | str:
    """``bilirubin, first value (mg/dl)``; of a transformed marker with what stands in place of mean and SD."""
    label = f"{naming.marker(marker)}, {words} ({naming.clinical_unit(marker)})"
    if not naming.is_transformed(marker):
        return label
    mean = "geometric mean" if naming.is_logarithm(marker) else "back-transformed mean"
    return Cell(label, f"{mean}; mean ± SD in {naming.unit_of(marker)}, back-transformed")


def mean_and_sd(mean: float, sd: float, naming: Naming, marker: str = "") -> str:
    """``3.5 (0.4)``; of a transformed marker the mean and mean ± SD as measured: ``1.6 (0.60 to 4.1)``."""
    if not marker or not naming.is_transformed(marker):
        return f"{figures(mean)} ({figures(sd)})"
    middle, low, high = (naming.measured(marker, mean + side * sd) for side in (0, -1, 1))
    return f"{figures(middle)} ({figures(low)} to {figures(high)})"


def average_words(naming: Naming, marker: str, value: float) -> str:
    """``0.404 g/dl``; of a logarithm ``1.50 mg/dl (geometric mean; 0.404 log mg/dl)``."""
    own = f"{figures(value)} {naming.unit_of(marker)}"
    if not naming.is_transformed(marker):
        return own
    mean = "geometric mean; " if naming.is_logarithm(marker) else ""
    return f"{figures(naming.measured(marker, value))} {naming.clinical_unit(marker)} ({mean}{own})"


def percent_change(slope: float) -> str:
    """A slope of a logarithm as a relative change per unit of time: ``+9.9%``."""
    return f"{signed(100 * math.expm1(slope), 1)}%" if math.isfinite(slope) else figures(slope)


def slope_words(naming: Naming, marker: str, slope: float, low: float = math.nan, high: float = math.nan) -> str:
    """``0.0944 g/dl per year (95% interval of the slope ...)``; of a logarithm ``+9.9% per year (95% interval of the
    slope +4.1% to +16.0%; 0.0944 log mg/dl per year)``."""
    own, relative = f"{figures(slope)} {naming.slope_unit(marker)}", naming.is_logarithm(marker)
    show = percent_change if relative else figures
    ends = f"95% interval of the slope {show(low)} to {show(high)}" if math.isfinite(low) else ""
    beside = "; ".join(part for part in (ends, own if relative else "") if part)
    value = f"{percent_change(slope)} per {naming.unit}" if relative else own
    return f"{value} ({beside})" if beside else value
