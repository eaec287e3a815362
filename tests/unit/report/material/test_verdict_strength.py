"""The verdict turns on no hidden digit, on no one of many slopes by chance, and on no loss that chance brings alike."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from slopewise.outcome.cox import fit_cox
from slopewise.outcome.glm import fit_linear, fit_logistic
from slopewise.outcome.hazards import score_test
from slopewise.report.material.frames import Frames
from slopewise.report.sections.checks import chance
from slopewise.report.sections.dropout import dropout_sentence
from slopewise.report.sections.hazards import sentence, visible_change
from slopewise.report.words.naming import Naming
from slopewise.report.words.verdict import UNCLEAR, answer, evidence_table, headline, reversal
from slopewise.study.kinds import KINDS
from slopewise.tables import files as tables
from slopewise.validate.evidence import evidence, information, seen_once
from slopewise.validate.verdict import RELEVANT, RELEVANT_CORRELATION, Effect, Verdict, verdict
from tests.unit.report.material.test_verdict import APART, LEVEL, ROOM, WIDE, gain_of, known
from tests.unit.report.report_tables import Invented


@pytest.fixture(scope="module")
def naming():
    return Naming(Invented(markers=("alpha",)).study())


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    return Frames.read(Invented().write(tmp_path_factory.mktemp("invented")))


@pytest.mark.parametrize(
    ("low", "excludes"), [(math.log(1.0049), False), (math.log(1.0051), True)]
)  # printed as 1.00 and as 1.01
def test_a_ratio_excludes_no_effect_only_where_its_printed_end_does(low, excludes):
    found = known(effect=(low, 0.5))
    assert found.excludes_none(found.effects[0]) is excludes
    assert found.tests["the interval of the coefficient"] is excludes
    # A coefficient of a linear model is printed in figures, however small.
    small = known(continuous=True, effect=(0.0004, 0.2))
    assert small.excludes_none(small.effects[0])


def test_a_ratio_that_is_printed_as_the_one_that_matters_is_not_excluded():
    assert verdict(known(effect=(-0.1, math.log(1.346)))) is Verdict.UNDECIDED  # printed as 1.35
    assert verdict(known(effect=(-0.1, math.log(1.344)))) is Verdict.NO_GAIN


@pytest.mark.parametrize("test", ["ratio", "permuted"])
def test_a_p_value_that_is_printed_as_the_level_is_not_below_it(test):
    assert not any(known(**{test: 0.0496}).tests.values())
    assert any(known(**{test: 0.0494}).tests.values())


def test_one_interval_of_many_slopes_counts_only_beyond_as_many_comparisons(naming):
    one, none = (0.02, 0.6), (-0.3, 0.3)
    single = known(gain=ROOM, effect=one)
    assert single.tests["the interval of the coefficient"]
    others = tuple(Effect(f"m{k}", 0.0, *none) for k in range(7))
    many = replace(single, kept=8, effects=(*single.effects, *others))
    assert not many.tests["the intervals of the coefficients"] and verdict(many) is Verdict.UNDECIDED
    strong = replace(many, effects=(Effect("alpha", 0.8, 0.4, 1.2), *others))
    assert strong.tests["the intervals of the coefficients"]
    three = Naming(Invented(markers=("alpha", *(f"m{k}" for k in range(7)))).study())
    said = [str(row[2]) for row in evidence_table(many, three).rows]
    assert "an association, before adjustment for 8 slopes" in said


def test_the_widened_interval_is_bonferronis():
    effect = Effect("alpha", 0.3, 0.3 - 1.959964, 0.3 + 2 * 1.959964).widened(5)
    np.testing.assert_allclose([effect.low, effect.high], [0.3 - 2.575829, 0.3 + 2 * 2.575829], rtol=1e-6)


def test_a_gain_must_exceed_that_of_slopes_that_carry_nothing():
    gain = {"gain": (0.03, 0.004, 0.06), "ratio": 0.01, "permuted": 0.2, "effect": APART}
    assert verdict(known(**gain, null_gain=-0.01)) is Verdict.ADDS
    assert verdict(known(**gain, null_gain=0.005)) is Verdict.ASSOCIATED


@pytest.mark.parametrize(
    ("ratio", "effect", "permuted", "said"),
    [
        (0.3, WIDE, 0.04, Verdict.DISAGREE),
        (0.03, APART, 0.2, Verdict.ADDS),
        (0.3, APART, 0.04, Verdict.ADDS),
        (math.nan, WIDE, 0.04, Verdict.ADDS),
    ],
)
def test_a_gain_needs_the_support_of_half_the_tests(ratio, effect, permuted, said):
    found = known(gain=(0.03, 0.004, 0.06), ratio=ratio, effect=effect, permuted=permuted)
    assert verdict(found) is said


def test_without_an_interval_of_the_gain_an_association_is_still_reported(naming):
    missing = (0.01, math.nan, math.nan)
    found = known(gain=missing, score=None, ratio=0.001, permuted=0.2, effect=APART)
    assert verdict(found) is Verdict.ASSOCIATED
    assert "has no interval (validation.bootstrap is 0)" in answer(Verdict.ASSOCIATED, found, LEVEL, naming)
    assert verdict(known(gain=missing)) is Verdict.NO_INTERVAL


def test_a_small_gain_is_called_small_in_the_headline(naming):
    support = {"ratio": 0.01, "permuted": 0.01, "effect": APART}
    small, open_ended = known(gain=(0.004, 0.001, 0.007), **support), known(gain=(0.012, 0.001, 0.03), **support)
    assert "raises C by less than 0.02" in headline(verdict(small), naming)
    assert verdict(open_ended) is Verdict.ADDS and "less than" not in headline(Verdict.ADDS, naming)
    by_score = known(gain=ROOM, score=(0.02, 0.005, 0.035), **support)
    assert "interval of the gain in log score lies above zero" in answer(verdict(by_score), by_score, LEVEL, naming)


def test_slopes_too_poorly_measured_say_how_many_were_seen_once(naming, frames):
    poor = known(gain=ROOM, effect=WIDE, informative=120, reliability=0.25, seen_once=0.58)
    assert "is 0.25 (58% of the patients had fewer than two visits)" in answer(
        Verdict.TOO_POOR, poor, gain_of(0.0, 0.0, 0.0), naming
    )
    study = Invented()
    place = frames.slopes.groupby("marker").cumcount()
    visits = (place >= frames.slopes["marker"].map({"alpha": 15, "beta": 30})).map({True: 3, False: 1})
    few = replace(frames, slopes=frames.slopes.assign(visits=visits))
    assert seen_once(few.slopes, ["alpha"], 5) == 0.25 and seen_once(few.slopes, ["alpha", "beta"], 5) == 0.5
    assert evidence(few, study.study()).seen_once == 0.5
    assert math.isnan(seen_once(few.slopes, ["alpha"], 16)), "a count under report.small_cells is not told by its share"
    assert math.isnan(seen_once(few.slopes, [], 5))


def test_a_small_number_of_events_is_not_told(naming):
    few = known(gain=ROOM, informative=3)
    assert "There are <5 events" in answer(verdict(few), few, LEVEL, naming)
    assert [row[1] for row in evidence_table(few, naming).rows if row[0] == "events"] == ["<5"]


@pytest.mark.parametrize(("permutations", "least", "error"), [(200, "0.005", "0.03"), (39, "0.025", "0.07")])
def test_the_number_of_permutations_is_explained(frames, permutations, least, error):
    own = replace(frames, permutation=frames.permutation.assign(permutations=permutations))
    text = chance(own)
    assert "compared with theirs, not with 0" in text and "They are few" not in text
    assert f"With {permutations} permutations the smallest possible p is {least}, and the simulation error" in text
    assert f"of a p of 0.05 is about ±{error}." in text
    # The error is read back: shares of so many draws, each below the level with probability 0.05.
    shares = np.random.default_rng(3).binomial(permutations, 0.05, 20_000) / permutations
    assert 1.96 * shares.std() == pytest.approx(float(error), abs=0.006)
    shrunk = replace(own, coefficients=own.coefficients.assign(penalty=0.1))
    assert "Their number is small because the penalty is chosen anew" in chance(shrunk)


def followed(events: int, change: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One standardised predictor, follow-up and event: its log hazard ratio rises evenly by `change`."""
    x = rng.normal(size=6 * events)
    left, time = np.ones(len(x), dtype=bool), np.full(len(x), events + 1.0)
    for k in range(events):
        members = np.flatnonzero(left)
        weight = np.exp(change * (k / (events - 1) - 0.5) * x[members])
        chosen = rng.choice(members, p=weight / weight.sum())
        left[chosen], time[chosen] = False, k + 1.0
    return x[:, None], time, time <= events


