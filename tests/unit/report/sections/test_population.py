"""The report on the average course and on fast change: words from the numbers, and no patient in what is shared."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slopewise.report.material.frames import Frames
from slopewise.report.pages.patients import render_patients
from slopewise.report.sections.fast import share_table
from slopewise.report.sections.population import centring_words, linearity_words
from slopewise.report.words.naming import Naming
from slopewise.tables import files as tables
from tests.unit.report.report_page import Page, html_of, page_of
from tests.unit.report.report_tables import Invented

NAN = np.nan
FAST = {"markers.alpha.fast_change": {"below": -0.25}, "report.patients": True}


def linearity(p: float) -> list[tuple[Any, ...]]:
    return [
        ("linear", "~ time", 6, 400.0, 412.0, NAN, NAN, NAN, 0.2, 0.2),
        ("quadratic", "~ time + I(time**2)", 7, 399.0, 413.0, 1.0, 1, 0.3, 0.1, 0.3),
        ("spline", "~ time + cr(time, df=3)", 8, 390.0, 406.0, 10.0, 2, p, 0.05, 0.4),
    ]


def strata(p: float) -> list[tuple[Any, ...]]:
    return [
        ("", "everybody", "", 60, 2.0, 0.2, 0.02, 50, 10.0, 0.001, 0.16, 0.24),
        ("sex", "f", "", 45, 2.0, 0.15, 0.02, 50, 7.5, 0.001, 0.11, 0.19),
        ("sex", "m", "", 3, 2.0, 0.35, 0.04, 50, 8.7, 0.001, 0.27, 0.43),
        ("sex", "m", "f", NAN, 2.0, 0.2, 0.05, 50, 4.0, p, 0.1, 0.3),
    ]


CENTRING = [
    ("correlated", 0.0, 400.0, 2.0, 0.1, 1.0, 0.2, 0.02, 0.3, 0.1),
    ("correlated", 1.5, 400.0, 2.3, 0.1, 1.2, 0.2, 0.02, 0.3, 0.5),
    ("diagonal", 0.0, 400.4, 2.0, 0.1, 1.0, 0.2, 0.02, 0.3, 0.0),
    ("diagonal", 1.5, 409.0, 2.3, 0.1, 1.2, 0.2, 0.02, 0.28, 0.0),
]
RESIDUALS = [
    ("a", 40, 0.5, 1.0, NAN, NAN, 410.0, 400.0, 10.0, 1, 0.0016),
    ("b", 50, 1.0, 2.0, 1.4, 2.9, 410.0, 400.0, 10.0, 1, 0.0016),
]


def put(folder: Path, name: str, rows: list[tuple[Any, ...]]) -> None:
    columns = list(tables.TABLES[name].columns)
    frame = pd.DataFrame([("alpha", *row) for row in rows], columns=columns)
    tables.write(frame, name, folder / f"{name}.csv")


def written(folder: Path, study: Invented, p: float = 0.001) -> Path:
    study.write(folder)
    put(folder, "growth/linearity", linearity(p))
    put(folder, "growth/slopes_by_stratum", strata(p))
    put(folder, "growth/centring", CENTRING)
    put(folder, "growth/residuals", RESIDUALS)
    put(folder, "slopes/fast_share", [("below", -0.25, 60, 0.28, 0.2, 0.36, 0.1, 0.4, 12, 3)])
    chances = [(name, "alpha", "below", -0.25, -0.3, 0.1, 0.7 - 0.01 * k) for k, name in enumerate(study.names)]
    columns = list(tables.TABLES["slopes/fast_changers"].columns)
    frame = pd.DataFrame(chances, columns=columns)
    tables.write(frame, "slopes/fast_changers", folder / "slopes/fast_changers.csv")
    return folder


def page(folder: Path, p: float, **keys: Any) -> Page:
    study = Invented(keys={**FAST, **keys})
    return page_of(study.study(), written(folder, study, p), "courses", "population", "methods")


def test_what_is_seen_is_said_with_units_and_intervals(tmp_path: Path) -> None:
    made = page(tmp_path / "r", 0.001)
    text = made.text("population")
    assert made.open == []
    assert "Alpha: the average course is curved (natural spline against straight line: likelihood ratio 10.00" in text
    assert (
        "its slope is 0.0500 mg/l per year at the 10th percentile" in text and "0.400 mg/l per year at the 90th" in text
    )
    assert "The average slope at the landmark is 0.200 (0.160 to 0.240) mg/l per year." in text
    assert "By sex it is 0.150 (0.110 to 0.190) for f and 0.350 (0.270 to 0.430) for m." in text
    assert "The slopes differ: m against f by +0.200 mg/l per year (95% interval 0.100 to 0.300, p = 0.001)." in text
    assert "with zero at 1.50 years the deviance (400.00), the average slope (0.200)" in text
    assert "its deviance changes by 8.60 with the zero" in text
    methods = made.text("methods")
    assert "Satterthwaite’s degrees of freedom [" in methods and "beyond the limit of fast change" in methods
    assert "<5" in text, "three men are fewer than five"
    assert "≥5" in text, "and the women are not counted, since all are"
    courses = made.text("courses")
    assert "with a standard deviation of 0.500 (a) and 1.00 (b) mg/l: 2.00 times as large in b as in a" in courses
    assert "(95% interval 1.40 to 2.90). A common residual variance fits worse" in courses


def test_what_is_not_seen_is_not_said(tmp_path: Path) -> None:
    text = page(tmp_path / "r", 0.4).text("population")
    assert "the data do not show that the average course is curved" in text
    assert "The data do not show that sex changes the slope: m against f, the difference is +0.200" in text
    assert "all values within the interval remain possible" in text and "significant" not in text


def test_a_curve_has_no_slope_for_all_times(tmp_path: Path) -> None:
    made = page(tmp_path / "r", 0.001, **{"growth.fixed": "~ cr(time, df=3)"})
    said = (
        "At time zero alpha averages 1.23 mg/l; its average course is a curve (~ cr(time, df=3)) with a slope of 0.0944"
    )
    assert said in made.text("courses")


def test_fast_change_is_a_share_in_the_report_and_a_list_on_the_page_of_patients(tmp_path: Path) -> None:
    study = Invented(keys=FAST)
    folder = written(tmp_path / "r", study)
    html = html_of(study.study(), folder, "careful", "fast", "slopes")
    text = Page(html).text("fast")
    assert "Alpha: 28% of 60 patients (95% interval 20 to 36%) have a slope below −0.25 mg/l per year." in text
    assert "For 12 of them that is more likely than not, for <5 the probability is above 90%" in text
    assert not any(name in html for name in study.names)
    listed = Page(render_patients(study.study(), folder)).text("fast")
    names = [name for name in study.names if name in listed]
    assert names == study.names[:20], "those above 50%"
    assert [listed.index(a) < listed.index(b) for a, b in itertools.pairwise(names)] == [True] * 19


@pytest.mark.parametrize(
    ("share", "masked"),
    [((0.06, 0.02, 0.12, 2 / 60, 4 / 60, 3, 0), "<5"), ((0.95, 0.9, 0.99, 58 / 60, 1 - 4 / 60, 57, 56), "all but <5")],
)
def test_a_share_of_few_patients_or_of_nearly_all_tells_no_count(
    tmp_path: Path, share: tuple[Any, ...], masked: str
) -> None:
    study = Invented(keys=FAST)
    folder = written(tmp_path / "r", study)
    put(folder, "slopes/fast_share", [("below", -0.25, 60, *share)])
    text = page_of(study.study(), folder, "fast").text("fast")
    assert f"Alpha: {masked} of 60 patients have a slope below −0.25 mg/l per year." in text
    assert "is not plotted" in text and "95% interval 2" not in text
    for told in (*share[:5], 0.06 * 60 / 100, 0.95 * 60 / 100):
        assert f"{100 * told:.1f}" not in text
    plain = Invented(keys={**FAST, "report.small_cells": 1})
    assert f"{100 * share[0]:.1f}%" in page_of(plain.study(), folder, "fast").text("fast")


def test_a_share_by_own_straight_lines_is_of_those_who_have_one(tmp_path: Path) -> None:
    study = Invented(keys=FAST)
    folder = written(tmp_path / "r", study)
    put(folder, "slopes/fast_share", [("below", -0.25, 60, 0.28, 0.2, 0.36, 0.1, 0.1, 12, 3)])
    frames, naming = Frames.read(folder), Naming(study.study())
    every = frames.slopes.assign(slope_ols=-0.1)
    assert share_table(replace(frames, slopes=every), naming).rows[0][-1] == "10.0%"
    fewer = every.copy()
    fewer.loc[fewer["patient"].isin(study.names[:25]), "slope_ols"] = NAN
    assert share_table(replace(frames, slopes=fewer), naming).rows[0][-1] == "<5"


@pytest.mark.parametrize("section", ["fast"])
def test_without_a_limit_there_is_no_such_section(tmp_path: Path, section: str) -> None:
    study = Invented()
    assert section not in page_of(study.study(), study.write(tmp_path / "r"), "fast", "slopes").sections


def bent(folder: Path, **values: object) -> str:
    study = Invented(keys=FAST)
    frames = Frames.read(written(folder, study))
    frames = replace(frames, origin=frames.origin.assign(**values))
    return linearity_words(frames, Naming(study.study()), "alpha")


def test_the_one_slope_is_not_said_to_be_a_mean_of_the_others(tmp_path: Path) -> None:
    said = bent(tmp_path / "r", slope=0.0155)  # 0.05 early and 0.4 late: a straight line may lie outside both
    assert (
        "its slope is 0.0500 mg/l per year at the 10th percentile" in said and "0.400 mg/l per year at the 90th" in said
    )
    assert "has one slope, 0.0155 mg/l per year, for all times" in said
    assert "mean of" not in said and "between" not in said


def test_a_test_that_could_not_be_made_shows_nothing(tmp_path: Path) -> None:
    study = Invented(keys=FAST)
    frames = Frames.read(written(tmp_path / "r", study, NAN))
    said = linearity_words(frames, Naming(study.study()), "alpha")
    assert "could not be tested" in said and "do not show" not in said


@pytest.mark.parametrize(("key", "value"), [("slope", 0.25), ("deviance", 403.0), ("slope_sd", 0.4)])
def test_what_a_move_of_zero_keeps_is_said_of_numbers_that_are_kept(tmp_path: Path, key: str, value: float) -> None:
    study = Invented()
    frames = Frames.read(written(tmp_path / "r", study))
    naming = Naming(study.study())
    assert "do not change; the intercept is now" in centring_words(frames, naming, "alpha")
    table = frames.centring.copy()
    table.loc[(table["structure"] == "correlated") & (table["zero"] > 0), key] = value
    said = centring_words(replace(frames, centring=table), naming, "alpha")
    assert "do not change" not in said and "did not reach its optimum" in said
