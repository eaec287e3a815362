"""Words that sentences for users do not use: report, pages, captions, errors, `check` and the study file's keys.

Plain standard terms: results are "reported" or "shown", models "imply", intervals "include" a value.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

JARGON = {
    r"\btold\b": "reported, given",
    r"\b(is|are|was|were|be) said\b": "stated, reported",
    r"\b(?:of|have|has|with) (?:\w+ )?(?:its|their|one’s|one's) own\b(?! (?:measurements|rows|values|line|standard))": (
        "separate, patient-specific"
    ),
    r"\bof (?:their|his|her) own\b": "patient-specific, separate",
    r"\binterval holds\b": "the interval includes",
    r"\bleaves? room for\b": "is compatible with, includes",
    r"\bcome true\b": "are calibrated",
    r"\bslopes that carry nothing\b": "uninformative slopes",
    r"\bgoes? with how\b": "is associated with",
    r"\bfitted on everybody\b": "fitted to all patients",
    r"\brandom (?:slope|intercept)(?: alone)? says\b": "implies",
    r"\bfor normal\b": "assumes normally distributed",
    r"(?i)\bharms?\b": "is associated with a lower value: no table tests a cause",
}
"""What is not written, as a pattern, and what stands in its place."""


@cache
def sentences(package: Path) -> list[tuple[str, str]]:
    """What `read` finds."""
    return list(read(package))


def read(package: Path) -> Iterator[tuple[str, str]]:
    """Every text of the package that a user may read, with its place: strings but docstrings, and templates."""
    for file in sorted(package.rglob("*.py")):
        name = file.relative_to(package).as_posix()
        tree = ast.parse(file.read_text(encoding="utf-8"))
        silent = {
            id(line.value)
            for node in ast.walk(tree)
            if hasattr(node, "body") and isinstance(node.body, list)
            for line in node.body
            if isinstance(line, ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
                yield f"{name}:{node.lineno}", node.value
    for file in sorted(package.rglob("*.j2")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            yield f"{file.relative_to(package).as_posix()}:{number}", re.sub(r"\{[{%].*?[%}]\}", "", line)


@pytest.mark.parametrize("pattern", JARGON)
def test_sentences_use_standard_terms(package: Path, pattern: str) -> None:
    found = [f"{place}: {text[:120]}" for place, text in sentences(package) if re.search(pattern, text)]
    assert not found, f"write: {JARGON[pattern]}"


def test_the_report_s_sentences_are_read(package: Path) -> None:
    """The texts are found: a sentence of a template, one of a section, and one of an error."""
    texts = [text for _, text in sentences(package)]
    for part in ("A mixed model assumes that missing visits", "Terms kept most often", "are not read ("):
        assert any(part in text for text in texts), part
