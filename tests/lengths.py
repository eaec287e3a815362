"""Tests of two lengths: a short form in ``make test``, the whole of it in ``make test-long``."""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")

LONG = os.environ.get("LONG") == "all"
"""Whether the tests run at their whole length."""


def of_length(short: T, long: T) -> T:
    """What a test takes of two: examples, data sets, markers."""
    return long if LONG else short
