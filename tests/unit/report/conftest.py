"""Reports of invented studies: tests of pages draw figures, of the same arguments once; most others need none."""

from collections.abc import Iterator

import pytest

from slopewise.figures.canvas import without_drawing
from tests.drawings import remembered


@pytest.fixture(scope="module", autouse=True)
def figures(request: pytest.FixtureRequest) -> Iterator[None]:
    """Figures are drawn for the tests of pages, and of a module with the mark ``drawn``."""
    is_of_pages = request.path.parent.name == "pages"
    with remembered() if is_of_pages or request.node.get_closest_marker("drawn") else without_drawing():
        yield
