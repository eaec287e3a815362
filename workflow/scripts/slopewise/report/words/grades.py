"""A grade for each check of each marker's growth model: fine, look, wrong.

`look` is a caution of the report; `wrong` is a model that should not be used as it stands: one that could not be fitted
or did not converge on all patients, that fits worse than a simpler one, or whose average slope one patient moves by
more than two standard errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from slopewise.design.screen import is_straight
from slopewise.report.material.evidence_tables import row_of
from slopewise.report.material.frames import Frames
from slopewise.report.words import growth_cautions as checks
from slopewise.report.words.naming import Naming

MOVED_SE = 2.0
"""One patient who moves the average slope by more standard errors than this makes the growth model unusable."""

CURVED = 0.01
"""Below this p of a spline against a straight line the average course is called curved."""


class Grade(IntEnum):
    """What a check found; the larger the graver."""

    FINE = 0
    LOOK = 1
    WRONG = 2

    @property
    def word(self) -> str:
        """``fine``, ``look``, ``wrong``."""
        return self.name.lower()


Find = Callable[[Frames, Naming], dict[str, Grade]]
"""The markers that a check warns of, each with its grade; the others are fine."""


@dataclass(frozen=True)
class Check:
    """A check: its name, how it finds markers, the panels that show it, and the section with these in full."""

    name: str
    find: Find
    panels: tuple[str, ...] = ()
    anchor: str = ""


def _cautioned(find: Callable[[Frames, Naming], checks.Found]) -> Find:
    """The markers of a caution: each is worth a look."""
    return lambda frames, naming: dict.fromkeys(
        (marker for marker, _ in checks.warned(find, frames, naming)), Grade.LOOK
    )


def fitted(frames: Frames, naming: Naming) -> dict[str, Grade]:
    """Fits that failed or did not converge: wrong of the fit to all patients, worth a look of another."""
    found: dict[str, Grade] = {}
    for marker in naming.study.markers:
        rows = frames.of("fits", marker)
        failed = ~rows["converged"].astype(bool) | (rows["structure"] == "excluded")
        whole = (rows["scheme"] == "crossfit") & (rows["repeat"] == 0) & (rows["fold"] == 0)
        slope = row_of(frames, "comparison", marker, "random_slope")
        impossible = slope is not None and not math.isfinite(slope["lrt"])
        if impossible or bool(failed[whole].any()):
            found[marker] = Grade.WRONG
        elif failed.any() or frames.is_singular(marker):
            found[marker] = Grade.LOOK
    return found


def straight(frames: Frames, naming: Naming) -> dict[str, Grade]:
    """Average courses that a straight line does not fit, where the study has no curve."""
    if not is_straight(naming.study.growth.fixed, naming.predictor):
        return {}
    rows = frames.linearity
    bent = rows[(rows["p_value"] < CURVED) & (rows["shape"] == "spline")]["marker"]
    return dict.fromkeys(map(str, bent), Grade.LOOK)


def one_patient(frames: Frames, naming: Naming) -> dict[str, Grade]:
    """Markers of which a single patient moves the growth model; by more than `MOVED_SE` it is wrong."""
    found = _cautioned(checks.one_patient)(frames, naming)
    most = frames.influence.set_index("marker")["slope_change_se"]
    return {marker: Grade.WRONG if most[marker] > MOVED_SE else grade for marker, grade in found.items()}


CHECKS: tuple[Check, ...] = (
    Check("fit", fitted),
    Check("straight course", straight, anchor="population"),
    Check("slopes differ", _cautioned(checks.open_trends), ("trends", "trend-spread"), "evidence"),
    Check("alternatives", _cautioned(checks.unexamined), ("variogram", "implied"), "evidence"),
    Check("equal scatter", _cautioned(checks.scatter), ("residuals",), "fit"),
    Check("tails", _cautioned(checks.tails), ("quantiles",), "fit"),
    Check("random effects", _cautioned(checks.effects), ("effects",), "fit"),
    Check("single patients", one_patient, ("influence",), "fit"),
    Check("visits", _cautioned(checks.visits), ("visits",), "fit"),
    Check("drop-out", _cautioned(checks.dropout), anchor="dropout"),
)
"""All checks, in the order in which they are shown."""


def grades(frames: Frames, naming: Naming) -> dict[str, dict[str, Grade]]:
    """For each marker the grade of each check; the marker with the gravest and the most troubles first."""
    found = {check.name: check.find(frames, naming) for check in CHECKS}
    of = {
        marker: {name: graded.get(marker, Grade.FINE) for name, graded in found.items()}
        for marker in naming.study.markers
    }
    return dict(sorted(of.items(), key=lambda entry: (-max(entry[1].values()), -sum(entry[1].values()))))
