"""Is a new patient like those the model learnt from: units that were told, units that cannot be, ranges left."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from slopewise.cohort.newcomers import Newcomers
from slopewise.predict_model import MarkerModel, Range, ShippedModel
from slopewise.predict_scores import MarkerRows
from slopewise.run import InputError


def check_units(model: ShippedModel, told: Mapping[str, str]) -> None:
    """Units that the user tells must be the model's: by marker (or its column), by `time` for the column of time.

    A marker's unit is that after its transform; that before it (``mg/dl`` of ``log mg/dl``) is understood too.
    """
    data = model.study.data
    for name, unit in told.items():
        if name in ("time", data.time):
            _compare(name, unit, {data.time_unit})
            continue
        chosen = [marker for marker in model.markers if name in (marker.name, model.study.markers[marker.name].column)]
        if not chosen:
            known = ", ".join(["time", *(marker.name for marker in model.markers)])
            raise InputError(f"--unit {name}={unit}: the model knows no such marker; it has {known}")
        for marker in chosen:
            if not marker.unit:
                raise InputError(f"--unit {name}={unit}: the model does not state the unit of {marker.name}")
            transform = model.study.markers[marker.name].transform
            _compare(name, unit, {marker.unit, marker.unit.removeprefix(f"{transform} ")})


def _compare(name: str, unit: str, known: set[str]) -> None:
    if _plain(unit) not in {_plain(one) for one in known}:
        wanted = " or ".join(sorted(known))
        raise InputError(f"{name} is in {unit}, but the model was made with {wanted}; convert the values")


def _plain(unit: str) -> str:
    return "".join(unit.split()).casefold()


def refuse_other_units(model: ShippedModel, newcomers: Newcomers, file: str) -> None:
    """`InputError` where a column as a whole cannot be in the model's unit.

    It cannot when each of its values lies further beyond the training range than that range is wide: a patient may be
    extreme, a file of albumin in g/l where the model has g/dl is something else.
    """
    columns: list[tuple[str, pd.Series, Range | None, str]] = [
        (f"marker {marker.name}", newcomers.measurements[marker.name], marker.values, marker.unit)
        for marker in model.markers
    ]
    for name in model.covariates:
        frame = newcomers.patients if name in newcomers.patients.columns else newcomers.measurements
        columns.append((f"covariate {name}", frame[name], model.ranges.get(name), ""))
    for what, column, known, unit in columns:
        values = column.dropna().to_numpy() if known is not None else np.empty(0)
        if known is None or not len(values):
            continue
        numbers = values.astype(float)
        width = known[1] - known[0]
        if ((numbers < known[0] - width) | (numbers > known[1] + width)).all():
            seen = f"{numbers.min():.4g}" + (f" to {numbers.max():.4g}" if len(numbers) > 1 else "")
            raise InputError(
                f"{file}: {what}: {seen}, where the model was made on {known[0]:g} to {known[1]:g} {unit}".rstrip()
                + "; it seems to be in another unit: convert the values"
            )


def outside(model: ShippedModel, rows: Mapping[str, MarkerRows], found: Mapping[str, pd.Series], place: int) -> str:
    """What of one patient lies outside the training range, in words; empty when nothing does.

    `found`: the patient's scores by marker.
    """
    said: list[str] = []
    for marker in model.markers:
        own = rows[marker.name].frame
        mine = own[own["patient"] == rows[marker.name].patients[place]]
        said += _of_marker(marker, mine, found[marker.name])
    first = rows[model.markers[0].name].frame
    mine = first[first["patient"] == rows[model.markers[0].name].patients[place]]
    said += _beyond("time of a visit", mine["time"].to_numpy(dtype=float), model.times)
    for name, known in model.ranges.items():
        said += _beyond(name, mine[name].to_numpy(dtype=float), known)
    return "; ".join(said)


def _of_marker(marker: MarkerModel, rows: pd.DataFrame, found: pd.Series) -> list[str]:
    said = _beyond(marker.name, rows[marker.name].to_numpy(dtype=float), marker.values)
    said += _beyond(f"level of {marker.name}", np.array([float(found["level"])]), marker.level)
    return said + _beyond(f"slope of {marker.name}", np.array([float(found["slope"])]), marker.slope)


def _beyond(what: str, values: np.ndarray, known: Range | None) -> list[str]:
    """A phrase where a value lies beyond the range; that furthest from its middle is told."""
    values = values[np.isfinite(values)]
    if known is None or not len(values):
        return []
    worst = values[np.abs(values - (known[0] + known[1]) / 2).argmax()]
    if known[0] <= worst <= known[1]:
        return []
    return [f"{what} {worst:.4g} (training {known[0]:g} to {known[1]:g})"]
