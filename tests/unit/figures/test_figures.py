"""Figures: SVG that fits into a page, the same for the same tables, readable for everybody, and nobody's name in it."""

import ast
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from slopewise.figures import canvas, curves, distributions, evidence, growth, ladder, pooling
from slopewise.figures import diagnostics as detective
from slopewise.figures.canvas import top_of
from tests.unit.cli.check_tables import checks, patients

PATIENTS = [f"ZQ{i:03d}x" for i in range(40)]


def measurements() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    rows = [
        (patient, 0.5 * visit, rng.normal(place / 10, 0.3))
        for place, patient in enumerate(PATIENTS)
        for visit in range(1 + place % 4)
    ]
    return pd.DataFrame(rows, columns=["patient", "time", "marker"])


def population() -> pd.DataFrame:
    return pd.DataFrame({"marker": "marker", "time": [0.0, 1.0, 2.0], "mean": [1.0, 1.5, 2.25]})


def slopes() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    own = rng.normal(0, 1, len(PATIENTS))
    visits = np.arange(len(PATIENTS)) % 5 + 1
    return pd.DataFrame(
        {"patient": PATIENTS, "visits": visits, "slope_ols": np.where(visits > 1, own, np.nan), "slope": 0.3 * own}
    )


def performance() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "predictors": ["clinical", "level", "slope"],
            "validated": [0.541, 0.812, 0.807],
            "ci_low": [0.48, 0.77, 0.76],
            "ci_high": [0.6, 0.85, 0.84],
            "apparent": [0.55, 0.82, 0.825],
        }
    )


def curve(*steps: str) -> pd.DataFrame:
    x = np.linspace(0.05, 0.9, 10)
    frames = [
        pd.DataFrame({"predictors": s, "x": x, "y": x**1.2, "ci_low": x - 0.1, "ci_high": x + 0.1}) for s in steps
    ]
    return pd.concat(frames)


LABELS = {"clinical": "covariates alone", "level": "level", "slope": "level and slope"}
GROUPS = pd.DataFrame(
    {
        "marker": ["marker"] * 3,
        "visits": ["1", "2", "3"],
        "reliability": [0.1, 0.45, np.nan],
    }
)
DIFFERENCES = pd.DataFrame(
    {
        "label": ["level − last", "slope − level"],
        "difference": [0.004, -0.002],
        "difference_low": [-0.01, -0.009],
        "difference_high": [0.02, 0.003],
    }
)
SURVIVAL = pd.DataFrame(
    {
        "group": ["low"] * 2 + ["middle"] * 2 + ["high"] * 2,
        "time": [0.0, 3.0] * 3,
        "survival": [1.0, 0.9, 1.0, 0.6, 1.0, 0.2],
        "ci_low": [1.0, 0.8, 1.0, 0.5, 1.0, 0.1],
        "ci_high": [1.0, 0.95, 1.0, 0.7, 1.0, 0.3],
    }
)
AT_RISK = pd.DataFrame(
    {"group": ["low", "low", "high", "high"], "time": [0.0, 3.0] * 2, "shown": ["20", "11", "20", "<5"]}
)

CHECKS = checks(0)


def rows() -> pd.DataFrame:
    """The table of patients under three kinds of pooling."""
    own = slopes().assign(span=lambda frame: 0.4 * (frame["visits"] - 1), first=1.5, intercept=1.3, reliability=0.4)
    return patients(own)


DRAWN: dict[str, Callable[[str], str]] = {
    "trajectories": lambda label: growth.trajectories(
        measurements(), population(), "marker", label, "none", 2.0, PATIENTS[:30], "years since time zero", "a"
    ),
    "shrinkage": lambda label: growth.shrinkage(slopes(), label, 0.1, "a"),
    "reliability": lambda label: growth.reliability(GROUPS, {"marker": label}, "a"),
    "concordance": lambda label: ladder.concordance(performance(), LABELS, "slope", label, "a"),
    "added_value": lambda label: ladder.added_value(DIFFERENCES, 0.02, label, "a", 1),
    "calibration": lambda label: curves.calibration(
        curve("level", "slope"),
        pd.DataFrame({"predictors": "slope", "risk": np.linspace(0, 1, 40)}),
        LABELS,
        label,
        "a",
    ),
    "decision": lambda label: curves.decision(curve("level", "slope", "treat_all", "treat_none"), LABELS, label, "a"),
    "by_outcome": lambda label: distributions.by_outcome(
        np.linspace(0, 0.9, 40),
        np.arange(40) / 40.0,
        np.arange(40)[::-1] / 40.0,
        label,
        (label, "without it"),
        "a",
        0.9,
    ),
    "survival": lambda label: curves.survival(SURVIVAL, AT_RISK, ["low", "middle", "high"], label, "years", "a"),
    "trend_lines": lambda label: detective.trend_lines(rows(), label, "years", "a"),
    "trend_spread": lambda label: detective.trend_spread(rows(), label, "a"),
    "residuals": lambda label: detective.residuals(CHECKS["scatter"], CHECKS["spread"], label, "a"),
    "quantiles": lambda label: detective.quantiles(CHECKS["quantiles"], label, "a"),
    "influence": lambda label: detective.influence(rows(), 0.3, label, "a"),
    "visits": lambda label: detective.visits(rows(), -0.03, label, "a"),
    "three": lambda label: pooling.three(rows(), "start", label, "mg per year", "a"),
    "caterpillar": lambda label: pooling.caterpillar(rows(), 0.1, label, "mg per year", "For <5 of them.", "a"),
    "pulled": lambda label: pooling.pulled(rows(), label, ", years", "a"),
    "planned": lambda label: pooling.planned(CHECKS["planned"], label, " years", "a"),
    "correlation": lambda label: evidence.correlation(CHECKS["correlation"], "random_slope", label, "years", "a"),
}
EACH = pytest.mark.parametrize("name", DRAWN)


