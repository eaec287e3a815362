"""What pooling does to each patient: three kinds side by side, intervals, and what visits and span are worth."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.design.screen import is_straight
from slopewise.figures import pooling as draw
from slopewise.report.material.frames import Frames
from slopewise.report.material.marker_panels import Draw, component, pictures
from slopewise.report.material.parts import Picture
from slopewise.report.templates.environment import caption
from slopewise.report.words.courses import origin_of, where
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import count, figures, number, percent


def pooling_pictures(frames: Frames, naming: Naming) -> dict[str, Picture | None]:
    """The two pictures by name."""
    return {
        "three": pictures(
            "pooling",
            caption("pooling"),
            naming,
            {"pooling": three_panel(frames, naming), "caterpillar": caterpillar_panel(frames, naming)},
        ),
        "pulled": pictures(
            "pulled",
            caption("pulled"),
            naming,
            {"pulled": pulled_panel(frames, naming), "planned": planned_panel(frames, naming)},
        ),
    }


def with_line(frames: Frames, marker: str) -> pd.DataFrame:
    """The marker's patients with a line of their own."""
    rows = frames.of("pooling", marker)
    return rows[rows["slope_ols"].notna() & rows["slope"].notna()]


def at_origin(rows: pd.DataFrame, frames: Frames, naming: Naming, marker: str) -> tuple[pd.DataFrame, str]:
    """Intercepts of straight lines moved to a moment within the measurements, and that moment in words."""
    origin = origin_of(frames, marker)
    if origin is None or origin["moment"] == "zero":
        return rows, naming.zero
    if not is_straight(naming.study.growth.fixed, naming.predictor):
        return rows, f"{naming.zero} (outside the measurements)"
    moved = {
        f"intercept{kind}": rows[f"intercept{kind}"] + float(origin["at"]) * rows[f"slope{kind}"]
        for kind in ("", "_ols", "_pooled")
    }
    return rows.assign(**moved), where(naming, origin)


def three_panel(frames: Frames, naming: Naming) -> Draw:
    def panel(marker: str, label: str, name: str) -> tuple[str, str] | None:
        rows = with_line(frames, marker)
        if len(rows) < 2:
            return None
        unit = naming.slope_unit(marker)
        rows, at = at_origin(rows, frames, naming, marker)
        start = f"value {at}, {naming.unit_of(marker)}"
        spread = (rows["slope_ols"].std(), rows["slope"].std())
        said = f"Slopes of least-squares lines have a standard deviation of {figures(spread[0])} {unit}"
        true = component(frames, marker, naming.predictor)
        if math.isfinite(true):
            said += f", true slopes one of {figures(true)} according to the model"
        return draw.three(
            rows, start, label, unit, name
        ), f"{said}, and slopes after partial pooling one of {figures(spread[1])}."

    return panel


def caterpillar_panel(frames: Frames, naming: Naming) -> Draw:
    def panel(marker: str, label: str, name: str) -> tuple[str, str] | None:
        rows = frames.of("pooling", marker)
        rows = rows[rows["slope"].notna() & (rows["slope_se"] > 0)]
        if len(rows) < 2:
            return None
        average, limit, unit = float(rows["slope"].mean()), naming.study.report.small_cells, naming.slope_unit(marker)
        above, below = draw.beyond(rows, average)
        told = (
            f"For {count(above, limit)} of {len(rows)} patients the interval lies entirely above the average slope of "
            f"{figures(average)} {unit}, for {count(below, limit) if below else 'none'} entirely below; for the others "
            "the interval includes the average."
        )
        return draw.caterpillar(rows, average, label, unit, told, name), told

    return panel


def pulled_panel(frames: Frames, naming: Naming) -> Draw:
    def panel(marker: str, label: str, name: str) -> tuple[str, str] | None:
        rows = frames.of("pooling", marker)
        rows = rows[(rows["last"] > rows["first"]) & rows["reliability"].notna()]
        if len(rows) < 2:
            return None
        kept = rows["reliability"]
        if _is_one(kept):
            return None
        return draw.pulled(rows, label, axis_unit(naming), name), (
            f"The median shrinkage of a slope towards the average is {percent(1 - kept.median())} (interquartile "
            f"range {percent(1 - kept.quantile(0.75))} to {percent(1 - kept.quantile(0.25))})."
        )

    return panel


def _is_one(values: pd.Series) -> bool:
    """Whether all are one number as it would be printed: a picture of them would say nothing."""
    return bool(values.max() - values.min() < 0.005)


def planned_panel(frames: Frames, naming: Naming) -> Draw:
    def panel(marker: str, label: str, name: str) -> tuple[str, str] | None:
        rows = frames.of("planned", marker)
        if not len(rows):
            return None
        spans = sorted(rows["span"].unique())

        def at(span: float, visits: int) -> str:
            found = rows[(rows["span"] == span) & (rows["visits"] == visits)]["reliability"]
            return number(float(found.iloc[0]) if len(found) else math.nan, 2)

        middle, double = spans[len(spans) // 2], spans[-1]
        own = frames.of("pooling", marker)
        kept = own.loc[(own["last"] > own["first"]), "reliability"].dropna()
        alike = ""
        if len(kept) > 1 and _is_one(kept):
            alike = f"Every patient’s slope is shrunk by {percent(1 - kept.median())} towards the average. "
        return draw.planned(rows, label, span_unit(naming), name), (
            f"{alike}Over {figures(middle, 2)}{span_unit(naming)}, 3 visits give a reliability of {at(middle, 3)} and "
            f"10 visits {at(middle, 10)}; 3 visits over twice as long give {at(double, 3)}."
        )

    return panel


def span_unit(naming: Naming) -> str:
    """`` years`` after a span; nothing where the predictor is not time or the time has no unit."""
    unit = naming.units
    return "" if naming.predictor != "time" or unit == "none" else f" {unit}"


def axis_unit(naming: Naming) -> str:
    """``, years``: the same on an axis."""
    unit = span_unit(naming).strip()
    return f", {unit}" if unit else ""
