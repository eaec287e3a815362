"""Patients in thirds of their validated risk, and how each third fared (Kaplan–Meier, Aalen–Johansen)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from slopewise.metrics.incidence import incidence
from slopewise.run.short_repr import ShortRepr

GROUPS = ("low", "middle", "high")


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
    place = ((risk.rank(method="average") - 0.5) / len(risk) * len(GROUPS)).astype(int)
    members = members.assign(group=pd.Categorical.from_codes(place.to_numpy(), list(GROUPS)), risk=risk)
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
