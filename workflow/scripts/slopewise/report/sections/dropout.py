"""Who was seen for how long, and whether those seen for a short time change otherwise."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.figures.dropout import pattern
from slopewise.report.material.frames import Frames
from slopewise.report.material.marker_panels import marker_cell
from slopewise.report.material.parts import Cell, Picture, Section, Table
from slopewise.report.templates.environment import caption
from slopewise.report.words.naming import FIRST, Naming
from slopewise.report.words.numbers import count, counts_of_parts, figure_interval, figures, number, signed


def can_drop_out(frames: Frames, naming: Naming) -> bool:
    """Whether the study has the section: drop-out is a matter of time."""
    return bool(len(frames.dropout)) and (naming.kind.predicts or naming.study.is_in_time)


def dropout_section(frames: Frames, naming: Naming) -> Section:
    """Slopes by the time of the last visit: a sentence a marker, the pattern picture, a table."""
    limit = naming.study.report.small_cells
    markers = [marker for marker in naming.detailed if len(frames.of("dropout", marker))]
    seen = frames.dropout_pattern[frames.dropout_pattern["patients"] >= max(limit, 2)]
    panels = [
        pattern(
            seen[seen["marker"] == marker], _labels(frames, naming, marker),
            f"{naming.marker(marker)}, {naming.clinical_unit(marker)}", naming.study.markers[marker].transform,
            naming.time_axis, f"dropout-{place}",
        )
        for place, marker in enumerate(markers)
    ]  # fmt: skip
    return Section(
        "dropout",
        "How long patients were measured",
        "dropout.html.j2",
        {
            "sentences": [dropout_sentence(frames, naming, marker) for marker in markers],
            "picture": Picture("dropout", caption("dropout"), panels, markers=markers, first=FIRST),
            "table": dropout_table(frames, naming),
            "delta": delta_of(frames, naming) if len(frames.delta) else None,
            "delta_sentences": delta_sentences(frames, naming),
            "moment": naming.end if naming.has_landmark else "",
        },
    )


def _labels(frames: Frames, naming: Naming, marker: str) -> dict[int, str]:
    rows = frames.of("dropout", marker)
    unit = "" if naming.study.data.analysis_unit == "none" else f" {naming.study.data.analysis_unit}"
    return {
        int(row.part): f"last seen at {row.last_from:.3g} to {row.last_to:.3g}{unit}"
        if row.last_from < row.last_to
        else f"last seen at {row.last_to:.3g}{unit}"
        for row in rows.itertuples()
    }


def parts_of(frames: Frames, naming: Naming, marker: str) -> pd.DataFrame:
    """The marker's rows of ``slopes/dropout`` in the order of the last visit, as `large_enough` leaves them."""
    return frames.once(
        ("drop-out", marker), lambda: large_enough(frames.of("dropout", marker).sort_values("part"), naming)
    )


def large_enough(rows: pd.DataFrame, naming: Naming) -> pd.DataFrame:
    """The rows, without the means of parts so small that they would tell of single patients."""
    means = ["slope", "slope_low", "slope_high", "reliability"]
    apart = ["difference", "difference_low", "difference_high"]
    few = rows["patients"] < max(naming.study.report.small_cells, 2)
    # A difference from a mean that is hidden would tell it.
    hidden = few | bool(few[rows["part"] == rows["part"].max()].any())
    return rows.assign(
        **{name: rows[name].mask(few) for name in means}, **{name: rows[name].mask(hidden) for name in apart}
    )


def dropout_sentence(frames: Frames, naming: Naming, marker: str) -> str:
    """The slopes of those seen shortest beside those seen longest, and the difference with its interval."""
    rows = parts_of(frames, naming, marker)
    name = naming.marker(marker)
    if len(rows) < 2:
        return (
            f"{name[0].upper()}{name[1:]}: all patients were seen last at the same time; there is nothing to compare."
        )
    labels = _labels(frames, naming, marker)
    short, long = (rows.iloc[place] for place in (0, -1))
    if not (math.isfinite(short["difference"]) and math.isfinite(short["difference_low"])):
        return (
            f"{name[0].upper()}{name[1:]}: the slopes of patients {labels[int(short['part'])]} and of those "
            f"{labels[int(long['part'])]} cannot be compared: there are too few patients, or too few values."
        )
    ends = figure_interval(short["difference_low"], short["difference_high"])
    said = (
        f"{name[0].upper()}{name[1:]}: patients {labels[int(short['part'])]} have slopes of {figures(short['slope'])} "
        f"{naming.slope_unit(marker)} on average, those {labels[int(long['part'])]} of {figures(long['slope'])}: a "
        f"difference of {figures(short['difference'])} (95% interval {ends})."
    )
    if short["difference_low"] <= 0 <= short["difference_high"]:
        most = max((short["difference_low"], short["difference_high"]), key=abs)
        return (
            f"{said} The interval includes 0: the data show neither a difference nor equality, and are compatible "
            f"with a difference of {figures(most)}."
        )
    return f"{said} The interval excludes 0: patients who were measured for a short time changed differently."


