"""Example patients for the report: averages of neighbouring patients, so that the report shows nobody's own values.

Four groups of patients that share nobody, chosen by the validated risk at one horizon (docs/methods.md, section 5):
low, middle and high predicted risk, and those whose risk the slopes change most. Risks, levels, slopes and
reliabilities come from models that had not seen the patient; the line of a marker is that of the growth model of all
patients, as `model.json` has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.growth import GrowthFit
from slopewise.outcome.fit import with_choices
from slopewise.outcome.ladder import LADDER, ladder_data
from slopewise.run.short_repr import ShortRepr
from slopewise.slopes.marker import at_landmark, moments, values_held
from slopewise.study.model import Study
from slopewise.validate.nested import outer_folds

Floats = NDArray[np.float64]
NEIGHBOURS = 20
"""Patients behind an example: at least ``report.small_cells`` and `FEWEST`, and a fifth of a small cohort."""
FEWEST = 5
QUANTILES = {"low": 0.1, "middle": 0.5, "high": 0.9}
CHANGE = "change"
WITHOUT, WITH = "level", "slope"
"""The steps of the ladder whose predictions an example shows: without the slopes and with them."""
POINTS = 25
"""Moments of a curve of risk and of a marker's line."""
BINS = 6
RARE = 0.01
"""Where a risk is smaller, all are told of 1,000 patients, else of 100."""
Z = 1.959963984540054


@dataclass(frozen=True, repr=False)
class ExampleInputs(ShortRepr):
    """The tables that examples are made of, by the names of the files, and the growth models of all patients."""

    measurements: pd.DataFrame
    patients: pd.DataFrame
    folds: pd.DataFrame
    slopes: pd.DataFrame
    crossfit: pd.DataFrame
    fits: pd.DataFrame
    filters: pd.DataFrame
    predictions: pd.DataFrame
    growth: Mapping[str, GrowthFit]


def examples(study: Study, inputs: ExampleInputs) -> pd.DataFrame:
    """The table ``outcome/examples``; without rows where the cohort is too small for three groups."""
    size = group_size(len(inputs.patients), study.report.small_cells)
    mean = mean_risks(inputs.predictions, study.causes[0], reference_horizon(study.horizons))
    groups = choose(mean, size)
    lines: list[dict[str, Any]] = []
    risks = list(_risks(study, inputs, groups))
    of = (
        100
        if study.kind.numeric or min((line["value"] for line in risks if line["frequent"]), default=1) >= RARE
        else 1000
    )
    for line in risks:
        frequent = line.pop("frequent")
        lines.append(line)
        if frequent and not study.kind.numeric:
            lines.append({**line, "quantity": "frequency", "value": float(round(of * line["value"])), "of": float(of)})
    for name, members in groups.items():
        lines += [{"example": name, "patients": size, **line} for line in _scores(study, inputs, members)]
        lines += [{"example": name, "patients": size, **line} for line in _covariates(study, inputs, members)]
        lines += [{"example": name, **line} for line in _courses(study, inputs, members, size)]
    return pd.DataFrame(lines, columns=list(COLUMNS))


COLUMNS = (
    "example",
    "patients",
    "quantity",
    "item",
    "predictors",
    "time",
    "value",
    "low",
    "high",
    "original",
    "of",
    "category",
)


