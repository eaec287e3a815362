"""The TRIPOD+AI checklist: each item answered from the run, or left to the authors and marked so."""

from __future__ import annotations

from slopewise.report.material.frames import Frames
from slopewise.report.material.gains import HEADLINES, difference_words, gain
from slopewise.report.material.parts import Section, Table
from slopewise.report.sections.ladder import METRICS
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import count, in_words, number
from slopewise.report.words.references import WORKS
from slopewise.report.words.tripod_items import ITEMS
from slopewise.run.words import amount
from slopewise.sources.snapshot import source_name
from slopewise.study.model import Study
from slopewise.validate.gains import headline_metric

AUTHORS = "for the authors"


def tripod_section(frames: Frames, naming: Naming) -> Section:
    """The checklist as a table."""
    known = answers(frames, naming)
    rows = [[f"{key} {topic}", asked, known.get(key, AUTHORS)] for key, topic, asked in ITEMS]
    caption = "TRIPOD+AI: the items, and the answers of this run"
    answered = sum(row[2] != AUTHORS for row in rows)
    return Section(
        "tripod",
        "Checklist for a paper (TRIPOD+AI)",
        "tripod.html.j2",
        {
            "answered": answered,
            "total": len(rows),
            "authors": AUTHORS,
            "source": WORKS["tripod"],
            "table": Table(
                "tripod-ai", caption, ["item", "asks for", "answer"], rows, frozenset({0, 1, 2}), whole=True
            ),
        },
    )


def answers(frames: Frames, naming: Naming) -> dict[str, str]:
    """What the run knows, by item; where the authors have to add something, it is said at the end."""
    return {**_before(frames, naming), **_methods(frames, naming), **_results(frames, naming)}


def _before(frames: Frames, naming: Naming) -> dict[str, str]:
    names = in_words(sorted(map(source_name, frames.provenance["inputs"])))
    return {
        "4": "Development and internal validation, and whether slopes add to levels; the clinical objective is "
        f"{AUTHORS}.",
        "5a": f"Files {names}, with their hashes in “Where the numbers come from”; origin and representativeness are "
        f"{AUTHORS}.",
        "6b": f"For this analysis: {_eligible(naming)}, and no reason for exclusion of “The patients”; the criteria of "
        f"the source are {AUTHORS}.",
        "7": "Files were read strictly; findings are in “The patients”, transformations in “Methods, for a paper”. "
        "Data quality in groups of people was not examined.",
        "8a": f"{_predicted(frames, naming)}; how it was assessed is {AUTHORS}.",
        "9a": f"The study file named {_predictors(naming)}; none was selected by its association with the outcome. "
        f"The rationale is {AUTHORS}.",
        "9b": f"Measured up to {naming.duration(naming.landmark)}, units in “The courses and the growth model”; how "
        f"they were measured is {AUTHORS}.",
    }


def _eligible(naming: Naming) -> str:
    """Who is asked about, by the landmark."""
    if not naming.has_landmark:
        return "an outcome that was seen after each patient’s last visit"
    word = "still at risk at" if naming.kind.timed else "measured by"
    return f"{word} the landmark, {naming.duration(naming.landmark)} after time zero"


def _predictors(naming: Naming) -> str:
    return f"{naming.covariates} and {naming.all_markers()}"


def _predicted(frames: Frames, naming: Naming) -> str:
    """The outcome, when it is asked about, and what competes with it."""
    if not naming.kind.timed:
        return naming.cause
    rivals = f" (competing with it: {in_words(list(frames.competing))})" if frames.competing else ""
    return f"{naming.cause}{rivals}, within {naming.horizons()} after the landmark"


def _numbers(frames: Frames, naming: Naming) -> str:
    """``278 patients, 135 of them with the event``."""
    limit = naming.study.report.small_cells
    patients = amount(count(frames.n_patients, limit), "patient")
    if naming.kind.numeric:
        return patients
    return f"{patients}, {count(frames.n_events, limit)} of them with the {naming.words.event}"


def _model(frames: Frames, naming: Naming) -> str:
    """The model of the outcome."""
    specific = "cause-specific " if frames.competing else ""
    return f"{specific}{naming.words.model} regression"


def _form(naming: Naming) -> str:
    """How predictors enter the models of the outcome."""
    told = {
        "nonlinear_level": "levels may have nonlinear effects",
        "level_by_slope": "a slope’s effect may depend on the level",
    }
    bent = in_words([told[term] for term in naming.study.outcome.terms])
    return f"predictors enter linearly, except that {bent}" if bent else "predictors enter linearly"


def _tuned(frames: Frames) -> str:
    """What was chosen by how well it predicts."""
    if any(own.penalised for own in (frames, *frames.competing.values())):
        return "the strength of the penalty (elastic net) is chosen within the training patients; nothing else is tuned"
    return "nothing is tuned"


