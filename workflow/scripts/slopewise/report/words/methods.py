"""The methods paragraphs, ready for a paper: the study's own numbers, and the literature."""

from __future__ import annotations

from slopewise.report.material.frames import Frames
from slopewise.report.material.gains import HEADLINES
from slopewise.report.material.parts import Section
from slopewise.report.words.effect_methods import effect_methods
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import count, in_words
from slopewise.report.words.procedures import GROWTH, OUTCOME, sentences
from slopewise.report.words.references import Citations
from slopewise.run.words import amount
from slopewise.study.model import BCA_FROM, Study
from slopewise.validate.gains import headlines, slopes_of

TRANSFORMS = {
    "log": "log-transformed",
    "log1p": "log(1 + x)-transformed",
    "sqrt": "square-root-transformed",
    "logit": "logit-transformed",
}


def methods_section(frames: Frames, naming: Naming) -> Section:
    """Paragraphs and references."""
    cite = Citations()
    paragraphs = [
        _cohort(frames, naming, cite) if naming.kind.predicts else _growth_cohort(frames, naming),
        _growth(naming, cite),
        *sentences(GROWTH, frames, naming, cite),
        *_average_course(frames, cite),
        _crossfit(frames, naming, cite),
        *_fast(frames, cite),
        *effect_methods(frames, naming, cite),
        *([_outcome(frames, naming, cite), _validation(frames, naming, cite)] if naming.kind.predicts else []),
        *(sentences(OUTCOME, frames, naming, cite) if naming.kind.predicts else []),
        _software(frames, cite),
    ]
    return Section(
        "methods", "Methods, for a paper", "methods.html.j2", {"paragraphs": paragraphs, "references": cite.works}
    )


def _cohort(frames: Frames, naming: Naming, cite: Citations) -> str:
    limit, rows = naming.study.report.small_cells, int(frames.flow.iloc[-1]["rows_left"])
    followed = (
        f"the {count(frames.n_patients, limit)} patients still at risk at the landmark ({amount(rows, 'visit')}) were "
        f"followed from then to {naming.cause} ({amount(count(frames.n_events, limit), 'event')})."
    )
    if not naming.kind.timed:
        had = f"; {count(frames.n_events, limit)} had it" if naming.kind.dichotomous else ""
        followed = (
            f"the outcome ({naming.cause}) of {count(frames.n_patients, limit)} patients "
            f"({amount(rows, 'visit')}) was predicted from them{had}."
        )
    clock = f"Time was counted in {naming.units} from time zero ({naming.time_zero})."
    if not naming.has_landmark:
        return f"{clock} All measurements lie before the outcome and entered the models, and {followed}"
    return (
        f"{clock} We used a landmark analysis {cite('landmarking')} at {naming.duration(naming.landmark)}: only "
        f"measurements up to the landmark entered the models, and {followed}"
    )


def _growth_cohort(frames: Frames, naming: Naming) -> str:
    limit = naming.study.report.small_cells
    clock = (
        f"Time was counted in {naming.units} from time zero ({naming.time_zero})"
        if naming.predictor == "time"
        else f"Slopes are with respect to {naming.predictor}, within {naming.study.data.patient}"
    )
    until = f" up to {naming.duration(naming.landmark)}" if naming.has_landmark else ""
    rows = int(frames.flow.iloc[-1]["rows_left"])
    later = ""
    if naming.study.growth.rows == "all":
        later = (
            " Growth models were also fitted to their training patients’ rows after it; each patient’s level and "
            "slope use only the rows up to it."
        )
    return f"{clock}. We used the {amount(rows, 'row')} of {count(frames.n_patients, limit)} patients{until}.{later}"


