"""Small inputs that once showed a fault: what each command says of them, and how it ends.

A folder of tests/cases is one input as a user would have it; its `expect.yaml` lists commands with their exit status,
patterns that the output must have (`says`) and must not have (`never`), and for a run patterns in the report's text.
"""

import html
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from slopewise.run.errors import InputError
from tests.unit.cli.cli_files import call, flat
from tests.workflow.running import ROOT, run_steps

CASES = ROOT / "tests" / "cases"


@dataclass(frozen=True)
class Expected:
    """One command on one case: `check FILE`, `init FILE ...` or `run FILE`."""

    command: str
    status: int
    says: list[str] = field(default_factory=list)
    never: list[str] = field(default_factory=list)
    report: list[str] = field(default_factory=list)
    report_never: list[str] = field(default_factory=list)
    check: int | None = None
    """Of `init`: how `check` of the proposal, unedited, ends."""


def expectations() -> Iterator[tuple[str, Expected]]:
    for folder in sorted(path for path in CASES.iterdir() if path.is_dir()):
        for entry in yaml.safe_load((folder / "expect.yaml").read_text(encoding="utf-8")):
            yield folder.name, Expected(**entry)


EXPECTED = list(expectations())


@pytest.mark.workflow
@pytest.mark.parametrize(
    ("name", "expected"), EXPECTED, ids=[f"{name}: {expected.command}" for name, expected in EXPECTED]
)
def test_a_case_ends_as_a_user_may_expect(name, expected, tmp_path):
    folder = tmp_path / name
    shutil.copytree(CASES / name, folder, ignore=shutil.ignore_patterns("expect.yaml"))
    command, *words = shlex.split(expected.command)
    if command == "run":
        status, output = run(folder / words[0], folder / "results")
    else:
        ended = call(command, *words, folder=folder)
        status, output = ended.exit_code, ended.output
        assert ended.exception is None or isinstance(ended.exception, SystemExit), repr(ended.exception)
    text = flat(output)
    assert status == expected.status, output
    assert "Traceback" not in output
    missing = [pattern for pattern in expected.says if not re.search(pattern, text)]
    assert not missing, f"not said: {missing}\n{output}"
    unwanted = [pattern for pattern in expected.never if re.search(pattern, text)]
    assert not unwanted, f"said: {unwanted}\n{output}"
    if expected.check is not None:
        checked = call("check", "study.yaml", folder=folder)
        assert checked.exit_code == expected.check, checked.output
    if expected.report or expected.report_never:
        page = visible((folder / "results" / "report.html").read_text(encoding="utf-8"))
        missing = [pattern for pattern in expected.report if not re.search(pattern, page)]
        assert not missing, f"not in the report: {missing}"
        unwanted = [pattern for pattern in expected.report_never if re.search(pattern, page)]
        assert not unwanted, f"in the report: {unwanted}"


def run(study: Path, results: Path) -> tuple[int, str]:
    """The whole workflow in this process; a mistake in the input is status 1 and its message."""
    try:
        run_steps(study, results, until="report")
    except InputError as error:
        return 1, str(error)
    return 0, ""


def visible(page: str) -> str:
    """The text of a page without tags, scripts and styles, white space folded."""
    page = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())