def words(svg: str) -> list[str]:
    return [text.text or "" for text in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


@EACH
def test_a_figure_is_an_element_for_a_page(name):
    svg = DRAWN[name]("A label")
    root = ET.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("role") == "img"
    assert len(root.get("aria-label", "")) > 40
    assert root.get("width") is None and root.get("viewBox", "").startswith("0 0 320 ")
    for unwanted in ("<style", "<metadata", "<!--", "<?xml", "DOCTYPE", "xlink", "\n"):
        assert unwanted not in svg
    assert set(re.findall(r"https?://[^\"' )]+", svg)) == {"http://www.w3.org/2000/svg"}


@EACH
def test_ids_are_the_figures_own_and_references_lead_somewhere(name):
    svg = DRAWN[name]("A label")
    ids = re.findall(r'\bid="([^"]+)"', svg)
    assert len(ids) == len(set(ids))
    assert all(own.startswith("a-") for own in ids)
    assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', svg)) == set(ids)


@EACH
def test_the_same_tables_give_the_same_bytes_whatever_the_settings_of_matplotlib(name):
    first = DRAWN[name]("A label")
    other = {
        "font.size": 30,
        "svg.fonttype": "path",
        "axes.grid": False,
        "xtick.minor.visible": True,
        "patch.linewidth": 9,
    }
    with mpl.rc_context(other):
        assert DRAWN[name]("A label") == first


@EACH
def test_a_label_from_data_stays_a_text(name):
    label = '$5 & <b>x</b> "quoted" é'
    svg = DRAWN[name](label)
    assert "<b>" not in svg
    assert label in " ".join(words(svg))
    assert label in ET.fromstring(svg).get("aria-label", "")


@EACH
def test_no_patient_is_named(name):
    svg = DRAWN[name]("A label")
    assert not any(patient in svg for patient in PATIENTS)


def test_the_order_of_patients_does_not_reach_the_picture():
    """It would tell who is who to somebody who has the list of patients."""
    other = {patient: f"{len(PATIENTS) - place:03d}" for place, patient in enumerate(PATIENTS)}
    renamed = measurements().assign(patient=lambda frame: frame["patient"].map(other))
    sample = PATIENTS[:30]
    shown = ("marker", "A", "log", 2.0)
    first = growth.trajectories(measurements(), population(), *shown, sample, "years", "a")
    second = growth.trajectories(renamed, population(), *shown, [other[p] for p in sample], "years", "a")
    assert first == second
    assert growth.shrinkage(slopes(), "A", 0.1, "a") == growth.shrinkage(slopes().iloc[::-1], "A", 0.1, "a")
    for draw in (
        lambda own: detective.trend_lines(own, "A", "years", "a"),
        lambda own: detective.influence(own, 0.3, "A", "a"),
        lambda own: detective.visits(own, 0.1, "A", "a"),
        lambda own: pooling.three(own, "start", "A", "mg", "a"),
        lambda own: pooling.caterpillar(own, 0.1, "A", "mg", "told", "a"),
        lambda own: pooling.pulled(own, "A", "", "a"),
    ):
        assert draw(rows()) == draw(rows().iloc[::-1])


@EACH
def test_colours_are_variables_of_the_page_with_a_fallback(name):
    svg = DRAWN[name]("A label")
    assert re.findall(r"var\(--([a-z]+), (#[0-9a-f]{6})\)", svg)
    bare = re.findall(r"(?<!, )#[0-9a-f]{6}\b", svg)
    assert not bare, f"colours without a variable: {set(bare)}"


def test_values_and_masked_counts_stand_in_the_picture():
    assert {"0.541", "0.812", "0.807"} <= set(words(DRAWN["concordance"]("C")))
    assert {"+0.004", "−0.002"} <= set(words(DRAWN["added_value"]("C")))
    assert "<5" in words(DRAWN["survival"]("Risk"))


def test_the_alternative_text_tells_what_the_picture_shows():
    told = ET.fromstring(DRAWN["concordance"]("Uno’s C")).get("aria-label", "")
    assert "level and slope 0.807 (0.760 to 0.840), apparent 0.825" in told
    told = ET.fromstring(DRAWN["survival"]("Risk by level")).get("aria-label", "")
    assert "low risk 90%, middle risk 60%, high risk 20%" in told
    told = ET.fromstring(DRAWN["reliability"]("x")).get("aria-label", "")
    assert "0.10 with 1, 0.45 with 2" in told and "with 3" not in told
    told = ET.fromstring(DRAWN["trajectories"]("x")).get("aria-label", "")
    assert "30 patients" in told and "from 1.00 at 0 to 2.25 at the landmark 2" in told


def test_one_course_a_sampled_patient_with_two_visits_and_a_dot_for_the_others():
    root = ET.fromstring(DRAWN["trajectories"]("x"))
    space = "{http://www.w3.org/2000/svg}"
    faint = [
        p
        for p in root.iter(f"{space}path")
        if "--faint" in p.get("style", "") and "stroke-opacity: 0.55" in p.get("style", "")
    ]
    counts = measurements()[lambda f: f["patient"].isin(PATIENTS[:30])].groupby("patient").size()
    assert len(faint) == int((counts > 1).sum())


def test_axes_of_risks_end_where_the_risks_do():
    assert [top_of(risks) for risks in ([], [0.004], [0.11, np.nan], [0.2], [0.81])] == [1.0, 0.01, 0.2, 0.2, 1.0]
    small = curve("level", "slope").assign(x=lambda f: f["x"] / 10, y=lambda f: f["y"] / 10)
    drawn = curves.calibration(small, pd.DataFrame({"predictors": "slope", "risk": [0.01, 0.09]}), LABELS, "x", "a")
    assert ">10%<" in drawn and ">100%<" not in drawn
    shown = curves.decision(curve("level", "slope", "treat_all", "treat_none"), LABELS, "x", "a", most=0.3)
    assert ">100%<" not in shown and "at a threshold of" in shown


@pytest.mark.parametrize("name", ["shrinkage", "calibration", "decision"])
def test_empty_tables_give_an_empty_picture_and_no_warning(name):
    none = slopes().iloc[:0]
    drawn = {
        "shrinkage": lambda: growth.shrinkage(none, "x", None, "a"),
        "calibration": lambda: curves.calibration(
            curve("level").iloc[:0], pd.DataFrame({"predictors": [], "risk": []}), LABELS, "x", "a"
        ),
        "decision": lambda: curves.decision(curve("level").iloc[:0], LABELS, "x", "a"),
    }
    assert ET.fromstring(drawn[name]()).get("role") == "img"


def test_matplotlib_is_imported_by_figures_and_the_plot_of_a_fit_alone(package: Path):
    importers = set()
    for file in package.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == "matplotlib" for name in names):
                importers.add(file.relative_to(package).as_posix().removesuffix(".py"))
    assert {name for name in importers if not name.startswith("figures/")} == {"growth/plot"}


