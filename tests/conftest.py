"""What every test may use. Before NumPy and numba are imported, they get the settings of the workflow's own jobs."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from slopewise.run.threads import limit_threads

ROOT = Path(__file__).resolve().parents[1]

os.environ["MPLBACKEND"] = "Agg"
limit_threads(4)  # BLAS one thread, as in the workflow; numba up to four, so that tests can vary their number

# Compiling with numba takes seconds, once: a deadline would blame whichever example comes first.
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")

import tests.drawings  # noqa: E402, F401 (before any figure is imported, and after the threads are limited)
from tests import servers  # noqa: E402

SLOWEST = (
    "workflow/test_workflow.py",
    "workflow/test_five_minutes.py",
    "workflow/test_landmarks.py",
    "workflow/test_crash.py",
    "browser/test_report_in_a_browser.py",
    "workflow/test_landmark.py",
    "workflow/test_every_kind.py",
    "unit/report/pages/test_study.py",
    "unit/growth/test_engines.py",
    "workflow/test_kinds.py",
    "workflow/test_database.py",
    "unit/cli/test_figures.py",
    "workflow/test_growth_study.py",
    "unit/shipped/test_predict.py",
    "unit/test_validity.py",
    "unit/growth/engine/test_random.py",
    "unit/report/sections/test_population.py",
    "workflow/test_pbc.py",
    "workflow/test_cases.py",
)
"""The files that take longest, from longest: they start first, so that no process is left alone with one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files in the order of `SLOWEST`, then the others; the tests of a file stay as they are."""
    rank = {ROOT / "tests" / name: place for place, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: rank.get(item.path, len(SLOWEST)))


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def package() -> Path:
    """The folder of the package `slopewise`."""
    return ROOT / "workflow" / "scripts" / "slopewise"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[servers.Server]:
    """A server of PostgreSQL for all tests that need one; each has tables of its own."""
    if servers.programs() is None:
        pytest.skip(servers.MISSING)
    with servers.postgresql() as found:
        yield found


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of numbers that other programs computed, each beside the script that made it."""
    return ROOT / "tests" / "golden"
