"""The verdict on slopes beside levels: from all the evidence, in words by its strength, and what it never says."""

import math
from dataclasses import replace

import pytest

from slopewise.report.material.frames import Frames
from slopewise.report.pages.landmarks import conclusions, finding
from slopewise.report.sections.risks import _calibration_words
from slopewise.report.sections.summary import summary
from slopewise.report.words.naming import Naming
from slopewise.report.words.verdict import (
    agreement,
    answer,
    below_chance,
    evidence_table,
    headline,
    reversal,
)
from slopewise.tables import files as tables
from slopewise.tables.catalogue import entry
from slopewise.validate.evidence import evidence
from slopewise.validate.gains import Gain
from slopewise.validate.verdict import RELEVANT, Effect, Evidence, Verdict, verdict
from tests.unit.report.report_tables import Invented

LEVEL = Gain("level", "last", "c_uno", 3.0, 0.812, 0.78, 0.85, 0.006, -0.01, 0.02)
NARROW, WIDE, APART = (-0.1, 0.1), (-0.3, 0.5), (0.1, 0.7)
"""Intervals of a log hazard ratio per SD of the slopes: nothing that matters, room for both, an association."""


def gain_of(difference, low, high, metric="c_uno"):
    return Gain("slope", "level", metric, 3.0, 0.812 + difference, 0.78, 0.85, difference, low, high)


def known(gain=(-0.002, -0.009, 0.004), score=(0.0, -0.004, 0.004), ratio=0.4, permuted=0.4, effect=NARROW, **other):
    """Evidence; by default all of it against an effect that would matter, from many events."""
    fields = {
        "kept": 1, "margin": 0.02, "null_gain": -0.003, "reliability": 0.6, "informative": 400, "continuous": False,
        "penalised": False, **other,
    }  # fmt: skip
    return Evidence(
        gain=gain_of(*gain), score=None if score is None else gain_of(*score, "log_score"), ratio_p=ratio,
        permutation_p=permuted, effects=(Effect("alpha", sum(effect) / 2, *effect),), **fields,
    )  # fmt: skip


ROOM = (0.004, -0.02, 0.03)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (known(), "NO_GAIN"),
        (known(gain=(0.025, 0.010, 0.041), ratio=0.01, permuted=0.01, effect=APART), "ADDS"),
        (known(gain=ROOM, score=(0.02, 0.005, 0.035), ratio=0.01, permuted=0.2, effect=APART), "ADDS"),
        (known(gain=(0.025, 0.010, 0.041)), "DISAGREE"),
        (known(gain=ROOM, ratio=0.01, permuted=0.015, effect=APART), "ASSOCIATED"),
        (known(ratio=0.01, permuted=0.2, effect=APART), "ASSOCIATED"),
        (known(ratio=0.01, permuted=0.2, effect=WIDE), "DISAGREE"),
        (known(gain=(-0.012, -0.02, -0.004)), "WORSE"),
        (known(gain=(-0.012, -0.02, -0.004), ratio=0.01, permuted=0.01, effect=APART), "DISAGREE"),
        # A loss no larger than that of slopes that carry nothing is no finding of its own.
        (known(gain=(-0.012, -0.02, -0.004), null_gain=-0.012), "NO_GAIN"),
        (known(gain=(-0.012, -0.02, -0.004), null_gain=-0.012, informative=30), "TOO_FEW"),
        # An interval of C that excludes the margin denies no effect that C may not see.
        (known(effect=WIDE), "UNDECIDED"),
        (known(effect=WIDE, informative=25), "TOO_FEW"),
        (known(gain=ROOM, informative=25), "TOO_FEW"),
        (known(informative=25), "TOO_FEW"),
        (known(gain=ROOM, effect=WIDE, informative=120, reliability=0.25), "TOO_POOR"),
        (known(gain=ROOM, effect=WIDE, informative=120, reliability=0.9), "UNDECIDED"),
        (known(kept=0), "DROPPED"),
        (known(gain=(0.01, math.nan, math.nan)), "NO_INTERVAL"),
        # A penalty leaves no likelihood ratio and no interval that tests; the power then decides.
        (known(penalised=True, ratio=math.nan, effect=APART), "NO_GAIN"),
        (known(penalised=True, ratio=math.nan, informative=100), "UNDECIDED"),
        (known(penalised=True, ratio=math.nan, informative=60), "TOO_FEW"),
        (known(penalised=True, ratio=math.nan, permuted=0.02), "ASSOCIATED"),
        (known(continuous=True, score=None, effect=(-0.05, 0.1)), "NO_GAIN"),
        (known(continuous=True, score=None, effect=(-0.05, 0.2), informative=500), "UNDECIDED"),
    ],
)
def test_the_verdict_weighs_all_the_evidence(found, said):
    assert verdict(found) is Verdict[said]


