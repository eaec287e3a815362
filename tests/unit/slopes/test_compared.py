"""Chunks of markers as files: what is read is what was written, and another file is one sentence."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from slopewise.run.errors import InputError
from slopewise.slopes.compared import read_chunk, write_chunk


def test_a_chunk_is_read_as_it_was_written_and_always_has_the_same_bytes(tmp_path: Path) -> None:
    frames = {
        "comparison": pd.DataFrame({"marker": ["a", "b"], "p_value": [0.1 + 0.2, float("nan")]}),
        "verdict": pd.DataFrame({"marker": ["a"], "singular": [True]}),
        "residuals": pd.DataFrame(),
    }
    write_chunk(frames, tmp_path / "1.growth.zip")
    found = read_chunk(tmp_path / "1.growth.zip")
    assert set(found) == {"comparison", "verdict"}, "a frame without rows has no types to keep"
    for name, frame in found.items():
        pd.testing.assert_frame_equal(frame, frames[name], check_exact=True)
    write_chunk(frames, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == (tmp_path / "1.growth.zip").read_bytes()


def test_a_file_that_is_no_chunk_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "1.growth.zip").write_text("nothing")
    with pytest.raises(InputError, match=r"1\.growth\.zip: .*Delete it and run the workflow again"):
        read_chunk(tmp_path / "1.growth.zip")