def _measures(frames: Frames) -> str:
    """The measures that the performance table has."""
    known = set(frames.performance["metric"])
    names = [words for name, words in {**HEADLINES, **METRICS}.items() if name in known]
    listed = in_words(names)
    return f"{listed[0].upper()}{listed[1:]}"


def _output(naming: Naming) -> str:
    """What the model puts out for a patient."""
    if naming.kind.numeric:
        return f"The expected value of {naming.cause}"
    within = f" within {naming.horizons()}" if naming.kind.timed else ""
    return f"The risk of {naming.cause}{within}"


def _and_followup(naming: Naming) -> str:
    return " and the follow-up" if naming.kind.timed else ""


def _and_hazard(frames: Frames, naming: Naming) -> str:
    if not naming.kind.timed:
        return ""
    return " and each cause’s baseline hazard" if frames.competing else " and baseline hazard at the horizons"


def _missing_covariate(study: Study) -> str:
    """What becomes of a patient who lacks a covariate."""
    if study.outcome.imputes:
        return (
            f"Missing covariates are imputed {study.outcome.imputations} times, by models of the training patients; "
            "patients without a missing covariate alone in “Does the answer hold?”"
        )
    return "A missing covariate removes the patient, counted in “The patients”"


def _without_covariate(study: Study) -> str:
    return "a prediction averaged over imputed values" if study.outcome.imputes else "no prediction"


def _methods(frames: Frames, naming: Naming) -> dict[str, str]:
    study = naming.study
    terms = len(study.outcome.covariates) + (2 + len(study.outcome.terms)) * len(study.markers)
    one_visit = {"population": "the training patients’ mean", "exclude": "the patient left out"}
    never = {"population": "the average patient’s course", "exclude": "the patient left out"}
    at = " at the landmark" if naming.has_landmark else ""
    return {
        "10": f"All patients{at}: {_numbers(frames, naming)}, for about {amount(terms, 'coefficient')} in "
        f"the largest model; a justification is {AUTHORS}.",
        "11": f"{_missing_covariate(study)}; a missing value of a marker is a "
        f"visit less for the growth model. Patient-specific slope with one visit: "
        f"{one_visit[study.outcome.one_visit]}; "
        f"marker never measured: {never[study.outcome.missing_marker]}.",
        "12a": f"{study.validation.folds} outer folds of patients, {amount(study.validation.repeats, 'repeat')}; "
        f"inside each, slopes cross-fitted in {study.crossfit.folds} inner folds. The model in model.json is "
        "fitted to all patients.",
        "12b": f"In “Methods, for a paper”; {_form(naming)}, per SD and per unit.",
        "12c": f"Linear mixed models, then {_model(frames, naming)}, in eight sets of predictors; {_tuned(frames)}; "
        "nested validation (“Methods, for a paper”, “Did anything leak?”).",
        "12d": "Each centre left out once, “Does the answer hold?”." if len(frames.centres) else "Not examined.",
        "12e": f"{_measures(frames)}; defined in “What predicts the outcome”.",
        "12f": "No updating.",
        "12g": "By the growth model’s best linear unbiased prediction, then the model of the outcome; all parameters "
        "are in model.json.",
        "13": "None used.",
        "14": f"None by this program; {AUTHORS} if it was considered.",
        "15": f"{_output(naming)}; no classification.",
        "16": "Development and evaluation use the same cohort; no difference.",
        "18f": f"slopewise {frames.provenance['versions'].get('slopewise', '')}, code digest "
        f"{frames.provenance['code_digest']}; instructions for running it again are in “Where the numbers come "
        "from”.",
    }


def _results(frames: Frames, naming: Naming) -> dict[str, str]:
    metric = headline_metric(frames.performance)
    slope, level = gain(frames, "slope", metric), gain(frames, "level", metric)
    added = f", the slopes add {difference_words(slope)}" if slope.has_interval else ""
    return {
        "20a": f"“The patients”: {_numbers(frames, naming)}, with the flow{_and_followup(naming)}.",
        "20b": f"“The patients”; treatments, key dates and differences between groups of people are {AUTHORS}.",
        "20c": "Same cohort.",
        "21": f"Development: {_numbers(frames, naming)}; each fold in “Did anything leak?”.",
        "22": f"model.json, beside this report: parameters of both stages{_and_hazard(frames, naming)}, no patient’s "
        f"data; {naming.words.effect}s in “The outcome models”.",
        "23a": f"“What predicts the outcome”: with levels {HEADLINES[metric]} is {number(level.value)}{added}. "
        + ("Subgroups: “Does the answer hold?”." if len(frames.subgroups) else "Subgroups were not examined."),
        "23b": "Each centre in “Does the answer hold?”." if len(frames.centres) else "Not examined.",
        "24": "No updating.",
        "26": f"“Cautions and sample size” lists what the tables show; the rest is {AUTHORS}.",
        "27a": "A marker that was never measured gives the average patient’s slope with reliability 0; a missing "
        f"covariate gives {_without_covariate(naming.study)}. What this means in care is {AUTHORS}.",
    }