@pytest.mark.parametrize("events", [40, 120])
def test_the_change_of_a_hazard_ratio_that_would_be_found_is_found_so_often(events):
    rng = np.random.default_rng(events)
    factor, found = visible_change(events), []
    for _ in range(120):
        x, time, event = followed(events, math.log(factor), rng)
        found.append(score_test(x, time, event, fit_cox(x, time, event).beta).p_value[0] < 0.05)
    assert np.mean(found) == pytest.approx(0.8, abs=0.1)  # 0.037 is its Monte Carlo error
    assert visible_change(1) > visible_change(40) > visible_change(120) > 1


def test_no_change_of_hazard_ratios_says_what_would_have_been_seen(frames):
    study = Invented()
    calm = replace(frames, hazards=frames.hazards.assign(p_value=0.6))
    text = sentence(calm, Naming(study.study()))
    assert f"with {frames.n_events} events a hazard ratio per SD would have to change by a factor of 5.9" in text
    masked = Naming(Invented(keys={"report.small_cells": 1000}).study())
    assert "with so few events only large changes can be detected" in sentence(calm, masked)


def test_a_difference_by_drop_out_that_is_not_shown_says_what_remains_possible(frames, naming):
    columns = list(tables.TABLES["slopes/dropout"].columns)
    rows = [
        dict.fromkeys(columns, 0.1) | {"marker": "alpha", "part": part, "patients": 20, "last_from": 1.0 * part,
        "last_to": part + 0.5, "difference": -0.1, "difference_low": -0.35, "difference_high": 0.15}
        for part in (1, 2)
    ]  # fmt: skip
    text = dropout_sentence(replace(frames, dropout=pd.DataFrame(rows)), naming, "alpha")
    assert "neither a difference nor equality, and are compatible with a difference of −0.350" in text


