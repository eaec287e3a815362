"""Every interval has the level that is printed: each place that computes one is read back by quantile or simulation.

`LEVELS` has a row for each; `PLACES` says which rows stand for each module that takes such a quantile, so that a new
one cannot be added without a row. Draws are an even grid, whose quantiles are known.
"""

import ast
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import binom, chi2, norm, t

from slopewise.effects import patients as effects_patients
from slopewise.effects.posterior import summary
from slopewise.effects.weighting import resampling
from slopewise.effects.weighting.marginal import marginal_model
from slopewise.figures.pooling import beyond
from slopewise.growth import GrowthModel, draws, fit
from slopewise.growth.bayes.checks import predicted_interval
from slopewise.growth.bayes.mixture import mixture_quantiles
from slopewise.growth.bayes.sampled import PosteriorSample
from slopewise.growth.evidence import profile
from slopewise.growth.evidence.normality import envelopes, visits_and_slopes
from slopewise.growth.inference import t_tests
from slopewise.kernels.agreement import intraclass, nogueira
from slopewise.landmarks import supermodel
from slopewise.metrics import influence
from slopewise.metrics.incidence import incidence
from slopewise.metrics.resampling import bca_interval, percentile_interval
from slopewise.outcome import sample_size
from slopewise.outcome.coefficients import coefficients_table
from slopewise.outcome.hazards import ScoreTest, smoothed
from slopewise.report.sections.checks import error_of_p
from slopewise.report.sections.hazards import visible_change
from slopewise.report.sections.ranking import wald_ends
from slopewise.shipped import risks as predict
from slopewise.slopes import fast as slopes_fast
from slopewise.slopes.dropout import _mean
from slopewise.study.kinds import KINDS
from slopewise.validate import sensitivity
from slopewise.validate.bootstrap import reliability_table
from slopewise.validate.delta import t_ends
from slopewise.validate.examples import band
from slopewise.validate.instability import summary as instability_summary
from slopewise.validate.intervals import interval_of, split_of
from slopewise.validate.optimism import band as curve_band
from slopewise.validate.risk_groups import student, with_interval
from slopewise.validate.verdict import RELEVANT, Effect, Evidence

PACKAGE = Path(__file__).resolve().parents[2] / "workflow" / "scripts" / "slopewise"
GRID = np.linspace(0.0, 1.0, 4001)
"""Draws: the p-quantile is p."""
WALD = norm.ppf([0.025, 0.975])
Ends = tuple[float, float]


def reliability() -> tuple[Ends, Ends]:
    slopes = pd.DataFrame({"marker": ["m"], "reliability": [0.5]})
    row = reliability_table(GRID[:, None], slopes, ["m"]).iloc[0]
    return (row["ci_low"], row["ci_high"]), (0.025, 0.975)


def percentiles() -> tuple[Ends, Ends]:
    low, high, _ = percentile_interval(GRID[:, None])
    return (low[0], high[0]), (0.025, 0.975)


def bca() -> tuple[Ends, Ends]:
    low, high, _ = bca_interval(GRID[:, None], np.array([0.5]), np.array([[0.4], [0.6]]))
    return (low[0], high[0]), (0.025, 0.975)  # without bias and acceleration the percentiles


def of_the_tested() -> tuple[Ends, Ends]:
    found = interval_of([split_of(np.concatenate([[0.5], GRID])[:, None])] * 2)
    return (found.low[0], found.high[0]), (0.025, 0.975)


def of_the_repeats() -> tuple[Ends, Ends]:
    """Draws that are all alike leave the SD between the repeats, here √2."""
    found = interval_of([split_of(np.full((50, 1), value)) for value in (-1.0, 1.0)])
    return (found.low[0], found.high[0]), tuple(np.sqrt(2) * WALD)


def parametric_bootstrap() -> tuple[Ends, Ends]:
    low, _, high = draws._percentiles(GRID)
    return (low, high), (0.025, 0.975)


def fixed_effects() -> tuple[Ends, Ends]:
    found = t_tests(np.array([1.0]), np.array([2.0]), np.array([7.0]))
    return (found["ci_low"][0], found["ci_high"][0]), tuple(1 + 2 * t.ppf([0.025, 0.975], 7))


