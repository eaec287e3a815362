"""A first run without compiled code, compiling ahead, a first run after it, and a run with nothing to do.

    python benchmarks/cold.py            prints the tables (some minutes; nothing else should run meanwhile)
    python benchmarks/cold.py --write    also writes the section of docs/benchmarks.md

The checkout's files are copied to a new folder, without compiled code and without results, and `slopewise demo` (the
PBC study) is started there: as it is; after `slopewise compile`, which `make` starts while it installs, with code and
results removed before; and as that left it. Every process writes down at its end how long numba compiled each
function. Times of processes are wall clock; those of compiling include what a function calls and compiles on the way.
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


def timed(folder: Path, noted: Path, *command: str) -> tuple[float, dict[str, float], dict[str, float]]:
    """Wall clock of a command of `slopewise`; seconds of each rule that ran, and that each function was compiled."""
    shutil.rmtree(noted, ignore_errors=True)
    hook = noted / "hook"
    hook.mkdir(parents=True)
    (hook / "sitecustomize.py").write_text(NOTE, encoding="utf-8")
    search = os.pathsep.join([str(hook), str(folder / "workflow" / "scripts")])
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    started, began = time.time(), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "slopewise.cli.app", *command],
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
    """What was timed, by name."""
    demo = ("demo", "--cores", "2")
    with tempfile.TemporaryDirectory() as place:
        folder, noted = copy_of_checkout(Path(place) / "checkout"), Path(place) / "noted"
        found = {"nothing compiled": timed(folder, noted, *demo)}
        shutil.rmtree(folder / "results")
        shutil.rmtree(folder / ".snakemake")
        for kept in [*folder.rglob("*.nbi"), *folder.rglob("*.nbc")]:
            kept.unlink()
        found["compiling"] = timed(folder, noted, "compile")
        found["first"] = timed(folder, noted, *demo)
        found["nothing to do"] = timed(folder, noted, *demo)
    return found


def section(found: dict[str, tuple[float, dict[str, float], dict[str, float]]], most: int = 15) -> str:
    """The text of the section."""
    cold, ahead, first = found["nothing compiled"], found["compiling"], found["first"]
    rows = [
        ("a first run, nothing compiled ahead (an installation by pip)", None, cold[0]),
        ("`slopewise compile`, which `make` starts while it installs", None, ahead[0]),
        ("a first run after it", 30.0, first[0]),
        ("both of these, one after the other", 60.0, ahead[0] + first[0]),
        ("a run with nothing to do", 5.0, found["nothing to do"][0]),
    ]
    runs = [
        [name, f"≤ {aim:.0f} s" if aim else "", duration(taken), ("yes" if taken <= aim else "no") if aim else ""]
        for name, aim, taken in rows
    ]
    rules = sorted(cold[1], key=lambda rule: -cold[1][rule])
    jobs = [[f"`{rule}`", f"{cold[1][rule]:.1f}", f"{first[1].get(rule, 0.0):.1f}"] for rule in rules]
    functions = sorted(ahead[2], key=lambda name: -ahead[2][name])[:most]
    assert not found["nothing to do"][1], "nothing is made twice"
    assert not sum(first[2].values()), "nothing is compiled that was not compiled ahead"
    return "\n\n".join(
        [
            "## The first run",
            f"`python benchmarks/cold.py` on {machine()}; {versions(['numba', 'snakemake', 'pandas'])}. "
            f"Load of the machine meanwhile: {load()}.",
            "`slopewise demo` (PBC, 312 patients, three markers) on two cores, the environment installed:",
            table(["run", "aim", "wall clock", "reached"], runs),
            "Seconds of each job, two of which may run at a time:",
            table(["rule", "nothing compiled", "compiled ahead"], jobs),
            f"Compiling ahead takes {duration(sum(ahead[2].values()))}, functions that another one calls "
            f"counted twice; the {len(functions)} that take longest:",
            table(["function", "seconds"], [[f"`{name}`", f"{ahead[2][name]:.1f}"] for name in functions]),
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