def turned(frames, beside, alone, spread):
    """The coefficients with alpha's slope so beside its level and so alone, each give or take `spread`."""
    table = frames.coefficients.copy()
    for step, value in (("slope", beside), ("slope_only", alone)):
        own = (table["predictors"] == step) & (table["term"] == "alpha.slope") & (table["scale"] == "sd")
        ends = [value, value - spread, value + spread, value - spread, value + spread]
        table.loc[own, ["estimate", "ci_low", "ci_high", "ci_low_bootstrap", "ci_high_bootstrap"]] = ends
    return replace(frames, coefficients=table)


@pytest.mark.parametrize(
    ("beside", "alone", "spread", "explained", "unclear"),
    [
        (math.log(0.55), math.log(1.12), 0.3, True, False),
        (math.log(0.95), math.log(1.12), 0.3, True, True),
        (math.log(0.55), math.log(1.004), 0.3, False, False),  # printed as 1.00: on neither side
        (math.log(0.55), math.log(0.9), 0.3, False, False),
    ],
)
def test_a_sign_that_turns_says_where_patients_came_from(frames, beside, alone, spread, explained, unclear):
    study = Invented(markers=("alpha",))
    own, naming = turned(frames, beside, alone, spread), Naming(study.study())
    said = reversal(own, naming)
    assert bool(said) is explained
    if explained:
        assert "steeper fall started higher" in said[0] and (UNCLEAR in said[0]) is unclear
        given = study.study()
        doses = Naming(given.model_copy(update={"data": given.data.model_copy(update={"time_unit": "none"})}))
        assert "started" not in reversal(own, doses)[0] and "not a contradiction" in reversal(own, doses)[0]


