"""Every kind of outcome has its row in every part that decides by it, and nothing else decides by a kind's name."""

import ast
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest

from slopewise.cli.check.page import KIND_WORDS
from slopewise.cohort.people import OUTCOMES
from slopewise.outcome.fit import fit_outcome
from slopewise.outcome.learners import LEARNERS
from slopewise.report.words.kinds import WORDS
from slopewise.shipped.risks import PREDICTED
from slopewise.study.keys import Outcome
from slopewise.study.kinds import KINDS, Kind
from slopewise.study.rules_of_outcome import RULES
from slopewise.validate.measure import METRICS
from slopewise.validate.nested import nested
from slopewise.validate.performance import performance
from slopewise.validate.question import CLOCKS
from tests.contract.test_house import PACKAGE, ROOT
from tests.unit.outcome.ladder_tables import of_kind

EVERY_KIND: dict[str, dict[str, Any]] = {
    "study rules": RULES,
    "cohort": OUTCOMES,
    "report words": WORDS,
    "check": KIND_WORDS,
}
"""Parts that meet a study without an outcome too."""
OF_AN_OUTCOME: dict[str, dict[str, Any]] = {
    "learners": LEARNERS,
    "metrics": METRICS,
    "validation": CLOCKS,
    "predict": PREDICTED,
}
PARTS = EVERY_KIND | OF_AN_OUTCOME
MOST_LINES = 25


def faults(kinds: Mapping[str, Kind]) -> list[str]:
    """Rows that a part lacks, or has for a kind that is not registered."""
    found = []
    for part, rows in PARTS.items():
        needed = {name for name, kind in kinds.items() if kind.predicts or part in EVERY_KIND}
        found += [f"{part} has no row for the kind {name}" for name in sorted(needed - set(rows))]
        found += [f"{part} has a row for {name}, which is no kind" for name in sorted(set(rows) - set(kinds))]
    return found


def decisions(source: str) -> list[int]:
    """Lines of Python that compare a kind with something, or name `has_outcome`."""
    lines = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            sides += [side.value for side in sides if isinstance(side, ast.Attribute) and side.attr == "name"]
            names = [side.id if isinstance(side, ast.Name) else getattr(side, "attr", "") for side in sides]
            lines |= {node.lineno} if "kind" in names else set()
        elif isinstance(node, ast.Name | ast.Attribute):
            lines |= {node.lineno} if getattr(node, "id", getattr(node, "attr", "")) == "has_outcome" else set()
    return sorted(lines)


@pytest.fixture
def ordinal(monkeypatch: pytest.MonkeyPatch) -> str:
    """A kind that exists in this test alone, with a row in every part."""
    monkeypatch.setitem(KINDS, "ordinal", replace(KINDS["continuous"], name="ordinal"))
    for rows in PARTS.values():
        monkeypatch.setitem(rows, "ordinal", rows["continuous"])
    return "ordinal"


def test_every_kind_has_a_row_in_every_part():
    assert faults(KINDS) == []
    assert set(KINDS) == set(get_args(Outcome.model_fields["kind"].annotation))
    assert all(name == kind.name for name, kind in KINDS.items())


@pytest.mark.parametrize("part", PARTS)
def test_a_missing_row_is_reported_by_the_name_of_its_part(ordinal: str, part: str, monkeypatch: pytest.MonkeyPatch):
    assert faults(KINDS) == []
    monkeypatch.delitem(PARTS[part], ordinal)
    assert faults(KINDS) == [f"{part} has no row for the kind ordinal"]


def test_a_kind_with_its_rows_is_fitted_and_validated_without_further_change(ordinal: str):
    made = of_kind("continuous")
    study = made.study.model_copy(update={"outcome": made.study.outcome.model_copy(update={"kind": ordinal})})
    found = []
    for one in (made, made.change(study=study)):
        apparent = fit_outcome(*one.outcome).apparent
        predictions = nested(*one.validation).predictions
        found.append(performance(one.study, one.patients, predictions, apparent).performance)
    assert set(found[0]["metric"]) == {"r2", "rmse", "mae", "calibration_slope"}
    pd.testing.assert_frame_equal(*found)


def test_a_row_of_no_kind_is_reported(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(WORDS, "count", WORDS["continuous"])
    assert faults(KINDS) == ["report words has a row for count, which is no kind"]


def test_a_kind_names_metrics_that_its_row_measures_and_the_report_names():
    for name, kind in KINDS.items():
        assert set(WORDS[name].headlines) == set(kind.headlines), name
        assert kind.metric in kind.headlines if kind.predicts else kind.metric == ""
        assert kind.timed + kind.dichotomous + kind.numeric == kind.predicts, name


@pytest.mark.parametrize(("name", "informative"), [("survival", 70), ("binary", 30), ("continuous", 100), ("none", 0)])
def test_the_statistical_information_is_counted_by_kind(name: str, informative: int):
    assert KINDS[name].informative(70, 100) == informative


@pytest.mark.parametrize(
    ("settings", "causes", "horizons"),
    [
        (
            {"kind": "survival", "events": {1: "a", 2: "b"}, "competing": {3: "c"}, "horizons": [3, 5]},
            ("a or b", "c"),
            (3.0, 5.0),
        ),
        ({"kind": "binary", "column": "remission", "positive": "yes"}, ("remission: yes",), (np.nan,)),
        ({"kind": "continuous", "column": "score"}, ("score",), (np.nan,)),
        ({"kind": "none"}, (), (np.nan,)),
    ],
)
def test_causes_and_horizons_come_from_the_kind(settings: dict[str, Any], causes: tuple, horizons: tuple):
    outcome = Outcome.model_validate(settings)
    kind = KINDS[outcome.kind]
    assert kind.causes(outcome) == causes
    np.testing.assert_array_equal(kind.horizons(outcome), horizons)


def test_few_lines_of_the_package_compare_kinds():
    found = {
        str(file.relative_to(ROOT)): lines
        for file in sorted(PACKAGE.rglob("*.py"))
        if (lines := decisions(file.read_text(encoding="utf-8")))
    }
    assert sum(map(len, found.values())) <= MOST_LINES, found
    texts = [*PACKAGE.rglob("*.j2"), *(ROOT / "workflow" / "rules").glob("*.smk")]
    pattern = re.compile(r"\bkind(?:\.name)? *(?:[!=]=|not in\b|in\b *[(\[])|has_outcome")
    assert len(texts) > 20
    assert [file.name for file in texts if pattern.search(file.read_text(encoding="utf-8"))] == []
    assert pattern.search('{% if c.kind == "survival" %}') and not pattern.search("for kind in kinds(found)")


@pytest.mark.parametrize(
    "source",
    [
        'study.outcome.kind == "survival"',
        'naming.kind.name != "none"',
        'kind in ("binary", "none")',
        '"none" == kind',
        "study.has_outcome",
    ],
)
def test_a_decision_by_the_name_of_a_kind_is_found(source: str):
    assert decisions(f"x = 1\ny = {source}\n") == [2]
    assert decisions("y = [kind for kind in kinds]\nz = study.kind.timed\n") == []
