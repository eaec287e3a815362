"""The section on filters prints what the tables of the filters say, and a leak before all else."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from slopewise.report.material.frames import Frames
from slopewise.report.sections.filters import FILTERS, SHOWN, filters_section
from slopewise.report.sections.order import ORDER, sections
from slopewise.report.templates.environment import environment
from slopewise.report.words.naming import Naming
from slopewise.slopes.filters.learn import STABILITY, SURVIVAL, WITHHELD
from slopewise.slopes.filters.steps import FILTERS as STEPS
from tests.unit.report.report_tables import Invented

MARKERS = tuple(f"m{k:02d}" for k in range(40))
SETS = [("crossfit", 0, 0), *(("validation", 1, fold) for fold in (1, 2, 3))]


@pytest.fixture(scope="module")
def filtered(results) -> tuple[Frames, Naming]:
    """40 markers: m00 represents 15 others, each of m20 to m31 another one; 12 have a slope, 10 to 13 in validation."""
    withheld, survival = [], []
    for place, key in enumerate(SETS):
        withheld += [(*key, f"m{k:02d}", "redundant", "marker", 0.95, 0.9, "m00") for k in range(1, 16)]
        if place == 0:
            withheld += [(*key, f"m{k:02d}", "redundant", "marker", 0.91, 0.9, f"m{k - 1:02d}") for k in range(21, 40)]
        survival.append((*key, "redundant", 0.9, 40, 25 - place, 100, 0, 0, "clean"))
        survival.append((*key, "slope_test", 0.1, 25 - place, 12 - 2 * (place == 1) + (place == 3), 100, 0, 0, "clean"))
    stability = [
        ("validation", "redundant", 3, 23.0, 0.81, 0.74, 0.88),
        ("validation", "slope_test", 3, 11.7, *[float("nan")] * 3),
    ]
    further = {
        "filters": pd.DataFrame(withheld, columns=WITHHELD),
        "filter_survival": pd.DataFrame(survival, columns=SURVIVAL),
        "filter_stability": pd.DataFrame(stability, columns=STABILITY),
    }
    frames = Frames.read(results)
    return replace(frames, further=frames.further | further), Naming(Invented(markers=MARKERS).study())


def text_of(frames: Frames, naming: Naming) -> str:
    section = filters_section(frames, naming)
    return " ".join(environment().get_template(section.template).render(c=section.context).split())


def test_every_filter_has_its_words():
    assert set(FILTERS) == {one.name for one in STEPS}


def test_the_sentences_hold_the_counts(filtered):
    text = text_of(*filtered)
    assert "Of 40 markers the filters left 25 for the models of the whole cohort, 12 of them with their slope." in text
    assert "in each of the 3 training sets" in text and "None of the 4 training sets held rows" in text


def test_the_tables_hold_filters_and_clusters(filtered):
    filters, clusters = filters_section(*filtered).context["tables"]
    assert [row[:5] for row in filters.rows] == [
        ["|Spearman correlation| of levels with another, at least 0.90", "marker", "40", "25", "22 to 24"],
        ["q-value of the random slope above 0.10", "slope", "25", "12", "10 to 13"],
    ]
    assert (filters.rows[0][5].text, filters.rows[1][5]) == ("0.81", "–") and "0.74" in filters.rows[0][5].note
    assert len(clusters.rows) == SHOWN and clusters.rows[0] == ["m00", "15", "m01, m02, m03 and 12 more"]
    assert "10 of 20" in clusters.caption


def test_a_leak_is_stated(filtered):
    frames, naming = filtered
    survival = frames.further["filter_survival"].copy()
    survival.loc[3, ["shared_patients", "verdict"]] = [1, "leak"]
    text = text_of(replace(frames, further=frames.further | {"filter_survival": survival}), naming)
    assert "In 1 case a filter saw a patient whom the model had to predict" in text and "None of" not in text


def test_without_filters_there_is_no_section(filtered, frames, naming):
    assert dict(ORDER)[filters_section](*filtered)
    assert "filters" not in [section.anchor for section in sections(frames, naming)]
