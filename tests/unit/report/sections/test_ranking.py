"""Many markers are ranked by what the tables say, and the first page says how many the model keeps."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from slopewise.report.material.frames import Frames
from slopewise.report.sections.order import ORDER
from slopewise.report.sections.ranking import kept_sentence, ranking, ranking_section
from slopewise.report.sections.summary import summary
from slopewise.report.templates.environment import environment
from slopewise.report.words.naming import Naming
from slopewise.slopes.filters.learn import SURVIVAL, WITHHELD
from tests.unit.report.report_tables import CAUSE, Invented

pytestmark = pytest.mark.drawn

MARKERS = tuple(f"m{number:02d}" for number in range(30))


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> tuple[Frames, Naming]:
    """30 markers: p rises from the last to the first, m00 has no estimate; filters leave m29 in 1 of 2 sets; the model
    has m29 with its slope and m28 with its level."""
    invented = Invented(patients=40, markers=MARKERS)
    frames = Frames.read(invented.write(tmp_path_factory.mktemp("many")))
    p = np.array([math.nan, *np.linspace(0.9, 0.001, 29)])
    associations = pd.DataFrame(
        {"marker": MARKERS, "cause": CAUSE, "estimate": 0.5, "se": 0.2, "df": math.inf, "p_value": p, "q_value": p}
    )
    associations.loc[0, "estimate"] = math.nan
    survival = [("validation", 1, fold, "redundant", 0.9, 30, 29, 30, 0, 0, "clean") for fold in (1, 2)]
    withheld = [("validation", 1, 1, "m29", "redundant", "marker", 0.95, 0.9, "m28")]
    further = frames.further | {
        "associations": associations,
        "filter_survival": pd.DataFrame(survival, columns=SURVIVAL),
        "filters": pd.DataFrame(withheld, columns=WITHHELD),
    }
    coefficients = frames.coefficients.copy()
    coefficients["penalty"] = 0.1
    kept = coefficients["term"].isin(["m29.slope", "m29.level", "m28.level", "age"])
    coefficients.loc[~kept, "estimate"] = 0.0
    return replace(frames, further=further, coefficients=coefficients), Naming(invented.study())


def test_a_study_of_many_markers_has_the_section(many):
    assert dict(ORDER)[ranking_section](*many)


def test_the_order_is_that_of_the_association_and_missing_ones_come_last(many):
    ranked = ranking(many[0])
    assert ranked["marker"].tolist() == [*reversed(MARKERS[1:]), "m00"]
    assert ranked.loc[0, ["kept", "in_model", "level_in_model"]].tolist() == [0.5, True, True]
    assert ranked.loc[1, ["kept", "in_model", "level_in_model"]].tolist() == [1.0, False, True]


def test_the_table_has_ratios_with_intervals_and_what_the_model_has(many):
    table = ranking_section(*many).context["table"]
    first, last = table.rows[0], table.rows[-1]
    assert (first[0], first[1], first[-1]) == ("m29", "1", "level and slope") and last[-1] == "no"
    assert (first[4].text, first[4].note) == ("1.65", "1.11 to 2.44")  # exp(0.5), exp(0.5 ± 1.96 × 0.2)
    assert "kept by filters" in table.columns and "kept by halves" not in table.columns
    assert first[table.columns.index("kept by filters")] == "50%" and last[4] == "–"


def test_the_sentences_count_what_the_tables_hold(many):
    section = ranking_section(*many)
    text = " ".join(environment().get_template(section.template).render(c=section.context).split())
    called = int((many[0].further["associations"]["q_value"] < 0.05).sum())
    assert f"For {called} of 29 the slope is associated with the outcome" in text and called > 0
    assert "the slopes of 1 and the levels of 2 of 30 markers" in text
    assert "29 markers, log hazard ratio per SD" in text and text.count("<svg") == 2


def test_the_first_page_says_how_many_markers_the_model_keeps(many):
    frames, naming = many
    assert (
        kept_sentence(frames, naming) == "Of 30 markers the model of level and slope keeps 2, 1 of them with the slope."
    )
    assert summary(frames, naming)["kept"] == kept_sentence(frames, naming)
    nothing = frames.coefficients.assign(estimate=0.0)
    said = kept_sentence(replace(frames, coefficients=nothing), naming)
    assert said == "Of 30 markers none was kept in the model of level and slope."


def test_few_markers_are_not_ranked(frames, naming):
    assert kept_sentence(frames, naming) == ""
    assert not dict(ORDER)[ranking_section](frames, naming)
