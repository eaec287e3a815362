"""The section on an interruption: pictures of single units, unnamed in the report and named on the page of patients."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slopewise.effects.series.estimate import estimate_interruption
from slopewise.report.sections.interruption import EACH, by_effect, courses_of_all, interruption_section
from slopewise.report.templates.environment import environment
from slopewise.report.words.naming import Naming
from slopewise.tables import files as tables
from slopewise.tables.of_effects import OF_EFFECTS
from tests.unit.effects.series.interrupted import rows_of, series
from tests.unit.report.report_tables import SomeFrames

pytestmark = pytest.mark.drawn


@pytest.fixture(scope="module")
def made() -> tuple[Any, Naming]:
    rows = rows_of(series(units=16, controls=3, seed=5), horizons=[2])
    found = estimate_interruption(rows, "y", np.random.default_rng(1), 1)
    further = {}
    for name, table in OF_EFFECTS.items():
        short = name.removeprefix("effects/")
        frame = found.get(short, pd.DataFrame())
        empty = pd.DataFrame(columns=list(table.columns))
        further[f"effects_{short}"] = tables.check(frame.assign(marker="y") if len(frame) else empty, name)
    return SomeFrames(further=further), Naming(rows.study)


def test_units_are_spread_evenly_over_the_ranks_of_their_effects() -> None:
    effects = pd.DataFrame({"patient": list("abcdefghijk"), "estimate": np.arange(11.0)[::-1]})
    assert by_effect(effects, 3) == [(1, "k"), (6, "f"), (11, "a")]
    assert by_effect(effects.head(2), 9) == [(1, "b"), (2, "a")]


def test_the_report_has_courses_of_units_without_their_names(made: tuple[Any, Naming]) -> None:
    section = interruption_section(*made)
    page = environment().get_template(section.template).render(c=section.context)
    assert page.count("expected are") == EACH and "rank 1 of 13" in page and "rank 13 of 13" in page
    assert not re.search(r"u0[01]\d", page)
    assert "9 of the 13 patients with an interruption" in " ".join(page.split())


def test_the_page_of_patients_names_every_unit_with_an_interruption(made: tuple[Any, Naming]) -> None:
    picture = courses_of_all(*made)
    assert picture is not None and len(picture.panels) == 13
    curves = made[0].further["effects_curves"]
    own = curves[curves["patient"] == "u007"].sort_values("time").iloc[-1]
    panel = next(panel for panel in picture.panels if "u007: y" in panel)
    numbers = f"{own['fitted']:.3g}, and {own['without']:.3g} without the interruption"
    assert numbers in panel and f"{own['since']:.3g} after the interruption" in panel
    assert not any("u001" in panel for panel in picture.panels)  # a control
