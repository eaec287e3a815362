"""The section on the stability of a selection prints what its tables say."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from slopewise.report.material.frames import Frames
from slopewise.report.sections.coefficients import coefficient_table, penalty_sentences
from slopewise.report.sections.order import sections
from slopewise.report.sections.selection import measures, selection_section
from slopewise.report.sections.slopes import shown_patients
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
    assert "which is not informative here" in text  # three terms, most of them kept


def test_without_halves_there_is_no_section(penalised, frames, naming):
    assert "selection" in [section.anchor for section in sections(*penalised)]
    assert "selection" not in [section.anchor for section in sections(frames, naming)]


def test_of_a_large_penalised_model_the_terms_that_it_keeps_are_shown(results):
    markers = tuple(f"m{i:02d}" for i in range(45))
    invented = Invented(markers=markers, keys={"outcome.penalty": "elastic_net"})
    naming = Naming(invented.study())
    terms = ["age", "sex[m]", *(f"{marker}.level" for marker in markers), *(f"{marker}.slope" for marker in markers)]
    rows = [
        (term, scale, 0.3 if term in ("m07.level", "m07.slope") else 0.0) for term in terms for scale in ("unit", "sd")
    ]
    table = pd.DataFrame(rows, columns=["term", "scale", "estimate"]).assign(
        predictors="slope", cause=CAUSE, ratio=1.0, penalty=0.1, selected=np.nan, se=np.nan, p_value=np.nan,
        ci_low=np.nan, ci_high=np.nan, ci_low_bootstrap=np.nan, ci_high_bootstrap=np.nan,
    )  # fmt: skip
    frames = replace(Frames.read(results), coefficients=table)
    shown = coefficient_table(frames, naming, "slope")
    assert [line[0].text for line in shown.rows][2:] == ["m07, level", "m07, slope"]
    assert "(4 of 92 terms;" in shown.caption
    assert penalty_sentences(frames, naming)[0] == "The model of level and slope keeps 2 of 92 terms."
    none = replace(frames, coefficients=table.assign(estimate=0.0))
    assert penalty_sentences(none, naming)[0].startswith("No predictor was kept in the model of level and slope:")


def test_of_many_patients_and_several_markers_a_random_sample_is_drawn(tmp_path):
    invented = Invented(patients=300, markers=tuple(f"m{number:02d}" for number in range(14)))
    frames = Frames.read(invented.write(tmp_path))
    sample, words = shown_patients(frames, Naming(invented.study()))
    assert len(sample) == 200 and words.strip() == "A random sample of 200 patients is shown."
