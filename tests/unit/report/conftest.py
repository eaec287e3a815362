"""Reports of invented studies: most of their figures are the same from test to test, and drawn once."""

from collections.abc import Iterator

import pytest

from tests.drawings import remembered


@pytest.fixture(scope="module", autouse=True)
def drawn_once() -> Iterator[None]:
    """Figures of the same arguments are drawn once."""
    with remembered():
        yield
