"""The cut-down PBC study for tests to change, and its results as it is."""

from pathlib import Path

import pytest

from tests.workflow.running import Tables, made_once, pbc_part, run_plain


@pytest.fixture
def pbc() -> Tables:
    """A fresh copy of the cut-down PBC study, for a test to change."""
    return pbc_part()


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the cut-down study as it is, run step by step to its report."""
    folder = made_once(tmp_path_factory, "plain", run_plain)
    return folder / "results"