def confidence_interval_of_a_fit() -> tuple[Ends, Ends]:
    effects = pd.DataFrame({"term": ["time"], "estimate": [1.0], "se": [2.0], "df": [7.0]})
    row = fit.GrowthFit.conf_int(SimpleNamespace(fixed_effects=effects, draws=None)).iloc[0]  # type: ignore[arg-type]
    return (row["lower"], row["upper"]), tuple(1 + 2 * t.ppf([0.025, 0.975], 7))


def posterior_of_a_fit() -> tuple[Ends, Ends]:
    """The table of fixed effects asks for these shares of the posterior."""
    one = SimpleNamespace(
        results=SimpleNamespace(aliased=np.array([[False]])),
        estimates=SimpleNamespace(beta=np.array([[1.0]]), se=np.array([[2.0]])),
        degrees_of_freedom=(7.0,),
        design=SimpleNamespace(fixed_names=["time"]),
        draws=object(),
        _credible=lambda shares: np.array([[share] for share in shares]),
    )
    row = fit.GrowthFit.fixed_effects.func(one).iloc[0]  # type: ignore[attr-defined]
    return (row["ci_low"], row["ci_high"]), (0.025, 0.975)


def posterior_of_a_parameter() -> tuple[Ends, Ends]:
    gates = pd.DataFrame({"parameter": ["sd"]})
    sample = SimpleNamespace(parameters=lambda: {("sd", "time", "time"): GRID}, diagnostics=gates)
    row = PosteriorSample.table(sample).iloc[0]  # type: ignore[arg-type]
    return (row["ci_low"], row["ci_high"]), (0.025, 0.975)


def posterior_prediction() -> tuple[Ends, Ends]:
    low, _, high = predicted_interval(GRID[:, None])
    return (low[0], high[0]), (0.025, 0.975)


def mean_of_a_part() -> tuple[Ends, Ends]:
    found = _mean(np.array([1.0, 2.0, 6.0]))
    return (found["mean_low"], found["mean_high"]), tuple(3 + t.ppf([0.025, 0.975], 2) * np.sqrt(7 / 3))


def profile_likelihood() -> tuple[Ends, Ends]:
    return (profile.RISE, profile.RISE), (chi2.ppf(0.95, 1), chi2.ppf(0.95, 1))


def coefficient() -> tuple[Ends, Ends]:
    data: Any = SimpleNamespace(rows=(("level", "event", "m.level"),), kind=KINDS["continuous"])
    one, se = np.array([1.0]), np.array([2.0])
    row = coefficients_table(data, (one, se), (one, se), np.array([9.0]), np.array([np.nan]), np.array([np.nan])).iloc[
        0
    ]
    return (row["ci_low"], row["ci_high"]), tuple(1 + 2 * t.ppf([0.025, 0.975], 9))


def association() -> tuple[Ends, Ends]:
    return wald_ends(1.0, 2.0, 9.0), tuple(1 + 2 * t.ppf([0.025, 0.975], 9))


def schoenfeld_band() -> tuple[Ends, Ends]:
    """The band holds the curve of residuals that are pure noise of the variance told: 0, in 95% of points."""
    rng, inside, moment = np.random.default_rng(5), [], np.linspace(0, 1, 60)
    known = (np.zeros(1), np.ones(1, dtype=np.int64), np.ones(1), moment, moment)
    for _ in range(400):
        test = ScoreTest(*known, residual=rng.normal(0, 2, (60, 1)), variance=np.full((1, 1), 4.0))
        curve = smoothed(test, 0)
        inside.append(((curve["ci_low"] <= 0) & (curve["ci_high"] >= 0)).mean())
    return (float(np.mean(inside)),) * 2, (0.95, 0.95)