def themes(package: Path) -> dict[str, dict[str, str]]:
    """The colours of the style sheet on a light and on a dark screen."""
    style = (package / "report" / "templates" / "page.css").read_text(encoding="utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", style, re.DOTALL)[:2]
    found = {
        name: dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", part)) for name, part in (("light", light), ("dark", dark))
    }
    assert "prefers-color-scheme: dark" in style
    return found


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(a: str, b: str) -> float:
    """WCAG 2 contrast ratio."""
    light, dark = sorted((float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (a, b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


DICHROMACY = {
    "none": np.eye(3),
    # Machado, Oliveira & Fernandes 2009, severity 1.
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* (D65) of linear sRGB."""
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ np.clip(rgb, 0, 1)
    f = np.cbrt(np.maximum(xyz / [0.9505, 1.0, 1.089], 216 / 24389))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_can_be_read_and_told_apart(package: Path, theme):
    colours = themes(package)[theme]
    assert set(canvas.PALETTE.values()) <= set(colours)
    assert contrast(colours["ink"], colours["paper"]) >= 7
    for name in ("muted", "blue", "vermillion", "green", "purple"):
        assert contrast(colours[name], colours["paper"]) >= 4.5, name
    for sight, matrix in DICHROMACY.items():
        seen = {name: lab(matrix @ linear(colours[name])) for name in ("blue", "vermillion", "green")}
        for a, b in (("blue", "vermillion"), ("blue", "green"), ("vermillion", "green")):
            assert np.linalg.norm(seen[a] - seen[b]) > 15, (sight, a, b)


def test_the_fallback_colours_are_those_of_the_light_page(package: Path):
    light = themes(package)["light"]
    assert {name: light[name] for name in canvas.PALETTE.values()} == {name: c for c, name in canvas.PALETTE.items()}
