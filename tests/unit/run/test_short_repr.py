"""What a notebook prints of an object that holds patients: sizes and settings, no identifier and no value."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

import slopewise
from slopewise import growth
from slopewise.growth import GrowthModel
from slopewise.growth.evidence.compare import fit_side_by_side
from slopewise.growth.evidence.pooling import patient_rows
from slopewise.growth.fit import GrowthFit
from slopewise.growth.fitting import fit_batch
from slopewise.run.short_repr import ShortRepr, summary
from slopewise.slopes.marker import marker_data

IDS = [f"ANNA-{code}" for code in (417, 523, 631, 749, 857, 963)]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    rows = pd.DataFrame({"patient": np.repeat(IDS, 4), "time": np.tile(np.arange(4.0), len(IDS))})
    return rows.assign(age=np.repeat(rng.normal(50.1234, 9, len(IDS)), 4), y=rng.normal(31.4159, 2, len(rows)))


def _parts(value: Any) -> list[Any]:
    """The object and what its fields hold, as far as they are objects of the package."""
    found = [value]
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            inner = getattr(value, field.name)
            inner = list(inner.values()) if isinstance(inner, dict) else [inner]
            found += [part for one in inner if isinstance(one, ShortRepr) for part in _parts(one)]
    return found


def test_no_identifier_and_no_value_is_printed(frame: pd.DataFrame) -> None:
    model = GrowthModel(fixed="~ time + age")
    rows, data = model.rows(frame), model.data(frame, "y")
    batch = fit_batch(data, np.ones((3, len(IDS)), np.int64))
    cohort = frame.groupby("patient", as_index=False)[["age"]].first()
    marker = marker_data(model, "y", frame[["patient", "time", "y"]], cohort, 3.0)
    sides = fit_side_by_side(GrowthModel().data(frame, "y"))
    assert len(patient_rows(sides)) == len(IDS)
    held = {f"{value:.4g}" for value in (*frame["y"], *frame["age"])}
    for whole in (
        rows,
        data,
        batch,
        GrowthFit.from_batch(batch, 0),
        marker,
        sides,
        [GrowthFit.from_batch(batch, 1)],
        {"fit": GrowthFit.from_batch(batch, 2)},
    ):
        for shown in [repr(whole), *(repr(part) for part in _parts(whole))]:
            assert not re.search("ANNA|" + "|".join(map(re.escape, IDS)), shown)
            assert not [value for value in held if value in shown], shown
            assert len(shown) < 1500
    assert repr(data.moments) == "Moments(patients=6)"
    said = repr(GrowthFit.from_batch(batch, 0))
    assert said.startswith("GrowthFit(response='y', fixed='~ time + age', random='~ time'")
    assert "patients=6" in said and "rows=24" in said and "converged=True" in said


def test_a_fit_that_was_read_from_a_file_has_a_short_repr_too(frame: pd.DataFrame) -> None:
    fit = GrowthModel().fit(frame, "y")
    again = growth.GrowthFit.from_dict(fit.to_dict())
    assert repr(again) == repr(fit)


def _holds_data(kind: type) -> bool:
    arrays = re.compile(
        r"DataFrame|Series|NDArray|ndarray|Floats|Matrix|Layout|GrowthData|GrowthFit|MarkerData|Moments"
    )
    return any(
        arrays.search(str(field.type)) or (field.name == "patients" and re.match("list|tuple", str(field.type)))
        for field in dataclasses.fields(kind)
    )


PARAMETERS = {"ParameterDraws", "Estimates", "Face", "Design", "Transform", "GrowthSummary", "_Visits", "_Part"}
"""Of these rows the numbers are parameters, columns or settings, of no patient."""


def test_everything_that_holds_patients_has_it() -> None:
    """Every dataclass of the growth half with a frame, an array or a list of patients."""
    seen, without = set(), set()
    for module in pkgutil.walk_packages(slopewise.__path__, "slopewise."):
        if not re.match(r"slopewise\.(growth|cohort|slopes|folds)", module.name):
            continue
        for name, kind in vars(importlib.import_module(module.name)).items():
            own = isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind.__module__ == module.name
            if own and name not in PARAMETERS and _holds_data(kind):
                seen.add(name)
                if not issubclass(kind, ShortRepr) or "__repr__" in vars(kind):
                    without.add(f"{module.name}.{name}")
    assert {"GrowthFit", "GrowthBatch", "GrowthData", "GrowthRows", "MarkerData", "Cohort"} <= seen
    assert without == set()


def test_the_summary_of_a_field() -> None:
    assert summary(np.zeros((2, 3))) == "<ndarray 2 x 3>" and summary(np.float64(0.25)) == "0.25"
    assert summary(["a", "b"]) == "<list of 2>" and summary({"a": 1}) == "<dict of 1>"
    assert summary(None) == "None" and summary("y") == "'y'" and summary(lambda: 0) == "<function>"
