"""The growth engine's speed and memory, beside statsmodels and (where R has it) lme4 in the same run.

    python benchmarks/engine.py            some minutes; writes docs/benchmarks.md and docs/benchmarks.svg
    python benchmarks/engine.py --quick    about a minute; writes into build/

Every measurement is made in a process of its own, on one thread unless it says otherwise, with fixed seeds. Times are
those of the processor, so that other work on the machine counts little; ratios are of one and the same run. Wall
clocks are told as well where threads are compared; they mean something on an otherwise idle machine alone.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from parts import growth, page  # noqa: E402

from slopewise.run.threads import limit_threads  # noqa: E402

PACKAGES = ("numpy", "numba", "pandas", "statsmodels")
Numbers = dict[str, Any]


def measured(part: str, *numbers: int, cache: Path | None = None) -> Numbers:
    """The results of one measurement, made by this program in a process of its own."""
    environment = os.environ | ({"NUMBA_CACHE_DIR": str(cache)} if cache else {})
    command = [sys.executable, str(Path(__file__)), "--part", part, *map(str, numbers)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def everything(quick: bool) -> Numbers:
    """All measurements, with a line on the terminal for each."""
    results: Numbers = {"quick": quick}

    def tell(what: str) -> None:
        print(f"-- {what}", file=sys.stderr, flush=True)

    tell("cold start")
    with tempfile.TemporaryDirectory() as folder:
        starts = [measured("first_fit", cache=Path(folder)) for _ in range(2 if quick else 4)]
    results["cold"], results["warm"] = starts[0], middle(starts[1:])
    tell("one fit of 1,000 patients")
    results["one"] = measured("one_fit", *((3, 1) if quick else (9, 3)))
    tell("nested cross-fitting on one and two threads")
    results["many"] = measured("many_fits", *((100, 3) if quick else (1000, 3)))
    results["patients"] = []
    for exponent in range(3, 6 if quick else 7):
        tell(f"10^{exponent} patients")
        results["patients"].append(measured("patients", 10**exponent, 3))
    return results


def middle(results: list[Numbers]) -> Numbers:
    """Medians of numbers that were measured several times."""
    return {name: statistics.median(result[name] for result in results) for name in results[0]}


def growth_rate(sizes: list[Numbers], seconds: str) -> float:
    """Slope of log time against log patients, by least squares."""
    x = [math.log(size["patients"]) for size in sizes]
    y = [math.log(size[seconds]) for size in sizes]
    centre = statistics.fmean(x)
    return sum((a - centre) * b for a, b in zip(x, y, strict=True)) / sum((a - centre) ** 2 for a in x)


def aims(results: Numbers) -> list[tuple[str, str, str, str]]:
    """(statement, aim, measured, reached) of everything that can be judged in this run."""
    one, many, sizes = results["one"], results["many"], results["patients"]
    seconds, largest = one["seconds"], results["patients"][-1]
    rows: list[tuple[str, str, float, bool]] = []

    def judge(statement: str, aim: str, value: str, reached: bool) -> None:
        rows.append((statement, aim, value, "yes" if reached else "no"))

    for peer, name, least in (("lme4", "lme4's lmer", 150), ("statsmodels", "statsmodels' MixedLM", 3000)):
        if peer in seconds:
            for kind, words in KINDS.items():
                ratio = seconds[peer] / seconds[kind]
                judge(f"{words}, against {name}", f"≥ {least:,} ×", f"{ratio:,.0f} ×", ratio >= least)
    for clock in ("unhindered", "wall"):
        two = many["two"][clock] * 30_000 / many["fits"]
        judge(f"30,000 fits of 300 patients, two threads, {clock}", "≤ 8 s", page.duration(two), two <= 8)
    for clock, ratio in (("unhindered", many["ratio"]), ("wall", many["wall_ratio"])):
        judge(f"two threads against one, {clock}", "≥ 1.7 ×", f"{ratio:.2f} ×", ratio >= 1.7)
    if largest["patients"] >= 10**6:
        judge("10⁶ patients: fit after the cross-products", "≤ 5 s", page.duration(largest["fit"]), largest["fit"] <= 5)
        judge("10⁶ patients: peak memory", "≤ 4 GiB", f"{largest['peak']:.1f} GiB", largest["peak"] <= 4)
    for name, words in (("fit", "the fit"), ("prepared", "the preparation")):
        slope = growth_rate(sizes, name)
        judge(f"cost of {words} grows as patients to the power", "≤ 1.1", f"{slope:.2f}", slope <= 1.1)
    return rows


KINDS = {
    "fit": "a fit of a prepared marker (`fit_batch`)",
    "folds": "a fit in `fit_many`, 5 folds, data preparation included",
    "everybody": "a fit in `fit_many`, no folds (each marker prepared for one fit)",
}


def section(results: Numbers) -> str:
    """The engine's section of the page."""
    one, many, sizes = results["one"], results["many"], results["patients"]
    seconds, deviance = one["seconds"], one["deviance"]
    names = {"lme4": "lme4 `lmer`", "statsmodels": "statsmodels `MixedLM`"}
    fits = [
        (words, page.duration(seconds[kind]), "1" if kind == "fit" else f"{seconds[kind] / seconds['fit']:,.2f}")
        + ((f"{deviance['fit']:.6f}",) if kind == "fit" else ("",))
        for kind, words in KINDS.items()
    ] + [
        (name, page.duration(seconds[peer]), f"{seconds[peer] / seconds['fit']:,.0f}", f"{deviance[peer]:.6f}")
        for peer, name in names.items()
        if peer in seconds
    ]
    cohorts = [
        (
            f"{size['patients']:,}",
            page.duration(size["sorting"]),
            page.duration(size["products"]),
            page.duration(size["fit"]),
            page.duration(size["bound"]["fit"]),
            f"{size['fit'] / size['bound']['fit']:.1f}",
            f"{size['peak']:.2f} GiB",
        )
        for size in sizes
    ]
    threads = [
        (name, *(page.duration(many[key][clock]) for clock in growth.CLOCKS))
        for name, key in (("one thread", "one"), ("two threads", "two"))
    ]
    starts = [
        (name, *(page.duration(results[key][part]) for part in ("whole", "import", "fit")))
        for name, key in (("nothing compiled yet", "cold"), ("compiled code in the cache", "warm"))
    ]
    bound = one["bound"]
    return TEXT.format(
        command="python benchmarks/engine.py" + (" --quick" if results["quick"] else ""),
        machine=page.machine(),
        versions=page.versions(PACKAGES) + ("" if one["lme4"] is None else f", {one['lme4']}"),
        load=page.load(),
        aims=page.table(("", "aim", "measured", "reached"), aims(results)),
        rows=f"{one['rows']:,}",
        fits=page.table(("", "time", "ratio", "deviance"), fits),
        evaluations=one["evaluations"],
        bytes=f"{bound['bytes'] / 2**20:.2f} MiB",
        bandwidth=f"{bound['bandwidth'] / 1e9:.0f} GB/s",
        bound=page.duration(bound["fit"]),
        **{name: page.duration(seconds[name]) for name in ("single", "fit", "products", "design")},
        above=f"{seconds['fit'] / bound['fit']:.1f}",
        markers=f"{growth.MARKERS:,}",
        features=f"{many['features']:,}",
        number=f"{many['fits']:,}",
        threads=page.table(("", "wall", "unhindered", "processor"), threads),
        ratio=f"{many['ratio']:.2f}",
        wall_ratio=f"{many['wall_ratio']:.2f}",
        best_wall_ratio=f"{many['best_wall_ratio']:.2f}",
        work=f"{many['two']['processor'] / many['one']['processor']:.2f}",
        cohorts=page.table(
            ("patients", "sorting, design", "cross-products", "fit", "memory alone", "fit / memory", "peak"), cohorts
        ),
        starts=page.table(("", "whole process", "import", "first fit"), starts),
    )