def test_the_finding_gives_the_coefficient_that_the_association_rests_on(naming):
    found = known(gain=ROOM, ratio=0.01, permuted=0.015, effect=APART)
    text = answer(verdict(found), found, LEVEL, naming)
    assert (
        "The hazard ratio per SD of the true slopes adjusted for the level is 1.49 (95% interval 1.11 to 2.01). The l"
        in text
    )
    assert "per SD of the true slopes" not in answer(Verdict.ASSOCIATED, replace(found, penalised=True), LEVEL, naming)
    many = replace(found, kept=3, effects=found.effects * 3)
    assert "per SD of the true slopes" not in answer(Verdict.ASSOCIATED, many, LEVEL, naming)


@pytest.mark.parametrize("share", [0.1, 0.4])
def test_the_patients_needed_for_a_binary_outcome_have_the_power(share):
    rare = known(information=1 - share)
    patients = round(rare.needed / share)
    rng, found = np.random.default_rng(11), []
    for _ in range(150):
        x = rng.normal(size=patients)
        odds = share / (1 - share) * np.exp(math.log(RELEVANT) * x)
        y = (rng.random(patients) < odds / (1 + odds)).astype(float)
        fit = fit_logistic(x[:, None], y)
        found.append(abs(fit.beta[0]) > 1.96 * fit.standard_errors[0])
    assert np.mean(found) == pytest.approx(0.8, abs=0.09)


def test_the_patients_needed_for_a_continuous_outcome_have_the_power():
    left = 0.4  # the share of the variance that levels and covariates leave
    found = known(continuous=True, information=1 / left)
    rng, seen = np.random.default_rng(12), []
    for _ in range(300):
        level, x = rng.normal(size=(2, found.needed))
        noise = math.sqrt(left - RELEVANT_CORRELATION**2)
        y = math.sqrt(1 - left) * level + RELEVANT_CORRELATION * x + noise * rng.normal(size=found.needed)
        fit = fit_linear(np.column_stack([level, x]), y)
        seen.append(abs(fit.beta[1]) > 1.96 * fit.standard_errors[1])
    assert np.mean(seen) == pytest.approx(0.8, abs=0.07)


def test_where_little_variance_is_left_fewer_patients_suffice(naming):
    fields = {"continuous": True, "score": None, "effect": (-0.1, 0.1), "informative": 160}
    assert verdict(known(**fields)) is Verdict.TOO_FEW
    assert verdict(known(**fields, information=2.5)) is Verdict.NO_GAIN


def test_an_interval_that_is_narrower_than_its_events_allow_is_not_called_a_denial(naming):
    thin = known(informative=25)
    says = {str(row[0]): str(row[2]) for row in evidence_table(thin, naming).rows}
    assert (
        says["hazard ratio per SD of the true slopes, alpha"]
        == "no association, but implausibly narrow for so few events"
    )
    assert verdict(thin) is Verdict.TOO_FEW


@pytest.mark.parametrize(("positive", "worth"), [(12, 0.8), (45, 0.75)])
def test_what_a_patient_with_the_rarer_outcome_is_worth_is_the_share_of_the_others(frames, positive, worth):
    outcome = pd.DataFrame({"patient": frames.patients["patient"], "outcome": (np.arange(60) < positive).astype(float)})
    binary = SimpleNamespace(kind=KINDS["binary"])
    assert information(replace(frames, patients=outcome), binary) == pytest.approx(worth)
