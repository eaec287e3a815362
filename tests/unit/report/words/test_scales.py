"""No number of a transformed marker stands without its scale; what a clinician reads first is in the unit measured."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slopewise.figures.canvas import without_drawing
from slopewise.figures.scales import marks_within
from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Section, Table
from slopewise.report.sections.cohort import characteristics
from slopewise.report.sections.order import sections
from slopewise.report.words.courses import model_words
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import figures
from tests.drawings import asked_for
from tests.unit.report.report_tables import Invented

SCALES = {"alpha": ("log", "log mg/l"), "beta": ("sqrt", "√(mg/l)")}

WITHOUT_A_SCALE = {
    *("growth-comparison", "growth-shares", "growth-serial", "growth-scatter", "growth-normality"),  # fit and shape
    *("evidence", "sensitivity", "selection", "leakage-audit", "inputs", "settings", "versions", "tables"),
    *("patients", "examples", "delta"),  # in the unit measured; per SD
    *("tripod-ai", "probast-ai", "stratos", "proportional-hazards", "hazards"),
}
"""Tables that name markers and have no number on the scale of a model."""

FIGURES_WITHOUT_A_SCALE = {
    *("quantiles", "influence", "pulled", "planned", "correlation", "reliability"),  # SDs, shares, correlations
    *("residuals_over_time", "schoenfeld", "associations"),
}


@dataclass
class Report:
    """The sections of a study whose markers have each a transform, and the figures that they ask for."""

    frames: Frames
    naming: Naming
    sections: list[Section]
    figures: list[tuple[str, tuple[Any, ...]]]

    @property
    def tables(self) -> Iterator[Table]:
        for section in self.sections:
            yield from _tables(list(section.context.values()))


def _tables(items: Any) -> Iterator[Table]:
    for item in items:
        if isinstance(item, Table):
            yield item
        elif isinstance(item, dict):
            yield from _tables(item.values())
        elif isinstance(item, list | tuple):
            yield from _tables(item)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    keys = {f"markers.{name}.transform": transform for name, (transform, _) in SCALES.items()}
    invented = Invented(patients=30, markers=tuple(SCALES), keys=keys)
    frames = Frames.read(invented.write(tmp_path_factory.mktemp("scales")))
    naming = Naming(invented.study())
    with without_drawing(), asked_for() as drawn:
        return Report(frames, naming, sections(frames, naming), drawn)


def test_every_row_of_a_table_with_numbers_of_a_model_names_their_scale(report: Report):
    seen, bare = set(), []
    for table in report.tables:
        for row in table.cells:
            marker = next((name for name in SCALES if row[0].text == name or row[0].text.startswith(f"{name}, ")), None)
            if marker is None or table.name in WITHOUT_A_SCALE or table.name.startswith("performance"):
                continue
            seen.add(table.name)
            text = " ".join(f"{cell.text} {cell.note}" for cell in row)
            if SCALES[marker][1] not in text:
                bare.append((table.name, text))
    assert bare == [] and len(seen) >= 12, sorted(seen)


def test_every_picture_of_a_marker_names_its_scale(report: Report):
    seen, bare = set(), []
    for name, arguments in report.figures:
        words = [text for text in arguments if isinstance(text, str)]
        for marker, (transform, unit) in SCALES.items():
            named = [text for text in words if text == marker or text.startswith(f"{marker},")]
            if name in FIGURES_WITHOUT_A_SCALE or not named or named[0] in (f"{marker}, level", f"{marker}, slope"):
                continue  # terms of the outcome model are pictured per SD
            seen.add(name)
            measured = f"{marker}, mg/l" in words and transform in words  # with marks in the unit measured
            if not measured and not any(unit in text for text in words):
                bare.append((name, words))
    assert bare == [] and len(seen) >= 6, sorted(seen)


def test_the_first_table_is_in_the_unit_measured(report: Report):
    table = characteristics(report.frames, report.naming)
    rows = {row[0].text: (row[0].note, row[1].text) for row in table.cells}
    own = report.frames.slopes.set_index("marker").loc["alpha", "first"]
    note, text = rows["alpha, first value (mg/l)"]
    ends = [math.exp(own.mean() + side * own.std()) for side in (0, -1, 1)]
    assert [float(part) for part in text.replace("(", "").replace(")", "").replace("to ", "").split()] == pytest.approx(
        ends, rel=0.006
    )
    assert note == "geometric mean; mean ± SD in log mg/l, back-transformed"
    assert rows["beta, first value (mg/l)"][0].startswith("back-transformed mean")


def test_the_course_of_a_logarithm_is_told_in_the_unit_measured_and_in_per_cent(report: Report):
    rows = report.frames.origin.set_index("marker").loc["alpha"]
    words = model_words(report.frames, report.naming, "alpha")
    assert f"averages {math.exp(rows['estimate']):.2f} mg/l (geometric mean; {rows['estimate']:.2f} log mg/l)" in words
    change = [f"+{100 * math.expm1(rows[name]):.1f}%" for name in ("slope", "slope_low", "slope_high")]
    assert f"changes by {change[0]} per year (95% interval of the slope {change[1]} to {change[2]}; 0.0944 log" in words
    root = model_words(report.frames, report.naming, "beta")
    assert f"averages {rows['estimate'] ** 2:.2f} mg/l (1.23 √(mg/l)) and rises by 0.0944 √(mg/l) per year" in root


@pytest.mark.parametrize(
    ("transform", "low", "high", "marks"),
    [
        ("log", 0.0, 5.0, [1, 2, 5, 10, 20, 50, 100]),
        ("log", 2.25, 2.75, [10.5, 12, 13.5, 15]),
        ("sqrt", 10.0, 25.0, [150, 300, 450, 600]),
        ("logit", -2.0, 2.0, [0.2, 0.4, 0.6, 0.8]),
        ("log1p", 0.0, 3.0, [0, 4, 8, 12, 16]),
    ],
)
def test_marks_are_round_numbers_of_what_was_measured(transform: str, low: float, high: float, marks: list[float]):
    assert np.allclose(marks_within(low, high, transform), marks)


def test_a_report_without_a_transform_is_told_as_it_was(report: Report):
    study = report.naming.study
    plain = {name: marker.model_copy(update={"transform": "none"}) for name, marker in study.markers.items()}
    naming = Naming(study.model_copy(update={"markers": plain}))
    table = characteristics(report.frames, naming)
    own = pd.Series(report.frames.slopes.set_index("marker").loc["alpha", "first"])
    cell = next(row for row in table.cells if row[0].text == "alpha, first value (mg/l)")
    assert cell[0].note == "" and cell[1].text == f"{figures(own.mean())} ({figures(own.std())})"
