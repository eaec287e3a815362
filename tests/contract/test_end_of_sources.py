"""Nothing after the cohort reads the user's files: the same cohort gives the same results, whatever they were."""

import ast
import re
from pathlib import Path

RULE = re.compile(r"^rule (\w+):\n((?:^(?:[ \t].*)?\n)+)", re.M)
READ = {"prepare_cohort", "record_run"}
"""The rules that take the user's files: the first makes the cohort of them, the last takes their digests."""


def takers(rules: str) -> set[str]:
    """The rules of a file whose input, or anything else, names the user's files or their folder."""
    return {name for name, body in RULE.findall(rules) if re.search(r"data_files|study_folders|input_digests", body)}


def callers(source: str) -> set[str]:
    """The functions of `sources` that read files, among those that a module calls."""
    called = {
        node.func.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and hasattr(node.func, "id")
    }
    return called & {
        "read_table",
        "read_patients",
        "measurements_of",
        "patients_of",
        "prepare_cohort",
        "prepare_checked",
    }


def test_two_rules_take_the_files(root: Path) -> None:
    text = "\n".join(file.read_text() for file in sorted((root / "workflow" / "rules").glob("*.smk")))
    assert len(RULE.findall(text)) > 10 and takers(text) == READ
    assert takers("rule fit:\n    input:\n        unpack(data_files),\n") == {"fit"}


def test_two_scripts_know_where_the_files_are(root: Path) -> None:
    scripts = {file.stem: file.read_text() for file in (root / "workflow" / "scripts").glob("*.py")}
    assert {name for name, text in scripts.items() if "study_folders" in text} == READ
    assert {name for name, text in scripts.items() if callers(text)} == {"prepare_cohort"}


def test_no_package_behind_the_cohort_reads_them(root: Path) -> None:
    package = root / "workflow" / "scripts" / "slopewise"
    found = {file.relative_to(package).parts[0] for file in package.rglob("*.py") if callers(file.read_text())}
    assert found == {"sources", "cohort", "cli", "validate"}
    # What asks before the cohort is written whether the study can run:
    assert {file.stem for file in (package / "validate").glob("*.py") if callers(file.read_text())} == {"feasible"}
    assert callers("read_table(folder, name)") == {"read_table"}
