"""A run that is killed, that runs out of disk, that may not write, that has no user, that meets another run.

`make test-crash` kills 20 times and fills four small disks; `make test` kills once, on the way to the folds.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from slopewise.tables import catalogue
from tests.workflow.running import PROMISED, RECORDS, ROOT, changed, pbc_part, snakemake

KILLS = int(os.environ.get("KILLS", "1"))
LONG = KILLS > 1
NAMES = PROMISED if LONG else ["folds.parquet", "cohort/patients.parquet"]
TARGETS = [] if LONG else [f"results/small/{name}" for name in NAMES]
SEED = 20_261_127
IS_ROOT = os.geteuid() == 0
UNKNOWN = 54_321
"""A user of whom the system knows neither name nor home folder."""

pytestmark = pytest.mark.workflow


def asked(*more: str, cores: int = 2, targets: Sequence[str] = TARGETS) -> list[str]:
    words = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--cores", str(cores), *targets]
    return [*words, *more, "--config", "study=study.yaml"]


def begin(folder: Path, targets: Sequence[str] = TARGETS) -> subprocess.Popen[bytes]:
    """Start a run in a process group of its own."""
    quiet = subprocess.DEVNULL
    return subprocess.Popen(asked(targets=targets), cwd=folder, start_new_session=True, stdout=quiet, stderr=quiet)


def last_line(ended: subprocess.CompletedProcess[str]) -> str:
    """The only line of slopewise, which is what one reads last; there is no traceback of Python."""
    lines = [line for line in ended.stderr.splitlines() if line.startswith("slopewise: ")]
    assert len(lines) == 1 and ended.stderr.splitlines()[-1] == lines[0], ended.stderr
    assert "Traceback" not in ended.stderr
    return lines[0]


def temporary_files(folder: Path) -> list[Path]:
    return [file for place in ("results", ".snakemake/slopewise") for file in (folder / place).rglob(".*.tmp")]


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_and_ends_in_the_same_bytes(plain: Path, tmp_path: Path):
    """Signal 9 to every process of the run at a random moment; then the documented commands."""
    moments = random.Random(SEED)
    kills = finished = 0
    seen: set[int] = set()
    folder = tmp_path / "run"
    while kills < KILLS or not finished:
        if not folder.exists():
            pbc_part().write(folder)
        run = begin(folder)
        if kills < KILLS and stopped(run, folder, moments):
            kills += 1
            seen.add(len(list(folder.glob("results/small/logs/*.log"))))
            ended = snakemake("-s", str(ROOT / "Snakefile"), "--unlock", "--config", "study=study.yaml", cwd=folder)
            assert ended.returncode == 0, ended.stderr
            continue
        assert run.wait() == 0
        names = [name for name in NAMES if name not in RECORDS]
        assert changed(folder / "results/small", plain, names) == []
        assert temporary_files(folder) == []
        finished += 1
        if kills < KILLS:
            shutil.rmtree(folder)
    if LONG:
        print(f"{kills} kills in {finished} runs, at {len(seen)} states; {len(NAMES)} files compared each time")
        assert len(seen) > min(4, KILLS // 4), "the moments are spread over the run"


@pytest.mark.skipif(not LONG, reason="one more run: make test-crash")
def test_a_run_that_is_killed_between_chunks_of_markers_ends_in_the_bytes_of_one_chunk(plain: Path, tmp_path: Path):
    """`plain` has both markers in one job; here each is a job, and the second is killed."""
    part = pbc_part()
    part.study["chunk_size"] = 1
    part.write(tmp_path)
    names = [file for entry in catalogue.written_by("compare_growth") for file in entry.files.values()]
    words = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--config", "study=study.yaml"]
    targets = [f"results/small/{name}" for name in names]
    work = tmp_path / "results/small/work"
    quiet = subprocess.DEVNULL
    command = [*words, "--cores", "1", "--", *targets]
    run = subprocess.Popen(command, cwd=tmp_path, start_new_session=True, stdout=quiet, stderr=quiet)
    while run.poll() is None and len(list(tmp_path.glob("results/small/logs/compare_growth.*.log"))) < 2:
        time.sleep(0.02)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert not (tmp_path / "results/small/growth").exists()
    kept = {file: file.stat().st_mtime_ns for file in work.glob("*.zip")}
    assert len(kept) == 1
    ended = snakemake(*words[3:], "--unlock", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    going_on = subprocess.Popen([*words, "--cores", "2", "--notemp", "--", *targets], cwd=tmp_path, stderr=quiet)
    assert going_on.wait() == 0
    assert {file: file.stat().st_mtime_ns for file in kept} == kept, "what was finished is not done again"
    assert len(list(work.glob("*.growth.zip"))) == 2
    assert changed(tmp_path / "results/small", plain, names) == []


def stopped(run: subprocess.Popen[bytes], folder: Path, moments: random.Random) -> bool:
    """Kill a run some seconds after a random number of its steps began; False if it ended before."""
    steps = moments.randint(0, 11) if LONG else 1
    while run.poll() is None and len(list(folder.glob("results/small/logs/*.log"))) < steps:
        time.sleep(0.02)
    try:
        run.wait(timeout=moments.uniform(0, 5) if LONG else moments.uniform(0, 2))
        return False
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        return True


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A disk of a size, mounted on a folder."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.skipif(not (LONG and IS_ROOT), reason="mounts small disks: make test-crash, as root")
@pytest.mark.parametrize("size", ["500k", "900k", "1400k", "2000k"])
def test_a_full_disk_is_one_line_and_with_room_the_run_goes_on(plain: Path, tmp_path: Path, size: str):
    folder = tmp_path / "disk"
    with small_disk(folder, size):
        pbc_part().write(folder)
        ended = subprocess.run(asked(), cwd=folder, capture_output=True, text=True, check=False)
        assert ended.returncode == 1
        assert "space" in last_line(ended) and "make room" in last_line(ended)
        subprocess.run(["mount", "-o", "remount,size=200m", str(folder)], check=True)
        subprocess.run(asked("--unlock"), cwd=folder, capture_output=True, check=True)
        again = subprocess.run(asked(), cwd=folder, capture_output=True, text=True, check=False)
        assert again.returncode == 0, again.stderr
        assert changed(folder / "results/small", plain, [name for name in NAMES if name not in RECORDS]) == []
        assert temporary_files(folder) == []


@pytest.mark.skipif(not IS_ROOT, reason="becomes another user")
def test_a_user_without_a_name_and_a_home_folder_runs_a_study(plain: Path):
    """As in a container with a number for a user; then the same user where results/ belongs to another."""
    with tempfile.TemporaryDirectory(prefix="slopewise-unknown-") as name:  # pytest's folders are closed to others
        folder = Path(name)
        folder.chmod(0o755)
        if not reached_by_unknown(folder):
            pytest.skip(f"{sys.executable} and {ROOT} lie in a folder that is closed to other users")
        pbc_part().write(folder)
        for place in [folder, *folder.iterdir()]:
            os.chown(place, UNKNOWN, UNKNOWN)
        ended = as_unknown(folder, "run", "study.yaml", "--cores", "1", "--", "results/small/folds.parquet")
        assert ended.returncode == 0, ended.stderr
        assert "there is no home folder (HOME); .snakemake/slopewise/home serves as one" in ended.stderr
        assert changed(folder / "results/small", plain, ["folds.parquet"]) == []
        os.chown(folder / "results", 0, 0)
        refused = as_unknown(folder, "run", "study.yaml", "--cores", "1")
    assert refused.returncode == 1 and "results: Permission denied; run from a folder in" in refused.stderr
    assert "Traceback" not in refused.stderr


def reached_by_unknown(folder: Path) -> bool:
    """Whether a user without a name can start this Python and read the checkout; root's home folder is often closed."""
    words = [sys.executable, "-c", f"open({str(ROOT / 'Snakefile')!r}).close()"]
    try:
        return subprocess.run(words, cwd=folder, user=UNKNOWN, group=UNKNOWN, extra_groups=[], check=False,
                              capture_output=True).returncode == 0  # fmt: skip
    except PermissionError:
        return False


