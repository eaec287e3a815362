"""The page of single patients, asked for with ``report.patients``: for those who care for them, never for sharing."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from slopewise.report.material.frames import Frames, at_horizon
from slopewise.report.material.parts import Table
from slopewise.report.sections.interruption import courses_of_all
from slopewise.report.templates.environment import environment, verbatim
from slopewise.report.words.naming import STEP_NAMES, Naming
from slopewise.report.words.numbers import MISSING, as_given, figures, number, percent
from slopewise.report.words.subjects import spoken
from slopewise.run.errors import InputError
from slopewise.study.model import Study
from slopewise.tables import files as tables
from slopewise.tables.catalogue import entry

LIKELY = 0.5
"""Patients with a greater probability of fast change are listed."""

LISTED = 20
"""Patients in each list of the fastest changes and of the largest distances."""


def render_patients(study: Study, results: Path) -> str:
    """The page as HTML; raises `InputError` where the study did not ask for it."""
    if not study.report.patients:
        raise InputError("the study file does not request a page of patients (report: {patients: true})")
    frames, naming = Frames.read(results), Naming(study)
    fast = tables.read("slopes/fast_changers", results / entry("slopes/fast_changers").file)
    return spoken(
        environment()
        .get_template("patients.html.j2")
        .render(
            title=study.title or study.study,
            study=study.study,
            markers=[
                (naming.marker(marker), changes_table(frames, naming, marker), _fits(frames, naming, marker))
                for marker in naming.pictured
            ],
            fast=[table for marker in naming.pictured if (table := fast_table(frames, naming, marker, fast))],
            omitted=len(study.markers) - len(naming.pictured),
            courses=courses_of_all(frames, naming),
            risks=risks_table(frames, naming) if naming.kind.predicts else None,
            problems=problems_table(frames),
            style=verbatim("page.css"),
            script=verbatim("page.js"),
            version=frames.provenance["versions"].get("slopewise", ""),
        ),
        study,
    )


def changes_table(frames: Frames, naming: Naming, marker: str) -> Table:
    """The steepest cross-fitted slopes of a marker, rising and falling, relative to the average slope."""
    own_rows = frames.slopes[(frames.slopes["marker"] == marker) & (frames.slopes["visits"] > 0)]
    away = (own_rows["slope"] - own_rows["slope"].mean()).abs()
    chosen = own_rows.assign(away=away).sort_values(["away", "patient"], ascending=[False, True]).head(LISTED)
    rows = [
        [
            row.patient,
            str(row.visits),
            figures(row.first),
            figures(row.last),
            figures(row.level),
            figures(row.slope),
            figures(row.slope_se),
            number(row.reliability, 2),
        ]
        for row in chosen.sort_values(["slope", "patient"]).itertuples()
    ]
    columns = ["patient", "visits", "first", "last", "level", "slope", "standard error", "reliability"]
    caption = f"{naming.marker(marker)}: slopes furthest from the average, {naming.slope_unit(marker)}"
    return Table(f"changes-{marker}", caption, columns, rows)


def fast_table(frames: Frames, naming: Naming, marker: str, fast: pd.DataFrame) -> Table | None:
    """Patients whose slope is more likely than not beyond the study's limit, the most likely first."""
    own_rows = fast[(fast["marker"] == marker) & (fast["probability"] > LIKELY)]
    if naming.study.markers[marker].fast_change is None:
        return None
    visits = frames.of("slopes", marker).set_index("patient")["visits"]
    order = own_rows.sort_values(["probability", "patient"], ascending=[False, True])
    rows = [
        [
            row.patient,
            str(int(visits[row.patient])),
            f"{row.side} {as_given(row.limit)}",
            figures(row.slope),
            figures(row.slope_sd),
            percent(row.probability),
        ]
        for row in order.itertuples()
    ]
    columns = ["patient", "visits", "limit", "slope", "standard error of prediction", "probability"]
    caption = f"{naming.marker(marker)}: slope more likely than not beyond the limit, {naming.slope_unit(marker)}"
    return Table(f"fast-{marker}", caption, columns, rows, frozenset({0, 2}), most=len(rows))


