"""`slopewise figures`: the report's figures as files for a paper, at the width of a journal's column."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from slopewise.cli.tables import file_name
from slopewise.figures.canvas import copied
from slopewise.figures.paper import FORMS, paper_copier
from slopewise.report.material.frames import Frames, recorded_study
from slopewise.report.sections.order import sections
from slopewise.report.words.naming import Naming
from slopewise.report.words.subjects import speaker
from slopewise.run.errors import InputError
from slopewise.run.files import atomic, write_text

NARROWEST, WIDEST = 40.0, 400.0
"""Millimetres: letters of 4 points, and more than a page."""


def export_figures(results: Path, out: Path, width: float = 85.0, forms: Sequence[str] = FORMS) -> list[Path]:
    """Write every figure of the report of ``results/{study}`` into `out`; the files that were written, sorted.

    width: millimetres. ``figures.txt`` has a line for each figure: its name and what it shows. Raises `InputError` for
    a width that no journal has, and where `results` holds no finished study; nothing is written then.
    """
    if not NARROWEST <= width <= WIDEST:
        raise InputError(
            f"--width {width:g}: give millimetres, from {NARROWEST:g} to {WIDEST:g} (a column has some 85)"
        )
    study, frames = recorded_study(results), Frames.read(results)
    shown: dict[str, str] = {}
    written: list[Path] = []

    def put(name: str, alternative: str, files: dict[str, bytes]) -> None:
        own = file_name(name)
        if own in shown:
            raise ValueError(f"two figures are called {own}")
        shown[own] = alternative
        for form, content in files.items():
            written.append(out / f"{own}.{form}")
            with atomic(written[-1]) as temporary:
                temporary.write_bytes(content)

    with copied(paper_copier(width, forms, speaker(study), put)):
        sections(frames, Naming(study))
    write_text(out / "figures.txt", "".join(f"{name}: {alternative}\n" for name, alternative in shown.items()))
    return sorted([*written, out / "figures.txt"])
