"""Files and folders of a run: writes that are on the disk, what a killed run left, folders that cannot be trusted."""

import ast
import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import pytest

from slopewise.run import folders
from slopewise.run.errors import InputError, reason_of
from slopewise.run.files import write_text
from slopewise.run.folders import check_writable, full_disk, sweep_below
from slopewise.run.place import PACKAGE
from slopewise.run.step import step
from slopewise.run.threads import choose_numba_cache, is_private
from slopewise.tables import files as tables
from tests.conftest import ROOT
from tests.unit.cli.cli_files import call, invent

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}


def kill_while_writing(target: Path) -> None:
    code = (
        "import os, sys; from slopewise.run.files import atomic\n"
        "with atomic(sys.argv[1]) as t:\n    t.write_text('half'); os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(target)], env=ENVIRONMENT, check=False)
    assert killed.returncode == -9


def test_what_a_killed_writer_left_is_swept_by_the_next_one(tmp_path: Path):
    target = tmp_path / "table[1].csv"
    kill_while_writing(target)
    assert len(list(tmp_path.iterdir())) == 1
    running = folders.temporary_name(target)
    running.write_text("of a process that runs")
    write_text(target, "whole")
    assert set(tmp_path.iterdir()) == {target, running}


def test_what_a_killed_run_left_is_swept_at_the_start_of_the_next(tmp_path: Path):
    kill_while_writing(tmp_path / "growth/fits.csv")
    others = [tmp_path / ".notes.tmp", tmp_path / "growth/table.tmp", tmp_path / "growth/.hidden"]
    for file in others:
        file.write_text("of the user")
    assert len(sweep_below(tmp_path)) == 1
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == set(others)


def test_a_file_and_its_folder_are_on_the_disk_before_it_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    events: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (events.append(os.path.realpath(f"/proc/self/fd/{fd}")), fsync(fd)))
    monkeypatch.setattr(os, "replace", lambda a, b: (events.append("replace"), replace(a, b)))
    write_text(tmp_path / "table.csv", "whole")
    assert events[0].endswith(".tmp") and events[1:] == ["replace", str(tmp_path.resolve())]


@pytest.mark.parametrize(("number", "way_out"), [(errno.ENOSPC, "make room"), (errno.EROFS, "not read-only")])
def test_an_error_of_the_disk_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, way_out: str
):
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(pd.DataFrame, "to_parquet", fail)
    target = tmp_path / "folds.parquet"
    frame = pd.DataFrame({"patient": ["1"], "scheme": ["crossfit"], "repeat": [1], "held_out": [0], "fold": [1]})
    with pytest.raises(OSError, match=os.strerror(number)) as raised:
        tables.write(frame, "folds", target)
    said = reason_of(raised.value)
    assert said.startswith(f"{target}: {os.strerror(number)}; ") and way_out in said
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_without_a_name_is_told_for_what_it_is(tmp_path: Path):
    assert full_disk(tmp_path, least=0) is None
    said = full_disk(tmp_path / "results", least=10**18)
    assert said is not None and said.startswith(f"{tmp_path / 'results'}: no space left on the disk")


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    check_writable(tmp_path / "results/small")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "results").write_text("a file")
    with pytest.raises(InputError, match="results: Not a directory; run from a folder in which you may write"):
        check_writable(tmp_path / "results")

    def read_only(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "write_bytes", read_only)
    with pytest.raises(InputError, match="Read-only file system; run from a folder in which you may write"):
        check_writable(tmp_path)


