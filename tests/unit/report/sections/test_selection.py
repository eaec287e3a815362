"""The section on the stability of a selection prints what its tables say."""

from dataclasses import replace

import numpy as np
import pytest

from slopewise.report.material.frames import Frames
from slopewise.report.sections.order import sections
from slopewise.report.sections.selection import measures, selection_section
from slopewise.report.templates.environment import environment
from slopewise.report.words.naming import Naming
from slopewise.validate.stability import selection_table, stability_table
from tests.unit.report.report_tables import CAUSE, Invented


@pytest.fixture(scope="module")
def penalised(results) -> tuple[Frames, Naming]:
    """The invented study, as if halves of its patients had been examined."""
    invented = Invented(keys={"outcome.penalty": "group", "outcome.stability": 30})
    terms = {"level": ("age", "alpha.level"), "slope": ("age", *(f"alpha.{q}" for q in ("level", "slope")))}
    rng = np.random.default_rng(1)
    kept = {step: rng.random((60, len(names))) < np.linspace(0.1, 0.9, len(names)) for step, names in terms.items()}
    risk = {step: rng.random((30, 50)) for step in terms}
    tables = selection_table(terms, kept, CAUSE), stability_table(kept, risk, CAUSE)
    found = replace(Frames.read(results), selection=tables[0], stability=tables[1])
    return found, Naming(invented.study())


def test_terms_stand_in_the_order_of_their_frequency(penalised):
    section = selection_section(*penalised)
    table = section.context["tables"][0]
    assert table.name == "selection-slope" and [line[3] for line in table.rows] == ["yes", "no", "no"]
    shown = [float(line[1].rstrip("%")) for line in table.rows]
    assert shown == sorted(shown, reverse=True)
    selection = penalised[0].selection.query("predictors == 'slope'")
    assert shown[0] == pytest.approx(100 * selection["frequency"].max(), abs=0.5)


def test_the_sentences_hold_the_measures(penalised):
    frames, naming = penalised
    found = measures(frames, "slope")
    value = frames.stability.query("predictors == 'slope'").set_index("measure")["value"]
    assert found["halves"] == 60 and found["terms"] == 3 and found["stable"] == value["stable"]
    section = selection_section(frames, naming)
    text = environment().get_template(section.template).render(c=section.context)
    assert "two halves 30 times" in text and f"stability index of Nogueira is {value['nogueira']:.2f}" in text
    assert "is not informative" in text  # three terms, most of them kept


def test_without_halves_there_is_no_section(penalised, frames, naming):
    assert "selection" in [section.anchor for section in sections(*penalised)]
    assert "selection" not in [section.anchor for section in sections(frames, naming)]
