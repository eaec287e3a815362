"""Is the run time that `slopewise check` estimates the one that a run takes? From the timings of finished runs.

    python benchmarks/runtime.py results/pbc results/radiomics ...

For each run and rule: processor seconds as Snakemake measured them (all jobs of the rule together, compiling included)
beside the estimate of `slopewise.study.runtime`, and their ratio; at the end the sums. The runs were made with
`SLOPEWISE_PRELOAD=no`, so that the timings are those of the jobs. Processor seconds, not the
clock: the machine may have had other work. A processor that is shared takes more of them for the same work.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from slopewise.report.material.frames import recorded_study  # noqa: E402
from slopewise.study.demands import patients_of  # noqa: E402
from slopewise.study.runtime import Estimate, estimate  # noqa: E402

FACTOR = 2.0


def measured(folder: Path) -> dict[str, float]:
    """Processor seconds of each rule of a run, from its folder `timings`: ``RULE.tsv`` or ``RULE.CHUNK.tsv``."""
    found: dict[str, float] = defaultdict(float)
    for path in sorted(folder.glob("*.tsv")):
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream, delimiter="\t"):
                found[path.name.split(".")[0]] += float(row["cpu_time"])
    return dict(found)


def compared(own: dict[str, float], expected: Estimate) -> list[tuple[str, float, float]]:
    """(rule, measured, estimated) of the rules that both have, and their sums in the last row."""
    rows = [(rule, own[rule], seconds) for rule, seconds in expected.steps.items() if rule in own]
    return [*rows, ("together", sum(row[1] for row in rows), sum(row[2] for row in rows))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="+", help="folders of finished runs")
    outside = 0
    for results in parser.parse_args().results:
        study = recorded_study(results)
        patients = patients_of(results / "cohort" / "flow.csv", [])
        expected = estimate(study, patients)
        print(f"{results}: {len(study.markers)} markers, {patients} patients; check says {expected}")
        for rule, seconds, guess in compared(measured(results / "timings"), expected):
            print(f"  {rule:22}{seconds:9.1f} measured{guess:9.1f} estimated   ratio {guess / max(seconds, 0.1):5.2f}")
        ratio = guess / seconds
        outside += not 1 / FACTOR <= ratio <= FACTOR
    print(f"{outside} runs outside a factor of {FACTOR:g}")


if __name__ == "__main__":
    main()