def test_a_cache_of_compiled_code_is_trusted_only_if_it_is_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    own = tmp_path / "own"
    assert is_private(own) and own.stat().st_mode & 0o777 == 0o700
    (tmp_path / "link").symlink_to(own)
    assert not is_private(tmp_path / "link")
    own.chmod(0o777)
    assert not is_private(own)
    own.chmod(0o700)
    monkeypatch.setattr(os, "getuid", lambda: own.stat().st_uid + 1)
    assert not is_private(own), "it belongs to somebody else"


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No home, a package that cannot be written, an empty folder to work in and one for temporary files."""
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as for a user without a home
    (tmp_path / "temporary").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def test_another_users_folder_of_that_name_is_never_used(nowhere: Path, monkeypatch: pytest.MonkeyPatch):
    planted = nowhere / f"temporary/slopewise-numba-{os.getuid()}"
    planted.mkdir(mode=0o777)
    planted.chmod(0o777)
    choose_numba_cache(nowhere / "absent")
    chosen = Path(os.environ["NUMBA_CACHE_DIR"])
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    assert chosen != planted and is_private(chosen)
    planted.chmod(0o700)
    choose_numba_cache(nowhere / "absent")
    assert Path(os.environ.pop("NUMBA_CACHE_DIR")) == planted
    assert list((nowhere / "work").iterdir()) == [], "and no folder called ~"


def test_no_folder_at_all_for_compiled_code_is_one_line(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def none(*_: object, **__: object) -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "mkdtemp", none)
    monkeypatch.setattr(tempfile, "gettempdir", none)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(SystemExit), step(nowhere / "step.log"):
        raise AssertionError("the step must not begin")
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "no folder for compiled code can be written" in said and "NUMBA_CACHE_DIR" in said


def uses(function: ast.AST, name: str) -> bool:
    """Whether a function's body is a `with` on a call of this name."""
    return any(
        isinstance(node, ast.With) and ast.unparse(node.items[0].context_expr).startswith(f"{name}(")
        for node in ast.walk(function)
    )


def test_every_command_and_every_rule_has_the_wall():
    commands = 0
    for file in sorted((PACKAGE / "cli").rglob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and (
                any("app.command" in ast.unparse(mark) for mark in node.decorator_list)
                or node.name == "predict_command"
            ):
                commands += 1
                assert uses(node, "one_line_errors"), node.name
    assert commands >= 4
    for script in sorted(PACKAGE.parent.glob("*.py")):
        guard = ast.parse(script.read_text(encoding="utf-8")).body[-1]
        assert any(isinstance(node, ast.Call) and ast.unparse(node.func) == "run_step" for node in ast.walk(guard)), (
            script
        )
    file = PACKAGE / "run" / "preloaded.py"
    functions = {one.name: one for one in ast.parse(file.read_text(encoding="utf-8")).body if hasattr(one, "name")}
    assert uses(functions["run_step"], "step") and uses(functions["_copy"], "step")


def test_a_command_that_cannot_write_says_so_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    visits, people = invent()
    visits.to_csv(tmp_path / "visits.csv", index=False)
    people.to_csv(tmp_path / "patients.csv", index=False)

    def read_only(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "replace", read_only)
    ended = call("init", "visits.csv", "--patients", "patients.csv", folder=tmp_path)
    assert ended.exit_code == 1
    assert (
        ended.stderr.splitlines()[-1]
        == "slopewise: study.yaml: Read-only file system; write to a folder that is not read-only"
    )
    assert {path.name for path in tmp_path.iterdir()} == {"visits.csv", "patients.csv"}


def test_a_page_that_cannot_be_shown_is_one_line():
    command = [sys.executable, "-m", "slopewise.cli.app", "check", str(ROOT / "config/studies/pbc.yaml")]
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            command, env=ENVIRONMENT, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ended.returncode == 1
    assert ended.stderr == "slopewise: standard output: No space left on device; make room, then run it again\n"


def test_a_killed_run_is_unlocked_by_a_command_that_the_documents_give_whole():
    for name, command in (
        ("README.md", ".venv/bin/snakemake --unlock --config study=my_study.yaml"),
        ("docs/faq.md", ".venv/bin/snakemake --unlock --config study=my_study.yaml"),
    ):
        assert command in (ROOT / name).read_text(encoding="utf-8"), name