def group_size(patients: int, small_cells: int) -> int:
    """How many patients an example is the average of."""
    return max(small_cells, FEWEST, min(NEIGHBOURS, patients // 5))


def reference_horizon(horizons: Sequence[float]) -> float:
    """The horizon by whose risk examples are chosen: the middle one, of two in the middle the earlier."""
    return sorted(horizons)[(len(horizons) - 1) // 2]


def mean_risks(predictions: pd.DataFrame, cause: str, horizon: float) -> pd.DataFrame:
    """Each patient's validated prediction of `cause` at `horizon`, without the slopes and with them (mean over
    repeats): a row a patient, sorted as text, columns `WITHOUT` and `WITH`."""
    rows = predictions[(predictions["cause"] == cause) & predictions["predictors"].isin([WITHOUT, WITH])]
    rows = rows[rows["horizon"].isna() if np.isnan(horizon) else rows["horizon"] == horizon]
    return rows.pivot_table(index="patient", columns="predictors", values="risk", aggfunc="mean").sort_index()


def choose(risks: pd.DataFrame, size: int) -> dict[str, list[str]]:
    """Patients of each example, `size` of each and nobody in two: else a difference of averages would be a patient.

    First those whose prediction the slopes change most, in the direction in which the mean change is larger; of the
    others the nearest, by rank of the prediction with the slopes, to its 10%, 50% and 90% points. Without a change,
    or of a cohort of fewer than four groups, the first is left out; fewer than three groups give none.
    """
    chosen: dict[str, list[str]] = {}
    if len(risks) < size * len(QUANTILES):
        return chosen
    change = (risks[WITH] - risks[WITHOUT]).sort_values(kind="stable")
    left = risks[WITH].sort_values(kind="stable")
    if len(risks) >= size * (len(QUANTILES) + 1) and change.abs().max() > 0:
        down, up = change.iloc[:size], change.iloc[-size:]
        most = up if abs(up.mean()) >= abs(down.mean()) else down
        chosen[CHANGE] = sorted(map(str, most.index))
        left = left.drop(most.index)
    starts = _starts(len(left), size)
    for name, start in starts.items():
        chosen[name] = sorted(map(str, left.index[start : start + size]))
    return chosen


def _starts(patients: int, size: int) -> dict[str, int]:
    """Where the group around each quantile starts among `patients` in the order of risk; the groups do not overlap."""
    middle = {name: round(share * (patients - 1)) - size // 2 for name, share in QUANTILES.items()}
    low = max(0, min(middle["low"], patients - len(QUANTILES) * size))
    between = max(low + size, min(middle["middle"], patients - 2 * size))
    return {"low": low, "middle": between, "high": max(between + size, min(middle["high"], patients - size))}


def _risks(study: Study, inputs: ExampleInputs, groups: Mapping[str, Sequence[str]]) -> Iterator[dict[str, Any]]:
    """Mean predictions of each group: at the horizons (`frequent`) and, of a time to an event, on a curve."""
    if not groups:
        return
    if not study.kind.timed:
        for cause in study.causes:
            mean = mean_risks(inputs.predictions, cause, np.nan)
            yield from _means(mean.assign(time=np.nan), groups, cause, {np.nan})
        return
    horizons = tuple(float(horizon) for horizon in study.horizons)
    grid = tuple(np.unique([*np.linspace(0.0, max(horizons), POINTS)[1:].tolist(), *horizons]).tolist())
    for cause, time, mean in _curves(study, inputs, grid):
        yield from _means(mean.assign(time=time), groups, cause, set(horizons))


def _means(
    mean: pd.DataFrame, groups: Mapping[str, Sequence[str]], cause: str, horizons: set[float]
) -> Iterator[dict[str, Any]]:
    time = float(mean["time"].iloc[0])
    for name, members in groups.items():
        for step in (WITHOUT, WITH):
            yield {
                "example": name,
                "patients": len(members),
                "quantity": "risk",
                "item": cause,
                "predictors": step,
                "time": time,
                "value": float(mean.loc[list(members), step].mean()),
                "frequent": np.isnan(time) or time in horizons,
            }


def _curves(study: Study, inputs: ExampleInputs, grid: tuple[float, ...]) -> Iterator[tuple[str, float, pd.DataFrame]]:
    """Validated risks of every cause at each moment of `grid`, as `mean_risks` has them at one horizon."""
    data = ladder_data(study, inputs.patients, inputs.slopes, inputs.filters)
    data = with_choices(data, inputs.crossfit, inputs.fits)
    steps = [step for step in LADDER if step.name in (WITHOUT, WITH)]
    total = np.zeros((len(steps), len(data.patients), len(data.causes), len(grid)))
    seen = np.zeros(len(data.patients))
    for outer in outer_folds(data, inputs.folds, inputs.crossfit, inputs.fits, steps=steps, at=grid):
        rows = outer.tested
        seen[rows] += 1
        for place, step in enumerate(steps):
            raw = data.raw(step, rows, outer.level, outer.slope)
            total[place, rows] += outer.fitted.models[step.name].risks(raw, data.stratum[rows])
    mean = total / seen[:, None, None]
    names = [step.name for step in steps]
    for c, cause in enumerate(data.causes):
        for t, time in enumerate(grid):
            columns = {name: mean[place, :, c, t] for place, name in enumerate(names)}
            yield cause, time, pd.DataFrame(columns, index=pd.Index(data.patients, name="patient"))


def _scores(study: Study, inputs: ExampleInputs, members: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Mean cross-fitted level, slope, its standard error (of the mean variance) and reliability of each marker.

    Of a logarithm also the level as it was measured and the slope in per cent.
    """
    rows = inputs.slopes[inputs.slopes["patient"].isin(list(members))]
    by_marker = dict(list(rows.groupby("marker")))
    for marker in inputs.growth:
        own = by_marker[marker]
        if own["level"].isna().any():
            continue
        for quantity in ("level", "slope", "reliability"):
            value = float(own[quantity].mean())
            line = {"quantity": quantity, "item": marker, "value": value}
            if study.markers[marker].transform == "log" and quantity != "reliability":
                line["original"] = float(np.exp(value)) if quantity == "level" else float(100 * np.expm1(value))
            yield line
        error = float(np.sqrt((own["slope_se"] ** 2).mean()))
        yield {"quantity": "slope_se", "item": marker, "value": error}


def _covariates(study: Study, inputs: ExampleInputs, members: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The mean of a number, the most frequent category of a text.

    A mean from which one could read that fewer than the least number differ from all others is left out.
    """
    own = inputs.patients[inputs.patients["patient"].isin(list(members))]
    limit = max(study.report.small_cells, FEWEST)
    for name in study.outcome.covariates:
        counts = own[name].value_counts()
        other = len(own) - int(counts.iloc[0])
        if pd.api.types.is_numeric_dtype(own[name]):
            if other >= limit:
                yield {"quantity": "covariate", "item": name, "value": float(own[name].mean())}
        elif counts.iloc[0] >= limit:
            most = sorted(counts[counts == counts.iloc[0]].index.astype(str))[0]
            yield {"quantity": "covariate", "item": name, "category": most}


def _courses(study: Study, inputs: ExampleInputs, members: Sequence[str], size: int) -> Iterator[dict[str, Any]]:
    """What was measured, averaged in spans of time that hold enough patients, and the mean line with its band."""
    people = inputs.patients[inputs.patients["patient"].isin(list(members))].sort_values("patient", kind="stable")
    people = people.reset_index(drop=True)
    rows = inputs.measurements[inputs.measurements["patient"].isin(list(members))]
    own = [column for column in people.columns if column not in rows.columns]
    frame = rows.merge(people[["patient", *own]], on="patient", how="inner", validate="many_to_one")
    fixed = values_held(study, inputs.measurements, inputs.patients)
    at = at_landmark(rows, people, study.landmark_time, study.growth.slope_of, fixed)
    limit = max(study.report.small_cells, FEWEST)
    for marker, fit in inputs.growth.items():
        axis = fit.specification.time
        spans = list(binned(frame, marker, axis, limit))
        for time, value, count in spans:
            yield {"quantity": "measured", "item": marker, "time": time, "value": value, "patients": count}
        if not spans or fit.structure == "excluded":
            continue
        end = float(moments(rows, people["patient"].tolist(), study.landmark_time).mean())
        if axis != "time":
            end = spans[-1][0]
        for line in _line(fit, frame, at, np.linspace(min(spans[0][0], end), end, POINTS)):
            yield {"quantity": "line", "item": marker, "patients": size, **line}


def binned(frame: pd.DataFrame, marker: str, axis: str, limit: int) -> Iterator[tuple[float, float, int]]:
    """(mean time, mean value, patients) of spans of `axis` in order, each of `limit` patients or more.

    Spans of equal width, joined until they hold enough; means over patients of each patient's mean. Without enough
    patients in all there is none.
    """
    known = frame[marker].notna().to_numpy()
    who, names = pd.factorize(frame["patient"].to_numpy(dtype=object)[known], sort=True)
    if len(names) < limit:
        return
    x, y = (frame[name].to_numpy(dtype=float)[known] for name in (axis, marker))
    low, width = float(x.min()), float(np.ptp(x)) / BINS or 1.0
    place = np.minimum(((x - low) / width).astype(int), BINS - 1)
    cells = place * len(names) + who  # a row a span, a column a patient
    count, times, values = (
        np.bincount(cells, weights, BINS * len(names)).reshape(BINS, -1) for weights in (None, x, y)
    )
    spans: list[list[int]] = []
    for number in np.flatnonzero(count.any(axis=1)).tolist():
        if spans and np.count_nonzero(count[spans[-1]].any(axis=0)) < limit:
            spans[-1].append(number)
        else:
            spans.append([number])
    if len(spans) > 1 and np.count_nonzero(count[spans[-1]].any(axis=0)) < limit:
        spans[-2:] = [spans[-2] + spans[-1]]
    for span in spans:
        rows = count[span].sum(axis=0)
        seen = rows > 0
        time, value = (float((sums[span].sum(axis=0)[seen] / rows[seen]).mean()) for sums in (times, values))
        yield time, value, int(seen.sum())


def _line(fit: GrowthFit, frame: pd.DataFrame, at: pd.DataFrame, times: Floats) -> Iterator[dict[str, float]]:
    """The mean of the patients' lines at `times`, with the 95% band of one such patient's: the mean variance of a line
    given the patient's own values (docs/methods.md, section 2)."""
    names, effects, spread = fit.score(frame)
    if list(names) != at["patient"].astype(str).tolist():
        raise ValueError("every patient needs a row")
    n, axis = len(at), fit.specification.time
    named = {*fit.specification.fixed.variables, *fit.specification.random.variables}
    known = at[[name for name in at.columns if name in named]]
    rows = known.iloc[np.tile(np.arange(n), len(times))].assign(**{axis: np.repeat(times, n)})  # one evaluation
    x, z = fit.design.fixed.matrix(rows), fit.design.random.matrix(rows).reshape(len(times), n, -1)
    values = (x @ fit.estimates.beta[0]).reshape(len(times), n) + (z * effects).sum(axis=2)
    variances = (np.einsum("tni,nij->tnj", z, spread) * z).sum(axis=2)
    for time, *of_patients in zip(times, values, variances, strict=True):
        yield {"time": float(time), **band(*of_patients)}


def band(values: Floats, variances: Floats) -> dict[str, float]:
    """The mean of patients' `values` (n,) with the 95% interval of one such patient's, of the mean of `variances`."""
    value, half = float(values.mean()), Z * float(np.sqrt(variances.mean()))
    return {"value": value, "low": value - half, "high": value + half}
