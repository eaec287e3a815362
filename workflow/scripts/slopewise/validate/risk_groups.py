"""Patients in thirds of their validated prediction, and how each third fared (Kaplan–Meier, Aalen–Johansen)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from slopewise.metrics.incidence import incidence
from slopewise.run.short_repr import ShortRepr
from slopewise.study.model import Study

GROUPS = ("low", "middle", "high")

SHOWN = ("clinical", "level", "slope")
"""Steps of the ladder whose thirds are reported."""


@dataclass(frozen=True, repr=False)
class RiskGroups(ShortRepr):
    """`members`: patient, group, followup, event. `curves`: group, time, survival, ci_low, ci_high,
    a row a step up to the horizon."""

    members: pd.DataFrame
    curves: pd.DataFrame

    def at(self, time: float) -> pd.DataFrame:
        """Survival and its interval at `time` after the landmark, indexed by group."""
        return self.curves[self.curves["time"] <= time].groupby("group", sort=False).last()

    def at_risk(self, times: list[float]) -> pd.DataFrame:
        """Patients of each group still followed at each time: group, time, n."""
        rows = [
            (group, time, int((part["followup"] >= time).sum()))
            for group, part in self.members.groupby("group", sort=False)
            for time in times
        ]
        return pd.DataFrame(rows, columns=["group", "time", "n"])


def risk_groups(patients: pd.DataFrame, predictions: pd.DataFrame, step: str, horizon: float) -> RiskGroups:
    """Thirds of the out-of-fold risk of a ladder step at `horizon`, averaged over repeats; equal risks stay together.

    `patients` is ``cohort/patients``, `predictions` is ``outcome/predictions``. With competing events one minus
    Kaplan–Meier is not the incidence of the event: the curve is one minus Aalen–Johansen's then.
    """
    curve_of = without_event if (patients["event"] > 1).any() else with_interval
    own = predictions[(predictions["predictors"] == step) & (predictions["horizon"] == horizon)]
    risk = own.groupby("patient", sort=True)["risk"].mean()
    members = patients[["patient", "followup", "event"]].set_index("patient").loc[risk.index]
    members = members.assign(group=pd.Categorical(thirds(risk), list(GROUPS)), risk=risk)
    members = members.sort_values("group", kind="stable").reset_index()
    members["group"] = members["group"].astype(str)
    curves = [
        _up_to(curve_of(part), min(horizon, float(part["followup"].max()))).assign(group=group)
        for group, part in members.groupby("group", sort=False)
    ]
    return RiskGroups(members, pd.concat(curves, ignore_index=True))


def with_interval(members: pd.DataFrame) -> pd.DataFrame:
    """Kaplan–Meier's curve (`metrics.ipcw.kaplan_meier`, here by lifelines, which has Greenwood's variance).

    With its 95% interval (log-log): time, survival, ci_low, ci_high; the first row is time 0.
    """
    from lifelines import KaplanMeierFitter

    fitted = KaplanMeierFitter().fit(members["followup"], members["event"] == 1)
    ends = fitted.confidence_interval_survival_function_
    return pd.DataFrame(
        {
            "time": fitted.survival_function_.index.to_numpy(dtype=float),
            "survival": fitted.survival_function_.iloc[:, 0].to_numpy(dtype=float),
            "ci_low": ends.iloc[:, 0].to_numpy(dtype=float),
            "ci_high": ends.iloc[:, 1].to_numpy(dtype=float),
        }
    )


def without_event(members: pd.DataFrame) -> pd.DataFrame:
    """One minus the Aalen–Johansen incidence of the event with its 95% interval, in the columns of `with_interval`."""
    found = incidence(members["followup"], members["event"])
    low, high = found.interval
    start = pd.DataFrame({"time": [0.0], "survival": [1.0], "ci_low": [1.0], "ci_high": [1.0]})
    steps = pd.DataFrame({"time": found.times, "survival": 1 - found.risk, "ci_low": 1 - high, "ci_high": 1 - low})
    steps[["ci_low", "ci_high"]] = steps[["ci_low", "ci_high"]].fillna({"ci_low": 1.0, "ci_high": 1.0})
    return pd.concat([start, steps], ignore_index=True)


def _up_to(curve: pd.DataFrame, end: float) -> pd.DataFrame:
    """The curve from 0 to `end`, its last step drawn out to there."""
    inside = curve[curve["time"] <= end]
    return pd.concat([inside, inside.tail(1).assign(time=end)], ignore_index=True)


def round_times(end: float, most: int = 6) -> list[float]:
    """From 0 up to `end` in round steps, at most `most` of them."""
    for size in (10.0**power * factor for power in range(-3, 5) for factor in (1, 2, 5)):
        if end / size <= most - 1 + 1e-9:
            return [round(float(time), 9) for time in np.arange(0.0, end + 1e-9, size)]
    return [0.0, end]


def thirds(prediction: pd.Series) -> pd.Series:
    """The third of each prediction, by name; equal predictions stay together."""
    place = ((prediction.rank(method="average") - 0.5) / len(prediction) * len(GROUPS)).astype(int)
    return place.map(dict(enumerate(GROUPS)))


def risk_groups_table(study: Study, patients: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Each third of the validated prediction: its patients, events, mean prediction and what was observed.

    `observed` is the proportion with the event by the horizon (one minus Kaplan–Meier, Aalen–Johansen with competing
    events), the proportion with a binary outcome (Wilson's interval), or the mean of a continuous one (Student's).
    Thirds are those of the prediction at the last horizon; the rows are of the study's event alone.
    """
    cause = next(iter(study.causes))
    own = predictions[predictions["cause"] == cause]
    steps = [step for step in SHOWN if (own["predictors"] == step).any()]
    of_step = _timed if study.kind.timed else _untimed
    rows = [
        (step, cause, *row) for step in steps for row in of_step(study, patients, own[own["predictors"] == step], step)
    ]
    columns = ["predictors", "cause", "horizon", "third", "patients", "events", "predicted", "observed"]
    return pd.DataFrame(rows, columns=[*columns, "ci_low", "ci_high"])