def normal_quantiles() -> tuple[Ends, Ends]:
    """Residuals of data simulated from the model."""
    rng, inside = np.random.default_rng(6), []
    patient, time = np.repeat(np.arange(20), 4), np.tile(np.arange(4.0), 20)
    for _ in range(100):
        y = rng.normal(size=20)[patient] + rng.normal(0, 0.5, 20)[patient] * time + 0.5 * rng.normal(size=80)
        frame = pd.DataFrame({"patient": patient.astype(str), "time": time, "y": y})
        found = envelopes(GrowthModel().fit(frame, "y"), rng)["residual"]
        inside.append(((found["low"] <= found["seen"]) & (found["seen"] <= found["high"])).mean())
    return (float(np.mean(inside)),) * 2, (0.95, 0.95)


def seen_often() -> tuple[Ends, Ends]:
    rng, inside = np.random.default_rng(7), 0
    for _ in range(600):
        visits = rng.permutation(40) + 2
        rows = pd.DataFrame({"visits": visits, "slope": rng.normal(size=40), "first": 0.0, "last": 1.0})
        found = visit_correlation(rows)
        inside += found[0] <= 0 <= found[1]
    return (inside / 600,) * 2, (0.95, 0.95)


def visit_correlation(rows: pd.DataFrame) -> Ends:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("slopewise.growth.evidence.normality._visits_in_the_model", lambda *_: {})
        row = visits_and_slopes(None, None, rows).iloc[0]  # type: ignore[arg-type]
    return row["correlation_low"], row["correlation_high"]


