"""The report of a study: one HTML file, made from its tables alone, that loads nothing and names no patient."""

from __future__ import annotations

from pathlib import Path

from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Section
from slopewise.report.sections.order import ORDER, in_layers, numbered, sections
from slopewise.report.sections.summary import summary
from slopewise.report.templates.environment import environment, verbatim
from slopewise.report.words.naming import PICTURED, Naming
from slopewise.report.words.subjects import spoken
from slopewise.run.copies import shared_out
from slopewise.study.model import Study

TOP_ROWS = 10
"""Rows of each table on the page of a study of many markers; `slopewise tables` and the folder of results have all."""


def render(study: Study, results: Path) -> str:
    """The report as HTML. `results` is ``results/{study}``.

    The same tables give the same bytes: no clock, no path, no random name. Text from data is escaped by the templates;
    style and script are our own files and go in as they are. Raises `InputError` where a table is missing or broken.
    """
    return page(study, Frames.read(results))


def drawn(study: Study, results: Path, threads: int = 1) -> tuple[str, Frames]:
    """The report, its sections made by up to `threads` processes, and the tables that it was made from, as `render`."""
    frames, naming = Frames.read(results), Naming(study)
    made = shared_out(lambda number: numbered(number, frames, naming), len(ORDER), threads)
    return page(study, frames, in_layers(made)), frames


def page(study: Study, frames: Frames, made: list[Section] | None = None) -> str:
    """The report of tables that were read, as `render`; `made` are its sections where they are there already."""
    naming = Naming(study)
    made = sections(frames, naming) if made is None else made
    if len(study.markers) > PICTURED:
        made = [section.top_rows(TOP_ROWS) for section in made]
    return spoken(
        environment()
        .get_template("page.html.j2")
        .render(
            title=study.title or study.study,
            study=study.study,
            description=study.description,
            summary=summary(frames, naming),
            sections=made,
            many=len(naming.study.markers) > len(naming.detailed),
            style=verbatim("page.css"),
            script=verbatim("page.js") + verbatim("calculator.js"),
            version=frames.provenance["versions"].get("slopewise", ""),
        ),
        study,
    )
