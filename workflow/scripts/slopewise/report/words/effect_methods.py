"""Effects that differ between patients, in the methods text: what was estimated and tested, and how."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from slopewise.report.material.frames import Frames
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import in_words
from slopewise.report.words.references import Citations
from slopewise.run.words import amount


def effect_methods(frames: Frames, naming: Naming, cite: Citations) -> list[str]:
    """The paragraph of the effect that the study asks for; nothing for a study without one."""
    kind = naming.study.effects.kind
    if not kind:
        return []
    design = frames.further["effects_design"]
    return [PARAGRAPHS[kind](frames, naming, cite, design)] if len(design) else []


def _filled(frames: Frames, table: str, column: str) -> bool:
    rows = frames.further.get(f"effects_{table}")
    return rows is not None and bool(rows[column].notna().any())


def _formulas(design: pd.DataFrame) -> str:
    return in_words(list(dict.fromkeys(design["formula"])))


def _treatment(frames: Frames, naming: Naming, cite: Citations, design: pd.DataFrame) -> str:
    asked = naming.study.effects.treatment
    assert asked is not None
    if set(design["design"]) == {"parallel"}:
        return (
            f"No patient had more than one level of {asked.column}, so the arms were compared: models with a mean "
            "course, a covariance of the random effects and a residual variance for each arm against models with one "
            "for both, by likelihood ratios (restricted likelihood); intervals of ratios of standard deviations join "
            f"the arms’ profile-likelihood intervals {cite('zou')}."
        )
    text = (
        f"The effect of {asked.column} was estimated by linear mixed models with a fixed effect of it "
        f"({_formulas(design)}) and a random effect, whose variance is that of the effect between patients "
        f"{cite('senn')}"
    )
    text += ", with a residual variance for each treatment." if "by treatment" in set(design["residual"]) else "."
    return text + _spread(frames, "patient") + _shares(frames, "patients")


def _interruption(frames: Frames, naming: Naming, cite: Citations, design: pd.DataFrame) -> str:
    text = (
        "The interruption was estimated by segmented mixed models with a change of level and of slope from each unit’s "
        f"moment on {cite('wagner')} ({_formulas(design)})."
    )
    serial = frames.further.get("effects_serial")
    if serial is not None and len(serial):
        found = {"AR(1)": "first-order autoregressive", "exponential": "exponentially decaying"}
        how = [words for name, words in found.items() if name in set(serial["residuals"])]
        text += f" Residuals of a unit had {in_words(how)} correlation, profiled." if how else ""
    if _filled(frames, "average", "df"):
        text += " Average effects have Satterthwaite’s degrees of freedom, the correlation held at its estimate."
    text += _spread(frames, "unit") + _shares(frames, "units")
    sensitivity = frames.further.get("effects_sensitivity")
    others = {} if sensitivity is None else dict.fromkeys(sensitivity["analysis"])
    checks = {"independent residuals": "with independent residuals", "placebo moment": "at a placebo moment before it"}
    made = [words for name, words in checks.items() if name in others]
    return text + (f" The analysis was repeated {in_words(made)}." if made else "")


def _spread(frames: Frames, one: str) -> str:
    """How the SD of an effect was tested and given an interval."""
    said = []
    if _filled(frames, "spread", "ci_low"):
        said.append("has a profile-likelihood interval")
    tests = [
        words
        for column, words in (("p_value", "at the boundary"), ("p_value_bootstrap", "by a parametric bootstrap"))
        if _filled(frames, "spread", column)
    ]
    if tests:
        said.append(f"was tested by the likelihood ratio, {in_words(tests)}")
    text = f" The standard deviation of an effect between {one}s {in_words(said)}." if said else ""
    if _filled(frames, "patients", "estimate") and not _filled(frames, "posterior", "mean"):
        text += f" The effect of a single {one} is its best linear unbiased prediction."
    return text


def _shares(frames: Frames, several: str) -> str:
    if _filled(frames, "posterior", "mean"):
        return (
            f" Effects of single {several}, and shares of {several} with their intervals, are from the joint posterior "
            "of the same model (half-t priors of the standard deviations, an LKJ prior of the correlations, normal "
            "priors of the fixed effects), with every effect drawn given the parameters; a correlation or a ratio of "
            "variances of the residuals was integrated over a grid. Averages, tests and intervals of standard "
            "deviations are by restricted maximum likelihood where they are not called posterior."
        )
    if not _filled(frames, "shares", "ci_low"):
        return ""
    return (
        f" Intervals of shares of {several} are from draws of all parameters by a parametric bootstrap and of every "
        "effect given these."
    )


def _over_time(frames: Frames, naming: Naming, cite: Citations, design: pd.DataFrame) -> str:
    asked = naming.study.effects.treatment_over_time
    assert asked is not None
    given = in_words([*asked.confounders])
    staying = ", and of staying until a row by models of the same kind" if asked.followed_until is not None else ""
    cut = (
        f"truncated at their {100 * asked.truncation:g}% and {100 - 100 * asked.truncation:g}% quantiles"
        if asked.truncation
        else "not truncated"
    )
    text = (
        f"Rows were weighted by stabilised inverse probabilities of {asked.column} {cite('robins')}{staying}. The "
        f"denominators are pooled logistic regressions on {in_words(['time', *asked.baseline])} and on {given} and the "
        f"treatment at the patient’s row before; the numerators leave out {given}. Weights were {cut}. Marginal "
        f"structural growth models ({_formulas(design)}) were fitted by weighted estimating equations with an "
        f"independence working correlation and robust variances {cite('liang')}, corrected for the leverage of single "
        f"patients {cite('mancl')}, with Satterthwaite’s degrees of freedom {cite('tipton')}."
    )
    analyses = frames.further["effects_analyses"]
    if analyses["ci_low_bootstrap"].notna().any():
        draws = int(analyses["resamples"].max())
        text += f" A bootstrap of patients ({amount(draws, 'resample')}) estimated the weights anew."
    mixed = [name for name in dict.fromkeys(analyses["analysis"]) if name.startswith("random slopes")]
    if mixed:
        text += " The same effects were estimated by random-slope models without weights"
        text += ", and by such models adjusted for the confounders of the row before." if len(mixed) > 1 else "."
    if analyses["e_value"].notna().any():
        text += f" E-values follow VanderWeele and Ding {cite('vanderweele')}."
    return text


PARAGRAPHS: dict[str, Callable[[Frames, Naming, Citations, pd.DataFrame], str]] = {
    "treatment": _treatment,
    "interruption": _interruption,
    "treatment_over_time": _over_time,
}
