"""A marker's rows under another model, sorted and with their design made once for all markers with the same rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.growth.data import GrowthData, GrowthRows
from slopewise.growth.model import GrowthModel

REMEMBERED = 24
"""Models that are kept for the rows of a study."""


def rows_of(own: GrowthData) -> pd.DataFrame:
    """The marker's rows as a frame: patient, response and the columns that the model names."""
    return _covariates(own).assign(**{own.response: own.values})


def under(model: GrowthModel, own: GrowthData, **columns: NDArray[np.generic]) -> GrowthData:
    """`model.data` of the rows in `rows_of`, with `columns` (rows,) beside those that they have or in their place."""
    given = [f"{name} {values.dtype} {values.tobytes().hex()}" for name, values in columns.items()]
    key = " ".join([repr(model), own.kept.tobytes().hex(), *given])
    made: dict[str, GrowthRows] = own.layout.prepared
    rows = made.get(key)
    if rows is None:  # threads may prepare the same model twice: it is the same
        frame = _covariates(own).assign(**columns)
        rows = replace(model.rows(frame, own.layout.patient).for_many(), source=frame[[]])
        made[key] = rows
        for oldest in list(made)[:-REMEMBERED]:
            made.pop(oldest, None)
    return replace(rows, source=pd.DataFrame({own.response: own.values}, index=rows.source.index)).data(own.response)


def _covariates(own: GrowthData) -> pd.DataFrame:
    """The marker's rows without their response."""
    names, spec = np.array(own.patients, dtype=object), own.specification
    extra = {own.layout.patient: names[own.codes]}
    if spec.weights is not None:
        extra[spec.weights] = own.weights
    if spec.residual_by is not None:
        extra[spec.residual_by] = np.array(own.layout.stratum_names, dtype=object)[own.strata]
    return own.frame.assign(**extra)
