"""The process that jobs of a run are copies of: they run as they would alone, and none outlives its job or its run."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest

from slopewise.run import preloaded

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are copied on Linux alone")

SCRIPT = '''
"""A workflow script."""
import json, os, signal, sys, time
from pathlib import Path


def note(target, **named):
    from slopewise.run.files import write_text
    found = {"pid": os.getpid(), "parent": os.getppid(), "folder": os.getcwd(), "variable": os.environ.get("VARIABLE")}
    Path(target).write_text(json.dumps({**found, "modules": "slopewise.run.files" in sys.modules, **named}))
    print("printed")
    print("complained", file=sys.stderr)


def refuse():
    from slopewise.run.errors import InputError
    raise InputError("the table has no rows")


def wait(target):
    Path(target).write_text(str(os.getpid()))
    time.sleep(60)


def die():
    os.kill(os.getpid(), signal.SIGKILL)
'''


def loaded(path: Path, text: str = SCRIPT) -> ModuleType:
    """A script as the module that it is in its job."""
    path.write_text(text)
    specification = importlib.util.spec_from_file_location(path.stem, path)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A process that stands for Snakemake's, whose jobs are offered a preloaded process."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    monkeypatch.setenv(preloaded.OFFERED, "")
    preloaded.offer()
    name = os.environ[preloaded.OFFERED].partition("/")[0]
    monkeypatch.setenv(preloaded.OFFERED, f"{name}/{process.pid}")
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def script(tmp_path: Path) -> ModuleType:
    return loaded(tmp_path / "script.py")


def status(function: Callable[..., None], log: Path | None = None, *arguments: object, **named: object) -> int | None:
    return preloaded.call(function, log, 1, arguments, named)


def noted(script: ModuleType, target: Path, **named: object) -> dict[str, object]:
    import json

    assert status(script.note, None, target, **named) == 0
    return dict(json.loads(target.read_text()))


def until(holds: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether something comes to hold."""
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return holds()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.usefixtures("run")
def test_a_job_is_a_copy_with_its_own_surroundings(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("VARIABLE", "first")
    first = noted(script, tmp_path / "first.json", label="ä")
    monkeypatch.setenv("VARIABLE", "second")
    before = os.umask(0o077)
    second = noted(script, tmp_path / "second.json")
    os.umask(before)
    assert first["parent"] == second["parent"] != os.getpid() and first["pid"] != second["pid"]
    assert first["folder"] == str(tmp_path / "elsewhere") and first["label"] == "ä"
    assert (first["variable"], second["variable"]) == ("first", "second")
    assert first["modules"], "what the functions of the script import is there before the copy is made"
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("first.json", "second.json")]
    assert modes == [0o666 & ~before, 0o600]
    assert capfd.readouterr().out.count("printed") == 2


@pytest.mark.usefixtures("run")
def test_jobs_that_ask_at_once_share_one_process(script: ModuleType, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda job: noted(script, tmp_path / f"{job}.json"), range(4)))
    assert len({one["parent"] for one in found}) == 1 and len({one["pid"] for one in found}) == 4


@pytest.mark.usefixtures("run")
def test_a_mistake_of_the_user_is_one_line_and_a_status(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SLOPEWISE_REASONS_AT_END", raising=False)
    assert status(script.refuse, tmp_path / "log.txt") == 1
    assert (tmp_path / "log.txt").read_text() == "ERROR the table has no rows\n"
    assert capfd.readouterr().err == "slopewise: the table has no rows\n"


@pytest.mark.usefixtures("run")
def test_a_copy_that_a_signal_ends_says_which(script: ModuleType) -> None:
    assert status(script.die) == -signal.SIGKILL


def test_a_copy_ends_with_its_job(run: subprocess.Popen[bytes], script: ModuleType, tmp_path: Path) -> None:
    code = (
        "import importlib.util, sys; from slopewise.run import preloaded\n"
        "found = importlib.util.spec_from_file_location('script', sys.argv[1])\n"
        "module = importlib.util.module_from_spec(found); found.loader.exec_module(module)\n"
        "preloaded.call(module.wait, None, 1, (sys.argv[2],), {})"
    )
    target = tmp_path / "pid"
    job = subprocess.Popen([sys.executable, "-c", code, str(script.__file__), str(target)])
    assert until(lambda: target.exists() and target.read_text() != "")
    pid = int(target.read_text())
    assert is_alive(pid)
    job.kill()
    job.wait()
    assert until(lambda: not is_alive(pid))
    assert noted(script, tmp_path / "next.json")["parent"], "other jobs go on"


def test_all_ends_with_the_run(run: subprocess.Popen[bytes], script: ModuleType, tmp_path: Path) -> None:
    parent = int(str(noted(script, tmp_path / "note.json")["parent"]))
    target = tmp_path / "pid"
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(status, script.wait, None, target)
        assert until(lambda: target.exists() and target.read_text() != "")
        run.kill()
        run.wait()
        assert waiting.result(timeout=20) == -signal.SIGKILL
    assert until(lambda: not is_alive(parent)) and not is_alive(int(target.read_text()))


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("def work():\n    import no_such_module\n", id="an import that fails"),
        pytest.param("def work():\n    pass\nimport os\nif os.getenv('X') is None: raise OSError\n", id="an error"),
        pytest.param(
            "import threading, time\nthreading.Thread(target=time.sleep, args=(5,), daemon=True).start()\n"
            "def work():\n    pass\n",
            id="a second thread",
        ),
    ],
)
def test_what_cannot_be_copied_is_left_to_the_job(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "here")
    module = loaded(tmp_path / "script.py", text)
    monkeypatch.delenv("X")
    assert status(module.work) is None


@pytest.mark.usefixtures("run")
def test_another_users_process_is_not_asked(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    assert status(script.die) == -signal.SIGKILL
    monkeypatch.setattr(preloaded, "PATIENCE", 0.2)
    monkeypatch.setattr(preloaded, "_user_of", lambda connection: os.getuid() + 1)
    assert status(script.die) is None


def test_without_an_offer_the_job_does_it(script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(preloaded.OFFERED, raising=False)
    assert status(script.note, None, tmp_path / "note.json") is None
    monkeypatch.setenv(preloaded.WANTED, "no")
    preloaded.offer()
    assert preloaded.OFFERED not in os.environ
    monkeypatch.delenv(preloaded.WANTED)
    preloaded.offer()
    assert preloaded.OFFERED in os.environ
    Path(str(script.__file__)).unlink()
    assert status(script.note, None, tmp_path / "note.json") is None, "the script of a workflow from an address"
    preloaded.withdraw()
    assert preloaded.OFFERED not in os.environ