def _fits(frames: Frames, naming: Naming, marker: str) -> Table | None:
    """The distances where the slope is one in time; a slope in another predictor carries no value to another moment."""
    return distances_table(frames, naming, marker) if naming.study.growth.slope_of == "time" else None


def distances_table(frames: Frames, naming: Naming, marker: str) -> Table:
    """The patients whose last value lies furthest from what the growth model makes of them at that visit.

    The model's value then: the level at the landmark, carried back along the slope to the last visit; without a
    landmark the level is the one at the last visit.
    """
    own_rows = frames.slopes[(frames.slopes["marker"] == marker) & frames.slopes["last"].notna()]
    rows_of_marker = frames.measurements[frames.measurements[marker].notna()]
    when = rows_of_marker.groupby("patient")["time"].max()
    at = own_rows["patient"].map(when).astype(float)
    since = naming.landmark - at if naming.has_landmark else 0.0
    expected = own_rows["level"] - own_rows["slope"] * since
    away = own_rows.assign(at=at, expected=expected, distance=own_rows["last"] - expected)
    order = away["distance"].abs().sort_values(ascending=False, kind="stable").index[:LISTED]
    rows = [
        [row.patient, figures(row.at), figures(row.last), figures(row.expected), figures(row.distance)]
        for row in away.loc[order].sort_values(["distance", "patient"]).itertuples()
    ]
    columns = ["patient", f"last visit, {naming.units}", "last value", "model then", "difference"]
    caption = f"{naming.marker(marker)}: last values furthest from the model’s, {naming.unit_of(marker)}"
    return Table(f"distances-{marker}", caption, columns, rows)


def risks_table(frames: Frames, naming: Naming) -> Table:
    """Every patient's validated prediction by level and by level and slope, highest first, with what happened."""
    steps = ("level", "slope")
    own_rows = frames.predictions[frames.predictions["predictors"].isin(steps)]
    means = own_rows.groupby(["patient", "predictors", "horizon"], dropna=False)["risk"].mean().reset_index()
    what = "predicted" if naming.kind.numeric else "risk"
    columns, predicted = [], []
    for moment in naming.moments:
        when = naming.at(moment) and f" within {naming.at(moment)}"
        for step in steps:
            columns.append(f"{what}{when}, {STEP_NAMES[step]}")
            own_rows = at_horizon(means[means["predictors"] == step], moment)
            predicted.append(own_rows.set_index("patient")["risk"])
    people = frames.patients.set_index("patient")
    show = figures if naming.kind.numeric else percent
    rows = [
        [
            str(patient),
            *_happened(people.loc[patient], frames, naming),
            *(show(values[patient]) for values in predicted),
        ]
        for patient in predicted[-1].sort_values(ascending=False, kind="stable").index
    ]
    after = [f"after, {naming.units}"] if naming.kind.timed else []
    caption = "Predictions by models that had not seen the patient (mean over repeats)"
    columns = ["patient", "outcome", *after, *columns]
    return Table("risks-of-patients", caption, columns, rows, frozenset({0, 1}), most=len(rows))


def _happened(person: pd.Series, frames: Frames, naming: Naming) -> list[str]:
    """The outcome in words (and when), or its value."""
    if naming.kind.numeric:
        return [figures(person["outcome"])]
    if naming.kind.dichotomous:
        return ["yes" if person["outcome"] == 1 else "no"]
    labels = frames.provenance["event_labels"]
    return [labels.get(str(int(person["event"])), MISSING), figures(person["followup"])]


def problems_table(frames: Frames) -> Table:
    """What reading the files found, line by line."""
    rows = [
        [
            "" if pd.isna(row.patient) else str(row.patient),
            row.severity,
            row.file,
            "" if pd.isna(row.line) else f"{float(row.line):g}",
            "" if pd.isna(row.column) else str(row.column),
            row.message,
            row.action,
        ]
        for row in frames.problems.itertuples()
    ]
    columns = ["patient", "severity", "file", "line", "column", "what was found", "what to do"]
    return Table("problems", "Findings in the files", columns, rows, frozenset(range(7)))
