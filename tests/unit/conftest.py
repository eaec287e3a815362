"""A small study with invented results, as several tests of the report want it."""

from pathlib import Path

import pytest

from slopewise.report.material.frames import Frames
from slopewise.report.words.naming import Naming
from tests.unit.report.report_tables import Invented


@pytest.fixture(scope="module")
def invented() -> Invented:
    return Invented(dropped=("beta",), singular=("beta",))


@pytest.fixture(scope="module")
def results(invented, tmp_path_factory) -> Path:
    return invented.write(tmp_path_factory.mktemp("results") / "invented")


@pytest.fixture(scope="module")
def frames(results) -> Frames:
    return Frames.read(results)


@pytest.fixture(scope="module")
def naming(invented) -> Naming:
    return Naming(invented.study())
