"""Is a new patient like those the model learnt from: units that were told, units that cannot be, ranges left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.cohort.newcomers import Newcomers
from slopewise.run.errors import InputError
from slopewise.run.short_repr import ShortRepr
from slopewise.shipped.reading import Range, ShippedModel
from slopewise.shipped.scores import MarkerRows
from slopewise.shipped.units import INVERSES, Floats, far_outside, likely_unit
from slopewise.study.units import column_unit

AS_MODEL = "model"
"""The unit that a user gives for a column that is in the model's own, whatever it is called."""


def check_units(model: ShippedModel, told: Mapping[str, str]) -> None:
    """Units that the user gives must be the model's: by marker (or its column), covariate, or `time` for that column.

    A marker's unit is that after its transform; that before it (``mg/dl`` of ``log mg/dl``) is understood too. Of a
    covariate the model knows none: it takes `AS_MODEL` alone, which every column may have.
    """
    data = model.study.data
    for name, unit in told.items():
        if name in ("time", data.time):
            _compare(name, unit, {data.time_unit})
            continue
        chosen = [marker for marker in model.markers if name in (marker.name, model.study.markers[marker.name].column)]
        if not chosen and name not in model.covariates:
            known = ", ".join(["time", *(marker.name for marker in model.markers), *model.covariates])
            raise InputError(f"--unit {name}={unit}: the model has no such marker or covariate; it has {known}")
        for marker in [] if unit == AS_MODEL else chosen:
            if not marker.unit:
                raise InputError(
                    f"--unit {name}={unit}: the model does not state the unit of {marker.name}; where they are in "
                    f"that of the study, write --unit {name}={AS_MODEL}"
                )
            transform = model.study.markers[marker.name].transform
            _compare(name, unit, {marker.unit, column_unit(transform, marker.unit)} - {""})
        if not chosen and unit != AS_MODEL:
            raise InputError(
                f"--unit {name}={unit}: the model does not state the unit of a covariate; where the values are in that "
                f"of the study, write --unit {name}={AS_MODEL}"
            )


def _compare(name: str, unit: str, known: set[str]) -> None:
    if _plain(unit) not in {_plain(one) for one in known}:
        wanted = " or ".join(sorted(known))
        raise InputError(f"{name} is in {unit}, but the model was made with {wanted}; convert the values")


def _plain(unit: str) -> str:
    return "".join(unit.split()).casefold()


@dataclass(frozen=True, repr=False)
class _Column(ShortRepr):
    """A column of the new files: what it is, whose each value is (n,), values and training range on its own scale."""

    what: str
    name: str
    patients: NDArray[np.object_]
    values: Floats
    low: float
    high: float
    unit: str


def other_units(model: ShippedModel, newcomers: Newcomers, file: str, told: Mapping[str, str]) -> dict[str, str]:
    """Patients with a value that only another unit or a slip explains, and why they cannot be predicted.

    `told` are units that the user gave: a column that is in the model's own by that word is not suspected.
    """
    found: dict[str, str] = {}
    for column in _columns(model, newcomers):
        marker = model.study.markers.get(column.name)
        names = {column.name, marker.column if marker else column.name}
        far = np.flatnonzero(far_outside(column.values, column.low, column.high))
        if names & set(told) or not len(far):
            continue
        whole = likely_unit(column.values[far], column.low, column.high, column.unit)
        for groups in [far] if whole else far[:, None]:
            values = column.values[groups]
            reason = whole or likely_unit(values, column.low, column.high, column.unit)
            if reason is None:
                continue
            seen = f"{values.min():.4g}" + (f" to {values.max():.4g}" if values.min() < values.max() else "")
            where = f"{column.low:.4g} to {column.high:.4g} {column.unit}".rstrip()
            text = f"{file}: {column.what}: {seen}, where the model was made on {where}; {reason}; "
            confirm = f"confirm the unit with --unit {column.name}={AS_MODEL}"
            text += f"convert or correct the values or, if they are right, {confirm}"
            for patient in column.patients[groups]:
                found.setdefault(str(patient), text)
    return found


def _columns(model: ShippedModel, newcomers: Newcomers) -> Iterator[_Column]:
    """The columns of numbers for which the model has a range; a marker's on the scale of its file."""
    rows, people = newcomers.measurements, newcomers.patients
    for marker in model.markers:
        if marker.values is not None:
            settings = model.study.markers[marker.name]
            back = INVERSES[settings.transform]
            low, high = (float(end) for end in back(np.array(marker.values)))
            values = back(rows[marker.name].to_numpy(dtype=float))
            unit = column_unit(settings.transform, marker.unit)
            what = f"marker {marker.name}"
            yield _Column(what, marker.name, rows["patient"].to_numpy(dtype=object), values, low, high, unit)
    for name, (low, high) in model.ranges.items():
        frame = people if name in people.columns else rows
        values = frame[name].to_numpy(dtype=float)
        yield _Column(f"covariate {name}", name, frame["patient"].to_numpy(dtype=object), values, low, high, "")


def outside(model: ShippedModel, rows: Mapping[str, MarkerRows], found: Mapping[str, pd.DataFrame], place: int) -> str:
    """What of the patient at `place` lies outside the training range, in words; empty when nothing does.

    `found`: all patients' scores by marker.
    """
    said: list[str] = []
    for marker in model.markers:
        said += _beyond(marker.name, rows[marker.name].values_of(place, marker.name), marker.values)
        for quantity, known in (("level", marker.level), ("slope", marker.slope)):
            value = float(found[marker.name][quantity].iloc[place])
            said += _beyond(f"{quantity} of {marker.name}", np.array([value]), known)
    first = rows[model.markers[0].name]
    said += _beyond("time of a visit", first.values_of(place, "time"), model.times)
    for name, known in model.ranges.items():
        said += _beyond(name, first.values_of(place, name), known)
    return "; ".join(said)


def _beyond(what: str, values: np.ndarray, known: Range | None) -> list[str]:
    """A phrase where a value lies beyond the range; that furthest from its middle is told."""
    values = values[np.isfinite(values)]
    if known is None or not len(values):
        return []
    worst = values[np.abs(values - (known[0] + known[1]) / 2).argmax()]
    if known[0] <= worst <= known[1]:
        return []
    far = "far outside, " if far_outside(np.array([worst]), *known).any() else ""
    return [f"{what} {worst:.4g} ({far}training {known[0]:g} to {known[1]:g})"]