def _growth(naming: Naming, cite: Citations) -> str:
    study = naming.study
    transformed: dict[str, list[str]] = {}
    for marker, settings in study.markers.items():
        if settings.transform != "none":
            transformed.setdefault(TRANSFORMS[settings.transform], []).append(marker)
    changed = "; ".join(
        f"{naming.listed(names)} {'were' if len(names) > 1 else 'was'} {how}" for how, names in transformed.items()
    )
    structure = "correlated" if study.growth.structure == "correlated" else "independent"
    many = len(study.markers) > 1
    return (
        f"{'Each of the markers' if many else 'The marker'} "
        f"({naming.all_markers()}{'; ' + changed if changed else ''}) was modelled with a linear mixed model "
        f"{cite('laird_ware')} (fixed effects {study.growth.fixed}; {structure}, normally distributed random effects "
        f"{study.growth.random} of each patient; independent normal residuals{_residuals(study)}), "
        f"{_fitted(study, cite)}. A patient’s level is the "
        f"model’s value at {naming.moment} and the slope its derivative with respect to "
        f"{naming.predictor} there, both with the "
        f"{'posterior means' if study.growth.engine == 'bayes' else 'best linear unbiased predictions'} of the "
        f"patient’s random effects.{_batches(study, cite)}"
    )


def _batches(study: Study, cite: Citations) -> str:
    """How differences between batches were removed."""
    batch = study.data.batch
    if batch is None:
        return ""
    if batch.method == "fixed":
        return f" Differences between batches ({batch.column}) were a fixed effect; levels are those of one batch."
    return (
        f" Before, differences between batches ({batch.column}) in location and scale were removed from the values by "
        f"ComBat {cite('combat')}, with the random effects of the growth model {cite('long_combat')}, estimated in "
        "each training set from its patients."
    )


def _fitted(study: Study, cite: Citations) -> str:
    """By what the growth models were fitted."""
    if study.growth.engine == "bayes":
        return (
            "given half-t priors of the standard deviations, an LKJ prior of the correlations and normal priors of "
            "the fixed effects. The posterior was sampled by slice sampling of the variance parameters, the fixed and "
            "random effects being integrated out; in cross-fitting by importance sampling for each training set"
        )
    method = "restricted maximum likelihood" if study.growth.reml else "maximum likelihood"
    return f"fitted by {method} {_engine(study, cite)}. Singular fits were kept"


def _engine(study: Study, cite: Citations) -> str:
    """How the likelihood was computed."""
    if study.growth.engine == "statsmodels":
        return f"with MixedLM of statsmodels {cite('statsmodels')}"
    return f"with the profiled likelihood of Bates et al. {cite('bates')}"


def _average_course(frames: Frames, cite: Citations) -> list[str]:
    """What was asked of the average course, where the tables have it."""
    said = []
    if len(frames.linearity):
        said.append(
            "Linearity of the average course was tested by likelihood ratio tests against a quadratic and a natural "
            "cubic spline with two inner knots, fitted by maximum likelihood."
        )
    if frames.strata["by"].notna().any():
        said.append(
            "Average slopes in strata, and their differences, are linear combinations of the fixed effects with all "
            "other covariates as in the cohort; intervals have Satterthwaite’s degrees of freedom "
            f"{cite('satterthwaite')}."
        )
    return [" ".join(said)] if said else []


def _fast(frames: Frames, cite: Citations) -> list[str]:
    """How fast change was counted, where a limit was named."""
    if not len(frames.fast_share):
        return []
    return [
        "For each patient the probability of a slope beyond the limit of fast change was taken from the normal "
        "distribution of the slope given the patient’s own measurements, its variance that of prediction "
        f"{cite('henderson')} (fixed effects estimated, variance components as known), with parameters of models "
        "fitted without the patient; the share of the cohort is the mean of these probabilities, its interval from "
        "joint draws of all patients’ slopes, under parameters (variance components among them) drawn by the "
        "parametric bootstrap."
    ]


def _residuals(study: Study) -> str:
    """What the residual variance depends on, if anything."""
    said = [f"a separate variance for each value of {study.growth.residual_by}"] if study.growth.residual_by else []
    said += [f"prior weights from {study.growth.weights}"] if study.growth.weights else []
    return f" with {in_words(said)}" if said else ""


