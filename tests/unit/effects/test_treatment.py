"""The effect of a treatment within patients, against lme4 and nlme, and what follows from the design."""

import numpy as np
import pandas as pd
import pytest

from slopewise.effects.checks import checks
from slopewise.effects.coding import coded
from slopewise.effects.inputs import EffectRows
from slopewise.effects.patients import patient_effects
from slopewise.effects.treatment import estimate_treatment, fit_within, residuals
from tests.unit.effects.effect_studies import numbers, rows_of, study, trial

CASES = {
    "machines": ("~ 1", {}, True),
    "rabbit": ("~ time", {}, False),
    "bioequivalence": ("~ time", {"period": "period", "sequence": "sequence"}, False),
}


@pytest.mark.parametrize("name", CASES)
def test_estimates_are_those_of_lme4_and_nlme(name: str) -> None:
    fixed, effects, by_treatment = CASES[name]
    r = numbers(name)
    found = fit_within(coded(rows_of(name, fixed, **effects), "y"), by_treatment)
    fit = found.fit
    sd = np.sqrt(np.diag(fit.covariance))
    close = {"rel": 1e-4}
    assert fit.deviance == pytest.approx(r["deviance"], rel=1e-7)
    row = fit.fixed_effects.set_index("term").loc["treated"]
    assert row["estimate"] == pytest.approx(r["effect"], **close)
    assert row["se"] == pytest.approx(r["se"], **close)
    assert sd == pytest.approx([r["sd_level"], r["sd_effect"]], **close)
    assert fit.covariance.iloc[0, 1] / sd.prod() == pytest.approx(r["correlation"], **close)
    if by_treatment:
        assert fit.residual_sd.to_numpy() == pytest.approx([r["residual_reference"], r["residual_versus"]], **close)
        table = residuals(found)
        assert table["deviance_equal"].iloc[0] == pytest.approx(r["deviance_equal"], rel=1e-7)
        assert table["stratum"].tolist() == ["B", "C"]
    else:
        assert fit.sigma == pytest.approx(r["residual"], **close)


@pytest.mark.parametrize("name", CASES)
def test_effects_of_patients_are_those_of_ranef(name: str) -> None:
    fixed, effects, by_treatment = CASES[name]
    found = fit_within(coded(rows_of(name, fixed, **effects), "y"), by_treatment)
    b = found.fit.random_effects().set_index("patient")["treated"] + found.fit.beta["treated"]
    wanted = {key.removeprefix("patient:"): value for key, value in numbers(name).items() if key.startswith("patient:")}
    assert sorted(wanted) == sorted(b.index)
    assert b.to_numpy() == pytest.approx([wanted[patient] for patient in b.index], rel=1e-3, abs=1e-4)


@pytest.fixture(scope="module")
def estimated() -> dict[str, pd.DataFrame]:
    frame, _ = trial(np.random.default_rng(3), mean=1.0, sd=1.0, residual=(1.0, 0.5))
    rows = EffectRows(study("placebo", "~ 1", meaningful=1.5), frame)
    return estimate_treatment(rows, "y", np.random.default_rng(1))


def test_a_within_patient_design_gives_every_table(estimated: dict[str, pd.DataFrame]) -> None:
    design = estimated["design"].iloc[0]
    assert (design["design"], design["residual"], design["patients_both"]) == ("within", "by treatment", 60)
    spread = estimated["spread"].iloc[0]
    assert spread["ci_low"] < 1.0 < spread["ci_high"] and spread["p_value"] < 1e-4
    assert np.isnan(spread["p_value_bootstrap"])  # growth.bootstrap is 0
    ratio = estimated["residuals"].iloc[1]
    assert ratio["ci_low"] < 0.5 < ratio["ci_high"] < 1
    shares = estimated["shares"].set_index("what")
    assert shares.loc["opposite", "side"] == "below" and shares.loc["meaningful", "side"] == "above"
    assert (shares["ci_low"] <= shares["share"]).all() and (shares["share"] <= shares["ci_high"]).all()


