"""The Aalen–Johansen incidence of one cause among competing ones, with the delta method's standard error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from slopewise.metrics.ipcw import aalen_johansen

Floats = NDArray[np.float64]
NORMAL_975 = 1.959963984540054


@dataclass(frozen=True)
class Incidence:
    """`risk` (m,) of the cause by each of `times` (m,), with the ends of its 95% interval on the log(−log) scale."""

    times: Floats
    risk: Floats
    error: Floats

    @property
    def interval(self) -> tuple[Floats, Floats]:
        """Low and high end (m,); missing where nothing happened yet."""
        inside = (self.risk > 0) & (self.risk < 1) & (self.error > 0)
        risk = np.where(inside, self.risk, 0.5)
        reach = NORMAL_975 * np.where(inside, self.error, np.nan) / np.abs((1 - risk) * np.log1p(-risk))
        hazard = -np.log1p(-risk)
        return -np.expm1(-hazard * np.exp(-reach)), -np.expm1(-hazard * np.exp(reach))


def incidence(followup: ArrayLike, event: ArrayLike, cause: int = 1) -> Incidence:
    """Incidence of `cause` from `followup` (n,) and `event` codes (n,; 0 censored), at each time of any event.

    Variance by the delta method (Marubini & Valsecchi 1995): Σ (F(t) − F(u))² d / (n (n − d)) + Σ S(u−)² d_c (n − d_c)
    / n³ − 2 Σ (F(t) − F(u)) S(u−) d_c / n² over event times u <= t, as R's prodlim has it.
    """
    time, code = np.asarray(followup, dtype=float), np.asarray(event).astype(np.int64)
    curve = aalen_johansen(time, code, cause)
    moments, risk = curve.times, 1.0 - curve.survival
    at_risk = len(time) - np.searchsorted(np.sort(time), moments, side="left")
    any_event = np.array([int(((time == moment) & (code > 0)).sum()) for moment in moments], dtype=float)
    own = np.array([int(((time == moment) & (code == cause)).sum()) for moment in moments], dtype=float)
    before = np.concatenate([[1.0], np.cumprod(1.0 - any_event / at_risk)[:-1]]) if len(moments) else risk
    left = at_risk - any_event
    first = np.divide(any_event, at_risk * left, out=np.zeros_like(risk), where=left > 0)
    second = before**2 * own * (at_risk - own) / at_risk**3
    third = before * own / at_risk**2
    variance = np.empty_like(risk)
    for place in range(len(moments)):
        gap = risk[place] - risk[: place + 1]
        variance[place] = (gap**2 * first[: place + 1] + second[: place + 1] - 2 * gap * third[: place + 1]).sum()
    return Incidence(moments, risk, np.sqrt(np.maximum(variance, 0.0)))
