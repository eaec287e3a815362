"""The first run after an installation, a run from the start with compiled code, and one with nothing to do.

    python benchmarks/cold.py            prints the tables (some minutes; nothing else should run meanwhile)
    python benchmarks/cold.py --write    also writes the section of docs/benchmarks.md

The checkout's files are copied to a new folder, without compiled code and without results, and `slopewise demo` (the
PBC study) is started there three times: as it is, with the results removed, and as the second left it. Every process
writes down at its end how long numba compiled each function. Times of processes are wall clock; those of compiling
include what a function calls and compiles on the way.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

from parts.page import duration, load, machine, put_section, table, versions  # noqa: E402

NOTE = """
import atexit, json, os, sys
def note():
    if "numba" not in sys.modules:
        return
    import gc
    from numba.core.dispatcher import Dispatcher
    found = {}
    for one in gc.get_objects():
        if isinstance(one, Dispatcher):
            for compiled in one.overloads.values():
                timers = (compiled.metadata or {}).get("timers", {})
                if timers:
                    name = one.py_func.__module__ + "." + one.py_func.__name__
                    found[name] = found.get(name, 0.0) + timers["compiler_lock"]
    with open(os.path.join(os.environ["NOTED_IN"], f"{os.getpid()}.json"), "w") as stream:
        json.dump(found, stream)
atexit.register(note)
"""
"""Python runs a module of this name (`sitecustomize`) at the start of each process."""


def copy_of_checkout(folder: Path) -> Path:
    """The files that git knows, and those that it does not ignore, in a new folder."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def demo(folder: Path, noted: Path) -> tuple[float, dict[str, float], dict[str, float]]:
    """Wall clock of `slopewise demo`; seconds of each rule that ran; seconds that each function was compiled."""
    shutil.rmtree(noted, ignore_errors=True)
    hook = noted / "hook"
    hook.mkdir(parents=True)
    (hook / "sitecustomize.py").write_text(NOTE, encoding="utf-8")
    search = os.pathsep.join([str(hook), str(folder / "workflow" / "scripts")])
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    started, began = time.time(), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "slopewise.cli.app", "demo", "--cores", "2"],
        cwd=folder, env={**environment, "PYTHONPATH": search, "NOTED_IN": str(noted)}, check=True, capture_output=True,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    rules = {}
    for file in (folder / "results/pbc/timings").glob("*.tsv"):
        if file.stat().st_mtime >= started:
            rules[file.name.split(".")[0]] = float(file.read_text().splitlines()[1].split("\t")[0])
    compiled: dict[str, float] = {}
    for file in noted.glob("*.json"):
        for name, spent in json.loads(file.read_text()).items():
            compiled[name] = compiled.get(name, 0.0) + spent
    return seconds, rules, compiled


def measure() -> dict[str, tuple[float, dict[str, float], dict[str, float]]]:
    """The three runs by name."""
    with tempfile.TemporaryDirectory() as place:
        folder, noted = copy_of_checkout(Path(place) / "checkout"), Path(place) / "noted"
        found = {"first": demo(folder, noted)}
        shutil.rmtree(folder / "results")
        shutil.rmtree(folder / ".snakemake")
        found["from the start"] = demo(folder, noted)
        found["nothing to do"] = demo(folder, noted)
    return found


def section(found: dict[str, tuple[float, dict[str, float], dict[str, float]]], most: int = 15) -> str:
    """The text of the section."""
    first, again, idle = found["first"], found["from the start"], found["nothing to do"]
    aims = {"first": 60.0, "from the start": 30.0, "nothing to do": 5.0}
    words = {"first": "the first, after the installation", "from the start": "again from the start, with compiled code"}
    runs = [
        [words.get(name, name), f"≤ {aims[name]:.0f} s", duration(run[0]), "yes" if run[0] <= aims[name] else "no"]
        for name, run in found.items()
    ]
    rules = sorted(first[1], key=lambda rule: -first[1][rule])
    jobs = [[f"`{rule}`", f"{first[1][rule]:.1f}", f"{again[1].get(rule, 0.0):.1f}"] for rule in rules]
    functions = sorted(first[2], key=lambda name: -first[2][name])[:most]
    whole = sum(first[2].values())
    assert not idle[1] and not sum(again[2].values()), "nothing is made twice, and nothing compiled twice"
    return "\n\n".join(
        [
            "## The first run",
            f"`python benchmarks/cold.py` on {machine()}; {versions(['numba', 'snakemake', 'pandas'])}. "
            f"Load of the machine meanwhile: {load()}.",
            "`slopewise demo` (PBC, 312 patients, three markers) on two cores, the environment installed:",
            table(["run", "aim", "wall clock", "reached"], runs),
            "Seconds of each job, two of which may run at a time:",
            table(["rule", "first", "again"], jobs),
            f"Compiling takes {duration(whole)} of the first run, over all jobs, functions that another one calls "
            f"counted twice; the {len(functions)} that take longest:",
            table(["function", "seconds"], [[f"`{name}`", f"{first[2][name]:.1f}"] for name in functions]),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the section of docs/benchmarks.md")
    options = parser.parse_args()
    text = section(measure())
    print(text)
    if options.write:
        put_section(ROOT / "docs" / "benchmarks.md", "cold", text)


if __name__ == "__main__":
    main()
