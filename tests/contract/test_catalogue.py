"""The catalogue of tables: each has a schema and a writer, and whatever lists tables follows from it.

Rules name no table that is not in it; docs/tables.md is as generated (``python -m slopewise.tables.docs --fix``).
"""

import ast
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from slopewise.report.material.frames import Frames
from slopewise.tables import catalogue, docs
from slopewise.tables import files as tables
from slopewise.tables.catalogue import Entry
from slopewise.tables.schema import FULL, TEXT, Schema
from tests.unit.report.report_tables import Invented

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "workflow" / "scripts"
COMMANDS = {"predict": SCRIPTS / "slopewise" / "cli" / "predict.py"}
INVENTED = Entry("outcome/invented", "validate_outcome", "Nothing that any study has.", of_outcome=True)
SCHEMA = Schema({"marker": TEXT, "value": FULL}, ("marker",))

# What a run makes besides tables, and the chunks of tables that it puts together.
NO_TABLES = re.compile(
    r"(?:logs|timings|work)/.*|(?:provenance|rigour|run|model|outcome/models)\.json|(?:report|report-patients|landmarks)\.html"
)


def written_schemas(source: str) -> list[str]:
    """Patterns of the names of schemas that calls of `tables.write` give as the second argument."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "tables.write":
            name = node.args[1]
            if isinstance(name, ast.Constant):
                found.append(re.escape(str(name.value)))
            elif isinstance(name, ast.JoinedStr):
                parts = (re.escape(str(p.value)) if isinstance(p, ast.Constant) else "[a-z_]+" for p in name.values)
                found.append("".join(parts))
    return found


def without_writer(entries: tuple[Entry, ...]) -> list[str]:
    """Tables whose step has no script, or one that does not write them."""
    found = []
    for one in entries:
        for step in filter(None, (one.step, one.without_outcome)):
            script = COMMANDS.get(step, SCRIPTS / f"{step}.py")
            names = written_schemas(script.read_text(encoding="utf-8")) if script.is_file() else []
            if not any(re.fullmatch(name, one.schema_name) for name in names):
                found.append(f"{step} does not write {one.name}")
    return found


def test_every_table_has_a_schema_and_a_writer() -> None:
    assert catalogue.faults(tables.TABLES) == []
    assert without_writer(catalogue.TABLES) == []


def test_a_table_without_a_writer_is_named() -> None:
    invented = replace(INVENTED, step="no_such_step")
    assert without_writer((INVENTED,)) == ["validate_outcome does not write outcome/invented"]
    assert without_writer((invented,)) == ["no_such_step does not write outcome/invented"]
    assert written_schemas('tables.write(a, f"growth/{name}", b)\ntables.write(a, "folds", b)\nwrite(a, "x")') == [
        "growth/[a-z_]+",
        "folds",
    ]


def test_an_entry_without_a_schema_and_the_reverse_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    schemas = {*tables.TABLES, "outcome/orphan"}
    assert catalogue.faults(schemas) == ["the schema outcome/orphan has no table"]
    monkeypatch.setattr(catalogue, "TABLES", (*catalogue.TABLES, INVENTED))
    assert catalogue.faults(tables.TABLES) == ["outcome/invented has no schema outcome/invented"]
    monkeypatch.setattr(catalogue, "TABLES", (*catalogue.TABLES, INVENTED))
    twice = catalogue.faults({*tables.TABLES, "outcome/invented"})
    assert "outcome/invented stands twice" in twice and "frame invented stands twice" in twice


def test_tables_that_name_patients_are_those_with_a_column_of_patients() -> None:
    with_column = {one.name for one in catalogue.TABLES if "patient" in tables.TABLES[one.schema_name].columns}
    assert {one.name for one in catalogue.TABLES if one.names_patients} == with_column
    assert len(with_column) > 5


def test_rules_name_no_other_table() -> None:
    named = set()
    for file in sorted((ROOT / "workflow/rules").glob("*.smk")):
        code = "\n".join(line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
        named |= set(re.findall(r'results/\{{1,2}study\}{1,2}/([^"]+)"', code))
        named |= set(re.findall(r'at_each_landmark\("([^"]+)"\)', code))
    assert {"folds.parquet", "provenance.json"} <= named
    files = {file for one in catalogue.TABLES for file in one.files.values()}
    assert {name for name in named if not NO_TABLES.fullmatch(name)} - files == {"{name}", "{file}"} & named


def test_the_page_of_tables_is_as_generated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert docs.main(["--check"]) == 0, "run: python -m slopewise.tables.docs --fix"
    monkeypatch.setattr(docs, "DOCS", tmp_path)
    assert docs.main(["--check"]) == 1
    assert "tables.md is out of date" in capsys.readouterr().err
    assert docs.main(["--fix"]) == 0
    assert docs.main(["--check"]) == 0


def test_a_new_table_is_in_the_frames_and_on_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Invented(patients=30).write(tmp_path)
    monkeypatch.setattr(catalogue, "TABLES", (*catalogue.TABLES, INVENTED))
    monkeypatch.setitem(tables.TABLES, INVENTED.name, SCHEMA)
    frame = pd.DataFrame({"marker": ["alpha"], "value": [1.5]})
    tables.write(frame, INVENTED.name, tmp_path / INVENTED.file)
    assert Frames.read(tmp_path).further["invented"]["value"].tolist() == [1.5]
    assert "## outcome/invented\n\nNothing that any study has. Keys: `marker`" in docs.text()


def test_a_new_table_is_among_the_files_of_the_rules(tmp_path: Path) -> None:
    """The workflow with one entry more: the table is made, digested and read, for a study with an outcome alone."""
    shutil.copytree(ROOT / "workflow", tmp_path / "workflow", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "config", tmp_path / "config")
    shutil.copy(ROOT / "Snakefile", tmp_path)
    (tmp_path / "data").symlink_to(ROOT / "data")
    with (tmp_path / "workflow/scripts/slopewise/tables/catalogue.py").open("a", encoding="utf-8") as file:
        file.write(f"\nTABLES = (*TABLES, {INVENTED!r})\n")
    for file in (tmp_path / "workflow/rules").glob("*.smk"):  # a dry run shows the files of rules without a message
        file.write_text(re.sub(r" {4}message:\n.*\n", "", file.read_text(encoding="utf-8")), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "1", "--workflow-profile", "none"]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    ended = subprocess.run(
        [*command, "--config", "studies=[pbc,sleepstudy]"],
        cwd=tmp_path, capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    parts = re.findall(r"^rule (\w+):\n    input: (.*)\n    output: (.*)$", ended.stdout + ended.stderr, re.MULTILINE)
    file = "results/pbc/outcome/invented.csv"
    assert [rule for rule, _, made in parts if file in made.split(", ")] == ["validate_outcome"]
    assert sorted(rule for rule, read, _ in parts if file in read.split(", ")) == ["record_run", "render_report"]
    assert len([rule for rule, *_ in parts if rule == "record_run"]) == 2
    assert "results/sleepstudy/outcome/invented.csv" not in ended.stdout + ended.stderr