def _crossfit(frames: Frames, naming: Naming, cite: Citations) -> str:
    plan = naming.study.crossfit
    times = (
        f"; this was repeated {plan.repeats} times with new folds, and the scores were averaged"
        if plan.repeats > 1
        else ""
    )
    by = f", stratified by {naming.words.event}," if naming.kind.has_events else ""
    having, lacking = frames.by_penalty(naming.cause) if naming.study.kind.predicts else ([], [])
    without = f", its penalty for {in_words(having)} alone." if having and lacking else "."
    without = without if having else ", without its penalty."
    return (
        f"Levels and slopes were cross-fitted {cite('crossfitting')}: patients were divided into {plan.folds} folds"
        f"{by} and the patients of each fold were scored with the parameters of a growth model fitted to the other "
        f"folds and with their own measurements{times}."
        + (
            f" The two-stage approach follows penalized regression calibration {cite('signorelli')}{without}"
            if naming.study.kind.predicts
            else ""
        )
    )


def _outcome(frames: Frames, naming: Naming, cite: Citations) -> str:
    study = naming.study
    having, lacking = frames.by_penalty(naming.cause)
    ties = f"{'Breslow' if having else 'Efron'}’s method for ties"
    if having and lacking:
        ties = f"ties by Breslow’s method for {in_words(having)}, by Efron’s for {in_words(lacking)}"
    model = f"{naming.words.model} regression{f' ({ties})' if naming.kind.timed else ''}"
    if frames.competing:
        model = (
            f"cause-specific Cox regression ({ties}) for it and for the competing events "
            f"({in_words(list(frames.competing))}), the absolute risk combining the hazards of all causes (events at "
            "one time, of one cause or several, as one step: the matrix exponential of its hazards), with "
            f"Aalen–Johansen estimates where no predictor enters {cite('competing')},"
        )
    if study.outcome.strata:
        model += f", stratified by {in_words(list(study.outcome.strata))},"
    sentence = (
        f"The outcome ({naming.cause}) was modelled by {model} with "
        f"{naming.covariates} and, in turn: no "
        "marker; first values; last values; first values and changes; first values and least-squares slopes; levels; "
        "levels and slopes; "
        "slopes alone. Where level and slope correlated above 0.99 in the cohort, or the random effects had rank one, "
        "the level entered alone, in the final model and in every training set and resample"
    )
    dropped = slopes_of(frames.coefficients, kept=False)
    sentence += f"; this applied to {naming.listed(dropped)}." if dropped else "."
    if study.outcome.terms:
        told = {
            "nonlinear_level": "levels had nonlinear effects (restricted cubic splines with three knots from the "
            "training patients; in the bootstrap those of the cohort)",
            "level_by_slope": "the effect of a slope depended on the level (their product)",
        }
        sentence += f" In models with levels, {in_words([told[term] for term in study.outcome.terms])}."
    if having:
        grouped = study.outcome.penalty == "group"
        lasso = f"group lasso over the quantities of a marker {cite('group_lasso')}" if grouped else "lasso"
        whose = f" of {in_words(having)} (not those of {in_words(lacking)})" if lacking else ""
        sentence += (
            f" The models{whose} were penalised by an elastic net (half {lasso}, half ridge) {cite('elastic_net')}, "
            f"with its strength chosen by {study.crossfit.folds}-fold cross-validation within the training patients."
        )
    sentence += _imputed(frames, naming, cite)
    if len(frames.hazards):
        sentence += f" Proportional hazards were examined with scaled Schoenfeld residuals {cite('grambsch')}."
    if study.outcome.bootstrap:
        bca = study.outcome.bootstrap >= BCA_FROM
        kind = "Bias-corrected and accelerated (BCa) intervals" if bca else "Intervals"
        sentence += (
            f" {kind} of {naming.words.effect}s come from {study.outcome.bootstrap} resamples of patients through "
            "both stages, cross-fitting "
            "included."
        )
    return sentence


