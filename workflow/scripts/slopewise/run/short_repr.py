"""A short `repr` for what holds patients: kinds and sizes, never an identifier or a value.

A notebook prints whatever stands last in a cell, and a traceback what it was called with.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any


class ShortRepr:
    """Base of dataclasses that hold data (``@dataclass(repr=False)``): `repr` gives what `_facts` lists.

    By default that is every field: single settings and names as they are, of everything else its kind and its size.
    """

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={text}' for name, text in self._facts().items())})"

    def _facts(self) -> Mapping[str, str]:
        return {field.name: summary(getattr(self, field.name)) for field in fields(self)}  # type: ignore[arg-type]


def summary(value: Any) -> str:
    """A setting as it is; of a frame or an array its shape, of another collection its length."""
    if value is None or isinstance(value, bool | int | str):
        return repr(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    kind = type(value).__name__
    shape = getattr(value, "shape", None)
    if shape is not None:
        return f"<{kind} {' x '.join(map(str, shape)) or 'of one number'}>"
    if isinstance(value, Collection):
        return f"<{kind} of {len(value)}>"
    return f"<{kind}>"
