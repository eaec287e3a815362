"""From a file or a database of very many patients to the growth models: seconds and memory, and how they grow.

    python benchmarks/sources.py --patients 100000 1000000    some minutes; writes its section of docs/benchmarks.md
    python benchmarks/sources.py                               20,000 patients; writes into build/

Every step runs in a process of its own, as in the workflow. PostgreSQL is measured where `BENCHMARK_DATABASE` has the
address of a database in which tables may be made; its tables measurements and patients are replaced.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from parts import page, sources  # noqa: E402

from slopewise.run.threads import limit_threads  # noqa: E402

START, SMALL, FULL = 1_000, (5_000, 20_000), 1_000_000
SECONDS, MEMORY, POWER = 180.0, 6.0, 1.1
PACKAGES = ("numpy", "pandas", "pyarrow", "numba")


def measured(part: str, folder: Path) -> sources.Numbers:
    """The results of one step, made by this program in a process of its own."""
    command = [sys.executable, str(Path(__file__)), "--part", part, str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def path_of(kind: str, patients: int) -> dict[str, sources.Numbers]:
    """Each step of the way from a kind of source to the growth model."""
    steps = ("prepare", "fit") if kind in sources.SUFFIXES else ("snapshot", "prepare", "fit")
    with tempfile.TemporaryDirectory() as name:
        print(f"-- {patients:,} patients, {kind}", file=sys.stderr, flush=True)
        sources.write(patients, kind, Path(name))
        return {step: measured(step, Path(name)) for step in steps}


def section(found: dict[str, dict[int, dict[str, sources.Numbers]]]) -> str:
    """The section of the page; `found`: by kind of source and number of patients, the steps."""
    rows, aims = [], []
    for kind, sizes in found.items():
        whole = {n: sum(step["processor"] for step in steps.values()) for n, steps in sizes.items()}
        for n, steps in sizes.items():
            parts = [page.duration(steps[name]["processor"]) if name in steps else "" for name in STEPS]
            wall = page.duration(sum(step["wall"] for step in steps.values()))
            peak = max(step["peak"] for step in steps.values())
            rows.append([kind, f"{n:,}", *parts, f"**{page.duration(whole[n])}**", wall, f"{peak:.1f} GiB"])
        largest, smallest = max(sizes), min(n for n in sizes if n > START)
        if largest >= FULL:
            peak = max(step["peak"] for step in sizes[largest].values())
            aims.append([f"{kind}: processor", "≤ 180 s", page.duration(whole[largest]), said(whole[largest], SECONDS)])
            aims.append([f"{kind}: memory", "≤ 6 GiB", f"{peak:.1f} GiB", said(peak, MEMORY)])
        if largest > smallest:
            more = [whole[n] - whole[START] for n in (largest, smallest)]
            power = math.log(more[0] / more[1]) / math.log(largest / smallest) if min(more) > 0 else float("nan")
            aims.append([f"{kind}: time grows as patients to the power", "≤ 1.1", f"{power:.2f}", said(power, POWER)])
    asked = [str(n) for n in next(iter(found.values())) if n > START]
    return TEXT.format(
        command=" ".join(["python benchmarks/sources.py --patients", *asked]),
        machine=page.machine(), versions=page.versions(PACKAGES), load=page.load(),
        steps=page.table(["source", "patients", *STEPS.values(), "together", "wall", "peak"], rows),
        aims=page.table(["", "aim", "measured", "reached"], aims),
    )  # fmt: skip


def said(value: float, most: float) -> str:
    return "yes" if value <= most else "no"


STEPS = {"snapshot": "reading the database", "prepare": "prepare_cohort", "fit": "growth model"}
TEXT = """## Large sources

`{command}` on {machine}; {versions}. Load of the machine meanwhile: {load}.

Five visits a patient, one marker, a survival outcome with two covariates: from the tables to the growth model of
everybody (correlated random intercept and slope, REML), each step in a process of its own, start-up, imports and the
writing of the cohort's files included. Times are those of the processor, over all threads; the wall clock shows other
work on the machine as well. The tests and intervals beside the model, its cross-fitting and the outcome models are not
in it. How time grows is judged without the start-up, for which 1,000 patients stand.

{aims}

{steps}
"""


def main() -> None:
    """Measure and write the section, or do one measurement for such a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, nargs="+", default=SMALL)
    parser.add_argument("--part", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    limit_threads(1)
    if chosen.part:
        print(json.dumps(getattr(sources, chosen.part[0])(Path(chosen.part[1]))))
        return
    kinds = [*sources.SUFFIXES, *(["postgresql"] if os.environ.get(sources.ADDRESS) else [])]
    path_of(kinds[0], START)  # compiles the numerical code, which later runs find in the cache
    found = {kind: {n: path_of(kind, n) for n in (START, *sorted(chosen.patients))} for kind in kinds}
    path = (ROOT / "docs" if max(chosen.patients) >= FULL else ROOT / "build") / "benchmarks.md"
    page.put_section(path, "sources", section(found))
    print(f"-- {path.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
