"""Predicted risks of patients with the event and without it."""

from __future__ import annotations

import numpy as np

from slopewise.figures import distributions as draw
from slopewise.report.material.frames import Frames, at_horizon
from slopewise.report.material.parts import Picture
from slopewise.report.templates.environment import caption
from slopewise.report.words.naming import Naming
from slopewise.validate.measure import from_training
from slopewise.validate.question import cohorts

STEP = "slope"


def distribution_picture(frames: Frames, naming: Naming) -> Picture | None:
    """A panel a horizon: validated risks of level and slope, averaged over repeats.

    Not of a continuous outcome, and not where one of both groups has fewer patients than `report.small_cells`.
    """
    if naming.kind.numeric:
        return None
    cohort = cohorts(naming.study, frames.patients)[0]
    weights, _ = from_training(cohort, np.zeros(len(cohort.patients), dtype=np.int64))
    panels = []
    for place, horizon in enumerate(naming.moments):
        rows = at_horizon(frames.predictions, horizon)
        found = rows[rows["predictors"] == STEP].groupby("patient")["risk"].mean()
        risk = found.reindex(list(cohort.patients)).to_numpy(dtype=float)
        case, control = weights.case[:, place], weights.control[:, place]
        if min(int((case > 0).sum()), int((control > 0).sum())) < naming.study.report.small_cells:
            continue
        title = naming.at(horizon, naming.cause)
        words = (f"with the event ({share(case)})", f"without it ({share(control)})")
        panels.append(
            draw.by_outcome(risk, case, control, title, words, f"distribution-{place}", float(np.nanmax(risk)))
        )
    return Picture("distribution", caption("distribution", timed=naming.kind.timed), panels) if panels else None


def share(weight: np.ndarray) -> str:
    """What share of the patients a group stands for."""
    return f"{weight.sum() / len(weight):.0%}"
