"""Keys of the study file that must agree about batches (`data.batch`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from slopewise.study.errors import Finding
from slopewise.study.formulas import RESERVED, formula_names

if TYPE_CHECKING:
    from slopewise.study.model import Study


def batch_rules(study: Study) -> Iterator[Finding]:
    """The batch is a column of its own that no other part of the growth model removes, too."""
    batch, growth, data = study.data.batch, study.growth, study.data
    if batch is None:
        return
    name, path = batch.column, ("data", "batch", "column")
    roles = {data.patient: "data.patient", data.time: "data.time", growth.weights: "growth.weights"}
    if name in roles:
        yield Finding(path, f"`{name}` is {roles[name]}, which is no batch; name another column")
    elif name in study.markers:
        yield Finding(path, f"`{name}` is a marker and no batch; name another column")
    elif name in RESERVED:
        yield Finding(path, f"the name `{name}` is reserved: it is {RESERVED[name]}; rename the column")
    try:
        formulas = {key: formula_names(getattr(growth, key)) for key in ("fixed", "random")}
    except ValueError:
        return  # reported with the formula
    for key, names in formulas.items():
        if name in names:
            yield Finding(path, f"`{name}` is in growth.{key} already; leave it out of one of the two")
    if study.effects != type(study.effects)():
        yield Finding(("data", "batch"), "batches are not removed from the models of `effects`; leave it out")
    if batch.method != "combat":
        return
    path = ("data", "batch", "method")
    if growth.engine != "slopewise":
        yield Finding(path, f"`combat` has no counterpart in growth.engine: {growth.engine}; use slopewise, or `fixed`")
    if growth.rows == "all":
        yield Finding(path, "`combat` learns from rows up to the landmark; leave out growth.rows: all, or use `fixed`")
    if growth.slope_of != "time":
        yield Finding(path, "`combat` is for slopes in time; leave out growth.slope_of, or use `fixed`")
    for key in ("residual_by", "weights"):
        if getattr(growth, key):
            yield Finding(path, f"`combat` makes all rows vary alike; leave out growth.{key}, or use `fixed`")