def as_unknown(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command `slopewise` by a user without a name, without variables that would give one."""
    named = {"HOME", "USER", "LOGNAME", "LNAME", "USERNAME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"}
    environment = {name: value for name, value in os.environ.items() if name not in named}
    environment |= {"PYTHONPATH": str(ROOT / "workflow/scripts"), "PYTHONDONTWRITEBYTECODE": "1"}
    words = [sys.executable, "-m", "slopewise.cli.app", *arguments]
    return subprocess.run(
        words, cwd=folder, env=environment, user=UNKNOWN, group=UNKNOWN, extra_groups=[], capture_output=True,
        text=True, check=False,
    )  # fmt: skip


def test_a_second_run_meanwhile_is_refused_in_one_line(tmp_path: Path):
    """And once the first, which is at the whole study, was killed the line says so, and what to do."""
    pbc_part().write(tmp_path)
    first = begin(tmp_path, targets=())
    note = tmp_path / ".snakemake/slopewise/running/small.json"
    while not note.is_file():
        assert first.poll() is None
        time.sleep(0.05)
    again = asked(cores=1, targets=())
    second = subprocess.run(again, cwd=tmp_path, capture_output=True, text=True, check=False)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    third = subprocess.run(again, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert second.returncode == third.returncode == 1
    assert last_line(second) == (
        f"slopewise: results/small: another run is at work (process {first.pid}); wait until it ends"
    )
    assert f"the last run (process {first.pid}) was killed; add --unlock" in last_line(third)
