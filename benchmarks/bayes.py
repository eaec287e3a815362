"""How long a posterior takes, in effective draws per second, beside bambi (PyMC's NUTS).

    python benchmarks/bayes.py                          sleepstudy, and the three markers of PBC
    python benchmarks/bayes.py --bambi PATH/python      also bambi, of a Python in which it is installed
    python benchmarks/bayes.py --bambi ... --write      also writes the section of docs/benchmarks.md

Each marker has a random intercept and slope and no further column. Both programs sample four chains on one core, one
after the other, with default priors, which are not the same; what was compiled before is not counted, and for bambi
neither is the time in which PyTensor translates the model. A posterior of `growth.engine: bayes` has 4 x 1,000 draws
after 500; bambi's as many after 1,000. Effective draws are the least bulk effective sample size of the fixed effects
and standard deviations.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from parts.page import duration, load, machine, put_section, table, versions  # noqa: E402

from slopewise.run.threads import limit_threads  # noqa: E402

limit_threads(1)

SEED, DRAWS = 20261128, 1000
AIMS = {"sleepstudy": 5.0, "pbc": 30.0}
"""Seconds in which all posteriors of a study should be sampled on one core, compiled code warm."""


def rows_of(study: str) -> dict[str, Any]:
    """By marker: patient, time, y, as the study analyses them, up to its landmark."""
    import prepare_cohort

    from slopewise.slopes.inputs import GrowthInputs
    from slopewise.study.reading import load_study
    from slopewise.tables import catalogue

    file = ROOT / "config" / "studies" / f"{study}.yaml"
    with tempfile.TemporaryDirectory() as folder:
        made = {
            name: Path(folder) / of for one in catalogue.written_by("prepare_cohort") for name, of in one.files.items()
        }
        prepare_cohort.prepare(file, ROOT, **made)
        inputs = GrowthInputs.read(load_study(file), made["measurements"], made["patients"], None)
        markers = list(load_study(file).markers)
    return {
        name: inputs.rows[["patient", "time", name]].dropna().set_axis(["patient", "time", "y"], axis=1)
        for name in markers
    }


def sampled(rows: Any) -> dict[str, float]:
    """Seconds of sampling, likelihood evaluations, and the least bulk effective sample size, of one marker."""
    from slopewise.growth import BayesSettings, GrowthModel, sample_posterior
    from slopewise.run.seeds import generator

    model = GrowthModel(engine="bayes", bayes=BayesSettings(draws=DRAWS))
    started = time.perf_counter()
    found = sample_posterior(model.data(rows, "y"), generator(SEED, "benchmark"))
    seconds = time.perf_counter() - started
    gates = found.table().query("kind != 'correlation'")
    return {"seconds": seconds, "ess": float(gates["ess_bulk"].min())}


def by_bambi(python: str, rows: Any) -> dict[str, Any]:
    """The same by bambi, in a process of its Python."""
    with tempfile.TemporaryDirectory() as folder:
        rows.to_csv(file := Path(folder) / "rows.csv", index=False)
        command = [python, str(Path(__file__).parent / "parts" / "with_bambi.py"), str(file), str(DRAWS)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"bambi failed: {ended.stderr.strip().splitlines()[-1]}")
    made: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return made


def measure(bambi: str | None) -> list[dict[str, Any]]:
    """A row a marker: study, marker, patients, rows, what `sampled` and `by_bambi` found."""
    found: list[dict[str, Any]] = []
    for study in AIMS:
        for marker, rows in rows_of(study).items():
            if not found:
                sampled(rows)  # compiles
            facts = {"study": study, "marker": marker, "patients": rows["patient"].nunique(), "rows": len(rows)}
            found.append({**facts, "ours": sampled(rows), "bambi": by_bambi(bambi, rows) if bambi else None})
    return found


def section(found: list[dict[str, Any]]) -> str:
    """The text of the section."""
    lines = []
    for one in found:
        ours, peer = one["ours"], one["bambi"]
        speed = ours["ess"] / ours["seconds"]
        beside = ["–"] * 3
        if peer:
            other = peer["ess"] / peer["seconds"]
            beside = [duration(peer["seconds"]), f"{other:,.0f}", f"{speed / other:,.0f} ×"]
        name = f"{one['study']}, {one['marker']} ({one['patients']} patients, {one['rows']} rows)"
        lines.append([name, duration(ours["seconds"]), f"{speed:,.0f}", *beside])
    whole = {study: sum(one["ours"]["seconds"] for one in found if one["study"] == study) for study in AIMS}
    aims = [
        [study, f"≤ {aim:.0f} s", duration(whole[study]), "yes" if whole[study] <= aim else "no"]
        for study, aim in AIMS.items()
    ]
    peers = sorted({one["bambi"]["versions"] for one in found if one["bambi"]})
    return "\n\n".join(
        [
            "## A posterior in place of the maximum",
            f"`python benchmarks/bayes.py` on {machine()}; {', '.join([versions(['numba']), *peers])}. "
            f"Load of the machine meanwhile: {load()}.",
            "Four chains of 1,000 draws on one core. Effective draws a second are the least bulk effective sample size "
            "of the fixed effects and standard deviations, by the seconds of sampling; `growth.engine: bayes` samples "
            "the variance parameters alone and integrates the rest out, bambi samples everything by NUTS.",
            table(
                [
                    "marker",
                    "seconds",
                    "effective draws a second",
                    "bambi: seconds",
                    "effective draws a second",
                    "ratio",
                ],
                lines,
            ),
            table(["study", "aim", "all its posteriors", "reached"], aims),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bambi", help="a Python in which bambi is installed")
    parser.add_argument("--write", action="store_true", help="write the section of docs/benchmarks.md")
    options = parser.parse_args()
    text = section(measure(options.bambi))
    print(text)
    if options.write:
        put_section(ROOT / "docs" / "benchmarks.md", "bayes", text)


if __name__ == "__main__":
    main()
