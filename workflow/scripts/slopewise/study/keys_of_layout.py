"""The keys of `data.layout`: which columns of a long or a wide table hold what."""

from __future__ import annotations

from slopewise.study.base import Keys, Name


class Layout(Keys):
    """A table of measurements that is long (a row per patient, time and parameter) or wide (a row per patient)."""

    parameter: Name | None = None
    """Of a long table: column with the parameter of the row; `markers.NAME.column` is then one of its codes.
    Example: `PARAMCD`"""
    value: Name | None = None
    """Of a long table: column with the value of the parameter. Example: `AVAL`"""
    unit: Name | None = None
    """Of a long table: column with the unit of the value; several units of a marker need `markers.NAME.units`.
    Example: `AVALU`"""
    wide: Name | None = None
    """Of a wide table: what the columns' names look like; `{marker}` stands for `markers.NAME.column`, `{time}` for a
    number in `data.time_unit` or one of `data.time_labels`. The times become the column `data.time`.
    Example: `"{marker}_{time}"`"""
