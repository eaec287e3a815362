"""`slopewise run`: the command that it gives Snakemake, its profiles, its reports, and how it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from slopewise.cli.run import _wait, command, pages_before, profile_folder
from slopewise.run.errors import InputError
from slopewise.run.place import PACKAGE, scripts, supplied


def test_the_options_of_the_user_come_last_and_replace_those_before():
    words = command("study=a b.yaml", "3", "slurm", ["--jobs", "7", "results/x/folds.parquet"])
    assert words[:5] == [sys.executable, "-m", "snakemake", "--config", "study=a b.yaml"]
    assert words[-3:] == ["--jobs", "7", "results/x/folds.parquet"] and "--cores=3" in words
    assert f"--workflow-profile={supplied() / 'profiles/slurm'}" in words


def test_a_profile_is_one_that_ships_or_a_folder(tmp_path: Path):
    (tmp_path / "config.yaml").touch()
    assert profile_folder("default") == supplied() / "profiles/default" and profile_folder(str(tmp_path)) == tmp_path
    with pytest.raises(InputError, match=r"--profile slrm: .* write default or slurm, or the path of a folder"):
        profile_folder("slrm")


def test_what_ships_lies_beside_the_package_or_in_it(tmp_path: Path):
    assert (supplied() / "Snakefile").is_file() and scripts() == PACKAGE.parent
    installed = tmp_path / "site-packages" / "slopewise"
    (installed / "supplied").mkdir(parents=True)
    assert supplied(installed) == installed / "supplied"
    assert scripts(installed) == installed / "supplied/workflow/scripts"


@pytest.mark.parametrize(("old", "shown"), [(True, ["report.html"]), (False, [])])
def test_reports_of_an_earlier_run_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bool, shown):
    from tests.workflow.running import pbc_part

    study = pbc_part().write(tmp_path)
    (tmp_path / "results/small").mkdir(parents=True)
    (tmp_path / "results/small/report.html").touch()
    monkeypatch.chdir(tmp_path)
    moment = time.time() + (60 if old else -60)
    assert [page.name for page in pages_before(study, moment)] == shown


def test_the_status_of_the_run_is_that_of_the_command():
    assert _wait([sys.executable, "-c", "raise SystemExit(3)"]) == 3
    assert _wait([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]) == 128 + 9


def test_a_request_to_end_reaches_the_run_and_is_waited_for(tmp_path: Path):
    """Snakemake removes what it had half made when it is asked to end; who leaves before would cut that off."""
    done = tmp_path / "done"
    inner = (
        "import pathlib, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.3), pathlib.Path(sys.argv[1]).touch(), sys.exit(5)))\n"
        "pathlib.Path(sys.argv[1] + '.began').touch()\ntime.sleep(30)\n"
    )
    outer = "import sys; from slopewise.cli.run import _wait; sys.exit(_wait([sys.executable, '-c', *sys.argv[1:]]))"
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    process = subprocess.Popen([sys.executable, "-c", outer, inner, str(done)], env=environment)
    while not Path(f"{done}.began").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 5 and done.exists()
