"""The measurements of the growth engine; each is called in a process of its own and returns numbers for JSON."""

from __future__ import annotations

import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from parts.clocks import Stopwatch, copy_bandwidth, peak_memory, processor_time
from slopewise.growth.fitting import fit_batch


def first_fit() -> dict[str, Any]:
    """Seconds of processor time from the start of Python to the end of the first fit, and of the parts."""
    started = time.process_time()
    from slopewise.growth import GrowthModel

    imported = time.process_time()
    from parts.simulated import FIXED, RANDOM, cohort

    frame = cohort(300)
    ready = time.process_time()
    GrowthModel(FIXED, RANDOM).fit(frame, "y0")
    end = time.process_time()
    return {"whole": end, "import": imported - started, "fit": end - ready}


MARKERS = 1000  # imaging features of one cohort


def one_fit(rounds: int, with_statsmodels: int) -> dict[str, Any]:
    """A fit of 1,000 patients in all engines, a round after the other, so that noise meets all of them alike."""
    import numpy as np

    from parts.peers import Lmer, fit_statsmodels
    from parts.simulated import FIXED, RANDOM, cohort
    from slopewise.growth import GrowthModel

    markers = [f"y{k}" for k in range(MARKERS)]
    frame = cohort(1000, features=len(markers))
    model = GrowthModel(FIXED, RANDOM)
    data = model.data(frame, "y0")
    everybody = np.ones((50, len(data.patients)), dtype=np.int64)
    folds = {name: i % 5 for i, name in enumerate(data.patients)}
    fit = fit_batch(data, everybody[:1])
    model.fit_many(frame, markers[:2], folds=folds)
    peer_frame = frame[["patient", "time", "age", "sex", "y0"]]
    names = ("fit", "single", "products", "design", "everybody", "folds", "lme4", "statsmodels")
    times: dict[str, list[float]] = {name: [] for name in names}

    def prepare() -> None:
        for marker in markers:
            rows.data(marker).moments  # noqa: B018  made on first access

    deviance = {"fit": float(fit.deviance[0])}
    with tempfile.TemporaryDirectory() as folder:
        lmer = Lmer(peer_frame, Path(folder))
        for turn in range(rounds):
            times["fit"].append(processor_time(lambda: fit_batch(data, everybody)) / len(everybody))
            times["single"].append(processor_time(lambda: fit_batch(data, everybody[:1]), 50))
            times["design"].append(processor_time(lambda: model.rows(frame).for_many()) / len(markers))
            rows = model.rows(frame).for_many()
            times["products"].append(processor_time(prepare) / len(markers))
            times["everybody"].append(processor_time(lambda: model.fit_many(frame, markers)) / len(markers))
            several = processor_time(lambda: model.fit_many(frame, markers[:25], folds=folds))
            times["folds"].append(several / (25 * 6))
            if lmer.version is not None:
                seconds, deviance["lme4"] = lmer.fit()
                times["lme4"].append(seconds)
            if turn < with_statsmodels:
                seconds, deviance["statsmodels"] = fit_statsmodels(peer_frame, FIXED, RANDOM)
                times["statsmodels"].append(seconds)
        lmer.close()
    return {
        "rows": len(frame),
        "seconds": {name: statistics.median(values) for name, values in times.items() if values},
        "spread": {name: [min(values), max(values)] for name, values in times.items() if values},
        "deviance": deviance,
        "evaluations": int(fit.iterations[0]),
        "bound": bound(data, int(fit.iterations[0])),
        "lme4": lmer.version,
    }


def bound(data: Any, evaluations: int) -> dict[str, float]:
    """Least seconds that an evaluation needs for its memory: bytes read and written over the measured bandwidth.

    First pass: reads a patient's q^2 + q (p + 1) numbers and writes T_i and E_i; the second one reads these again.
    """
    q, p1 = data.moments.ones.shape[1], len(data.moments.x_columns) + 1
    v = q * (q + 1) // 2
    patients = int((data.n_rows > 0).sum())
    bytes_moved = 8 * patients * (q * q + q * p1 + 2 * (v + q * p1))
    bandwidth = copy_bandwidth(bytes_moved // 2)
    return {
        "bytes": bytes_moved,
        "bandwidth": bandwidth,
        "pass": bytes_moved / bandwidth,
        "fit": evaluations * bytes_moved / bandwidth,
    }


def many_fits(features: int, rounds: int) -> dict[str, Any]:
    """features x 5 x (5 + 1) fits of 300 patients on one thread and on two: wall, unhindered and processor seconds."""
    from parts.simulated import FIXED, RANDOM, cohort, nested_folds
    from slopewise.growth import GrowthModel

    frame = cohort(300, features=features)
    counts = nested_folds(300)
    model = GrowthModel(FIXED, RANDOM)
    fit_batch(model.data(frame, "y0"), counts)

    def share(rows: Any, first: int, threads: int) -> tuple[float, float]:
        watch = Stopwatch()
        for k in range(first, features, threads):
            data = rows.data(f"y{k}")
            fit_batch(data, counts)
            data.release()
        return watch.unhindered(), watch.processor()

    def run(threads: int) -> tuple[float, float, float]:
        whole = Stopwatch()
        rows = model.rows(frame)
        before = whole.unhindered(), whole.processor()
        with ThreadPoolExecutor(threads) as pool:
            parts = list(pool.map(lambda first: share(rows, first, threads), range(threads)))
        unhindered, processor = before[0] + max(part[0] for part in parts), before[1] + sum(part[1] for part in parts)
        return whole.wall(), unhindered, processor

    measured = [(run(1), run(2)) for _ in range(rounds)]
    ratio = [one[1] / two[1] for one, two in measured]
    wall_ratio = [one[0] / two[0] for one, two in measured]
    middle = {
        name: {clock: statistics.median(pair[k][i] for pair in measured) for i, clock in enumerate(CLOCKS)}
        for k, name in enumerate(("one", "two"))
    }
    fits = features * len(counts)
    return {
        "fits": fits,
        "features": features,
        **middle,
        "ratio": statistics.median(ratio),
        "wall_ratio": statistics.median(wall_ratio),
        "best_wall_ratio": max(wall_ratio),
        "peak": peak_memory(),
    }


CLOCKS = ("wall", "unhindered", "processor")


def patients(number: int, repeats: int) -> dict[str, Any]:
    """A cohort of `number` patients with 5 visits each: preparation, the fit after it, peak memory, memory's bound."""
    import numpy as np

    from parts.simulated import FIXED, RANDOM, cohort
    from slopewise.growth import GrowthModel

    frame = cohort(number, visits=5)
    model = GrowthModel(FIXED, RANDOM)
    small = model.data(frame.iloc[:500], "y0")
    fit_batch(small, np.ones((1, len(small.patients)), dtype=np.int64))
    watch = Stopwatch()
    data = model.data(frame, "y0")
    rows_ready = watch.processor()
    data.moments  # noqa: B018  made on first access
    prepared = watch.processor()
    everybody = np.ones((1, number), dtype=np.int64)
    calls = max(1, 20_000 // number)
    fits = [processor_time(lambda: fit_batch(data, everybody), calls) for _ in range(repeats)]
    evaluations = int(fit_batch(data, everybody).iterations[0])
    peak = peak_memory()
    return {
        "patients": number,
        "rows": len(frame),
        "sorting": rows_ready,
        "products": prepared - rows_ready,
        "fit": statistics.median(fits),
        "evaluations": evaluations,
        "peak": peak,
        "bound": bound(data, evaluations),
    }
