"""How long honest validation takes: the PBC study with many repeats and resamples, and its metrics beside a library's.

    python benchmarks/validation.py            about two minutes; writes its section of docs/benchmarks.md
    python benchmarks/validation.py --quick    half a minute; writes into build/

Every measurement is made in a process of its own with fixed seeds. Times are those of the processor over all threads,
and of the wall clock, which means something on an otherwise idle machine alone; a ratio compares times of one run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from parts import page  # noqa: E402

PACKAGES = ("numpy", "numba", "pandas", "scikit-survival")
STEPS, LIMIT = 8, 90.0
FULL = (20, 1000, 500)
NAMES = {
    "cohort": "cohort",
    "growth": "growth models of every fold, their scores, the leakage audit",
    "outcome": "the shipped ladder",
    "nested": "nested validation of the ladder",
    "performance": "every metric, with its out-of-fold resamples",
    "bootstrap": "two-stage bootstrap",
}
METRICS = {
    "pairs": "Harrell's C, Uno's C and AUC at three horizons, by fold",
    "calibration": "calibration slope, smooth curve and ICI at three horizons",
}
Numbers = dict[str, Any]


def measured(part: str, *numbers: int) -> Numbers:
    """The results of one measurement, made by this program in a process of its own."""
    command = [sys.executable, str(Path(__file__)), "--part", part, *map(str, numbers)]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def section(asked: tuple[int, int, int], run: Numbers, metrics: Numbers) -> str:
    """The section of the page."""
    repeats, resamples, bootstrap = asked
    wall, processor = (sum(one[k] for one in run["seconds"].values()) for k in (0, 1))
    rows = [[NAMES[name], page.duration(times[1]), page.duration(times[0])] for name, times in run["seconds"].items()]
    rows.append(["**together**", f"**{page.duration(processor)}**", f"**{page.duration(wall)}**"])
    seconds, times = metrics["seconds"], repeats * (1 + resamples) * STEPS
    compared = []
    for name, words in METRICS.items():
        ours, peer = seconds[name], seconds[f"{name}_peer"]
        compared.append(
            [words, page.duration(ours), page.duration(peer), f"{peer / ours:,.0f} ×",
             f"{peer * times / 60:,.0f} min", f"{metrics['apart'][name]:.1g}"]
        )  # fmt: skip
    reached = "yes" if wall <= LIMIT else "no"
    if asked != FULL:
        reached = "not asked"
    return TEXT.format(
        machine=page.machine(), versions=page.versions(PACKAGES), load=page.load(), patients=run["patients"],
        repeats=repeats, resamples=f"{resamples:,}", bootstrap=bootstrap, fits=f"{run['fits']:,}",
        bootstrap_fits=f"{run['bootstrap_fits']:,}", peak=f"{run['peak']:.1f}", wall=page.duration(wall),
        processor=page.duration(processor), reached=reached,
        stages=page.table(["part", "processor", "wall"], rows), metric_resamples=f"{metrics['resamples']:,}",
        peer_resamples=metrics["peer_resamples"],
        compared=page.table(["for a step, a repeat and a resample", "here", "scikit-survival", "ratio",
                             "scikit-survival for all", "largest difference"], compared),
    )  # fmt: skip


TEXT = """## Validation

`python benchmarks/validation.py` on {machine}; {versions}. Load of the machine meanwhile: {load}.

The PBC study at its landmark ({patients} patients, 3 markers) with {repeats} repeats of nested validation in 5×(5+1)
folds, {resamples} resamples of the out-of-fold predictions and {bootstrap} two-stage bootstrap resamples: {fits} growth
fits for the folds, {bootstrap_fits} for the bootstrap, eight steps of the ladder, all metrics. Two threads; compiled
code in the cache; the workflow's own start-up and the report are not counted. Peak memory {peak} GiB.

{stages}

Aim, with 20 repeats, 1,000 and 500 resamples: at most 90 s on two processors. Reached by the wall clock: {reached}
({wall}, with the load above; {processor} of processor time is what a machine that is free would need at most).

### Metrics beside scikit-survival's, resample by resample

Pairs of patients are looked up once a fold and counted in every resample; calibration fits its Cox models on
counts. The other column calls `concordance_index_censored`, `concordance_index_ipcw` and `cumulative_dynamic_auc`
on each fold of each resample, and fits `CoxPHSurvivalAnalysis` twice a horizon. Here {metric_resamples} resamples,
there {peer_resamples}, of one repeat, all eight steps, one thread, processor time. The last column compares
Harrell's C and the calibration slopes of the same resamples.

{compared}
"""


def main() -> None:
    """Measure and write the section, or do one measurement for such a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer repeats and resamples; writes into build/")
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.part:
        from parts import validation

        print(json.dumps(getattr(validation, chosen.part[0])(*map(int, chosen.part[1:]))))
        return
    asked = (2, 50, 20) if chosen.quick else FULL
    path = (ROOT / "build" if chosen.quick else ROOT / "docs") / "benchmarks.md"
    print("-- the PBC study", file=sys.stderr, flush=True)
    run = measured("whole", *asked, 2)
    print("-- metrics beside scikit-survival", file=sys.stderr, flush=True)
    page.put_section(path, "validation", section(asked, run, measured("metrics", asked[1], 1 if chosen.quick else 4)))
    print(f"-- {path.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
