"""The grade of each check: what the tables say, the gravest marker first, and where the small pictures lead."""

import re
from dataclasses import replace

import numpy as np
import pytest

from slopewise.report.material.frames import Frames
from slopewise.report.sections.fit import influence_words
from slopewise.report.words.cautions import cautions
from slopewise.report.words.grades import CHECKS, MOVED_SE, Grade, grades
from slopewise.report.words.naming import Naming
from tests.unit.report.report_page import html_of
from tests.unit.report.report_tables import Invented

pytestmark = pytest.mark.drawn


@pytest.fixture(scope="module")
def calm(tmp_path_factory) -> tuple[Frames, Naming]:
    """Two markers without a caution."""
    invented = Invented()
    frames = Frames.read(invented.write(tmp_path_factory.mktemp("grades")))
    frames = replace(
        frames,
        judged=frames.judged.assign(verdict="trend", against=""),
        spread=frames.spread.assign(sd=1.0),
        normality=frames.normality.assign(kurtosis=0.0, outside=0.0, p_value=0.5),
        visits=frames.visits.assign(p_value=0.5),
        linearity=frames.linearity.iloc[:0],
        dropout=frames.dropout.iloc[:0],
        fits=frames.fits.assign(converged=True, singular=False, structure="correlated"),
    )
    return frames, Naming(invented.study())


def changed(frames: Frames, name: str, rows: str, **values: object) -> Frames:
    """The frames with `values` in those rows of table `name`."""
    table = getattr(frames, name).copy()
    chosen = table.eval(rows)
    assert chosen.any()
    for column, value in values.items():
        table.loc[chosen, column] = value
    return replace(frames, **{name: table})


BENT = {"outside": 0.4, "p_value": 0.001}


def test_without_a_caution_everything_is_fine(calm):
    found = grades(*calm)
    assert list(found) == ["alpha", "beta"]
    assert {grade for of in found.values() for grade in of.values()} == {Grade.FINE}
    assert [check.name for check in CHECKS] == list(found["alpha"])


@pytest.mark.parametrize(
    ("name", "rows", "values", "check", "grade"),
    [
        ("fits", "marker == 'beta' and repeat == 0 and fold == 0", {"converged": False}, "fit", Grade.WRONG),
        ("fits", "marker == 'beta' and repeat == 0 and fold == 0", {"structure": "excluded"}, "fit", Grade.WRONG),
        ("fits", "marker == 'beta' and repeat == 0 and fold == 0", {"singular": True}, "fit", Grade.LOOK),
        ("fits", "marker == 'beta' and fold == 1", {"converged": False}, "fit", Grade.LOOK),
        ("judged", "marker == 'beta'", {"verdict": "unclear", "against": "f_test"}, "slopes differ", Grade.LOOK),
        ("normality", "marker == 'beta' and what == 'residual'", {"kurtosis": 9.0}, "tails", Grade.LOOK),
        (
            "normality",
            "marker == 'beta' and what == 'slope'",
            {"outside": 0.4, "p_value": 0.001},
            "random effects",
            Grade.LOOK,
        ),
        (
            "influence",
            "marker == 'beta'",
            {"slope_change_se": 1.5, "p_value": 0.005},
            "single patients",
            Grade.LOOK,
        ),
        (
            "influence",
            "marker == 'beta'",
            {"slope_change_se": MOVED_SE + 0.1, "p_value": 0.005},
            "single patients",
            Grade.WRONG,
        ),
        ("visits", "marker == 'beta'", {"p_value": 0.001}, "visits", Grade.LOOK),
    ],
)
def test_a_check_that_warns_is_graded_and_its_marker_comes_first(calm, name, rows, values, check, grade):
    frames, naming = calm
    found = grades(changed(frames, name, rows, **values), naming)
    assert list(found) == ["beta", "alpha"] and found["beta"][check] == grade
    assert {one for other, one in found["beta"].items() if other != check} == {Grade.FINE}
    assert set(found["alpha"].values()) == {Grade.FINE}


def test_an_influence_that_chance_has_as_well_is_no_caution(calm):
    frames, naming = calm
    usual = changed(frames, "influence", "marker == 'beta'", slope_change_se=2.5, slope_sd_change=0.4, p_value=0.05)
    assert {grade for of in grades(usual, naming).values() for grade in of.values()} == {Grade.FINE}
    assert "estimated as 5.0%, so that chance may explain it" in influence_words(usual.of("influence", "beta"))
    assert influence_words(usual.of("influence", "alpha").assign(p_value=np.nan)) == ""
    rare = changed(usual, "influence", "marker == 'beta'", p_value=0.005)
    assert "estimated as 0.5%: check this patient’s values" in influence_words(rare.of("influence", "beta"))


def test_every_caution_on_a_growth_model_is_a_grade(calm):
    frames, naming = calm
    loud = changed(frames, "visits", "marker == 'beta'", p_value=0.001)
    before, after = ({short for short, _ in cautions(one, naming)} for one in (frames, loud))
    assert after - before == {"Informative visits"} and grades(loud, naming)["beta"]["visits"] == Grade.LOOK


def test_small_pictures_repeat_panels_that_stand_on_the_page(tmp_path):
    invented = Invented()
    html = html_of(
        invented.study(), invented.write(tmp_path), "glance", "courses", "evidence", "fit", "slopes", "dropout"
    )
    glance = re.search(r'<section id="glance".*?</section>', html, re.S)
    assert glance is not None
    used = re.findall(r'<use href="#([\w-]+)"', glance[0])
    assert len(used) >= 10 and len(used) == len(set(used))
    for name in used:
        assert html.count(f'<svg id="{name}" ') == 1
        assert f'<a href="#{name}" aria-label=' in glance[0]
    assert len(re.findall(r'<div class="glance" data-marker="\w+">', glance[0])) == 2
    assert 'data-name="growth-grades"' not in html, "with all markers pictured, no table repeats the grades"
