"""Who starts a second run on a study is told whether the first is at work or was killed."""

import os
import subprocess
import sys
from pathlib import Path

from slopewise.run.files import write_json
from slopewise.run.folders import close_to_others
from slopewise.run.running import Notes


def note_of(folder: Path, process: int, host: str | None = None) -> Notes:
    """The notes as a second run finds them, left by another process."""
    first = Notes(folder, ["pbc", "pbc/landmark-1"])
    first.leave()
    for file in first.files.values():
        write_json(file, {"host": host or os.uname().nodename, "process": process})
    return Notes(folder, ["pbc"])


def test_a_run_at_work_is_named_and_waited_for(tmp_path: Path):
    (line,) = note_of(tmp_path, os.getppid()).others()
    assert line == f"results/pbc: another run is at work (process {os.getppid()}); wait until it ends"


def test_a_killed_run_is_to_be_unlocked(tmp_path: Path):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    (line,) = note_of(tmp_path, process.pid).others()
    assert f"the last run (process {process.pid}) was killed; add --unlock to the same command" in line


def test_of_a_run_elsewhere_nothing_is_known(tmp_path: Path):
    (line,) = note_of(tmp_path, 1, "login2").others()
    assert "a run on login2 (process 1) may be at work" in line and "cancel its jobs" in line


def test_a_run_does_not_name_itself_nor_what_it_cannot_read(tmp_path: Path):
    notes = Notes(tmp_path, ["pbc"])
    assert notes.others() == []
    notes.leave()
    assert notes.others() == [] and Notes(tmp_path, ["pbc"]).others() == [], "the same process"
    notes.files["pbc"].write_text("{")
    assert Notes(tmp_path, ["pbc"]).others() == []
    notes.remove()
    assert not notes.files["pbc"].exists()


def test_a_folder_is_closed_to_others_whatever_it_holds(tmp_path: Path):
    folder = tmp_path / "results"
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "a.log").touch(mode=0o666)
    outside = tmp_path / "outside"
    outside.touch(mode=0o644)
    mode = outside.stat().st_mode
    (folder / "link").symlink_to(outside)
    close_to_others(folder)
    close_to_others(tmp_path / "not there")
    modes = [path.stat().st_mode & 0o777 for path in (folder, folder / "logs", folder / "logs/a.log")]
    assert modes == [0o700, 0o700, 0o600]
    assert outside.stat().st_mode == mode
