"""The options `--delimiter`, `--decimal` and `--encoding` of commands that read tables."""

from __future__ import annotations

from typing import get_args

from slopewise.run.errors import InputError
from slopewise.study.keys import Data


def check_dialect(delimiter: str, decimal: str, encoding: str) -> None:
    """Raise `InputError` for an option that no file can be read with; ``auto`` is told from the files."""
    for key, value in (("delimiter", delimiter), ("decimal", decimal)):
        known = get_args(Data.model_fields[key].annotation)
        if value not in known:
            choices = ", ".join(repr(one) for one in known if one != "auto")
            raise InputError(f"--{key} {value[:40]!r}: must be one of {choices}; leave it out to have it detected")
    try:
        if encoding != "auto":
            "".encode(encoding)
    except (LookupError, ValueError):
        raise InputError(
            f"--encoding {encoding[:40]!r}: unknown; for example utf-8, latin-1 or cp1252, or leave it out to have it "
            "detected"
        ) from None
