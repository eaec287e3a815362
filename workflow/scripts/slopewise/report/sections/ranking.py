"""Many markers, ranked: spread and association of their slopes, how often they are kept, who resembles whom."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from slopewise.figures import many as draw
from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Cell, Picture, Section, Table
from slopewise.report.templates.environment import caption
from slopewise.report.words.naming import PICTURED, QUANTITIES, Naming
from slopewise.report.words.numbers import MISSING, figures, interval, number, p_value, percent
from slopewise.slopes.filters.redundancy import rank_correlation

MAPPED = 20
"""Markers of the picture of resemblance, the first of the ranking."""
CALLED = 0.05
"""A q-value below this counts in the sentences."""


def is_many(naming: Naming) -> bool:
    """Whether markers are ranked, since not all of them are described."""
    return len(naming.study.markers) > PICTURED


def ranking_section(frames: Frames, naming: Naming) -> Section:
    """The sentences with the counts, the two pictures, and the table, in the order of the association."""
    ranked = ranking(frames)
    known = ranked[ranked["estimate"].notna() & ranked["q_slope"].notna()]
    return Section(
        "ranking",
        "The markers, ranked",
        "ranking.html.j2",
        {
            "markers": len(ranked),
            "spread": int((ranked["q_slope"] < CALLED).sum()),
            "tested": int(ranked["q_slope"].notna().sum()),
            "associated": int((ranked["q_value"] < CALLED).sum()),
            "estimated": int(ranked["estimate"].notna().sum()),
            "effect": naming.words.effect,
            "in_model": int(ranked["in_model"].sum()),
            "level_in_model": int(ranked["level_in_model"].sum()),
            "picture": pictures(frames, naming, ranked, known),
            "table": ranking_table(ranked, naming),
        },
    )


def ranking(frames: Frames) -> pd.DataFrame:
    """A row a marker, by p of its slope's association: marker, estimate, se, df, p_value, q_value, q_slope (of the
    random slope), reliability, kept (the share of training sets whose filters leave the slope; missing without
    filters), halves (how often halves of the patients keep the slope; missing unless examined), and whether slope and
    level are in the model of the step `slope`."""
    found = frames.further["associations"].set_index("marker")
    found["q_slope"] = frames.judged.set_index("marker")["q_value"].reindex(found.index)
    found["reliability"] = frames.reliability.set_index("marker")["reliability"].reindex(found.index)
    found["kept"] = kept_shares(frames, list(found.index))
    own = frames.selection[frames.selection["predictors"] == "slope"].set_index("term")["frequency"]
    found["halves"] = [float(own.get(f"{marker}.slope", math.nan)) for marker in found.index]
    chosen = terms_in_model(frames)
    found["in_model"] = [f"{marker}.slope" in chosen for marker in found.index]
    found["level_in_model"] = [f"{marker}.level" in chosen for marker in found.index]
    found = found.reset_index()
    found["missing"] = found["p_value"].isna()
    return found.sort_values(["missing", "p_value", "marker"], kind="stable", ignore_index=True)


def terms_in_model(frames: Frames) -> set[str]:
    """The terms of the shipped step `slope` whose coefficient is not 0."""
    own = frames.coefficients[(frames.coefficients["predictors"] == "slope") & (frames.coefficients["scale"] == "unit")]
    return set(own.loc[own["estimate"].fillna(0.0) != 0, "term"])


def kept_sentence(frames: Frames, naming: Naming) -> str:
    """How many of many markers the penalised model of level and slope keeps; nothing where no model is penalised."""
    if not (is_many(naming) and frames.penalised):
        return ""
    of = naming.study.markers
    chosen = terms_in_model(frames)
    slopes = sum(f"{marker}.slope" in chosen for marker in of)
    kept = sum(any(f"{marker}.{quantity}" in chosen for quantity in QUANTITIES) for marker in of)
    if not kept:
        return f"Of {len(of)} markers none was kept in the model of level and slope."
    return f"Of {len(of)} markers the model of level and slope keeps {kept}, {slopes} of them with the slope."


def kept_shares(frames: Frames, markers: list[str]) -> list[float]:
    """The share of the validation's training sets whose filters leave each marker with its slope."""
    survival = frames.further["filter_survival"]
    keys = ["scheme", "repeat", "held_out"]
    sets = len(survival.loc[survival["scheme"] == "validation", keys].drop_duplicates())
    if not sets:
        return [math.nan] * len(markers)
    gone = frames.further["filters"]
    gone = gone[gone["scheme"] == "validation"].drop_duplicates([*keys, "marker"])
    counts = gone.groupby("marker").size()
    return [1.0 - float(counts.get(marker, 0)) / sets for marker in markers]


