"""The growth half on many markers: time of a marker by part, peak memory, and the usual loops on a slice beside it.

    python benchmarks/markers.py                                    300 patients, 30 features
    python benchmarks/markers.py --patients 80 --features 1000      minutes
    python benchmarks/markers.py --peers 0                          without statsmodels and lme4
    python benchmarks/markers.py --patients 80 --features 1         one small fit from a frame

Every feature goes through what `compare_growth` does with a marker: the three growth models by REML and ML, the tests
and intervals, the comparison with serial correlation and with a changing scatter, influence and normality. Simulated
visits are ragged, and a third of the features have slopes that differ. Times are the processor's, on one thread; what
was compiled is not counted. The loops of statsmodels (MixedLM) and lme4 (lmer) fit one random-slope model a feature and
nothing else.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from parts.clocks import Stopwatch, peak_memory  # noqa: E402
from parts.peers import Lmer, fit_statsmodels  # noqa: E402

from slopewise.run.threads import limit_threads  # noqa: E402

SEED, FIXED, RANDOM = 20261127, "~ time * sex + age", "~ time"
PARTS = {
    "fit_side_by_side": "models side by side",
    "bootstrap_p": "parametric bootstrap",
    "components": "profile intervals",
    "compare_serial": "serial correlation",
    "compare_scatter": "changing scatter",
    "normality": "normality",
    "influence": "influence",
    "largest_influence": "influence by chance",
    "visits_and_slopes": "visits and slopes",
}


def frame_of(patients: int, features: int) -> Any:
    """Ragged rows of 3 to 7 visits: patient, time, age, sex and y0, y1, ...; every third y has slopes of SD 0.3."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng([SEED, patients, features])
    index = np.repeat(np.arange(patients), rng.integers(3, 8, patients))
    time = rng.uniform(0.0, 3.0, len(index))
    columns = {"patient": [f"p{number:05d}" for number in index], "time": time}
    columns |= {"age": rng.normal(50, 8, patients)[index], "sex": rng.choice(["f", "m"], patients)[index]}
    for k in range(features):
        b = rng.standard_normal((patients, 2)) * [1.0, 0.3 if k % 3 == 0 else 0.0]
        y = 0.1 * time + b[index, 0] + b[index, 1] * time + 0.5 * rng.standard_normal(len(index))
        columns[f"y{k}"] = y
    return pd.DataFrame(columns)


def timed(module: Any, name: str, spent: dict[str, float]) -> None:
    """Replace a function of `module` by one that adds the time of its calls to `spent`."""
    own: Callable[..., Any] = getattr(module, name)

    def watched(*args: Any, **options: Any) -> Any:
        watch = Stopwatch()
        try:
            return own(*args, **options)
        finally:
            spent[name] += watch.processor()

    setattr(module, name, watched)


def growth_half(frame: Any, features: int, draws: int, markers: int = 1000) -> tuple[float, dict[str, float]]:
    """Seconds of all features, and of each part, in a study of `markers`.

    The first feature is done once before, for what is compiled.
    """
    from slopewise.growth import GrowthModel
    from slopewise.growth.evidence import tables
    from slopewise.growth.fitting import fit_everybody
    from slopewise.run.seeds import generator

    model = GrowthModel(FIXED, RANDOM)
    rows = model.rows(frame, "patient").for_many()

    def one(k: int) -> None:
        study = fit_everybody(rows.data(f"y{k}"))
        tables.compare_marker(model, study, draws, generator(SEED, "markers", str(k)), in_time=True, markers=markers)

    one(0)
    spent = dict.fromkeys(PARTS, 0.0)
    for name in PARTS:
        timed(tables, name, spent)
    watch = Stopwatch()
    for k in range(features):
        one(k)
    return watch.processor(), spent


def from_frame(frame: Any, calls: int = 40) -> dict[str, float]:
    """Seconds of one fit from a frame as it stands (sorting, design and fit), by the formula of the fixed effects."""
    from slopewise.growth import GrowthModel

    found = {}
    for fixed in ("~ time", FIXED):
        model, rows = GrowthModel(fixed, RANDOM), frame[["patient", "time", "age", "sex", "y0"]]
        model.fit(rows, "y0")
        watch = Stopwatch()
        for _ in range(calls):
            model.fit(rows, "y0")
        found[fixed] = watch.processor() / calls
    return found


def peers(frame: Any, features: int) -> list[tuple[str, float]]:
    """(program, seconds of a feature) of the loops over the first `features`."""
    found = [
        ("statsmodels", sum(fit_statsmodels(one_of(frame, k), FIXED, RANDOM)[0] for k in range(features)) / features)
    ]
    seconds = []
    for k in range(features):
        with tempfile.TemporaryDirectory() as folder:
            lmer = Lmer(one_of(frame, k), Path(folder))
            if lmer.version is None:
                return found
            seconds.append(lmer.fit()[0])
            lmer.close()
    return [*found, ("lme4", sum(seconds) / features)]


def one_of(frame: Any, k: int) -> Any:
    """The frame with feature k as y0, which is what the other programs fit."""
    return frame[["patient", "time", "age", "sex"]].assign(y0=frame[f"y{k}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=300)
    parser.add_argument("--features", type=int, default=30)
    parser.add_argument("--draws", type=int, default=1000, help="of the parametric bootstrap, at most")
    parser.add_argument("--peers", type=int, default=3, help="features that the other programs fit")
    options = parser.parse_args()
    limit_threads(1)
    frame = frame_of(options.patients, options.features)
    for fixed, seconds in from_frame(frame).items():
        print(f"one fit from the frame, y {fixed}, random {RANDOM}: {1e3 * seconds:.1f} ms")
    whole, spent = growth_half(frame, options.features, options.draws)
    print(f"{options.patients} patients, {options.features} features, {len(frame)} rows; milliseconds a feature")
    for name, what in PARTS.items():
        print(f"  {what:24}{1e3 * spent[name] / options.features:10.1f}")
    print(f"  {'all else':24}{1e3 * (whole - sum(spent.values())) / options.features:10.1f}")
    print(f"  {'whole':24}{1e3 * whole / options.features:10.1f}")
    print(
        f"peak memory {peak_memory():.2f} GiB; 1,000 features take {1e3 * whole / options.features:.0f} s of processor"
    )
    for program, seconds in peers(frame, min(options.peers, options.features)) if options.peers else ():
        print(f"  {program:24}{1e3 * seconds:10.1f}   one fit a feature, without tests and intervals")


if __name__ == "__main__":
    main()
