"""The methods text names every procedure whose result the report prints, and none other."""

import re
from dataclasses import replace

import numpy as np
import pytest

from slopewise.report.material.frames import Frames
from slopewise.report.pages.study import render
from slopewise.report.words.methods import methods_section
from slopewise.report.words.naming import Naming
from slopewise.report.words.procedures import GROWTH, OUTCOME
from slopewise.report.words.references import WORKS
from slopewise.run.place import PACKAGE
from tests.unit.report.report_tables import Invented

NOT_PRINTED = {
    "Satterthwaite": ("fixed_effects", {"df": np.nan}),
    "profile": ("covariance", {"ci_low": np.nan}),
    "boundary mixture": ("comparison", {"p_value": np.nan}),
    "bootstrap of the random slope": ("comparison", {"p_value_bootstrap": np.nan}),
    "Benjamini–Hochberg": ("comparison", {"q_value": np.nan}),
    "Nakagawa": ("comparison", {"r2_marginal": np.nan}),
    "F test": ("trends", {"p_value": np.nan}),
    "Ornstein–Uhlenbeck": ("serial", {"p_value": np.nan}),
    "changing scatter": ("heteroscedastic", {"p_value": np.nan}),
    "variogram": ("variogram", None),
    "normality": ("normality", None),
    "influence": ("pooling", {"cook": np.nan}),
    "influence by chance": ("influence", {"p_value": np.nan}),
    "visits": ("visits", None),
    "reliability": ("reliability", {"reliability": np.nan}),
    "standard error of the level": ("slopes", {"level_se": np.nan}),
    "interval of the reliability": ("reliability", {"ci_low": np.nan}),
    "τ": ("performance", "c_"),
    "log score": ("performance", "log_score"),
    "likelihood ratio": ("likelihood_ratio", {"p_value": np.nan}),
    "permutations": ("permutation", {"p_value": np.nan}),
    "naive intervals": ("coefficients", {"ci_low": np.nan}),
    "subgroups": ("subgroups", None),
    "sensitivity": ("sensitivity", None),
    "censoring": ("censoring", None),
    "delta": ("delta", None),
}
"""What takes a procedure's result out of the tables of the invented study: columns that go missing, or all rows."""

COVERED = {
    r"coefficients-.*": "Wald intervals",
    "evidence": "likelihood ratio of the final models",
    r"(risk-)?groups-?.*": "Kaplan–Meier, with log",
    "growth-comparison": "mixtures of chi-square",
    "growth-components": "profile likelihood",
    "growth-evidence": "Benjamini and Hochberg",
    r"growth-fixed(-by-model)?": "Satterthwaite’s degrees of freedom",
    "growth-influence": "Cook’s distance",
    "growth-normality": "excess kurtosis",
    "growth-random": "linear mixed model",
    "growth-scatter": "a residual variance that changes",
    "growth-serial": "Ornstein–Uhlenbeck",
    "growth-shares": "Nakagawa and Schielzeth",
    "growth-trends": "exact F test",
    "growth-visits": "rank correlation",
    "levels": "standard error of a patient’s level",
    r"hazards-.*": "scaled Schoenfeld residuals",
    r"performance(-.*)?": "marginal Kaplan–Meier estimate",
    "delta": "delta adjustment",
    "censoring": "Cox model of the time to censoring",
    "sample-size": "criteria of Riley et al.",
    "sensitivity": "reused folds",
    r"slopes(-by-visits)?": "reliability of a slope",
    "subgroups": "subgroups",
    r"patients|inputs|leakage-audit|settings|tables|tripod-ai|probast-ai|stratos|versions": "",
}
"""For each table of the report a part of the methods text that names its procedure; none for tables of facts."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    study = Invented(keys={"growth.bootstrap": 200})
    folder = study.write(tmp_path_factory.mktemp("procedures"))
    frames = Frames.read(folder)
    if frames.covariance["ci_low"].isna().all():
        frames = replace(frames, covariance=frames.covariance.assign(ci_low=0.1, ci_high=0.4))
    return frames, Naming(study.study()), render(study.study(), folder)


def text(frames, naming) -> str:
    return " ".join(methods_section(frames, naming).context["paragraphs"])


def sentence(name, frames, naming) -> str:
    one = next(one for one in (*GROWTH, *OUTCOME) if one.name == name)
    return re.sub(r" ?\[[\d,]+\]", "", one.sentence(frames, naming, lambda *keys: "[1]"))


def plain(words: str) -> str:
    return re.sub(r" ?\[[\d,]+\]", "", words)


@pytest.mark.parametrize("name", NOT_PRINTED)
def test_a_procedure_is_named_only_where_its_result_is_printed(made, name):
    frames, naming, _ = made
    own = sentence(name, frames, naming)
    assert own in plain(text(frames, naming))
    table, gone = NOT_PRINTED[name]
    rows = getattr(frames, table)
    if gone is None:
        rows = rows.iloc[:0]
    elif isinstance(gone, str):
        rows = rows[~rows["metric"].str.startswith(gone)]
    else:
        rows = rows.assign(**gone)
    without = replace(frames, **{table: rows})
    one = next(one for one in (*GROWTH, *OUTCOME) if one.name == name)
    assert not one.printed(without, naming)


def test_every_table_of_the_report_has_its_procedure_in_the_methods_text(made):
    frames, naming, page = made
    said = text(frames, naming)
    names = set(re.findall(r'<table data-name="([^"]+)"', page))
    assert len(names) > 30
    for name in names:
        found = [part for pattern, part in COVERED.items() if re.fullmatch(pattern, name)]
        assert len(found) == 1, f"{name}: in no row of COVERED, or in two"
        assert found[0] in said, f"{name}: “{found[0]}” is not in the methods text"


def test_the_methods_state_the_time_horizon_of_concordance(made):
    frames, naming, _ = made
    assert "before τ = 3 years after the landmark" in text(frames, naming)


def test_values_moved_from_time_zero_are_named(made):
    frames, naming, _ = made
    assert "stated at a moment within them" not in text(frames, naming)
    moved = replace(frames, origin=frames.origin.assign(moment="landmark", at=2.0))
    assert "stated at a moment within them" in text(moved, naming)


def test_nobody_is_said_to_have_followed_a_guideline(made):
    frames, naming, _ = made
    assert "guided" not in text(frames, naming) and "TRIPOD" not in text(frames, naming)


def test_every_reference_is_cited_somewhere():
    source = "".join(path.read_text(encoding="utf-8") for path in (PACKAGE / "report").rglob("*.py"))
    unused = [key for key in WORKS if len(re.findall(rf'"{key}"|\'{key}\'', source)) < 2]
    assert unused == []
