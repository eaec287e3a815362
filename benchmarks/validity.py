"""Do the tests, intervals and coefficients hold what they promise? Simulation with known truth.

    python benchmarks/validity.py                      what is missing of 2,000 data sets a setting, then the page
    python benchmarks/validity.py --only power two_stage
    python benchmarks/validity.py --quick              20 data sets instead of 2,000, into build/validity; some minutes

Every setting is written to the table of its part, docs/validity/*.csv, as soon as it is there; a setting that has
as many data sets already is not run again, so a program that was stopped goes on. The page docs/validity.md and its
pictures are made from these tables alone. Seeds are fixed: the same data sets on any machine.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # matrices are small: threads would only wait for each other

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from parts import validity_batches as batches  # noqa: E402
from parts import validity_bayes as bayes  # noqa: E402
from parts import validity_cautions as cautions  # noqa: E402
from parts import validity_effect_posterior as effect_posterior  # noqa: E402
from parts import validity_effects as effects  # noqa: E402
from parts import validity_growth as growth  # noqa: E402
from parts import validity_interruption as interruption  # noqa: E402
from parts import validity_intervals as intervals  # noqa: E402
from parts import validity_markers as markers  # noqa: E402
from parts import validity_outcome as outcome  # noqa: E402
from parts import validity_starts as starts  # noqa: E402
from parts import validity_trends as trends  # noqa: E402
from parts import validity_verdict as verdict  # noqa: E402
from parts import validity_weighting as weighting  # noqa: E402
from parts.monte_carlo import Quantity, Store  # noqa: E402
from parts.validity_growth import Setting  # noqa: E402
from parts.validity_page import write_page  # noqa: E402

SIZES = [(patients, ragged) for patients in (30, 100, 300) for ragged in (False, True)]
RESAMPLES = 200
"""Resamples of the patients for each two-stage bootstrap interval."""
SLOPE_SDS = (0.05, 0.1, 0.15, 0.2, 0.3)


@dataclass(frozen=True)
class Cell:
    """A setting of a part of the simulations, how many data sets it takes, and what runs them."""

    part: str
    setting: str
    sets: int
    run: Callable[[], list[Quantity]]


def cells(replicates: int) -> Iterator[Cell]:
    """All settings, the quick ones first; the share of data sets that each part takes is fixed here."""

    def cell(part: str, of: Callable[[Setting, int], list[Quantity]], setting: Setting, times: float) -> Cell:
        sets = max(round(replicates * times), 4)
        return Cell(part, setting.name, sets, partial(of, setting, sets))

    for searched in starts.SETTINGS:
        sets = max(round(replicates * 0.5), 4)
        yield Cell("starts", searched.name, sets, partial(starts.searched, searched, sets))
    for n, ragged in SIZES:
        yield cell("type_one", growth.rejections, Setting(n, ragged), 2)
    for n, ragged in SIZES:
        yield cell("sequential", growth.sequential, Setting(n, ragged), 1)
    for n, ragged in SIZES:
        yield cell("cautions", cautions.false_alarms, Setting(n, ragged, 0.2), 0.2)
    for lag in (0.3, 0.6):
        for n, ragged in SIZES:
            yield cell("serial_tests", growth.rejections, Setting(n, ragged, lag=lag), 1)
    for n in (30, 100, 300):
        for sd in SLOPE_SDS:
            yield cell("power", growth.rejections, Setting(n, False, slope_sd=sd), 1)
    for sd in (0.1, 0.2):
        for n, ragged in SIZES:
            yield cell("calibration", growth.calibration, Setting(n, ragged, sd, correlation=0.3), 0.5)
    yield cell("calibration", growth.calibration, Setting(600, True, 0.1, correlation=0.3), 0.5)
    for n, ragged in SIZES:
        yield cell("coverage", growth.coverage, Setting(n, ragged, 0.2, correlation=0.3), 1)
    for n, ragged, lag in ((30, False, 0.3), (100, False, 0.3), (100, True, 0.3), (300, False, 0.3), (100, False, 0.6)):
        yield cell("protection", growth.protection, Setting(n, ragged, lag=lag), 0.1)
    for sd in (0.1, 0.2, 0.3):
        yield cell("protection", growth.protection, Setting(100, False, slope_sd=sd), 0.05)
    sets = max(round(replicates * 0.05), 2)
    for n in (60, 150):
        yield Cell("dropout", f"{n} patients, slope SD 0.2", sets, partial(trends.dropout, n, 0.2, sets))
    for n in (50, 150):
        yield Cell("fast_share", f"{n} patients", sets, partial(trends.fast_share, n, sets))
    for trial in effects.NOTHING:
        sets = max(round(replicates * 0.5), 4)
        yield Cell("effects", trial.name, sets, partial(effects.rejected, trial, sets))
    for trial in effects.SPREADS:
        sets = max(round(replicates * 0.2), 4)
        yield Cell("effects", trial.name, sets, partial(effects.covered, trial, sets))
    few = max(round(replicates * 0.1), 2)
    for trial in effects.SPREADS[::2]:
        yield Cell("effect_shares", trial.name, few, partial(effects.shares, trial, few))
    sets = max(round(replicates * 0.1), 2)
    for series in interruption.SETTINGS:
        yield Cell("interruption", series.name, sets, partial(interruption.covered, series, sets))
        yield Cell("interruption_known", series.name, sets, partial(interruption.known, series, sets))
    fewest = max(round(replicates * 0.05), 2)
    for trial in effect_posterior.TRIALS:
        yield Cell("effect_posterior", trial.name, fewest, partial(effect_posterior.covered_in_trial, trial, fewest))
    fewest = max(round(replicates * 0.015), 2)
    for series in effect_posterior.SERIES:
        yield Cell("effect_posterior", series.name, fewest, partial(effect_posterior.covered_in_series, series, fewest))
    sets = max(round(replicates * 0.25), 2)
    for followed in weighting.SETTINGS:
        yield Cell("iptw", followed.name, sets, partial(weighting.covered, followed, sets))
    sets = max(round(replicates * 0.05), 2)
    for noise in trends.NOISES:
        yield Cell("trend_claims", noise.name, sets, partial(trends.claims, noise, sets))


@dataclass(frozen=True)
class Course:
    """A part with a row for each data set: its setting, how many, what makes one, and how many are written at once."""

    part: str
    setting: str
    sets: int
    one: Callable[[int], dict[str, float]]
    block: int


def courses(replicates: int) -> Iterator[Course]:
    """The parts that go through both stages: a data set takes a second or more."""
    sets = max(round(replicates / 4), 2)
    yield Course("two_stages", "300 patients", sets, partial(outcome.two_stages, 300, RESAMPLES), 10)
    for patients, share in ((100, 0.1), (400, 0.05)):
        for ratio in (1, 1.25, 1.35, 1.7):
            name = f"{patients} patients, hazard ratio {ratio:g}"
            one = partial(verdict.verdicts, patients, ratio)
            yield Course("verdicts", name, max(round(replicates * share), 2), one, 10)
    for name, setting in intervals.SETTINGS.items():
        one = partial(intervals.coverage, *setting)
        yield Course("intervals", name, max(round(replicates / 10), 2), one, 10)
    for drawn in bayes.SETTINGS:
        yield Course("sbc", drawn.name, max(round(replicates / 4), 2), partial(bayes.ranks, drawn), 20)
    for followed in weighting.SETTINGS:
        one = partial(weighting.covered_by_bootstrap, followed)
        yield Course("iptw_bootstrap", followed.name, max(round(replicates / 20), 2), one, 10)
    for many in markers.SETTINGS:
        yield Course("markers", many.name, max(round(replicates / 50), 2), partial(markers.one_set, many), 2)
    for scanned in batches.SETTINGS:
        yield Course("combat", scanned.name, max(round(replicates / 50), 2), partial(batches.one_set, scanned), 10)
    for name, permuted in (("noise", False), ("permuted outcomes", True)):
        yield Course("nothing", name, max(round(replicates / 100), 2), partial(outcome.nothing, 300, permuted), 1)


def main(arguments: list[str] | None = None) -> None:
    """Run what is missing and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=2000, help="data sets that a setting's share is taken of")
    parser.add_argument("--only", nargs="*", help="parts to run")
    parser.add_argument("--quick", action="store_true", help="the same as --replicates 20 --out build/validity")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "validity", help="folder of the tables")
    chosen = parser.parse_args(arguments)
    if chosen.quick:
        chosen.replicates, chosen.out = 20, ROOT / "build" / "validity"
    store = Store(chosen.out)
    for cell in cells(chosen.replicates):
        if chosen.only is None or cell.part in chosen.only:
            started = time.process_time()
            if store.add(cell.part, cell.setting, cell.sets, cell.run):
                spent = time.process_time() - started
                print(f"{cell.part}: {cell.setting}, {cell.sets} data sets, {spent:.0f} s", flush=True)
    for course in courses(chosen.replicates):
        if chosen.only is None or course.part in chosen.only:
            started = time.process_time()
            added = store.grow(course.part, course.setting, course.sets, course.one, course.block)
            spent = time.process_time() - started
            print(f"{course.part}: {course.setting}, {added} data sets, {spent:.0f} s", flush=True)
    write_page(store, chosen.out.parent / "validity.md", COMMAND)


COMMAND = "python benchmarks/validity.py"


if __name__ == "__main__":
    main()