def permutations() -> tuple[Ends, Ends]:
    """95% of the gains of permuted slopes lie up to `null_high`; p counts the observed one among them."""
    data: Any = SimpleNamespace(patients=("a", "b"), cause="event", kind=KINDS["survival"], horizons=(1.0,))
    gains = np.concatenate([[0.8], np.linspace(0.0, 1.0, 201)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sensitivity, "_scored", lambda *_: {})
        patch.setattr(sensitivity, "judged", lambda _, __, scored: gains if len(scored) > 1 else np.zeros(1))
        row = sensitivity.permutation_test(data, None, [], 201, 1).iloc[0]  # type: ignore[arg-type]
    return (row["null_high"], row["p_value"]), (0.95, (1 + 41) / (1 + 201))


def risk_of_a_new_patient() -> tuple[Ends, Ends]:
    recipe = SimpleNamespace(every_term=("m.level",), terms=("m.level",))
    step = SimpleNamespace(recipe=recipe, risks=lambda both, _: GRID[: len(both), None, None])
    scored: Any = SimpleNamespace(step=step, raw=np.zeros((1, 1)), rows={}, stratum=np.zeros(1, dtype=int))
    model: Any = SimpleNamespace(causes=("event",), horizons=(1.0,), seed=1)
    low, high, _ = predict._uncertainty(scored, model, len(GRID), 0)
    return (low[0, 0], high[0, 0]), (0.025, 0.975)


def supermodel_rows() -> pd.DataFrame:
    """One term at one landmark, estimate 0 and SE 1, of which the resamples are the grid."""
    one = np.ones((1, 1))

    def estimates(value: float) -> Any:
        robust = {"separate": one, "common": one[0], "at": one, "changing": np.ones((2, 1))}
        return SimpleNamespace(
            separate=value * one, common=value * one[0], changing=value * np.ones((2, 1)), robust=robust
        )

    stacks: Any = SimpleNamespace(times=(1.0,), middle=1.0, covariates=())
    drawn = [estimates(value) for value in GRID]
    study: Any = SimpleNamespace(causes=("event",))
    return supermodel._rows(study, stacks, "slope", ["m.slope"], np.ones(1), estimates(0.0), drawn)


def supermodel_by_patients() -> tuple[Ends, Ends]:
    rows = supermodel_rows()
    return (rows["ci_low_bootstrap"].max(), rows["ci_high_bootstrap"].min()), (0.025, 0.975)


def supermodel_robust() -> tuple[Ends, Ends]:
    rows = supermodel_rows()
    return (rows["ci_low"].max(), rows["ci_high"].min()), tuple(WALD)


def fast_change() -> tuple[Ends, Ends]:
    """In draw b of 1,000 the slopes of b of 1,000 patients lie beyond the limit."""
    patients = pd.DataFrame({"probability": np.full(1000, 0.5), "slope": 0.0})
    drawn = np.where(np.arange(1000) < np.arange(1001)[:, None], 1.0, -1.0)
    found = slopes_fast._share(patients, drawn, np.zeros(1000), 0.0, False)
    return (found["ci_low"], found["ci_high"]), (0.025, 0.975)


def share_of_effects() -> tuple[Ends, Ends]:
    """In draw b of 1,000 the effects of b of 1,000 patients lie beyond the limit."""
    drawn = np.where(np.arange(1000) < np.arange(1001)[:, None], 1.0, -1.0)
    return effects_patients.share_interval(drawn, 0.0, False), (0.025, 0.975)


def effect_in_a_patient() -> tuple[Ends, Ends]:
    found = effects_patients.interval_about(np.zeros(1), np.ones(1))
    return (found["ci_low"][0], found["ci_high"][0]), tuple(WALD)


def marginal_effect() -> tuple[Ends, Ends]:
    """A mean of two patients; the ends in standard errors."""
    rows = pd.DataFrame({"patient": ["a", "b"], "y": [0.0, 1.0]})
    row = marginal_model(rows, "y", "~ 1", np.ones(2)).iloc[0]
    found = tuple((row[end] - row["estimate"]) / row["se"] for end in ("ci_low", "ci_high"))
    return found, tuple(t.ppf([0.025, 0.975], 1))


def posterior_of_an_effect() -> tuple[Ends, Ends]:
    found = summary(GRID)
    return (found["ci_low"], found["ci_high"]), (0.025, 0.975)


def resampled_patients() -> tuple[Ends, Ends]:
    """Values 0 to 1,000, one a resample."""
    low, high = resampling.percentiles(np.arange(1001.0)[:, None] / 1000, 1001)
    return (low[0], high[0]), (0.025, 0.975)


def slopes_in_order() -> tuple[Ends, Ends]:
    """Standard normal slopes of standard error 1: the shares of intervals above and below the average."""
    rows = pd.DataFrame({"slope": norm.ppf(GRID[1:-1]), "slope_se": 1.0})
    above, below = beyond(rows, 0.0)
    return (above / len(rows), below / len(rows)), (0.025, 0.025)


def sample_size_margin() -> tuple[Ends, Ends]:
    return (-sample_size.NORMAL_975, sample_size.NORMAL_975), tuple(WALD)


def _log_log(risk: float, error: float) -> Ends:
    reach = 1.959964 * error / abs((1 - risk) * np.log1p(-risk))
    low, high = (1 - (1 - risk) ** np.exp(sign * reach) for sign in (-1, 1))
    return low, high


def cumulative_incidence() -> tuple[Ends, Ends]:
    rng = np.random.default_rng(8)
    found = incidence(rng.exponential(size=60), rng.integers(0, 3, 60))
    place = len(found.times) // 2
    ends = _log_log(float(found.risk[place]), float(found.error[place]))
    return (found.interval[0][place], found.interval[1][place]), ends


def survival() -> tuple[Ends, Ends]:
    """By Greenwood's formula, without censoring the binomial variance."""
    table = with_interval(pd.DataFrame({"followup": np.arange(1.0, 41.0), "event": 1})).set_index("time")
    row = table.loc[10.0]
    low, high = _log_log(0.25, float(np.sqrt(0.25 * 0.75 / 40)))
    return (row["ci_low"], row["ci_high"]), (1 - high, 1 - low)


def share_of_permutations() -> tuple[Ends, Ends]:
    """Shares of 2,000 permutations that are as large, where 0.05 of all are: their quantiles."""
    low, high = binom.ppf([0.025, 0.975], 2000, 0.05) / 2000
    return (0.05 - error_of_p(2000), 0.05 + error_of_p(2000)), (low, high)


def several_slopes() -> tuple[Ends, Ends]:
    """A 95% interval widened for 5 comparisons is one of 99%."""
    effect = Effect("m", 0.5, *(0.5 + WALD)).widened(5)
    return (effect.low, effect.high), tuple(0.5 + norm.ppf([0.005, 0.995]))


def change_of_hazards() -> tuple[Ends, Ends]:
    """The test of a change that is found with a power of 80% rejects on the other side in next to no data sets."""
    effect = np.log(visible_change(50)) * np.sqrt(50 / 12)
    return (norm.cdf(WALD[0] - effect), norm.sf(WALD[1] - effect)), (0.0, 0.8)


def events_needed() -> tuple[Ends, Ends]:
    """A ratio of 1.35 per SD and the events that are said to be needed: the power of Wald's test."""
    found = SimpleNamespace(bound=np.log(RELEVANT), information=1.0)
    effect = np.log(RELEVANT) * np.sqrt(Evidence.needed.fget(found))  # type: ignore[attr-defined]
    return (norm.cdf(WALD[0] - effect), norm.sf(WALD[1] - effect)), (0.0, 0.8)


def concordance() -> tuple[Ends, Ends]:
    """An area of 0.5 whose logit has the standard error 1."""
    return influence.interval(0.5, 1.0 / 16.0), tuple(expit(WALD))


def change_of_concordance() -> tuple[Ends, Ends]:
    return influence.wald(0.0, 1.0), tuple(WALD)


def stability_index() -> tuple[Ends, Ends]:
    """1.96 standard errors; the error by leaving out each set in turn, in which the index is nearly linear."""
    kept = np.random.default_rng(2).random((2000, 12)) < 0.3
    index, low, high = nogueira(kept)
    left_out = np.array([nogueira(np.delete(kept, place, axis=0))[0] for place in range(len(kept))])
    error = float(np.sqrt((len(kept) - 1) * left_out.var()))
    return (low, high), (index - norm.ppf(0.975) * error, index + norm.ppf(0.975) * error)


def intraclass_correlation(random_scans: bool) -> Callable[[], tuple[Ends, Ends]]:
    """The share of data sets, of 30 subjects at 3 scans, whose interval holds the true correlation; with random scans
    its degrees of freedom are an approximation."""

    def coverage() -> tuple[Ends, Ends]:
        rng, sets = np.random.default_rng(9), 4000
        scans = rng.normal(0, 0.4 * random_scans, (sets, 1, 3))
        values = rng.normal(size=(sets, 30, 1)) + scans + rng.normal(0, 0.7, (sets, 30, 3))
        truth = 1 / (1 + 0.7**2 + 0.4**2 * random_scans)
        ends = np.array([intraclass(own, random_scans)[1:] for own in values])
        return (float(((ends[:, 0] <= truth) & (truth <= ends[:, 1])).mean()),) * 2, (0.95, 0.95)

    return coverage


def mixture_of_normals() -> tuple[Ends, Ends]:
    """One normal distribution in two halves, and 0.3 of it far away."""
    means, sds, weights = np.array([[1.0], [1.0]]), np.full((2, 1), 2.0), np.array([0.5, 0.5])
    low, high = mixture_quantiles(means, sds, weights, (0.025, 0.975))[:, 0]
    apart = mixture_quantiles(np.array([[0.0], [100.0]]), np.ones((2, 1)), np.array([0.7, 0.3]), (0.975,))[0, 0]
    assert apart == pytest.approx(100 + norm.ppf((0.975 - 0.7) / 0.3))
    return (low, high), tuple(1 + 2 * WALD)


def instability() -> tuple[Ends, Ends]:
    row = instability_summary(np.array([0.5]), GRID[:, None]).iloc[0]
    return (row["low"], row["high"]), (0.025, 0.975)


def calibration_band() -> tuple[Ends, Ends]:
    ends, _ = curve_band(GRID[:, None])
    return (ends[0, 0], ends[1, 0]), (0.025, 0.975)


def example_line() -> tuple[Ends, Ends]:
    """A line of mean 1 whose variances have the mean 4."""
    found = band(np.array([0.5, 1.5]), np.array([1.0, 7.0]))
    return (found["low"], found["high"]), tuple(1 + 2 * WALD)


def mean_of_a_third() -> tuple[Ends, Ends]:
    values = pd.Series([1.0, 2.0, 4.0, 9.0])
    half = 3.182446305284263 * values.std() / 2  # R: qt(0.975, 3)
    return student(values), (values.mean() - half, values.mean() + half)


LEVELS: dict[str, tuple[Callable[[], tuple[Ends, Ends]], float]] = {
    "reliability": (reliability, 1e-9),
    "marginal effect": (marginal_effect, 1e-9),
    "resampled patients": (resampled_patients, 1e-9),
    "percentiles": (percentiles, 1e-9),
    "BCa": (bca, 1e-3),
    "tested patients": (of_the_tested, 1e-9),
    "repeats": (of_the_repeats, 1e-9),
    "parametric bootstrap": (parametric_bootstrap, 1e-9),
    "fixed effects": (fixed_effects, 1e-9),
    "conf_int": (confidence_interval_of_a_fit, 1e-9),
    "posterior of a fit": (posterior_of_a_fit, 1e-9),
    "posterior of a parameter": (posterior_of_a_parameter, 1e-9),
    "posterior prediction": (posterior_prediction, 1e-9),
    "mean of a part": (mean_of_a_part, 1e-9),
    "delta adjustment": (lambda: (t_ends(0.4, 0.2, 12.0), t.interval(0.95, 12.0, 0.4, 0.2)), 1e-9),
    "association": (association, 1e-9),
    "mean of a third": (mean_of_a_third, 1e-9),
    "profile": (profile_likelihood, 1e-9),
    "stability index": (stability_index, 1e-2),
    "coefficient": (coefficient, 1e-9),
    "Schoenfeld band": (schoenfeld_band, 0.01),
    "normal quantiles": (normal_quantiles, 0.015),
    "visits and slopes": (seen_often, 0.02),
    "fast change": (fast_change, 1e-3),
    "share of effects": (share_of_effects, 1e-3),
    "posterior of an effect": (posterior_of_an_effect, 1e-3),
    "effect in a patient": (effect_in_a_patient, 1e-6),
    "slopes in order": (slopes_in_order, 1e-3),
    "sample size": (sample_size_margin, 1e-9),
    "permutations": (permutations, 1e-9),
    "a new patient's risk": (risk_of_a_new_patient, 1e-9),
    "supermodel, resampled": (supermodel_by_patients, 1e-9),
    "supermodel, robust": (supermodel_robust, 1e-4),
    "incidence": (cumulative_incidence, 1e-5),
    "survival": (survival, 1e-5),
    "share of permutations": (share_of_permutations, 1e-3),
    "several slopes": (several_slopes, 1e-9),
    "change of hazards": (change_of_hazards, 1e-3),
    "events needed": (events_needed, 5e-3),
    "line of an example": (example_line, 1e-9),
    "concordance by influence": (concordance, 1e-9),
    "change of a concordance": (change_of_concordance, 1e-9),
    "instability": (instability, 1e-9),
    "ICC, scans at random": (intraclass_correlation(True), 0.015),
    "ICC, scans as they are": (intraclass_correlation(False), 0.01),
    "mixture of normals": (mixture_of_normals, 1e-6),
    "instability of calibration": (calibration_band, 1e-9),
}
"""Each interval: what returns its ends (or its coverage, twice) and what they must be, and how exactly."""


@pytest.mark.parametrize("name", LEVELS)
def test_an_interval_has_its_level(name: str):
    made, tolerance = LEVELS[name]
    found, wanted = made()
    assert found == pytest.approx(wanted, abs=tolerance)


PLACES: dict[str, tuple[str, ...]] = {
    "effects/weighting/resampling.py": ("resampled patients",),
    "figures/pooling.py": ("slopes in order",),
    "growth/evidence/normality.py": ("normal quantiles", "visits and slopes"),
    "growth/draws.py": ("parametric bootstrap",),
    "growth/fit.py": ("conf_int", "posterior of a fit", "mixture of normals"),
    "growth/bayes/sampled.py": ("posterior of a parameter",),
    "growth/bayes/checks.py": ("posterior prediction",),
    "growth/inference.py": ("fixed effects",),
    "growth/engine/components.py": ("profile",),
    "metrics/incidence.py": ("incidence",),
    "metrics/influence.py": ("concordance by influence", "change of a concordance"),
    "metrics/resampling.py": ("percentiles", "BCa"),
    "outcome/coefficients.py": ("coefficient",),
    "outcome/hazards.py": ("Schoenfeld band",),
    "outcome/sample_size.py": ("sample size",),
    "shipped/risks.py": ("a new patient's risk",),
    "report/sections/checks.py": ("share of permutations",),
    "report/sections/hazards.py": ("change of hazards",),
    "report/sections/ranking.py": ("association",),
    "validate/verdict.py": ("several slopes", "events needed"),
    "slopes/dropout.py": ("mean of a part",),
    "validate/risk_groups.py": ("mean of a third",),
    "slopes/fast.py": ("fast change",),
    "effects/patients.py": ("share of effects", "effect in a patient"),
    "effects/posterior.py": ("posterior of an effect",),
    "landmarks/supermodel.py": ("supermodel, resampled", "supermodel, robust"),
    "validate/intervals.py": ("reliability", "tested patients", "repeats"),
    "validate/sensitivity.py": ("permutations",),
    "validate/instability.py": ("instability",),
    "validate/optimism.py": ("instability of calibration",),
    "validate/delta.py": ("delta adjustment",),
    "validate/examples.py": ("line of an example",),
    "kernels/agreement.py": ("stability index", "ICC, scans at random", "ICC, scans as they are"),
}
"""The rows of `LEVELS` for each module that computes an interval."""
NO_INTERVAL = {
    "report/sections/posterior.py": "share of predictions under which an observed statistic is called unusual",
    "effects/series/average.py": "between which effects 95% of units lie, if effects are normally distributed",
    "report/words/interruption.py": "between which effects 95% of units lie, if effects are normally distributed",
    "report/words/treatment.py": "between which effects 95% of patients lie, if effects are normally distributed",
    "metrics/calibration.py": "from where to where a curve is drawn",
    "report/sections/checks.py": "how far chance moves a p-value of so many permutations",
    "report/words/growth_cautions.py": "from which ratio of scatters on a caution is given",
}
"""Modules that take such a quantile for something else."""
ROW_FOR_SEVERAL = {"validate/optimism.py": "the band is that of the curves, and from where to where one is drawn"}
"""Modules in which one row stands for several functions with such a number."""
LEVEL = re.compile(r"\b0\.(?:025|975)\b|\b97\.5|1\.96|1\.9599|3\.84|, 0\.95\)|ndtri\(1 - [A-Z]+ / ")


def levels_in(source: str) -> int:
    """Lines of code (no comments) that hold the number of a 95% level, a normal quantile or the like."""
    return sum(bool(LEVEL.search(line.partition("#")[0])) for line in source.splitlines() if '"""' not in line)


def places_in(source: str) -> set[str]:
    """The functions that hold such a number, each by its name; "" for those outside of functions."""
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    found = set()
    for place, line in enumerate(source.splitlines(), 1):
        if levels_in(line):
            around = [node for node in functions if node.lineno <= place <= (node.end_lineno or 0)]
            found.add(max(around, key=lambda node: node.lineno).name if around else "")
    return found


def test_a_level_is_found_and_other_numbers_are_not():
    for line in (
        "np.quantile(x, [0.025, 0.975])",
        "half = 1.96 * se",
        "percentile(x, [2.5, 97.5])",
        "RISE = 3.8414588",
        "needed = ndtri(1 - ALPHA / 2)",
    ):
        assert levels_in(line), line
    for line in ("alpha=0.95", "width = 0.25", "x = 1  # 97.5", "0.9751"):
        assert not levels_in(line), line


def test_every_module_that_states_a_level_has_a_row():
    found = {
        file.relative_to(PACKAGE).as_posix(): number
        for file in sorted(PACKAGE.rglob("*.py"))
        if (number := levels_in(file.read_text(encoding="utf-8")))
    }
    few = {name for name, rows in PLACES.items() if len(rows) < len(places_in((PACKAGE / name).read_text()))}
    assert few == ROW_FOR_SEVERAL.keys()
    assert {name for rows in PLACES.values() for name in rows} <= set(LEVELS)
    assert set(found) == set(PLACES) | set(NO_INTERVAL)
