"""The supermodel on the page over a study's landmarks: words, a picture a marker's term, the numbers."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from slopewise.figures.supermodel import coefficient_by_landmark
from slopewise.report.material.parts import Cell, Picture, Table
from slopewise.report.templates.environment import caption
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import figures, in_words, p_words
from slopewise.report.words.units import is_category
from slopewise.study.model import Study

STEP = "slope"


def supermodel_context(
    study: Study, table: pd.DataFrame, patients: pd.DataFrame | None = None
) -> dict[str, Any] | None:
    """What the page's template is given; None where there is no supermodel. `patients` tell categories from numbers."""
    if table.empty:
        return None
    naming, own = Naming(study), table[(table["predictors"] == STEP) & (table["scale"] == "sd")]
    terms = [term for term in dict.fromkeys(own["term"]) if _fitted(own, term)]
    moving = [term for term in terms if (own["term"].eq(term) & own["model"].eq("change")).any()]
    label = f"landmark, {study.data.analysis_unit}"
    panels = [
        coefficient_by_landmark(
            own[own["term"] == term],
            _term(term, naming),
            label,
            f"supermodel-{place}",
        )
        for place, term in enumerate(moving)
    ]
    window = naming.duration(max(study.outcome.horizons))
    return {
        "window": window,
        "sentences": [_sentence(own, term, naming) for term in moving]
        + left_out(own, naming)
        + fewer_resamples(own, study),
        "picture": Picture("supermodel", caption("supermodel", window=window), panels),
        "table": _table(
            table[table["predictors"] == STEP], terms, naming, pd.DataFrame() if patients is None else patients
        ),
        "bootstrap": study.outcome.bootstrap,
    }


def _fitted(own: pd.DataFrame, term: str) -> bool:
    return bool(own.loc[(own["term"] == term) & (own["model"] == "common"), "estimate"].notna().any())


def _term(term: str, naming: Naming) -> str:
    return naming.term(term, pd.DataFrame()).replace("[", ": ").removesuffix("]")


def _sentence(own: pd.DataFrame, term: str, naming: Naming) -> str:
    row = own[(own["term"] == term) & (own["model"] == "change")].iloc[0]
    shown = _ratio(row)
    return (
        f"{_term(term, naming)}: for each {naming.unit} by which the landmark is later, its hazard ratio per SD is "
        f"multiplied by {shown.text} ({shown.note or 'no interval'}; {p_words(float(row['p_value']))} from the "
        "sandwich variance)."
    )


def left_out(own: pd.DataFrame, naming: Naming) -> list[str]:
    """Where a slope is not in a landmark's own model, while its level is: a sentence a marker."""
    alone = own[own["model"] == "separate"].pivot(index="term", columns="landmark", values="estimate")
    said = []
    for marker in naming.study.markers:
        slope, level = alone.loc[f"{marker}.slope"], alone.loc[f"{marker}.level"]
        places = [f"{landmark:g}" for landmark in alone.columns[slope.isna() & level.notna()]]
        if places:
            said.append(
                f"{_term(f'{marker}.slope', naming)}: left out at landmark{'s' if len(places) > 1 else ''} "
                f"{in_words(places)} in the model of a single landmark, because the data there cannot distinguish it "
                f"from the level."
            )
    return said


def fewer_resamples(own: pd.DataFrame, study: Study) -> list[str]:
    """From how many resamples the intervals are, where some could not have a model's terms: a sentence, or none."""
    rows = own[own["estimate"].notna() & own["term"].str.rpartition(".")[0].isin(list(study.markers))]
    asked = study.outcome.bootstrap
    if not asked or not len(rows) or rows["resamples"].min() == asked:
        return []
    fewest, most = rows["resamples"].min(), rows["resamples"].max()
    return [
        "Some resamples could not support every term of a model. The bootstrap intervals of that model are from the "
        f"others, between {fewest:g} and {most:g} of {asked}; there is none where fewer than half could."
    ]


def _ratio(row: pd.Series) -> Cell:
    """exp(estimate) with the bootstrap's interval, or the sandwich's without one."""
    if not math.isfinite(row["estimate"]):
        return Cell("left out")
    boot = math.isfinite(row["ci_low_bootstrap"])
    low, high = row["ci_low_bootstrap" if boot else "ci_low"], row["ci_high_bootstrap" if boot else "ci_high"]
    ends = f"{figures(math.exp(low))} to {figures(math.exp(high))}" if math.isfinite(low) else ""
    return Cell(figures(math.exp(row["estimate"])), ends)


def _table(both: pd.DataFrame, terms: list[str], naming: Naming, patients: pd.DataFrame) -> Table:
    """Ratios per SD; of categories, which have none, as they are."""
    landmarks = sorted(both["landmark"].dropna().unique())
    rows: list[list[Cell | str]] = []
    for term in terms:
        category = is_category(term, patients)
        own = both[(both["term"] == term) & (both["scale"] == ("unit" if category else "sd"))]
        part = own.set_index(["model", "landmark"]).sort_index()
        alone = [_ratio(part.loc[("separate", landmark)]) for landmark in landmarks]
        common, change = own[own["model"] == "common"].iloc[0], own[own["model"] == "change"]
        name = Cell(naming.term(term, patients) if category and len(patients) else _term(term, naming),
                    "" if category else "per SD")  # fmt: skip
        rows.append([name, *alone, _ratio(common), _ratio(change.iloc[0]) if len(change) else "–"])
    columns = ["term", *(f"landmark {landmark:g}" for landmark in landmarks), "all", f"change per {naming.unit}"]
    return Table("supermodel", "Hazard ratios, level and slope, 95% intervals", columns, rows)
