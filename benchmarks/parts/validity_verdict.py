"""How often each verdict on the slope is given, where its true effect is known.

Data sets as in `validity_outcome`, with another effect of the true slope. All the evidence of a report is made: nested
validation in two repeats with intervals of C and of the log score, the two-stage bootstrap, the likelihood ratio and
the permutation test.
"""

from __future__ import annotations

import math

import pandas as pd

from parts.validity_outcome import FOLDS, LANDMARK, Cohort, cohort, stage_one
from slopewise.outcome.fit import OutcomeFit, bootstrap_intervals, fit_outcome
from slopewise.outcome.ladder import LADDER
from slopewise.outcome.likelihood_ratio import likelihood_ratios
from slopewise.slopes.marker import growth_model
from slopewise.study.reading import parse_study
from slopewise.validate.bootstrap import BootstrapPlan, bootstrap_ladder
from slopewise.validate.gains import Gain
from slopewise.validate.nested import nested
from slopewise.validate.performance import performance
from slopewise.validate.question import cohorts
from slopewise.validate.sensitivity import nested_splits, permutation_test
from slopewise.validate.verdict import Effect, Evidence, Verdict, verdict

REPEATS, RESAMPLES, TWO_STAGE, PERMUTATIONS = 2, 200, 100, 99
"""Repeats of the validation, resamples for its intervals and for the coefficients', permutations (p from 0.01)."""


def verdicts(patients: int, ratio: float, replicate: int) -> dict[str, float]:
    """1 for the verdict that is given and 0 for all others, and whether each test of association finds one."""
    own = _with_validation(cohort(patients, replicate, effect=math.log(ratio)))
    found = evidence_of(own)
    said = verdict(found)
    tests = {f"test: {name}": float(one) for name, one in found.tests.items()}
    return {"replicate": replicate, **{one.value: float(one is said) for one in Verdict}, **tests}


def _with_validation(own: Cohort) -> Cohort:
    text = own.text.replace(
        "validation: {folds: 5, repeats: 1, bootstrap: 0}",
        f"validation: {{folds: 5, repeats: {REPEATS}, bootstrap: {RESAMPLES}}}",
    )
    return Cohort(parse_study(text.encode(), "study.yaml"), own.measurements, own.patients, own.slopes, text)


def evidence_of(own: Cohort) -> Evidence:
    """All that the verdict of a report rests on."""
    made = stage_one(own, validated=True)
    tables = (made.slopes, made.crossfit, made.fits)
    shipped = fit_outcome(own.study, own.patients, *tables)
    out_of_fold = nested(own.study, own.patients, made.folds, *tables).predictions
    measured = performance(own.study, own.patients, out_of_fold, shipped.apparent).performance
    rows = measured.set_index(["predictors", "metric", "horizon"])
    far = max(own.study.outcome.horizons)
    ratio = likelihood_ratios(shipped).set_index("predictors").loc["slope", "p_value"]
    kept = "m.slope" in shipped.fitted.models["slope"].recipe.terms
    chance = permutation_test(
        shipped.data, cohorts(own.study, own.patients)[0],
        list(nested_splits(shipped.data, made.folds, made.crossfit, made.fits)), PERMUTATIONS, own.study.seed,
    ).iloc[0]  # fmt: skip
    return Evidence(
        kept=int(kept),
        gain=Gain.of("slope", "c_uno", _horizon(rows.loc[("slope", "c_uno", far)], far)),
        score=Gain.of("slope", "log_score", _horizon(rows.loc[("slope", "log_score", far)], far)),
        margin=own.study.outcome.margin,
        ratio_p=float(ratio),
        permutation_p=float(chance["p_value"]),
        null_gain=float(chance["null_mean"]),
        effects=(_effect(own, shipped, made.markers),) if kept else (),
        reliability=float(made.slopes["reliability"].mean()),
        informative=int(own.patients["event"].sum()),
        continuous=False,
        penalised=False,
    )


def _horizon(row: pd.Series, horizon: float) -> pd.Series:
    return pd.concat([row, pd.Series({"horizon": horizon})])


def _effect(own: Cohort, shipped: OutcomeFit, markers: list) -> Effect:
    """The coefficient per SD of the slopes, the SD as the growth model on everybody estimates it."""
    plan = BootstrapPlan(TWO_STAGE, FOLDS, own.study.crossfit.repeats, own.study.seed)
    boot = bootstrap_ladder(plan, shipped.data, markers, steps=[step for step in LADDER if step.name == "slope"])
    table, _ = bootstrap_intervals(shipped.coefficients, boot.estimates_unit, boot.estimates_sd, shipped.data)
    row = table.set_index(["predictors", "term", "scale"]).loc[("slope", "m.slope", "unit")]
    rows = own.measurements[own.measurements["time"] <= LANDMARK]
    spread = math.sqrt(float(growth_model(own.study).fit(rows, "m").covariance.iloc[1, 1]))
    ends = (row["estimate"], row["ci_low_bootstrap"], row["ci_high_bootstrap"])
    return Effect("m", *(spread * float(value) for value in ends))