Row = tuple[float, str, int, float, float, float, float, float]


def _timed(study: Study, patients: pd.DataFrame, own: pd.DataFrame, step: str) -> list[Row]:
    groups = risk_groups(patients, own, step, max(study.outcome.horizons))
    risk = own.groupby(["patient", "horizon"], sort=True)["risk"].mean().unstack("horizon")
    rows = []
    for horizon in study.outcome.horizons:
        curve = groups.at(horizon)
        for group, members in groups.members.groupby("group", sort=False):
            free, low, high = curve.loc[[str(group)], ["survival", "ci_low", "ci_high"]].to_numpy(dtype=float)[0]
            events = float((members["event"] == 1).sum())
            mean = float(risk.loc[members["patient"], horizon].mean())
            rows.append(
                (horizon, str(group), len(members), events, mean, float(1 - free), float(1 - high), float(1 - low))
            )
    return rows


def _untimed(study: Study, patients: pd.DataFrame, own: pd.DataFrame, step: str) -> list[Row]:
    predicted = own.groupby("patient", sort=True)["risk"].mean()
    outcome = patients.set_index("patient")["outcome"].loc[predicted.index].astype(float)
    third = thirds(predicted)
    rows = []
    for group in GROUPS:
        members = outcome[third == group]
        if not len(members):
            continue
        events = float(members.sum()) if study.kind.dichotomous else np.nan
        ends = _wilson(events, len(members)) if study.kind.dichotomous else student(members)
        mean = float(predicted[third == group].mean())
        rows.append((np.nan, group, len(members), events, mean, float(members.mean()), *ends))
    return rows


def _wilson(events: float, number: int) -> tuple[float, float]:
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(int(events), number, method="wilson")
    return float(low), float(high)


def student(values: pd.Series) -> tuple[float, float]:
    """The 95% interval of a mean; missing with one value."""
    if len(values) < 2:
        return np.nan, np.nan
    half = float(stdtrit(len(values) - 1, 0.975) * values.std() / np.sqrt(len(values)))
    return values.mean() - half, values.mean() + half
