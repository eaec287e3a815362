"""A scanner that is used at late visits, mostly: does the adjustment make slopes, or remove true ones?

Ten markers of 80 patients with five visits: the average slope is 0.3, patients' slopes have an SD of 0 or 0.5, and
residuals one of 0.4. Scanner B adds 1.5 to every marker; at the first three visits it takes 15% of the scans, at the
last two 85%.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from parts.monte_carlo import Quantity, Store, mean
from slopewise.folds import fit_on_everybody
from slopewise.growth.batch import GrowthBatch
from slopewise.growth.evidence.compare import boundary_p
from slopewise.growth.fitting import fit_batch
from slopewise.run.seeds import generator
from slopewise.slopes.batches.effects import marker_batches
from slopewise.slopes.batches.learn import learn_batches
from slopewise.slopes.inputs import GrowthInputs
from slopewise.study.keys_of_many import Batch
from slopewise.study.model import Study
from slopewise.study.reading import parse_study

PATIENTS, MARKERS, VISITS = 80, 10, 5
SLOPE, NOISE, SHIFT = 0.3, 0.4, 1.5
EARLY, LATE = 0.15, 0.85
METHODS = ("not adjusted", "fixed", "combat")
LINES = "\n".join(f"  m{k}: {{column: m{k}}}" for k in range(MARKERS))
STUDY = f"""
study: scanned
seed: 1
data: {{measurements: m.csv, patient: id, time: t, time_unit: years, analysis_unit: years}}
markers:
{LINES}
landmark: 4
outcome: {{kind: none}}
"""


@dataclass(frozen=True)
class Scanned:
    """A setting: the SD of patients' slopes."""

    slope_sd: float

    @property
    def name(self) -> str:
        """In the words of the table."""
        return f"slopes with an SD of {self.slope_sd:g}" if self.slope_sd else "no patient has a slope of its own"


SETTINGS = (Scanned(0.0), Scanned(0.5))


def data_set(setting: Scanned, replicate: int) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Measurements, patients, and the true slopes (patients, markers)."""
    rng = generator(replicate, "scanned", setting.name)
    owner, visit = np.repeat(np.arange(PATIENTS), VISITS), np.tile(np.arange(VISITS), PATIENTS)
    time = visit * 0.6 + rng.uniform(0, 0.3, len(owner))
    late = rng.random(len(owner)) < np.where(visit >= 3, LATE, EARLY)
    level, slope = rng.normal(size=(2, PATIENTS, MARKERS))
    slope = setting.slope_sd * slope
    course = level[owner] + (SLOPE + slope[owner]) * time[:, None] + SHIFT * late[:, None]
    values = course + NOISE * rng.normal(size=course.shape)
    names = np.array([f"p{i:02d}" for i in range(PATIENTS)], dtype=object)
    rows = pd.DataFrame({"patient": names[owner], "time": time, "scanner": np.where(late, "B", "A")})
    rows[[f"m{k}" for k in range(MARKERS)]] = values
    return rows, pd.DataFrame({"patient": names}), slope


def _study(method: str) -> Study:
    study = parse_study(STUDY.encode(), "study.yaml")
    if method == METHODS[0]:
        return study
    batch = Batch.model_validate({"column": "scanner", "method": method})
    return study.model_copy(update={"data": study.data.model_copy(update={"batch": batch})})


def _inputs(method: str, rows: pd.DataFrame, people: pd.DataFrame) -> GrowthInputs:
    study = _study(method)
    inputs = GrowthInputs(study, rows, people, None)
    if not study.removes_batches:
        return inputs
    prepared = marker_batches(study, rows, people, list(study.markers))
    everybody = [fit_on_everybody(PATIENTS)]
    learned = learn_batches(prepared, everybody, rows["time"].to_numpy(dtype=float), study.landmark_time)
    return replace(inputs, batches=learned.parameters)


def one_set(setting: Scanned, replicate: int) -> dict[str, float]:
    """Of each method, means over the markers of what `_of_marker` gives."""
    rows, people, slope = data_set(setting, replicate)
    found: dict[str, float] = {"replicate": replicate}
    for method in METHODS:
        own = [_of_marker(batch, slope[:, k]) for k, batch in enumerate(_fits(_inputs(method, rows, people)))]
        for name in own[0]:
            found[f"{name}, {method}"] = float(np.mean([one[name] for one in own]))
    return found


def _fits(inputs: GrowthInputs) -> Iterator[GrowthBatch]:
    for data in inputs.markers():
        yield fit_batch(data.growth, np.ones((2, PATIENTS), dtype=np.int64), ["correlated", "intercept"])


def _of_marker(batch: GrowthBatch, slope: np.ndarray) -> dict[str, float]:
    effects, _ = batch.random_effects(np.zeros(PATIENTS, dtype=np.int64), np.arange(PATIENTS))
    own = effects[:, 1]
    related = float(np.corrcoef(own, slope)[0, 1]) if own.std() > 0 and slope.std() > 0 else np.nan
    ratio = max(0.0, float(batch.deviance[1] - batch.deviance[0]))
    return {
        "average slope": float(batch.beta[0][list(batch.fixed_names).index("time")]),
        "SD of slopes": float(np.sqrt(batch.covariance[0][1, 1])),
        "test rejected": float(boundary_p(ratio, 2) < 0.05),
        "correlation with true slopes": related,
    }


MEASURES: Mapping[str, str] = {
    "average slope": f"average slope (true: {SLOPE:g})",
    "SD of slopes": "SD of slopes",
    "test rejected": "test of the random slope rejected at 5%",
    "correlation with true slopes": "correlation of predicted with true slopes",
}
SECTION = """## A scanner that is used at late visits

Ten markers of {patients} patients with five visits each; scanner B adds {shift:g} to every marker (noise SD {noise:g})
and takes {early:.0%} of the scans at the first three visits, {late:.0%} at the last two. Means over markers and data
sets. {size}.

{tables}"""


def batches_section(
    store: Store, wide: Callable[..., str], verdict: Callable[..., str], size: Callable[..., str]
) -> str:
    """A table of each setting: what each method makes of slopes."""
    sets = store.read("combat")
    parts = [_table(setting, sets[sets["setting"] == setting.name]) for setting in SETTINGS]
    tables = "\n\n".join(f"{setting.name[0].upper()}{setting.name[1:]}.\n\n{text}" for setting, text, _ in parts)
    whole = pd.concat([frame for _, _, frame in parts])
    return SECTION.format(
        patients=PATIENTS, shift=SHIFT, noise=NOISE, early=EARLY, late=LATE, size=size(whole), tables=tables
    )


def _table(setting: Scanned, own: pd.DataFrame) -> tuple[Scanned, str, pd.DataFrame]:
    """The rows of a setting, as Markdown and as a table of quantities."""
    lines = ["| quantity | " + " | ".join(METHODS) + " |", "|---|" + "---|" * len(METHODS)]
    rows = []
    for name, words in MEASURES.items():
        if not setting.slope_sd and name == "correlation with true slopes":
            continue
        cells: Sequence[Quantity] = [mean(words, own[f"{name}, {method}"].to_numpy()) for method in METHODS]
        lines.append(f"| {words} | " + " | ".join(f"{one.value:.3f} ({one.se:.3f})" for one in cells) + " |")
        rows += [(setting.name, *vars(one).values()) for one in cells]
    return setting, "\n".join(lines), pd.DataFrame(rows, columns=["setting", "quantity", "value", "se", "sets"])