def _imputed(frames: Frames, naming: Naming, cite: Citations) -> str:
    """How missing covariates were imputed, where any were."""
    if not frames.coefficients["missing_information"].notna().any():
        return ""
    hazard = f", with the Nelson–Aalen cumulative hazard {cite('white_royston')}," if naming.kind.timed else ""
    averaged = "predictions averaged over values imputed without the outcome, by models of the training patients"
    return (
        f" Missing covariates ({in_words(list(naming.study.imputable))}) were imputed "
        f"{naming.study.outcome.imputations} times by chained equations {cite('white_chained')} given the other "
        f"covariates, levels, slopes and the outcome{hazard} separately in each set of training patients. Coefficients "
        f"were pooled by Rubin’s rules with the degrees of freedom of Barnard and Rubin {cite('barnard')}, likelihood "
        f"ratio tests by the rule D2 {cite('d2')}, and {averaged} {cite('hoogland')}. Each bootstrap resample was "
        "imputed twice."
    )


def _validation(frames: Frames, naming: Naming, cite: Citations) -> str:
    plan, inner = naming.study.validation, naming.study.crossfit.folds
    known = [HEADLINES[metric] for metric in headlines(frames.performance)]
    named = [f"{name} {cite('uno')}" if name == HEADLINES["c_uno"] else name for name in known]
    times = f", repeated {plan.repeats} times" if plan.repeats > 1 else ""
    sentence = (
        f"Validation was nested: in each of {plan.folds} outer folds of patients{times}, growth models, cross-fitting "
        f"({inner} inner folds) and {naming.words.model} "
        f"models were refitted to the other patients only. We report {_measures(naming, named, cite)}."
    )
    if frames.competing:
        sentence += (
            " A patient with a competing event counted as never having the event: among the controls of the AUC and "
            f"in the Brier score with inverse probability of censoring weights {cite('blanche')}, as outliving every "
            f"case in C {cite('wolbers')}; calibration is by direct binomial regression at the horizon "
            f"{cite('scheike')}."
        )
    if len(frames.permutation) and frames.permutation["p_value"].notna().any():
        sentence += (
            " Whether slopes add to levels was tested by permuting between patients the part of the slopes that levels "
            f"and covariates do not explain (Smith’s scheme {cite('winkler')})."
        )
    if plan.bootstrap:
        sentence += f" {_of_intervals(plan.repeats, plan.bootstrap)} Differences between models use the same resamples."
    return sentence


def _of_intervals(repeats: int, resamples: int) -> str:
    """How the intervals of validated figures were made."""
    if repeats == 1:
        return (
            f"95% intervals of validated figures are from {resamples} bootstrap resamples of the patients with their "
            "out-of-fold predictions; they hold the models fixed, since the validation was not repeated."
        )
    return (
        "95% intervals of validated figures, calibration curves and decision curves combine two variances: that over "
        f"{resamples} bootstrap resamples of the patients within a repeat of the validation, and that between the "
        f"{repeats} repeats, in which the models were refitted to other training patients."
    )


def _measures(naming: Naming, names: list[str], cite: Citations) -> str:
    """What the report measures, with its literature: the headline metrics `names`, and those at horizons."""
    if naming.kind.numeric:
        errors = "root mean squared and mean absolute error"
        return f"{in_words(names)} against the training patients’ mean, {errors} and the calibration slope"
    binary = naming.kind.dichotomous
    others = [
        f"the Brier score {cite('brier' if binary else 'graf')}",
        f"the index of prediction accuracy {cite('kattan')}",
        "the calibration slope and intercept",
        f"the integrated calibration index {cite('austin_binary' if binary else 'austin')}",
        f"net benefit {cite('vickers')}",
    ]
    if not naming.kind.timed:
        return in_words([*names, *others])
    at_horizons = in_words(["the time-dependent area under the curve", *others])
    return f"{', '.join(names)} and, at {naming.horizons()}, {at_horizons}"


def _software(frames: Frames, cite: Citations) -> str:
    versions = frames.provenance["versions"]
    named = [f"{name} {versions.get(name, '')}".strip() for name in ("slopewise", "snakemake", "numpy", "scipy")]
    return f"The analysis was done with {in_words(named)} under Python {versions.get('python', '')}."
