"""The same input gives the same bytes: cores, folders, locales, time zones, seeds of hashes, chunks, a wheel.

`make test-bytes` runs a small study in each way and compares every file; `make test` does so with fewer ways, in
test_workflow.py, and here with those that need no run of their own.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.workflow.running import PROMISED, RECORDS, ROOT, changed, pbc_part, snakemake
from tests.workflow.wheel import done, install, offline

ASKED = "BYTES" in os.environ
TABLES = [name for name in PROMISED if name not in RECORDS]

WAYS: dict[str, tuple[str, str, dict[str, str]]] = {
    "one core": ("a", "1", {}),
    "two cores": ("a", "2", {}),
    "a path with spaces and letters beyond ASCII": ("Ärzte und 患者 'x'", "2", {}),
    "Turkish, with another seed of hashes": (
        "a", "2", {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "PYTHONHASHSEED": "0"},
    ),
    "German, on the other side of the earth": (
        "a", "2", {"LC_ALL": "de_DE.UTF-8", "TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "4711"},
    ),
    "no locale": ("a", "2", {"LC_ALL": "C", "LANG": "", "TZ": "America/St_Johns", "PYTHONHASHSEED": "1"}),
}  # fmt: skip
"""Folder, cores and variables."""


def locales() -> set[str]:
    listed = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout.split()
    return {name.lower().replace("utf8", "utf-8") for name in listed}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of a run in another folder than all others, whose files are what the others are compared with."""
    folder = tmp_path_factory.mktemp("first")
    return run(folder, "2", {})


def run(folder: Path, cores: str, variables: dict[str, str]) -> Path:
    pbc_part().write(folder)
    asked = ("-s", str(ROOT / "Snakefile"), "--cores", cores, "--config", "study=study.yaml")
    ended = snakemake(*asked, cwd=folder, **variables)
    assert ended.returncode == 0, ended.stderr
    return folder / "results/small"


@pytest.mark.skipif(not ASKED, reason="a run each: make test-bytes")
@pytest.mark.parametrize("way", WAYS)
def test_every_way_gives_the_same_bytes(first: Path, tmp_path: Path, way: str):
    folder, cores, variables = WAYS[way]
    wanted = variables.get("LC_ALL", "C").lower()
    if wanted != "c" and wanted not in locales():
        pytest.skip(f"this machine has no locale {wanted}: localedef")
    assert changed(first, run(tmp_path / folder, cores, variables), PROMISED) == []


@pytest.mark.skipif(not ASKED, reason="a run each: make test-bytes")
def test_chunks_of_one_marker_give_the_same_tables(first: Path, tmp_path: Path):
    study = pbc_part()
    study.study["chunk_size"] = 1
    study.write(tmp_path)
    asked = ("-s", str(ROOT / "Snakefile"), "--cores", "2", "--config", "study=study.yaml")
    ended = snakemake(*asked, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert changed(first, tmp_path / "results/small", TABLES) == [], "provenance.json holds the study file"


@pytest.mark.skipif(not ASKED, reason="compiles anew: make test-bytes")
def test_a_wheel_gives_the_same_bytes(first: Path, tmp_path: Path):
    program = install(tmp_path)
    folder = tmp_path / "my own study"
    pbc_part().write(folder)
    printed = done([*offline(), str(program), "run", "study.yaml", "--cores", "2"], folder)
    assert printed.splitlines()[-1] == "The report: results/small/report.html"
    assert changed(first, folder / "results/small", PROMISED) == []