def test_no_verdict_turns_on_a_digit_that_is_not_printed():
    assert verdict(known(gain=(0.004, 0.0004, 0.007), ratio=0.01, permuted=0.01, effect=APART)) is Verdict.ASSOCIATED
    assert verdict(known(gain=(0.004, 0.0006, 0.007), ratio=0.01, permuted=0.01, effect=APART)) is Verdict.ADDS_LITTLE
    assert verdict(known(gain=(-0.002, -0.03, 0.0196))) is Verdict.UNDECIDED  # printed as 0.020
    assert verdict(known(gain=(-0.002, -0.03, 0.0194))) is Verdict.NO_GAIN


def test_the_events_needed_are_schoenfelds():
    needed = (1.959964 + 0.841621) ** 2 / math.log(RELEVANT) ** 2
    assert known().needed == math.ceil(needed) and known(reliability=0.5).needed_here == 2 * math.ceil(needed)
    assert known(continuous=True).needed > 3 * known().needed


@pytest.fixture(scope="module")
def naming():
    return Naming(Invented(markers=("alpha",)).study())


@pytest.mark.parametrize(
    ("found", "first", "then"),
    [
        (known(), "does not raise C by 0.02 or more", "excludes a hazard ratio of 1.35 per SD of the slopes"),
        (
            known(gain=(0.004, 0.001, 0.007), ratio=0.01, permuted=0.01, effect=APART),
            "The rate of change of alpha adds information to its level, but raises C by less than 0.02.",
            "the gain in C is less than 0.02",
        ),
        (
            known(gain=ROOM, ratio=0.01, permuted=0.015, effect=APART),
            "At the same level, the rate of change of alpha is associated with the outcome",
            "the likelihood ratio test, the interval of the coefficient and the permutation test find an association",
        ),
        (
            known(ratio=0.01, permuted=0.2, effect=WIDE),
            "is conflicting",
            "The likelihood ratio test finds an association of the slope at an equal level, the interval of the "
            "coefficient and the permutation test do not.",
        ),
        (
            known(gain=(-0.012, -0.02, -0.004)),
            "Predictions were worse",
            "below the −0.003 by which uninformative slopes change C",
        ),
        (known(gain=ROOM, informative=25), "There are too few events to show", "There are 25 events; 88 would be"),
        (
            known(gain=ROOM, effect=WIDE, informative=120, reliability=0.25),
            "measured too imprecisely",
            "reliability of the slope is 0.25, so 352 events",
        ),
        (known(effect=WIDE), "cannot show", "a gain in C of 0.02 or more is excluded; a relevant effect"),
        (known(gain=ROOM, effect=WIDE), "cannot show", "includes both 0 and a relevant gain of 0.02 or more"),
        (known(gain=(0.01, math.nan, math.nan)), "without an interval", "validation.bootstrap is 0"),
        (
            known(gain=(-0.012, -0.02, -0.004), null_gain=-0.012, informative=30),
            "too few events",
            "lies below zero, but uninformative slopes change C by −0.012",
        ),
        (known(kept=0), "could not be examined", "No marker’s slope entered"),
    ],
)
def test_words_go_by_the_strength_of_the_evidence(naming, found, first, then):
    said = verdict(found)
    assert first in headline(said, naming)
    text = answer(said, found, LEVEL, naming)
    assert then.lower() in text.lower()
    assert "0.812" in text and "nothing" not in headline(said, naming)
    assert "noise" not in text and "significant" not in text


def test_the_table_shows_each_piece_and_what_it_says(naming):
    table = evidence_table(known(gain=ROOM, ratio=0.0321, permuted=0.2, effect=APART), naming)
    cells = {str(row[0]): (str(getattr(row[1], "text", row[1])), str(row[2])) for row in table.rows}
    assert cells["gain in Uno’s C"] == ("+0.004", "includes 0 and 0.02 or more")
    assert cells["likelihood ratio test"] == ("0.032", "an association")
    assert cells["permutation test of the gain"] == ("0.200", "none found")
    assert cells["hazard ratio per SD of the true slopes, alpha"] == ("1.49", "an association")
    assert cells["events"][0] == "400"
    shrunk = evidence_table(known(penalised=True, ratio=math.nan), naming)
    assert "not done: the models are penalised" in [str(row[2]) for row in shrunk.rows]
    assert agreement(known(penalised=True, ratio=math.nan, permuted=math.nan)).startswith("There is no test")


@pytest.mark.parametrize(
    ("changed", "said", "figures_shown"),
    [
        ({"gain": (0.03, 0.01, 0.05), "ratio_p": 0.01}, "The markers’ rates of change add information to", 4),
        ({"gain": (-0.03, -0.05, -0.01), "permutation_p": 0.5, "slope_effect": 0.0}, "Predictions were worse", 4),
        ({"dropped": ("alpha", "beta")}, "Whether slopes add to levels could not be examined", 3),
        (
            {"markers": ("alpha",), "keys": {"markers.alpha.label": "Bilirubin"}, "permutation_p": 0.5,
             "slope_effect": 0.0},
            "There are too few events to show whether the rate of change of Bilirubin",
            4,
        ),
        ({"metrics": ("c_harrell",)}, "At the same levels, the markers’ rates of change are associated", 4),
    ],
)  # fmt: skip
def test_the_summary_from_tables(tmp_path, changed, said, figures_shown):
    study = Invented(patients=30, **changed)
    frames, naming = Frames.read(study.write(tmp_path)), Naming(study.study())
    told = summary(frames, naming)
    assert told["headline"].startswith(said)
    assert len(told["key_figures"]) == figures_shown
    if "dropped" in changed:
        assert len(told["reasons"]) == 2 and told["reasons"][0].startswith(
            "The slope of alpha is not in that model: the level determines it (random effects of rank one; correlation"
        )
    if "metrics" in changed:
        assert (
            "Harrell’s C (the proportion of pairs of patients ranked correctly) is" in told["answer"]
            and told["second"] == ""
        )


