"""How a step runs: seeds by name, writes that are all or nothing, one line for a user's mistake, digests of code."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from slopewise.run import code, provenance
from slopewise.run.errors import InputError
from slopewise.run.files import atomic, read_json, write_json, write_text
from slopewise.run.place import PACKAGE
from slopewise.run.seeds import generator


def test_a_stream_depends_on_the_seed_and_the_names_alone():
    first = generator(7, "folds", "crossfit", 1).integers(0, 2**31, 5)
    again = generator(7, "folds", "crossfit", 1).integers(0, 2**31, 5)
    other = [generator(7, "folds", "crossfit", 2), generator(8, "folds", "crossfit", 1)]
    assert np.array_equal(first, again)
    assert all(not np.array_equal(first, stream.integers(0, 2**31, 5)) for stream in other)


def test_names_do_not_run_together():
    assert generator(1, "a", "bc").integers(2**31) != generator(1, "ab", "c").integers(2**31)


def test_the_stream_of_a_name_never_changes():
    # Results that were published with a seed must come out again: a change here is a breaking change.
    assert generator(20261122, "folds", "crossfit", 1).integers(0, 1000, 4).tolist() == [434, 128, 325, 648]


def test_an_error_leaves_the_old_file_and_no_temporary_one(tmp_path: Path):
    target = tmp_path / "table.csv"
    write_text(target, "old")
    with pytest.raises(RuntimeError), atomic(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_killed_writer_leaves_no_result(tmp_path: Path):
    target = tmp_path / "table.csv"
    code = (
        "import os, sys; from slopewise.run.files import atomic\n"
        "with atomic(sys.argv[1]) as t:\n    t.write_text('half'); os.kill(os.getpid(), 9)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    killed = subprocess.run([sys.executable, "-c", code, str(target)], env=environment, check=False)
    assert killed.returncode == -9
    assert not target.exists()


def test_json_refuses_what_is_no_number(tmp_path: Path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"x": float("nan")})
    assert list(tmp_path.iterdir()) == []


def script(tmp_path: Path, body: str) -> subprocess.CompletedProcess[str]:
    imports = "from slopewise.run.errors import InputError\nfrom slopewise.run.step import step"
    code = f"{imports}\nwith step({str(tmp_path / 'step.log')!r}):\n    {body}\n"
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


def test_a_users_mistake_is_one_line_and_status_1(tmp_path: Path):
    ended = script(tmp_path, "raise InputError('patients.csv, line 3, column age: no number. Write 54.')")
    assert ended.returncode == 1
    assert ended.stderr == "slopewise: patients.csv, line 3, column age: no number. Write 54.\n"
    assert "line 3" in (tmp_path / "step.log").read_text()


def test_our_own_mistake_keeps_its_traceback_in_the_log(tmp_path: Path):
    ended = script(tmp_path, "1 / 0")
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1 and "internal error: ZeroDivisionError" in ended.stderr
    assert "Traceback" in (tmp_path / "step.log").read_text()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    files = {
        "pkg/__init__.py": "",
        "pkg/low.py": "",
        "pkg/high.py": "from pkg import low\n",
        "pkg/lone.py": "",
        "pkg/sub/__init__.py": "from .inner import thing\n",
        "pkg/sub/inner.py": "thing = 1\n",
        "pkg/sub/page.html.j2": "<html>",
        "pkg/sub/page.css": "p {}",
        "pkg/sub/page.js": "1;",
        "script.py": "def main():\n    from pkg.high import x\n",
        "lazy.py": "def main():\n    from pkg import sub\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_imports_are_followed_from_module_to_module(package: Path):
    names = [file.name for file in code.imported_modules(package / "script.py", package / "pkg")]
    assert names == ["__init__.py", "high.py", "low.py"]


def test_relative_imports_and_templates_count(package: Path):
    found = code.imported_modules(package / "lazy.py", package / "pkg")
    assert [file.relative_to(package / "pkg").as_posix() for file in found] == [
        "__init__.py",
        "sub/__init__.py",
        "sub/inner.py",
        "sub/page.css",
        "sub/page.html.j2",
        "sub/page.js",
    ]


@pytest.mark.parametrize(
    ("changed", "scripts_that_run_again"),
    [
        ("low.py", {"script.py"}),
        ("../script.py", {"script.py"}),
        ("sub/page.html.j2", {"lazy.py"}),
        ("sub/page.css", {"lazy.py"}),
        ("sub/page.js", {"lazy.py"}),
        ("lone.py", set()),
        ("sub/inner.py", {"lazy.py"}),
        ("__init__.py", {"script.py", "lazy.py"}),
    ],
)
def test_a_digest_changes_exactly_with_the_modules_that_are_used(package: Path, changed, scripts_that_run_again):
    before = {name: code.code_digest(package / name, package / "pkg") for name in ("script.py", "lazy.py")}
    whole = code.package_digest(package / "pkg")
    (package / "pkg" / changed).write_text("other = 2\n")
    after = {name: code.code_digest(package / name, package / "pkg") for name in before}
    assert {name for name in before if before[name] != after[name]} == scripts_that_run_again
    assert code.package_digest(package / "pkg") != whole


@pytest.mark.parametrize("state", ["kept", "of an older content", "broken", "by other code", "read-only place"])
def test_what_an_earlier_process_read_changes_no_digest(package: Path, monkeypatch: pytest.MonkeyPatch, state: str):
    kept, scripts = package / "kept" / "code.json", [package / "script.py", package / "lazy.py"]
    fresh = {script.name: code.code_digest(script, package / "pkg") for script in scripts}
    assert code.code_digests(scripts, package / "pkg", kept) == fresh
    modules = read_json(kept)["modules"]
    if state == "kept":
        monkeypatch.setattr(code, "_read_code", lambda content: pytest.fail(f"{content!r} was read again"))
    elif state == "of an older content":
        (package / "pkg" / "low.py").write_text("other = 2\n")
        assert code.code_digests(scripts, package / "pkg", kept)["script.py"] != fresh["script.py"]
        (package / "pkg" / "low.py").write_text("")
    elif state == "broken":
        kept.write_text(kept.read_text()[:100])
    elif state == "by other code":
        write_json(kept, {"made_by": "another", "modules": {key: [[], "00"] for key in modules}})
    else:
        kept = package / "script.py" / "code.json"
    assert code.code_digests(scripts, package / "pkg", kept) == fresh


SCRIPTS = ("prepare_cohort.py", "make_folds.py", "cross_fit_slopes.py", "fit_outcome.py", "validate_outcome.py")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with the rules' scripts beside it."""
    copy = tmp_path_factory.mktemp("checkout") / "scripts"
    shutil.copytree(PACKAGE.parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture
def rerun_by(checkout: Path) -> Iterator[Callable[..., set[str]]]:
    """The scripts that run again after a text of a file of the copy was replaced; the file is restored afterwards."""
    kept: dict[Path, str] = {}

    def edit(name: str, old: str, new: str) -> set[str]:
        file = checkout / name
        kept.setdefault(file, file.read_text())
        assert old in file.read_text()
        before = digests()
        file.write_text(file.read_text().replace(old, new, 1))
        compile(file.read_text(), name, "exec")
        after = digests()
        return {script for script in before if before[script] != after[script]}

    def digests() -> dict[str, str]:
        return {name: code.code_digest(checkout / name, checkout / "slopewise") for name in SCRIPTS}

    yield edit
    for file, text in kept.items():
        file.write_text(text)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("slopewise/run/seeds.py", '"""Random generators by name', '"""Generators of random numbers by name'),
        ("slopewise/run/seeds.py", '    """A random generator for one', '    """The generator of one'),
        ("slopewise/study/keys.py", '    """', '    """In other words: '),
        ("slopewise/run/provenance.py", '"""The packages whose versions', '"""Packages whose versions'),
        ("slopewise/folds.py", "\n\n\n", "\n\n\n# A comment.\n\n\n"),
        ("prepare_cohort.py", "\n\n\n", "\n\n\n# A comment.\n\n\n"),
        ("slopewise/run/log.py", "%(levelname)s %(message)s", "%(levelname)s: %(message)s"),
        ("slopewise/run/log.py", "logger.info(FINISHED)", "logger.warning(FINISHED)"),
        ("slopewise/run/progress.py", "len(parts) < 2", "len(parts) < 20"),
    ],
)
def test_words_and_logging_run_nothing_again(rerun_by: Callable[..., set[str]], checkout: Path, name, old, new):
    whole = code.package_digest(checkout / "slopewise")
    assert rerun_by(name, old, new) == set()
    assert code.package_digest(checkout / "slopewise") != whole, "provenance.json names another checkout"


