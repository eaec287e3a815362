"""What is generated from the models is in step with them, and says only what the models do."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from slopewise.study import docs as study_docs
from slopewise.study.model import Study
from slopewise.study.strict_yaml import read_document

PBC = (study_docs.CONFIG / "studies" / "pbc.yaml").read_bytes()
PATTERNS = {"albumin": {"pattern": "original_*"}}
"""A group of `features` with nothing but what it needs; NAME is albumin in the paths of keys."""
DATABASE = {"database": "postgresql", "url_env": "TRIAL_DATABASE", "query": "visits.sql"}
TABLES = ("measurements", "patients", "subjects")
"""Keys of `data` whose value is a file, as in PBC, or a database with keys that it needs together."""
NEEDED = {"interruption": {"at": 5}, "treatment_over_time": {"column": "drug", "confounders": ["ascites"]}}
"""Kinds of effects with what they need."""
KEYS = {key.path: key for key in study_docs.every_key()}


def test_generated_files_are_in_step_with_the_models() -> None:
    assert study_docs.main(["--check"]) == 0, "run: python -m slopewise.study.docs --fix"


def test_check_notices_a_file_out_of_step_and_fix_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "pbc.yaml").write_bytes(PBC)
    monkeypatch.setattr(study_docs, "CONFIG", tmp_path)
    assert study_docs.main(["--check"]) == 1
    assert "README.md is out of step" in capsys.readouterr().err
    assert study_docs.main(["--fix"]) == 0
    assert study_docs.main(["--check"]) == 0
    (tmp_path / "study.schema.json").write_text("{}")
    assert study_docs.main(["--check"]) == 1


def leaves(model: Any, place: str = "") -> list[str]:
    """Every key whose value is not a part with keys of its own (or may be something else besides)."""
    found = []
    for name, field in model.model_fields.items():
        inner, named = study_docs.inner_model(field.annotation)
        if inner is None or not field.is_required() or field.annotation is not inner:
            found.append(f"{place}{name}")
        if inner is not None:
            found += leaves(inner, f"{place}{name}.NAME." if named else f"{place}{name}.")
    return found


def test_every_key_has_a_meaning_and_an_example() -> None:
    parts = {"growth", "crossfit", "validation", "report", "markers", "features", "filters", "effects", "bayes"}
    assert set(KEYS) == set(leaves(Study)) - parts
    assert all(len(key.meaning) > 10 and key.kind and key.default for key in KEYS.values())


@pytest.mark.parametrize("path", KEYS)
def test_the_example_of_a_key_is_taken_by_it(path: str) -> None:
    content = {**copy.deepcopy(read_document(PBC).content), "features": copy.deepcopy(PATTERNS)}
    place = content
    *parents, last = path.replace("NAME", "albumin").split(".")
    for depth, parent in enumerate(parents, start=1):
        if not isinstance(place.get(parent), dict):
            part = KEYS.get(".".join(parents[:depth]))  # a part with keys that it needs, as a whole
            example = read_document(f"key: {part.example}".encode()).content["key"] if part else {}
            needed = copy.copy(DATABASE) if parents[:depth] in [["data", table] for table in TABLES] else {}
            place[parent] = example if isinstance(example, dict) else needed
        place = place[parent]
    place[last] = read_document(f"key: {KEYS[path].example}".encode()).content["key"]
    Study.model_validate(content)


@pytest.mark.parametrize("path", KEYS)
def test_the_default_in_the_table_is_the_one_that_is_used(path: str) -> None:
    expected = KEYS[path].default.strip("`")
    kind = next((name for name in NEEDED if path.startswith(f"effects.{name}.")), "")
    asked = {"effects": {kind: NEEDED[kind]}} if kind else {}
    given = {**copy.deepcopy(read_document(PBC).content), "features": PATTERNS, **asked}
    for table in TABLES:
        if path.startswith(f"data.{table}."):
            given["data"][table] = DATABASE
    if path.startswith("data.batch."):
        given["data"]["batch"] = {"column": "scanner"}
    node: Any = Study.model_validate(given)
    if expected in ("required", "–") or path.startswith(("markers.NAME.fast_change.", "bayes.priors.NAME.")):
        return
    for part in path.replace("NAME", "albumin").split("."):
        node = getattr(node, part) if not isinstance(node, dict) else node[part]
    content = read_document(PBC).content
    for part in path.replace("NAME", "albumin").split("."):
        content = content.get(part) if isinstance(content, dict) else None
    if content is None:  # the PBC study leaves it at its default
        as_text = f"{node:g}" if isinstance(node, float) else str(node)
        if isinstance(node, tuple) and len(node) > 1:
            as_text = f"[{', '.join(map(str, node))}]"
        shown = {"('0',)": "0", "()": "[]", "True": "true", "False": "false", "": '""'}.get(str(node), as_text)
        assert shown == expected


def test_the_schema_takes_the_pbc_study_and_refuses_an_unknown_key() -> None:
    schema = json.loads(study_docs.schema())
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    # JSON has text keys only: an editor sees the code 1 as "1".
    content = json.loads(json.dumps(read_document(PBC).content))
    validator.validate(content)
    content["outcome"]["censored"] = [0, "alive"]
    validator.validate(content)
    content["data"]["centr"] = "x"
    assert [error.validator for error in validator.iter_errors(content)] == ["additionalProperties"]
