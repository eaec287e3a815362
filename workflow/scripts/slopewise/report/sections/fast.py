"""Fast change: which share of the cohort has a slope beyond the study's limit, as far as the data can tell."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.figures import fast as draw
from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Cell, Picture, Section, Table
from slopewise.report.templates.environment import caption
from slopewise.report.words.naming import FIRST, Naming
from slopewise.report.words.numbers import as_given, count, interval, number, percent


def fast_section(frames: Frames, naming: Naming) -> Section:
    """Shares beyond the limits: words, a picture, a table. No patient is named."""
    small = naming.study.report.small_cells
    rows = shown(frames, small)
    hidden = not rows.equals(frames.fast_share)
    markers = [marker for marker in naming.pictured if (rows["marker"] == marker).any()]
    panels = [
        draw.shares(rows[rows["marker"] == marker], naming.marker(marker), naming.slope_unit(marker), f"fast-{place}")
        for place, marker in enumerate(markers)
    ]
    return Section(
        "fast",
        "Fast change",
        "fast.html.j2",
        {
            "words": [words for marker in markers for words in share_words(frames, naming, marker)],
            "picture": Picture(
                "fast-share", caption("fast", hidden=small if hidden else 0), panels, markers=markers, first=FIRST
            ),
            "table": share_table(frames, naming),
            "moment": naming.moment,
            "patients": naming.study.report.patients,
        },
    )


WAYS = ("share", "share_slope", "share_ols")


def few(share: float, patients: int, limit: int) -> str:
    """``<5`` or ``all but <5`` where a share of `patients` would tell such a count (`limit`); else empty."""
    beyond = round(share * patients, 6) if math.isfinite(share) else 0.0
    if limit <= 1:
        return ""
    if 0 < beyond < limit:
        return f"<{limit}"
    return f"all but <{limit}" if 0 < round(patients - beyond, 6) < limit and beyond > 0 else ""


def _few_in(frames: Frames, row: pd.Series, way: str, limit: int) -> str:
    """`few` of the share in column `way`; a share by least-squares lines is of the patients who have one."""
    patients = int(row["patients"])
    if way == "share_ols":
        own = frames.of("slopes", row["marker"])
        patients = int(own["slope_ols"].notna().sum())
    return few(float(row[way]), patients, limit)


def shown(frames: Frames, limit: int) -> pd.DataFrame:
    """The rows of ``slopes/fast_share`` without the shares that would tell a small count."""
    rows = frames.fast_share.copy()
    for way in WAYS:
        told = [bool(_few_in(frames, row, way, limit)) for _, row in rows.iterrows()]
        rows.loc[told, [way, *(("ci_low", "ci_high") if way == "share" else ())]] = math.nan
    return rows


def limit_words(row: pd.Series, naming: Naming) -> str:
    """``below −0.2 g/dl per year``."""
    return f"{row['side']} {as_given(float(row['limit']))} {naming.slope_unit(str(row['marker']))}"


def share_words(frames: Frames, naming: Naming, marker: str) -> list[str]:
    """One sentence or two a limit."""
    said, small = [], naming.study.report.small_cells
    name = naming.marker(marker)
    for _, row in frames.of("fast_share", marker).iterrows():
        if not math.isfinite(row["share"]):
            said.append(f"{name}: no growth model could be fitted, so nothing can be concluded about fast change.")
            continue
        ends = interval(100 * row["ci_low"], 100 * row["ci_high"], 0)
        patients = int(row["patients"])
        likely, sure = (_patients(int(row[key]), patients, small) for key in ("likely", "sure"))
        masked = few(float(row["share"]), patients, small)
        share, ends = (masked, "") if masked else (percent(row["share"]), f" (95% interval {ends}%)")
        said.append(
            f"{name[0].upper()}{name[1:]}: {share} of {count(patients, small)} patients{ends} have a slope "
            f"{limit_words(row, naming)}. For {likely} of them that is more likely than not, for "
            f"{sure} the probability is above 90%: how many there are is known better than who they are."
        )
    return said


def _patients(value: int, patients: int, limit: int) -> str:
    """So many of `patients`, masked as a share would be."""
    return few(value / patients, patients, limit) or str(value) if patients else str(value)


def share_table(frames: Frames, naming: Naming) -> Table:
    """A row a limit."""
    small = naming.study.report.small_cells
    lines: list[list[Cell | str]] = []
    for marker in naming.study.markers:
        for _, row in frames.of("fast_share", marker).iterrows():
            patients = int(row["patients"])
            masked, *single = (_few_in(frames, row, way, small) for way in WAYS)
            ends = f"{interval(100 * row['ci_low'], 100 * row['ci_high'], 1)}%"
            share = masked or Cell(percent(row["share"], 1), ends)
            expected = masked or number(row["share"] * patients, 1)
            others = [told or percent(row[way], 1) for told, way in zip(single, WAYS[1:], strict=True)]
            counts = [_patients(int(row[key]), patients, small) for key in ("likely", "sure")]
            what = [naming.marker(marker), limit_words(row, naming), count(patients, small)]
            lines.append([*what, share, expected, *counts, *others])
    columns = [
        "marker", "limit", "patients", "share beyond, 95% interval", "patients expected", "probability above 50%",
        "above 90%", "share by the mixed model’s slope", "share by least-squares lines",
    ]  # fmt: skip
    return Table("fast-change", "Fast change", columns, lines, frozenset({0, 1}))
