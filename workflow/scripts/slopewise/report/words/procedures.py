"""Every procedure whose result the report prints, with the sentence that the methods text has of it.

A procedure is named only where the report prints a result of it: `printed` reads that off the tables. The sentences
follow each other in the order of the report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from slopewise.growth.evidence.compare import EXCEEDANCES
from slopewise.growth.evidence.effort import Effort
from slopewise.growth.evidence.influence import LARGE_SD, LARGE_SE
from slopewise.report.material.frames import Frames
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import in_words
from slopewise.report.words.references import Citations
from slopewise.run.words import amount
from slopewise.study.model import BCA_FROM


@dataclass(frozen=True)
class Procedure:
    """`name` of a procedure, whether the report has a result of it, and its sentence."""

    name: str
    printed: Callable[[Frames, Naming], bool]
    sentence: Callable[[Frames, Naming, Citations], str]


def sentences(procedures: Iterable[Procedure], frames: Frames, naming: Naming, cite: Citations) -> list[str]:
    """One paragraph of the sentences of all procedures with a result, or nothing."""
    said = [one.sentence(frames, naming, cite) for one in procedures if one.printed(frames, naming)]
    return [" ".join(said)] if said else []


def known(table: str, column: str) -> Callable[[Frames, Naming], bool]:
    """Whether a table has a value in a column."""
    return lambda frames, naming: bool(getattr(frames, table)[column].notna().any())


def filled(table: str) -> Callable[[Frames, Naming], bool]:
    """Whether a table has rows."""
    return lambda frames, naming: len(getattr(frames, table)) > 0


def said(text: str, *works: str) -> Callable[[Frames, Naming, Citations], str]:
    """A sentence with ``{}`` for each of its works."""
    return lambda frames, naming, cite: text.format(*(cite(work) for work in works))


def _effects(frames: Frames) -> int:
    """The most random effects that a model of a marker has."""
    own = frames.covariance[frames.covariance["term_1"] == frames.covariance["term_2"]]
    own = own[~own["term_1"].str.lower().str.startswith("residual")]
    return int(own.groupby(["marker", "model"]).size().max()) if len(own) else 0


def _components(profile: bool) -> Callable[[Frames, Naming], bool]:
    """Whether variance components have intervals: by profile likelihood, or those of three effects or more."""
    return lambda frames, naming: bool(frames.covariance["ci_low"].notna().any()) and (profile or _effects(frames) > 2)


def _bootstrapped(frames: Frames, naming: Naming, cite: Citations) -> str:
    draws = naming.study.growth.bootstrap
    return (
        "In addition the random slope was tested by a sequential parametric bootstrap (data sets simulated from the "
        f"random-intercept model until {EXCEEDANCES} reached the observed likelihood ratio, at most "
        f"{amount(draws, 'data set')}) {cite('besag')}."
    )


def _influence_by_chance(frames: Frames, naming: Naming, cite: Citations) -> str:
    drawn = Effort.of(len(naming.study.markers)).influences
    return (
        f"An influence above {LARGE_SE:g} standard error of the average slope or {LARGE_SD:.0%} of the standard "
        f"deviation of the slopes was compared with the largest in up to {amount(drawn, 'data set')} simulated from "
        "the fit."
    )


def _serial(frames: Frames, naming: Naming, cite: Citations) -> str:
    return (
        "The random slope was also tested in a model with an exponential (Ornstein–Uhlenbeck) serial correlation of "
        f"the residuals {cite('diggle')}."
    )


def _level_se(frames: Frames, naming: Naming, cite: Citations) -> str:
    if naming.study.growth.engine == "bayes":
        return "The standard error of a patient’s level is its posterior standard deviation."
    return (
        "The standard error of a patient’s level is that of the random effects given the patient’s measurements, all "
        "parameters taken as known."
    )


def _several(frames: Frames, naming: Naming) -> bool:
    return bool(frames.comparison["q_value"].notna().any()) and len(naming.study.markers) > 1


def _moved(frames: Frames, naming: Naming) -> bool:
    return bool((frames.origin["moment"] != "zero").any())


GROWTH = (
    Procedure(
        "Satterthwaite",
        known("fixed_effects", "df"),
        said(
            "Fixed effects were tested, and given intervals, with Satterthwaite’s degrees of freedom {}.",
            "satterthwaite",
        ),
    ),
    Procedure(
        "origin",
        _moved,
        said(
            "As time zero lies outside the measurements, values, their standard deviations and their correlations with "
            "slopes are stated at a moment within them, as linear transforms of the estimates."
        ),
    ),
    Procedure(
        "profile",
        _components(True),
        said("Intervals of variance components are from the profile likelihood {}.", "bates"),
    ),
    Procedure(
        "parametric bootstrap of variance components",
        _components(False),
        said("Those of models with more than two random effects are percentiles of a parametric bootstrap."),
    ),
    Procedure(
        "boundary mixture",
        known("comparison", "p_value"),
        said(
            "Pooled regression, a random intercept, and random intercepts and slopes were compared by likelihood ratio "
            "tests with mixtures of chi-square distributions {}; AIC and BIC are from maximum likelihood.",
            "stram",
        ),
    ),
    Procedure("bootstrap of the random slope", known("comparison", "p_value_bootstrap"), _bootstrapped),
    Procedure(
        "Benjamini–Hochberg",
        _several,
        said("Across markers these p-values were adjusted by the method of Benjamini and Hochberg {}.", "benjamini"),
    ),
    Procedure(
        "Nakagawa",
        known("comparison", "r2_marginal"),
        said(
            "The intraclass correlation and marginal and conditional R² follow Nakagawa and Schielzeth {} and "
            "Johnson {}.",
            "nakagawa",
            "johnson",
        ),
    ),
    Procedure(
        "F test",
        known("trends", "p_value"),
        said("Equality of the slopes within patients was tested by an exact F test."),
    ),
    Procedure("Ornstein–Uhlenbeck", known("serial", "p_value"), _serial),
    Procedure(
        "changing scatter",
        known("heteroscedastic", "p_value"),
        said(
            "It was also tested in a model with a residual variance that changes with time or with the expected value "
            "{}.",
            "pinheiro",
        ),
    ),
    Procedure("variogram", filled("variogram"), said("Residuals were examined by their variogram {}.", "diggle")),
    Procedure(
        "residual strata",
        known("residuals", "lrt"),
        said(
            "Equality of the residual variances was tested by the likelihood ratio; intervals of their ratios "
            "are from the "
            "profile likelihood."
        ),
    ),
    Procedure(
        "normality",
        filled("normality"),
        said(
            "Residuals and random effects, each divided by its standard deviation under the model, were compared "
            "with normal distributions (quantiles with bands simulated from the fit, skewness, excess kurtosis)."
        ),
    ),
    Procedure(
        "influence",
        known("pooling", "cook"),
        said("Influence was assessed by leaving out each patient in turn and by Cook’s distance {}.", "cook"),
    ),
    Procedure(
        "influence by chance",
        known("influence", "p_value"),
        _influence_by_chance,
    ),
    Procedure(
        "visits",
        filled("visits"),
        said(
            "Whether the number of visits is informative was examined by its rank correlation with the slopes "
            "and by its "
            "interaction with time in the fixed effects."
        ),
    ),
    Procedure(
        "drop-out",
        known("dropout", "difference_low"),
        said(
            "Slopes were compared between patients by the time of their last visit, as an interaction with time in the "
            "fixed effects (a pattern-mixture model {}).",
            "little",
        ),
    ),
    Procedure(
        "reliability",
        known("reliability", "reliability"),
        said(
            "The reliability of a slope is the share of the variance of true slopes that the patient’s own "
            "measurements "
            "recover, 1 − (prediction error variance) / (variance of slopes)."
        ),
    ),
    Procedure(
        "standard error of the level",
        known("slopes", "level_se"),
        _level_se,
    ),
    Procedure(
        "interval of the reliability",
        known("reliability", "ci_low"),
        said("The interval of the mean reliability is from a bootstrap of patients."),
    ),
)
"""Procedures of the growth models."""


def _timed(*metrics: str) -> Callable[[Frames, Naming], bool]:
    """Whether an outcome with follow-up has one of these metrics."""
    return lambda frames, naming: naming.kind.timed and bool(set(metrics) & set(frames.performance["metric"]))


def _tau(frames: Frames, naming: Naming, cite: Citations) -> str:
    names = {"c_uno": "Uno’s C", "c_harrell": "Harrell’s C"}
    used = [words for metric, words in names.items() if metric in set(frames.performance["metric"])]
    rows = frames.performance[frames.performance["metric"].isin(list(names))]
    tau = naming.duration(float(rows["horizon"].max()))
    harrell = f" (Harrell’s C {cite('harrell')})" if "Harrell’s C" in used else ""
    return (
        f"{in_words(used)} {'compare' if len(used) > 1 else 'compares'} pairs in which the earlier event lies before "
        f"τ = {tau} after the landmark{harrell}."
    )


def _naive(frames: Frames, naming: Naming) -> bool:
    return bool(frames.coefficients["ci_low"].notna().any())


def _groups(frames: Frames, naming: Naming) -> bool:
    return naming.kind.timed and not frames.competing and len(frames.predictions) > 0


def _permuted(frames: Frames, naming: Naming, cite: Citations) -> str:
    row = frames.permutation.iloc[0]
    used, repeats = amount(int(row["permutations"]), "permutation"), amount(int(row["repeats"]), "repeat")
    return f"The permutation test of the slopes used {used} in {repeats} of the validation."


def _ties(frames: Frames, naming: Naming, cite: Citations) -> str:
    having, lacking = frames.by_penalty(naming.cause)
    methods = [f"Efron’s {cite('efron_ties')}"] if lacking else []
    methods += [f"Breslow’s {cite('breslow')}"] if having else []
    return f"The method for tied event times is {in_words(methods)}."


OUTCOME = (
    Procedure(
        "sample size",
        lambda frames, naming: not naming.kind.numeric,
        said("The sample size was compared with the criteria of Riley et al. {}.", "riley_size"),
    ),
    Procedure(
        "follow-up",
        lambda frames, naming: naming.kind.timed,
        said("Median follow-up is the reverse Kaplan–Meier estimate {}.", "schemper"),
    ),
    Procedure("τ", _timed("c_uno", "c_harrell"), _tau),
    Procedure(
        "IPCW",
        _timed("c_uno", "auc", "brier", "ipa", "log_score"),
        said(
            "Inverse probability of censoring weights are from the marginal Kaplan–Meier estimate {} of "
            "censoring in the "
            "training patients, which takes censoring as independent of the predictors.",
            "kaplan",
        ),
    ),
    Procedure(
        "log score",
        lambda frames, naming: "log_score" in set(frames.performance["metric"]),
        said(
            "The log score is the mean logarithm of the probability that a model gave to what was observed {}.", "good"
        ),
    ),
    Procedure(
        "likelihood ratio",
        known("likelihood_ratio", "p_value"),
        said(
            "Slopes in addition to levels were tested by the likelihood ratio of the final models, with cross-fitted "
            "levels and slopes."
        ),
    ),
    Procedure("permutations", known("permutation", "p_value"), _permuted),
    Procedure("naive intervals", _naive, said("Naive intervals of coefficients are Wald intervals.")),
    Procedure(
        "ties",
        lambda frames, naming: naming.kind.timed,
        _ties,
    ),
    Procedure(
        "BCa",
        lambda frames, naming: (
            naming.study.outcome.bootstrap >= BCA_FROM and bool(frames.coefficients["ci_low_bootstrap"].notna().any())
        ),
        said("BCa intervals follow Efron {}.", "efron_bca"),
    ),
    Procedure(
        "thirds",
        _groups,
        said(
            "Survival in thirds of the predicted risk is estimated by Kaplan–Meier, with log(−log) intervals {}.",
            "kaplan",
        ),
    ),
    Procedure(
        "subgroups",
        filled("subgroups"),
        said("Performance in subgroups is that of the models of all patients."),
    ),
    Procedure(
        "centres",
        filled("centres"),
        said(
            "Each centre was left out once and predicted by models of the others (internal–external validation {}).",
            "centres",
        ),
    ),
    Procedure(
        "sensitivity",
        filled("sensitivity"),
        said(
            "For comparison the validation was repeated with slopes from one model of all patients, and with "
            "reused folds."
        ),
    ),
    Procedure(
        "delta",
        filled("delta"),
        said(
            "Sensitivity to values that are not missing at random was examined by delta adjustment: visits missed "
            "before the landmark were imputed at their expected values, moved by up to 1 SD of the slopes per unit of "
            "time since the last visit, and the outcome model was fitted again {}.",
            "cro",
        ),
    ),
    Procedure(
        "censoring",
        filled("censoring"),
        said(
            "AUC, Brier score and O:E were also computed with inverse probability of censoring weights from a Cox "
            "model of the time to censoring given the predictors, fitted to the training patients of each fold {}.",
            "gerds",
        ),
    ),
)
"""Procedures of the outcome models."""