def test_a_second_concordance_on_another_side_of_zero_is_reported(tmp_path):
    study = Invented(patients=30)
    study.write(tmp_path)
    table = tables.read("outcome/performance", tmp_path / entry("outcome/performance").file)
    chosen = (table["metric"] == "c_harrell") & (table["predictors"] == "slope")
    table.loc[chosen, ["difference", "difference_low", "difference_high"]] = [0.03, 0.01, 0.05]
    tables.write(table, "outcome/performance", tmp_path / entry("outcome/performance").file)
    told = summary(Frames.read(tmp_path), Naming(study.study()))
    assert "+0.030 (95% interval +0.010 to +0.050), which points to another conclusion" in told["second"]


def test_the_margin_is_the_studys(tmp_path):
    study = Invented(keys={"outcome.margin": 0.004})
    frames, naming = Frames.read(study.write(tmp_path)), Naming(study.study())
    assert evidence(frames, naming.study).margin == 0.004
    assert verdict(known(margin=0.004, gain=(0.0, -0.003, 0.004))) is Verdict.UNDECIDED
    assert verdict(known(margin=0.005, gain=(0.0, -0.003, 0.004))) is Verdict.NO_GAIN


def test_discrimination_below_chance_is_remarked_on(tmp_path):
    study = Invented()
    frames, naming = Frames.read(study.write(tmp_path)), Naming(study.study())
    assert below_chance(frames, naming, "c_uno") == ""
    own = frames.performance["predictors"].eq("clinical") & frames.performance["metric"].eq("c_uno")
    low = frames.performance.assign(ci_high=frames.performance["ci_high"].mask(own, 0.466))
    text = below_chance(replace(frames, performance=low), naming, "c_uno")
    assert "lies below 0.5" in text and "covariates" in text


def test_a_sign_that_turns_beside_the_level_is_explained(tmp_path):
    study = Invented()
    frames, naming = Frames.read(study.write(tmp_path)), Naming(study.study())
    assert reversal(frames, naming) == []
    own = frames.coefficients["predictors"].eq("slope") & frames.coefficients["term"].eq("beta.slope")
    table = frames.coefficients.assign(estimate=frames.coefficients["estimate"].mask(own, math.log(0.55)))
    (text,) = reversal(replace(frames, coefficients=table), naming)
    assert "The slope of beta has a hazard ratio of 0.550 per SD adjusted for the level" in text
    assert "started lower" in text and "alone" in text


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (-0.05, -0.02, "Uno’s C is lower with the slopes than with the level alone"),
        (-0.02, 0.01, "the slopes do not raise Uno’s C by 0.02 or more"),
        (0.01, 0.03, "Uno’s C is higher with the slopes"),
        (-0.01, 0.03, "includes both no gain and one of 0.02"),
    ],
)
def test_the_page_of_landmarks_hides_no_loss(naming, low, high, said):
    import pandas as pd

    gains = pd.DataFrame({"landmark": [1.0], "difference_low": [low], "difference_high": [high], "slopes": [1]})
    assert said in finding(gains, naming, "c_uno")


def test_the_page_of_landmarks_gives_each_landmarks_verdict(naming):
    import pandas as pd

    order = [Verdict.WORSE, Verdict.DISAGREE, Verdict.WORSE]
    gains = pd.DataFrame({"landmark": [1.0, 2.0, 3.0], "verdict": [one.value for one in order]})
    worse, conflicting = conclusions(gains, naming)
    assert worse == f"At 1 and 3 years: {headline(Verdict.WORSE, naming)}" and "Predictions were worse" in worse
    assert conflicting == f"At 2 years: {headline(Verdict.DISAGREE, naming)}"


@pytest.mark.parametrize(
    ("intervals", "said"),
    [
        ([("3 years", 0.85, 1.2)], "At 3 years the interval includes 1 and excludes slopes below 0.8 and above 1.25."),
        ([("3 years", -0.91, 1.16)], "too wide to show"),
        ([("3 years", 0.3, 0.9)], "the predictions are too extreme"),
        ([("3 years", 0.9, 1.1), ("5 years", 0.2, 1.9)], "At 5 years the interval includes 1 and is too wide to show"),
        ([("3 years", 0.9, 1.1), ("5 years", 0.2, 0.9)], "At 5 years the predictions are too extreme"),
    ],
)
def test_calibration_takes_no_comfort_from_a_wide_interval(intervals, said):
    text = _calibration_words(intervals)
    assert said in text
    assert text.count("At ") == len(intervals)
