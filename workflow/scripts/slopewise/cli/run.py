"""The commands `slopewise run` and `slopewise demo`: the workflow that ships with the package, from any folder."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from slopewise.cli.errors import one_line_errors
from slopewise.run.errors import InputError
from slopewise.run.files import read_json
from slopewise.run.folders import check_writable
from slopewise.run.person import house_user, name_user
from slopewise.run.place import supplied

DEMO = "pbc"
DEMO_FILES = (f"results/{DEMO}/report.html", f"results/{DEMO}/run.json")

Cores = Annotated[str, typer.Option(metavar="NUMBER", help="Cores to use, or `all` (default: what the profile has).")]

WIDTH = 100
"""Characters a line on a terminal."""


def run_command(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="The study file.")],
    cores: Cores = "",
    profile: Annotated[
        str, typer.Option(metavar="NAME", help="A profile that ships (default, slurm) or a folder with one.")
    ] = "default",
    options: Annotated[
        list[str] | None, typer.Argument(metavar="[-- OPTIONS]", help="Options and targets for Snakemake, after --.")
    ] = None,
) -> None:
    """Run a study: from its tables to results/NAME/report.html, below the folder in which you run this.

    Paths in the study file are taken from this folder, too. A run that was stopped goes on where it stopped when it is
    started again.

    \b
    Examples:
      slopewise run study.yaml --cores 4
      slopewise run study.yaml --profile slurm
      slopewise run study.yaml -- --dry-run
      slopewise run study.yaml -- --unlock               after a run that was killed
    """
    with one_line_errors():
        if not study.is_file():
            raise InputError(f"{study}: there is no such study file; `slopewise init` proposes one from your tables")
        began = time.time()
        status = run_workflow(f"study={study}", cores, profile, options or ())
        if not status and not options:
            for page in pages_before(study, began):
                typer.echo(f"Nothing had to be run. The report: {page}", err=True)
        raise typer.Exit(status)


def demo_command(cores: Cores = "") -> None:
    """Run the PBC trial, whose data ship with slopewise, to results/pbc/report.html; print what it found."""
    with one_line_errors():
        status = run_workflow(f"studies=[{DEMO}]", cores, "default", DEMO_FILES)
        if status:
            raise typer.Exit(status)
        typer.echo(found(Path(DEMO_FILES[0]).parent))


def found(results: Path) -> str:
    """The path of a finished study's report, and what it finds, for a terminal."""
    lines = [f"The report: {(results / 'report.html').resolve()}"]
    for finding in read_json(results / "rigour.json")["findings"]:
        lines += textwrap.wrap(finding, WIDTH, initial_indent="  - ", subsequent_indent="    ")
    return "\n".join(lines)


def pages_before(study: Path, moment: float) -> list[Path]:
    """The reports of a study that were made before a moment (seconds since 1970), of which its run says nothing."""
    from slopewise.study.reading import load_study

    results = Path("results", load_study(study).study)
    pages = [results / name for name in ("report.html", "landmarks.html")]
    return [page for page in pages if page.is_file() and page.stat().st_mtime < moment]


def run_workflow(config: str, cores: str, profile: str, options: Sequence[str]) -> int:
    """Run Snakemake on the workflow that ships, in this folder; its exit status. `config` is for its `--config`."""
    check_writable(Path(".snakemake"))
    name_user()
    home = Path(".snakemake/slopewise/home")
    if house_user(home):
        home.mkdir(parents=True, exist_ok=True)
        typer.echo(f"slopewise: there is no home folder (HOME); {home} serves as one", err=True)
    return _wait(command(config, cores, profile, options))


def command(config: str, cores: str, profile: str, options: Sequence[str]) -> list[str]:
    """The command that runs the workflow; options and targets come last, where they take precedence."""
    limit = [f"--cores={cores}"] if cores else []
    places = ["--snakefile", str(supplied() / "Snakefile"), f"--workflow-profile={profile_folder(profile)}"]
    return [sys.executable, "-m", "snakemake", "--config", config, *places, *limit, *options]


def profile_folder(name: str) -> Path:
    """The folder of a profile that ships, by its name, or of the user's, by its path; `InputError` without one."""
    there_are = sorted(folder.name for folder in (supplied() / "profiles").iterdir())
    folder = supplied() / "profiles" / name if name in there_are else Path(name)
    if not (folder / "config.yaml").is_file():
        raise InputError(
            f"--profile {name}: there is no file config.yaml in such a folder; "
            f"write {' or '.join(there_are)}, or the path of a folder with a profile"
        )
    return folder


def _wait(words: list[str]) -> int:
    """Run a command to its end; it alone answers an interrupt from the terminal, and a request to end is passed on."""
    process = subprocess.Popen(words)

    def passed_on(number: int, frame: FrameType | None) -> None:
        process.send_signal(number)

    before = {signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN)}
    before[signal.SIGTERM] = signal.signal(signal.SIGTERM, passed_on)
    try:
        status = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return status if status >= 0 else 128 - status
