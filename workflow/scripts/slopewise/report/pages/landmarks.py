"""The page over a study's landmarks: what the slopes add at each, a picture and a table, links to the reports."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from slopewise import __version__
from slopewise.figures.landmarks import concordance_by_landmark, gain_by_landmark
from slopewise.report.material.gains import HEADLINES
from slopewise.report.material.parts import Cell, Picture, Table
from slopewise.report.pages.supermodel import supermodel_context
from slopewise.report.templates.environment import caption, environment, verbatim
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import count, in_words, interval, number, signed
from slopewise.report.words.verdict import headline
from slopewise.study.model import Study
from slopewise.validate.gains import headline_metric
from slopewise.validate.verdict import Verdict, printed

STEP_LABELS = {"last": "last value", "level": "level", "slope": "level and slope"}
"""The steps that the second picture shows."""


def render_landmarks(
    study: Study,
    table: pd.DataFrame,
    reports: Sequence[str],
    verdicts: Sequence[Verdict],
    supermodel: pd.DataFrame | None = None,
    patients: pd.DataFrame | None = None,
) -> str:
    """The page as HTML. `table` is ``landmarks``, `reports` the address of each landmark's report and `verdicts` its
    verdict, in the order of the landmarks; `supermodel` the table of that name; `patients` those of a landmark."""
    naming = Naming(study)
    metric = headline_metric(table)
    own = table[(table["metric"] == metric) & (table["cause"] == naming.cause)]
    gains = own[own["predictors"] == "slope"].sort_values("landmark").reset_index(drop=True)
    gains["verdict"] = [one.value for one in verdicts]
    return (
        environment()
        .get_template("landmarks.html.j2")
        .render(
            title=study.title or study.study,
            study=study.study,
            description=study.description,
            finding=finding(gains, naming, metric),
            conclusions=conclusions(gains, naming),
            picture=_picture(own, gains, naming, metric),
            table=_table(own, gains, naming, metric),
            supermodel=None if supermodel is None else supermodel_context(study, supermodel, patients),
            penalty=study.outcome.penalty,
            survival=study.kind.timed,
            links=[
                (f"landmark {naming.duration(landmark)}", address)
                for landmark, address in zip(gains["landmark"], reports, strict=True)
            ],
            style=verbatim("page.css"),
            version=__version__,
        )
    )


def finding(gains: pd.DataFrame, naming: Naming, metric: str) -> str:
    """One sentence a group of landmarks: where the metric gains, loses, gains less than what matters, the rest."""
    low, high, kept = gains["difference_low"].map(printed), gains["difference_high"].map(printed), gains["slopes"] > 0
    c, margin = HEADLINES[metric], naming.study.outcome.margin
    groups = (
        (f"{c} is higher with the slopes than with the level alone", kept & (low > 0)),
        (f"{c} is lower with the slopes than with the level alone", kept & (high < 0)),
        (f"the slopes do not raise {c} by {margin:g} or more", kept & ~(low > 0) & ~(high < 0) & (high < margin)),
        ("no slope is in the model beside the level", ~kept),
    )
    said, rest = [], pd.Series(True, index=gains.index)
    for words, chosen in groups:
        rest &= ~chosen
        if chosen.any():
            said.append(f"At {_listed(gains.loc[chosen, 'landmark'], naming)} {words}.")
    if rest.any():
        where = _listed(gains.loc[rest, "landmark"], naming)
        said.append(f"At {where} the interval includes both no gain and one of {margin:g}.")
    return " ".join(said)


def conclusions(gains: pd.DataFrame, naming: Naming) -> list[str]:
    """The verdict of each landmark's report, a sentence a verdict, with the landmarks that share it."""
    return [
        f"At {_listed(rows['landmark'], naming)}: {headline(Verdict(value), naming)}"
        for value, rows in gains.groupby("verdict", sort=False)
    ]


def _listed(landmarks: pd.Series, naming: Naming) -> str:
    if len(landmarks) == 1:
        return naming.duration(float(landmarks.iloc[0]))
    return f"{in_words([f'{value:g}' for value in landmarks])} {naming.units}"


def _picture(own: pd.DataFrame, gains: pd.DataFrame, naming: Naming, metric: str) -> Picture:
    label = f"landmark, {naming.units}"
    c = HEADLINES[metric]
    panels = [
        gain_by_landmark(gains, naming.study.outcome.margin, f"What the slopes add in {c}", label, "gain"),
        concordance_by_landmark(own, STEP_LABELS, f"{c}, validated", label, "concordance"),
    ]
    return Picture("landmarks", caption("landmarks"), panels)


def _table(own: pd.DataFrame, gains: pd.DataFrame, naming: Naming, metric: str) -> Table:
    wide = own.pivot(index="landmark", columns="predictors", values="validated")
    limit = naming.study.report.small_cells
    events = naming.words.had
    rows = [
        [
            naming.duration(row.landmark),
            count(int(row.patients), limit),
            *([count(int(row.events), limit)] if events else []),
            *(number(float(wide.loc[row.landmark, step])) for step in ("clinical", "baseline", "last", "level")),
            Cell(number(row.validated), interval(row.ci_low, row.ci_high)),
            Cell(signed(row.difference), interval(row.difference_low, row.difference_high, plus=True)),
            str(row.verdict),
        ]
        for row in gains.itertuples()
    ]
    words = frozenset({0, 9 if events else 8})
    columns = [
        "landmark",
        "patients",
        *events,
        "clinical",
        "baseline",
        "last",
        "level",
        "level and slope",
        "difference",
        "verdict",
    ]
    return Table("landmarks", f"Validated {HEADLINES[metric]} at each landmark, 95% intervals", columns, rows, words)