def pictures(frames: Frames, naming: Naming, ranked: pd.DataFrame, known: pd.DataFrame) -> Picture | None:
    """The volcano, where a marker has both numbers, and the map of resemblance."""
    panels = []
    if len(known):
        rows = known.assign(label=[naming.marker(marker) for marker in known["marker"]])
        panels.append(
            draw.volcano(rows, f"log {naming.words.effect}" if _is_ratio(naming) else "difference", "volcano")
        )
    first = ranked["marker"].head(MAPPED).tolist()
    wide = frames.slopes[frames.slopes["marker"].isin(first)].pivot(index="patient", columns="marker", values="level")
    correlation = rank_correlation(wide[first].to_numpy(dtype=float))
    panels.append(draw.resemblance(np.abs(correlation), [naming.marker(marker) for marker in first], "resemblance"))
    return Picture("ranking", caption("ranking", markers=len(first)), panels)


def _is_ratio(naming: Naming) -> bool:
    return not naming.kind.numeric


def ranking_table(ranked: pd.DataFrame, naming: Naming) -> Table:
    """A row a marker; columns that the study has nothing for are left out."""
    filtered, halved = bool(ranked["kept"].notna().any()), bool(ranked["halves"].notna().any())
    lines: list[list[Cell | str]] = []
    for rank, row in enumerate(ranked.itertuples(), start=1):
        line: list[Cell | str] = [
            naming.marker(str(row.marker)),
            str(rank),
            number(row.reliability, 2),
            _p(row.q_slope),
            effect_cell(row, naming),
            _p(row.q_value),
        ]
        line += [percent(row.kept)] if filtered else []
        line += [percent(row.halves) if math.isfinite(row.halves) else MISSING] if halved else []
        chosen = [what for what, there in (("level", row.level_in_model), ("slope", row.in_model)) if there]
        lines.append([*line, " and ".join(chosen) or "no"])
    columns = [
        "marker", "rank", "reliability", "q, random slope", f"{naming.words.effect} per SD of the slope",
        "q, association", *(["kept by filters"] if filtered else []), *(["kept by halves"] if halved else []),
        "in model",
    ]  # fmt: skip
    marks = {"marker": ranked["marker"].tolist()}
    return Table("ranking", "Markers by the association of their slopes", columns, lines, marks=marks)


def effect_cell(row: object, naming: Naming) -> Cell | str:
    """exp(estimate), or a difference, with its 95% interval."""
    estimate, se, df = (float(getattr(row, name)) for name in ("estimate", "se", "df"))
    if not math.isfinite(estimate):
        return MISSING
    low, high = wald_ends(estimate, se, df)
    if not _is_ratio(naming):
        return Cell(figures(estimate), f"{figures(low)} to {figures(high)}")
    return Cell(number(math.exp(estimate), 2), interval(math.exp(low), math.exp(high), 2))


def wald_ends(estimate: float, se: float, df: float) -> tuple[float, float]:
    """Wald's 95% interval, by the t distribution of `df` degrees of freedom (infinite: normal)."""
    from scipy.special import stdtrit

    half = float(stdtrit(df, 0.975)) * se
    return estimate - half, estimate + half


def _p(value: float) -> str:
    return p_value(value)
