"""The margin of the overall risk is reported only where it exceeds its limit, and in digits that show it."""

from types import SimpleNamespace

import pytest

from slopewise.outcome.sample_size import SampleSize, shortfalls
from slopewise.study.kinds import KINDS


@pytest.mark.parametrize(
    ("margin", "shown"), [(0.0502, ""), (0.0504, ""), (0.0512, "± 0.051 "), (0.0549, "± 0.055 "), (0.112, "± 0.11 ")]
)
def test_a_margin_is_never_printed_as_its_own_limit(margin: float, shown: str) -> None:
    study = SimpleNamespace(kind=KINDS["survival"])
    size = SampleSize(2, 900, 300, 400, 100, margin)
    found = shortfalls(study, {"slope": 2}, 300, size)
    assert len(found) == (1 if shown else 0)
    assert all(shown in text and "ask for at most ± 0.05)" in text for text in found)