def test_a_constant_runs_again_the_steps_that_import_it(rerun_by: Callable[..., set[str]]):
    assert rerun_by("slopewise/run/threads.py", '= "1"', '= "2"') == set(SCRIPTS), "through run.step"
    assert rerun_by("slopewise/run/step.py", "limit_threads(threads)", "limit_threads(2)") == set(SCRIPTS)
    fits = {"make_folds.py", "cross_fit_slopes.py"}
    assert fits <= rerun_by("slopewise/run/seeds.py", "range(0, 16, 4)", "range(0, 12, 4)")
    again = rerun_by("slopewise/metrics/calibration.py", "KNOTS = (0.1,", "KNOTS = (0.05,")
    assert "validate_outcome.py" in again and not again & fits


def test_exempt_modules_exist_and_what_they_import_counts(checkout: Path):
    assert all((PACKAGE / one.module).is_file() and one.module.startswith("run/") for one in code.EXEMPT)
    assert all(one.reason for one in code.EXEMPT)
    used = code.imported_modules(checkout / "make_folds.py", checkout / "slopewise")
    assert {checkout / "slopewise/run/log.py", checkout / "slopewise/run/errors.py"} <= set(used)


MAKERS_OF_DOCUMENTS = (PACKAGE / "study/docs.py",)
"""They print docstrings, and no step of a run imports them."""


def test_no_step_reads_a_docstring():
    """Digests pass docstrings over, so none may set a value: only the help of commands may show one."""
    readers = re.compile(r"__doc__|getdoc|getsource|get_docstring")
    files = [file for file in PACKAGE.rglob("*.py") if file not in MAKERS_OF_DOCUMENTS]
    lines = [line for file in files for line in file.read_text().splitlines() if readers.search(line)]
    assert [line for line in lines if "ArgumentParser(prog=" not in line] == []
    for script in PACKAGE.parent.glob("*.py"):
        assert not set(MAKERS_OF_DOCUMENTS) & set(code.imported_modules(script)), script.name
    assert lines, "the pattern finds those"


def test_a_file_that_changed_during_the_run_is_named():
    provenance.check_unchanged("an input file", {"a.csv": "1"}, {"a.csv": "1"})
    with pytest.raises(InputError, match=r"b\.csv: an input file was changed while the study ran; run it again"):
        provenance.check_unchanged("an input file", {"a.csv": "1", "b.csv": "2"}, {"a.csv": "1", "b.csv": "3"})
