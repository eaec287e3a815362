"""Every case of bad input ends at once, with one clear message that names the place and a way out, and leaves nothing.

`make test` tries every fifth case in this process and two as real commands; with ``BAD_INPUT=all`` (`make
test-bad-input`) all are tried, and a dozen as real commands.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.bad_input.cases import CASES, Case
from tests.bad_input.good import good
from tests.conftest import ROOT
from tests.unit.cli.cli_files import call, files_in

ALL = os.environ.get("BAD_INPUT") == "all"
TRIED = CASES if ALL else CASES[::5]
COMMANDS = 12 if ALL else 2
LONGEST = 30
"""Seconds that a case may take."""
MEMORY = 4 * 1024**3
"""Bytes of addresses that a real command may ask for."""
WAYS = """correct, leave, set, write, check, save, fill, choose, name, add, delete, rename, quote, remove, change,
lower, merge, use, shorten, make, expand, indent, list, give, try, run, did you mean, for example, must, needs, one of,
at most, greater than, is missing, is empty, appears twice, stands for, already, reserved, allowed, unknown, there are,
the columns are, comes first, is called, is written, must be other columns, a power is, its options, listed above,
does not fit,
not a finite, not accepted, too deeply, no closing, not closed, has no, is not a covariate, does not define,
also a marker, another document, not available, cannot be, may stand alone"""
WAY_OUT = re.compile(rf"\b(?:{'|'.join(' '.join(WAYS.split()).split(', '))})\b|\?$", re.IGNORECASE)
"""Words of a way out: what to do, what would be right, or the one thing that stands there and may not."""
INSIDE = re.compile(r"Traceback|internal error|\w+Error\b|site-packages|<class|object at 0x")
"""What only a program's own insides would say."""


def faults(case: Case, status: int, output: str, error: str) -> list[str]:
    """What is wrong with how a case ended."""
    text = " ".join(output.split())
    found = []
    if status != case.status:
        found.append(f"status {status}, not {case.status}")
    if not re.search(case.place, text):
        found.append(f"does not name the place, {case.place}")
    if INSIDE.search(text):
        found.append("shows the program's insides")
    if case.status == 1:
        if not error.startswith("slopewise: ") or error.count("\n") != 1:
            found.append("the reason is not one line after `slopewise: `")
        if not WAY_OUT.search(text):
            found.append("no way out")
    elif case.status == 2 and "Usage:" not in text:
        found.append("no usage")
    elif case.status == 0 and "Warnings" not in text:
        found.append("no warning")
    return found


def test_the_table_is_large_and_every_case_is_another():
    assert len(CASES) >= 150
    assert len({case.name for case in CASES}) == len(CASES)


def test_the_good_study_can_run(tmp_path: Path):
    good().write(tmp_path)
    ended = call("check", "study.yaml", folder=tmp_path)
    assert ended.exit_code == 0 and "The study can run" in ended.output, ended.output


@pytest.mark.parametrize("case", TRIED, ids=[case.name for case in TRIED])
def test_a_case_is_one_clear_message(case: Case, tmp_path: Path):
    study = good()
    case.change(study)
    study.write(tmp_path)
    before, start = contents(tmp_path), time.monotonic()
    ended = call(*study.arguments, folder=tmp_path)
    assert time.monotonic() - start < LONGEST
    assert faults(case, ended.exit_code, ended.output, ended.stderr) == [], ended.output
    assert contents(tmp_path) == before, "a file was left or changed"


REAL = CASES[:: len(CASES) // 12][:COMMANDS]


@pytest.mark.parametrize("case", REAL, ids=[case.name for case in REAL])
def test_a_real_command_ends_alike_with_bounded_memory(case: Case, tmp_path: Path):
    study = good()
    case.change(study)
    study.write(tmp_path)
    before = contents(tmp_path)
    program = (
        f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY})); import sys; "
        "from slopewise.cli.app import app; sys.argv[0] = 'slopewise'; app()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow" / "scripts"), "COLUMNS": "200"}
    ended = subprocess.run(
        [sys.executable, "-c", program, *study.arguments],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=LONGEST,
    )  # fmt: skip
    output = ended.stdout + ended.stderr
    assert faults(case, ended.returncode, output, ended.stderr) == [], output
    assert contents(tmp_path) == before


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes."""
    return {name: (folder / name).read_bytes() for name in files_in(folder)}


@pytest.mark.parametrize(
    ("status", "output", "error"),
    [
        (0, "visits.csv: line 3: correct it", "slopewise: visits.csv: line 3: correct it\n"),
        (1, "line 3: correct it", "slopewise: line 3: correct it\n"),
        (1, "visits.csv: line 3: bad", "slopewise: visits.csv: line 3: bad\n"),
        (1, "visits.csv: line 3: correct it", "visits.csv: line 3: correct it\n"),
        (1, "visits.csv: line 3: correct it", "slopewise: visits.csv: line 3:\ncorrect it\n"),
        (1, "visits.csv: KeyError, correct it", "slopewise: visits.csv: KeyError, correct it\n"),
    ],
)
def test_a_bad_end_is_noticed(status: int, output: str, error: str):
    case = Case("any", r"visits\.csv", lambda study: None)
    assert faults(case, status, output, error)
    assert not faults(case, 1, "visits.csv: line 3: correct it", "slopewise: visits.csv: line 3: correct it\n")