TEXT = """
## The growth engine

`{command}` on {machine}; {versions}. Load of the machine meanwhile: {load}.

![One fit in three programs, and the time against the number of patients](benchmarks.svg)

{aims}

Times are medians, in seconds of one processor unless "wall" is written; a ratio compares times of one run.

### One fit

1,000 patients, {rows} rows, five fixed effects (`~ time * sex + age`), correlated random intercept and slope, REML,
everything at its defaults.

{fits}

A fit takes {evaluations} evaluations of the likelihood and its derivatives. An evaluation reads and writes {bytes};
at {bandwidth}, measured by copying as many bytes, the memory traffic of all of them would take {bound}: the fit takes
{above} times that. The rest is arithmetic and, once a fit, the standardising of the training patients' data.

A marker that is fitted only once pays for more than the fit, which is why `fit_many` without folds takes longer: its
call for a single fit takes {single} (in a batch {fit}), its cross-products {products}, and its share of the sorting and
the design, made once for {markers} markers, {design}.

### Nested cross-fitting

{features} features of 300 patients, 5 × (5 + 1) fits each: {number} fits. "Unhindered" is the wall clock without the
time in which a thread was ready to run and had no processor: what a machine with two free processors would show. Where
other work keeps the processors busy (see the load above), the wall clock shows that work instead.

{threads}

Two threads against one: {ratio} unhindered, {wall_ratio} by the wall clock (best round {best_wall_ratio}). The two
threads together used {work} times the processor time of one.

### Larger cohorts

Five visits a patient, text identifiers. Sorting and the design are done once for all markers, the cross-products once
a marker. "Memory alone" is the bound explained above; the peak is that of the whole process with the data frame in it.

{cohorts}

### Cold start

A new process: import and the first fit (300 patients).

{starts}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer repeats and smaller cohorts, into build/")
    parser.add_argument("--folder", type=Path, help="where to write (docs, with --quick build)")
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    limit_threads(2)
    if options.part:
        print(json.dumps(getattr(growth, options.part[0])(*map(int, options.part[1:]))))
        return
    results = everything(options.quick)
    for size in results["patients"]:
        size["prepared"] = size["sorting"] + size["products"]
    folder = options.folder or ROOT / ("build" if options.quick else "docs")
    from parts import picture

    picture.draw(results, folder / "benchmarks.svg")
    page.put_section(folder / "benchmarks.md", "engine", section(results))
    print(page.table(("", "aim", "measured", "reached"), aims(results)))
    print(f"written: {folder / 'benchmarks.md'}")


if __name__ == "__main__":
    main()
