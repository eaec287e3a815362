"""Factors between the units of a laboratory's values: metric prefixes, and mass against amount of a known substance."""

from __future__ import annotations

import re

from slopewise.cohort.conversions import OF_SUBSTANCE
from slopewise.cohort.named_units import vocabulary, words

MASS = {"kg": 1e3, "g": 1.0, "mg": 1e-3, "ug": 1e-6, "mcg": 1e-6, "ng": 1e-9, "pg": 1e-12}
AMOUNT = {"mol": 1.0, "mmol": 1e-3, "umol": 1e-6, "nmol": 1e-9, "pmol": 1e-12}
ACTIVITY = {"ku": 1e3, "u": 1.0, "mu": 1e-3, "uu": 1e-6, "kiu": 1e3, "iu": 1.0, "miu": 1e-3, "uiu": 1e-6}
VOLUME = {"l": 1.0, "dl": 0.1, "ml": 1e-3, "ul": 1e-6}
KINDS = (MASS, AMOUNT, ACTIVITY)
NAMES = {
    "creatinine": vocabulary("creatinine creat crea scr kreatinin creatinin"),
    "bilirubin": vocabulary("bilirubin bili tbil tbili bilirubine"),
    "glucose": vocabulary("glucose gluc glukose fpg"),
    "cholesterol": vocabulary("cholesterol chol hdl ldl cholesterin tchol"),
    "triglycerides": vocabulary("triglycerides trig trigl triglyceride triglyzeride tg"),
}
"""What the parameter of a substance of `OF_SUBSTANCE` is called."""


def unit_factor(given: str, wanted: str, parameter: str) -> float | None:
    """What a value of `parameter` in the unit `given` is multiplied by to be in `wanted`; None where that is not known.

    ``mg/dl`` to ``mg/l`` is 10 for every parameter; ``mg/dl`` to ``µmol/l`` is known of the substances of `NAMES`.
    """
    one, other = _parts(given), _parts(wanted)
    if one is None or other is None or (one[1] is None) != (other[1] is None):
        return None
    mine, theirs = _size(one), _size(other)
    if one[2] is other[2]:
        return _round(mine / theirs)
    for substance, (factor, larger, smaller) in OF_SUBSTANCE.items():
        first, second = _parts(larger), _parts(smaller)
        assert first is not None and second is not None
        if set(words(parameter)) & NAMES[substance] and {id(one[2]), id(other[2])} == {id(first[2]), id(second[2])}:
            scale = _size(second) / (factor * _size(first))  # of the kind of the second for each of the first
            return _round(mine * (scale if one[2] is first[2] else 1 / scale) / theirs)
    return None


Parts = tuple[float, float | None, dict[str, float]]
"""The size of the numerator and of the volume, None without one, and the kind of the numerator."""


def _parts(unit: str) -> Parts | None:
    """A unit taken apart, in any spelling of case and of micro; None for one that is not known."""
    plain = re.sub(r"[µμ]", "u", unit.replace(" ", "")).lower()
    above, line, below = plain.partition("/")
    kind = next((one for one in KINDS if above in one), None)
    if kind is None or (line and below not in VOLUME):
        return None
    return kind[above], VOLUME[below] if line else None, kind


def _size(parts: Parts) -> float:
    return parts[0] / (parts[1] or 1.0)


def _round(factor: float) -> float:
    """The factor without what binary fractions add to its last digits."""
    return float(f"{factor:.10g}")
