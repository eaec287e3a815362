"""Facts for an appraisal: every part and domain has them, with the figures of the tables, and measures are found."""

from dataclasses import replace

import pytest

from slopewise.report.material.frames import Frames
from slopewise.report.sections.order import sections
from slopewise.report.words.appraisal import DEVELOPMENT, EVALUATION, PREDICTORS, domain_facts, essential_measures
from slopewise.report.words.naming import Naming
from tests.unit.report.report_tables import Invented


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    invented = Invented(gain=(0.025, 0.010, 0.041))
    return Frames.read(invented.write(tmp_path_factory.mktemp("appraisal"))), Naming(invented.study())


def test_both_parts_have_facts_in_four_domains(made):
    facts = domain_facts(*made)
    assert [part for part, _ in facts] == [DEVELOPMENT] * 4 + [EVALUATION] * 4 and all(facts.values())
    assert len({domain for _, domain in facts}) == 4
    assert all(words.endswith(".") and ".." not in words for words in facts.values())


def test_a_fit_that_shares_a_patient_with_whom_it_scored_is_counted(made):
    frames, naming = made
    words = domain_facts(frames, naming)[EVALUATION, PREDICTORS]
    assert words == f"Of {len(frames.audit)} audited fits, 0 had a patient in common with those whom it scored; " \
        "rows after the landmark in them: 0."  # fmt: skip
    leaky = frames.audit.copy()
    leaky.loc[leaky.index[:2], "shared_patients"] = 3
    assert ", 2 had a patient in common" in domain_facts(replace(frames, audit=leaky), naming)[EVALUATION, PREDICTORS]


def test_measures_are_in_sections_that_the_report_has(made):
    frames, naming = made
    titles = {section.title for section in sections(frames, naming)}
    for where in essential_measures(naming).values():
        assert where.split("“")[1].rstrip("”") in titles, where