def test_patients_effects_are_pooled_and_their_intervals_hold_the_truth() -> None:
    inside, closer = [], []
    for seed in range(4):
        frame, truth = trial(np.random.default_rng(seed), patients=100)
        one = coded(EffectRows(study("placebo", "~ 1"), frame), "y")
        table = patient_effects(fit_within(one).fit, one)
        inside.append(((table["ci_low"] < truth) & (truth < table["ci_high"])).mean())
        closer.append(((table["estimate"] - truth) ** 2).mean() / ((table["own"] - truth) ** 2).mean())
        assert table["estimate"].std() < table["own"].std()
    assert 0.91 < np.mean(inside) < 0.98
    assert max(closer) < 0.9


def test_the_side_of_a_share_is_that_of_the_average() -> None:
    frame, truth = trial(np.random.default_rng(5), mean=-1.0, sd=1.0)
    rows = EffectRows(study("placebo", "~ 1", meaningful=1.0), frame)
    shares = estimate_treatment(rows, "y", np.random.default_rng(1))["shares"].set_index("what")
    assert shares.loc["opposite", ["side", "limit"]].tolist() == ["above", 0.0]
    assert shares.loc["meaningful", ["side", "limit"]].tolist() == ["below", -1.0]
    assert shares.loc["opposite", "share"] == pytest.approx((truth > 0).mean(), abs=0.07)
    assert shares.loc["meaningful", "share"] == pytest.approx((truth < -1).mean(), abs=0.1)


def test_one_value_a_period_gives_no_spread() -> None:
    frame, _ = trial(np.random.default_rng(2), each=1)
    found = estimate_treatment(EffectRows(study("placebo", "~ 1"), frame), "y", np.random.default_rng(1))
    assert found["design"].iloc[0]["design"] == "single"
    assert not {"spread", "patients", "shares", "residuals"} & set(found)
    own = frame.pivot(index="patient", columns="treatment", values="y")
    difference = own["drug"] - own["placebo"]
    row = found["average"].iloc[0]
    assert row["estimate"] == pytest.approx(difference.mean())
    assert row["se"] == pytest.approx(difference.std() / np.sqrt(len(difference)))  # the paired t test


def test_one_treatment_repeated_alone_has_one_residual_variance() -> None:
    frame, _ = trial(np.random.default_rng(4), each=3)
    first = frame.groupby(["patient", "treatment"]).cumcount() == 0
    frame = frame[first | (frame["treatment"] == "placebo")].reset_index(drop=True)
    found = fit_within(coded(EffectRows(study("placebo", "~ 1"), frame), "y"))
    assert not found.by_treatment and not len(residuals(found))


def test_a_level_in_another_type_is_the_same_level() -> None:
    frame, _ = trial(np.random.default_rng(2))
    coded_as_numbers = frame.assign(treatment=(frame["treatment"] == "drug").astype(float))
    one, other = (coded(EffectRows(study(reference, "~ 1"), rows), "y") for reference, rows in
                  (("placebo", frame), ("0", coded_as_numbers)))  # fmt: skip
    assert (one.frame["treated"] == other.frame["treated"]).all()
    assert (other.reference, other.versus) == ("0", "1")


def test_the_effect_over_time_is_tested_where_visits_are_many() -> None:
    frame, _ = trial(np.random.default_rng(6), each=4)
    grows = frame.assign(y=frame["y"] + 0.6 * frame["time"] * (frame["treatment"] == "drug"))
    for rows, shown in ((frame, False), (grows, True)):
        # time runs on over both treatments; within each it has four values
        one = coded(EffectRows(study("placebo"), rows), "y")
        found = checks(one, fit_within(one, by_treatment=False).fit)
        assert found["what"].tolist() == ["time"]
        assert (found["p_value"].iloc[0] < 0.001) == shown
    few = coded(EffectRows(study("placebo"), trial(np.random.default_rng(6), each=2)[0]), "y")
    assert not few.many_visits