def delta_rows(frames: Frames, naming: Naming) -> pd.DataFrame:
    """The rows of ``outcome/delta`` about the event's markers of whom somebody has an imputed visit."""
    own = frames.delta
    return own[(own["cause"] == naming.cause) & (own["dropped"] > 0)]


def delta_sentences(frames: Frames, naming: Naming) -> list[str]:
    """For each marker the range of the slope's coefficient over the changes after the last visit."""
    said, limit = [], naming.study.report.small_cells
    for term, rows in delta_rows(frames, naming).groupby("term", sort=False):
        value = rows["estimate"] if naming.kind.numeric else rows["ratio"]
        analysed = float(value[rows["delta"] == 0].iloc[0])
        name = naming.marker(str(term).rpartition(".")[0])
        known = rows["ci_low"].notna().all()
        excluded = ((rows["ci_low"] > 0) | (rows["ci_high"] < 0)).sum()
        null = "0" if naming.kind.numeric else "1"
        verdict = f"; the 95% interval excludes {null} in {excluded} of {len(rows)} of these analyses" if known else ""
        said.append(
            f"{name[0].upper()}{name[1:]}: if the visits that {count(int(rows['dropped'].iloc[0]), limit)} patients "
            f"missed before the landmark had continued up to 1 SD of the slopes below or above what the model expects, "
            f"the {naming.words.effect} per SD of the slope would be {figures(float(value.min()))} to "
            f"{figures(float(value.max()))} ({figures(analysed)} as analysed){verdict}."
        )
    return said


def delta_of(frames: Frames, naming: Naming) -> Table:
    """A row for each marker and each change after the last visit."""
    lines: list[list[Cell | str]] = []
    for _, row in delta_rows(frames, naming).iterrows():
        ends = (row["ci_low"], row["ci_high"])
        if not naming.kind.numeric:
            ends = (math.exp(ends[0]), math.exp(ends[1]))
        value = row["estimate"] if naming.kind.numeric else row["ratio"]
        marker = naming.marker(str(row["term"]).rpartition(".")[0])
        change = "as analysed" if row["delta"] == 0 else f"{signed(row['delta'], 1)} SD"
        lines.append([marker, change, Cell(figures(value), figure_interval(*ends))])
    columns = ["marker", "slope after the last visit", f"{naming.words.effect} per SD of the slope, 95% interval"]
    return Table("delta", "If patients changed otherwise after their last visit", columns, lines, frozenset({0, 1}))


def dropout_table(frames: Frames, naming: Naming) -> Table:
    """A row a part of each marker's patients."""
    limit = naming.study.report.small_cells
    lines: list[list[Cell | str]] = []
    for marker in naming.study.markers:
        rows = parts_of(frames, naming, marker)
        labels = _labels(frames, naming, marker)
        counts = counts_of_parts(rows["patients"].astype(int).tolist(), limit)
        for row, patients in zip(rows.itertuples(), counts, strict=True):
            slope = Cell(figures(row.slope), figure_interval(row.slope_low, row.slope_high))
            what = [marker_cell(naming, marker), labels[int(row.part)], patients]
            apart = Cell(figures(row.difference), figure_interval(row.difference_low, row.difference_high))
            lines.append([*what, slope, apart, number(row.reliability, 2)])
    columns = [
        "marker", "patients", "how many", "average slope, 95% interval",
        "difference from those seen longest, 95% interval", "mean reliability",
    ]  # fmt: skip
    return Table("dropout", "Slopes by the time of the last visit", columns, lines, frozenset({0, 1}))
