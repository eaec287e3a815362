"""Cautions: generated from the tables, each with its numbers, the gravest first."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from slopewise.cohort.findings import WARNING
from slopewise.cohort.kinds import kinds, problems_of
from slopewise.cohort.predictors import ASK
from slopewise.design.screen import is_straight
from slopewise.outcome.sample_size import counted_events, judge, ladder_sizes, shortfalls
from slopewise.report.material.audits import audited, leaks
from slopewise.report.material.frames import Frames
from slopewise.report.material.gains import gain, reliabilities
from slopewise.report.sections.cohort import file_words
from slopewise.report.sections.hazards import UNEVEN, uneven
from slopewise.report.words.courses import slope_is_nil
from slopewise.report.words.growth_cautions import growth_checks
from slopewise.report.words.ledger import readable
from slopewise.report.words.naming import STEP_NAMES, Naming
from slopewise.report.words.numbers import count_of, in_words, number, p_words
from slopewise.report.words.two_visits import two_visits
from slopewise.run.words import amount
from slopewise.validate.gains import headline_metric, slopes_of

GRAVE_SHARE = 0.2
"""Findings in single rows that concern this share of the patients are grave."""

LOW_RELIABILITY = 0.5
"""Below this, less than half of what tells patients' true slopes apart can be seen."""

FEW_GROUPS = 10
"""Below this many patients a variance between patients is hardly estimated at all."""

BENT = 0.01
"""Below this p of a curve against a straight line it is told."""

OPTIMISM = 0.05
"""A C that is higher by this in the model's own patients than in others."""

MANY_WITHOUT_SLOPE = 0.1
"""Share of patients with fewer than two visits from which it is told."""

SHARED_TERMS = 6
"""So many markers are told by name; of more, their number."""

SEPARATION = ("separates those with the event", "likelihood rises without end")
"""What the ledger says where a predictor separates the outcome, with a penalty and without."""

Caution = tuple[str, str]

PROPORTIONAL = "whether the effects of the predictors stay the same over time (proportional hazards)"
NOT_EXAMINED = (
    "whether the models hold in other patients than these: the validation is internal",
    "whether visits are missing for reasons beyond the observed values: they are treated as missing at random "
    "given these",
)
"""What no table of the study shows, and a reader should not think was checked."""


def not_examined(frames: Frames, naming: Naming) -> tuple[str, ...]:
    """What was not looked at in a study of this kind."""
    if not naming.kind.predicts:
        return NOT_EXAMINED[1:]  # the first is about the outcome's models
    unseen = naming.kind.timed and frames.hazards.empty  # as of penalised models
    return (PROPORTIONAL, *NOT_EXAMINED) if unseen else NOT_EXAMINED


def cautions(frames: Frames, naming: Naming) -> list[Caution]:
    """(what in short, the sentence) of everything that the tables give reason to be careful about."""
    grave, minor = _files(frames, naming)
    if not naming.kind.predicts:
        return [
            *_leaks(frames),
            *grave,
            *_convergence(frames, naming),
            *_few_groups(frames),
            *_bent(frames, naming),
            *growth_checks(frames, naming),
            *_reliability(frames, naming),
            *_boundary(frames, naming),
            *_few_visits(frames, naming),
            *two_visits(frames, naming),
            *minor,
        ]
    return [
        *_leaks(frames),
        *_separation(frames, naming),
        *grave,
        *_convergence(frames, naming),
        *_sample_size(frames, naming),
        *_bent(frames, naming),
        *growth_checks(frames, naming),
        *_reliability(frames, naming),
        *_boundary(frames, naming),
        *_dropped(frames, naming),
        *_few_visits(frames, naming),
        *_optimism(frames, naming),
        *_calibration(frames, naming),
        *_hazards(frames, naming),
        *_later_rows(naming),
        *_settings(naming),
        *_composite(naming),
        *_competing(frames, naming),
        *minor,
    ]


def _few_groups(frames: Frames) -> Iterator[Caution]:
    if frames.n_patients < FEW_GROUPS:
        yield (
            "Few groups",
            f"There are only {amount(frames.n_patients, 'patient')} (groups). Differences between patients are "
            f"estimated from one value per patient, so that standard deviations of random effects, and the "
            f"reliability and shrinkage that depend on them, are very uncertain. Describe these patients; do not "
            f"generalise to others.",
        )


def _listed(parts: list[str], markers: str = "markers") -> str:
    """The parts in words, or how many they are."""
    return in_words(parts) if len(parts) <= SHARED_TERMS else f"{len(parts)} {markers}"


def _of_fits(frames: Frames, naming: Naming, chosen: pd.Series) -> list[str]:
    """``albumin 140 of 176`` for each marker with fits among the `chosen`."""
    parts = []
    counts = frames.fits.assign(chosen=chosen).groupby("marker")["chosen"].agg(["sum", "size"])
    for marker in naming.study.markers:
        if marker in counts.index and (n := int(counts.loc[marker, "sum"])):
            parts.append(f"{naming.marker(marker)} {n} of {counts.loc[marker, 'size']}")
    return parts


def _leaks(frames: Frames) -> Iterator[Caution]:
    found = leaks(frames)
    if found:
        yield (
            "Leakage",
            f"The audit found a leak in {found} of {amount(audited(frames), 'fit')}: do not rely on any number "
            f"of this report.",
        )


def outcome_among_predictors(frames: Frames, naming: Naming) -> str:
    """What the data and the models say of predictors that describe or separate the outcome; empty if nothing."""
    found = frames.problems[frames.problems["action"].fillna("").str.startswith(ASK)]
    parts = [f"the data check warns of {in_words(sorted(set(found['column'])), 'columns')}"] if len(found) else []
    if naming.kind.predicts:
        whole = frames.ledger["message"].astype(str)
        told = whole[whole.str.contains("|".join(SEPARATION), regex=True)]
        parts += list(dict.fromkeys(readable(message, naming) for message in told))
    if not parts:
        return ""
    return (
        f"A predictor describes or separates the outcome: {'; '.join(parts)}. If it became known only with the "
        f"outcome, figures of this report that depend on it are invalid."
    )


def _separation(frames: Frames, naming: Naming) -> Iterator[Caution]:
    if text := outcome_among_predictors(frames, naming):
        yield "Outcome among the predictors", text


def _convergence(frames: Frames, naming: Naming) -> Iterator[Caution]:
    failed = _of_fits(frames, naming, ~frames.fits["converged"])
    given_up = _of_fits(frames, naming, frames.fits["structure"] == "excluded")
    if failed:
        yield "Convergence", f"Growth models that did not converge: {_listed(failed)}."
    if given_up:
        yield "No growth model", f"Growth models that could not be fitted: {_listed(given_up)}."


def _bent(frames: Frames, naming: Naming) -> Iterator[Caution]:
    """Markers whose average course a straight line does not fit, where the study has no curve."""
    rows = frames.linearity
    if not is_straight(naming.study.growth.fixed, naming.predictor):
        return
    bent = rows[(rows["p_value"] < BENT) & (rows["shape"] == "spline")]["marker"]
    markers = [marker for marker in naming.study.markers if marker in set(bent)]
    if markers:
        names, each = naming.listed(markers), " each" if len(markers) > 1 else ""
        yield (
            "Curved courses",
            f"The average course of {names} is curved (natural spline against straight line, p below {BENT:g}{each}): "
            "a single slope for all times does not describe it.",
        )


def _sample_size(frames: Frames, naming: Naming) -> Iterator[Caution]:
    """What `check` warns of before the run: the largest step of the ladder needs more patients or events."""
    study, patients = naming.study, frames.patients
    sizes, events = ladder_sizes(study, patients), counted_events(study, patients)
    limit = study.report.small_cells
    found = shortfalls(study, sizes, events, judge(study, patients, sizes), STEP_NAMES, limit)
    if found:
        text = "; ".join(found)
        penalised = " The models are therefore penalised." if frames.penalised else ""
        yield "Sample size", f"{text[0].upper()}{text[1:]}.{penalised}"


def _reliability(frames: Frames, naming: Naming) -> Iterator[Caution]:
    known = reliabilities(frames, list(naming.study.markers))
    low = known[known["reliability"].round(2) < LOW_RELIABILITY]
    if len(low):
        named = [f"{naming.marker(row.marker)} {number(row.reliability, 2)}" for row in low.itertuples()]
        lowest = f", the lowest {number(low['reliability'].min(), 2)}" if len(named) > SHARED_TERMS else ""
        meaning = (
            "so that slopes without a gain here may show one in patients who are measured longer or more often"
            if naming.kind.predicts
            else "so patients should not be ranked by their slopes"
        )
        yield (
            "Low reliability",
            f"Reliability of slopes under {LOW_RELIABILITY:g}: {_listed(named)}{lowest}. Less than half of the "
            f"variance "
            f"of patients’ true slopes is recovered, {meaning}. The stated reliability is itself optimistic when "
            f"slopes vary little and patients are few.",
        )


def _boundary(frames: Frames, naming: Naming) -> Iterator[Caution]:
    singular = _of_fits(frames, naming, frames.fits["singular"])
    if singular:
        everybody = [marker for marker in naming.study.markers if frames.is_singular(marker)]
        nil = [naming.marker(marker) for marker in everybody if slope_is_nil(frames, naming, marker)]
        rank = [naming.marker(marker) for marker in everybody if naming.marker(marker) not in nil]
        also = f" In the fit to all patients slopes do not vary for {_listed(nil)}." if nil else ""
        also += f" In the fit to all patients the slope is determined by the value for {_listed(rank)}." if rank else ""
        yield (
            "Singular fits",
            f"Growth models at the boundary: {_listed(singular)}. In these fits the random effects have one dimension "
            f"less: slopes do not vary between patients, or are determined by their values.{also}",
        )
    simpler = _of_fits(frames, naming, frames.fits["structure"] == "intercept")
    if simpler:
        yield (
            "No random slope",
            f"Fits in which a patient-specific slope could not be identified: {_listed(simpler)}. In these fits every "
            f"patient has the average slope.",
        )


def _dropped(frames: Frames, naming: Naming) -> Iterator[Caution]:
    dropped = [naming.marker(marker) for marker in slopes_of(frames.coefficients, kept=False)]
    if dropped:
        yield (
            "Slopes left out",
            f"Not in the model of level and slope: the slope of {_listed(dropped)}. The gain reported for slopes "
            "leaves these markers out.",
        )


def _few_visits(frames: Frames, naming: Naming) -> Iterator[Caution]:
    limit, parts = naming.study.report.small_cells, []
    until = " up to the landmark" if naming.has_landmark else ""
    for marker in naming.study.markers:
        visits = frames.of("slopes", marker)["visits"]
        few = int((visits < 2).sum())
        if few and few >= MANY_WITHOUT_SLOPE * len(visits):
            parts.append(f"{naming.marker(marker)} {count_of(few, len(visits), limit)}")
    if parts:
        yield (
            "Few visits",
            f"Patients with fewer than two visits{until}: {_listed(parts)}. Their slope is the average one, shifted by "
            "what their value predicts; it carries no separate information about change.",
        )


def _optimism(frames: Frames, naming: Naming) -> Iterator[Caution]:
    metric = headline_metric(frames.performance)
    slope = gain(frames, "slope", metric)
    apparent = float(frames.metric(metric).loc["slope", "apparent"])
    if apparent - slope.value >= OPTIMISM:
        yield (
            "Optimism",
            f"With level and slope {naming.words.short} is {number(apparent)} in the patients the model was fitted to "
            f"and "
            f"{number(slope.value)} in others: the "
            "model overfits.",
        )


def _calibration(frames: Frames, naming: Naming) -> Iterator[Caution]:
    rows = frames.performance
    rows = rows[(rows["metric"] == "calibration_slope") & (rows["predictors"] == "slope")]
    bad = rows[(rows["ci_high"] < 1) | (rows["ci_low"] > 1)]
    if len(bad):
        what = "predictions" if naming.kind.numeric else "absolute risks"
        places = [(number(row.validated, 2), naming.at(row.horizon)) for row in bad.itertuples()]
        listed = in_words([f"{value}{at and f' at {at}'}" for value, at in places])
        yield (
            "Calibration",
            f"The calibration slope of level and slope is {listed}; its interval excludes 1: interpret {what} with "
            f"caution.",
        )


def _hazards(frames: Frames, naming: Naming) -> Iterator[Caution]:
    whole, terms = uneven(frames, naming)
    if whole is not None and whole < UNEVEN:
        named = f", most clearly for {_listed(terms, 'terms')}" if terms else ""
        yield (
            "Hazards not proportional",
            f"Hazard ratios of level and slope change over the follow-up ({p_words(whole)} for all together){named}: "
            "each is an average over the follow-up.",
        )


def _files(frames: Frames, naming: Naming) -> tuple[list[Caution], list[Caution]]:
    """Warnings from reading the files, a caution a kind: the grave ones, which concern a file as a whole or a fifth of
    the patients, and the others."""
    found = kinds(problems_of(frames.problems, WARNING))
    limit = naming.study.report.small_cells
    parts: tuple[list[Caution], list[Caution]] = ([], [])
    for kind in found:
        is_minor = not kind.first.is_whole and kind.concerned < GRAVE_SHARE * frames.n_patients
        parts[is_minor].append(("Input files", f"{file_words(kind, limit)}."))
    return parts


def _later_rows(naming: Naming) -> Iterator[Caution]:
    if naming.study.growth.rows == "all":
        apparent = ", and the apparent performance is based on it" if naming.study.kind.predicts else ""
        yield (
            "Rows after the landmark",
            "Growth models were also fitted to their training patients’ rows after the landmark (growth.rows: all): "
            "courses are estimated more precisely, but patients who are followed for longer carry more weight. If "
            "courses change shape after the landmark, the level and slope at it are affected. No cross-fitted or "
            "validated score of a patient uses that patient’s later rows, but the model fitted to all patients does; "
            "its parameters are those in model.json"
            f"{apparent}.",
        )


def _settings(naming: Naming) -> Iterator[Caution]:
    study = naming.study
    if study.outcome.bootstrap == 0:
        yield (
            "No two-stage intervals",
            "outcome.bootstrap is 0: intervals of coefficients ignore that slopes are estimates.",
        )
    elif study.outcome.bootstrap < 100:
        yield "Few resamples", f"outcome.bootstrap is {study.outcome.bootstrap}: the bootstrap intervals are rough."
    if study.validation.bootstrap == 0:
        yield (
            "No intervals",
            "validation.bootstrap is 0: validated numbers have no intervals, so gains cannot be distinguished "
            "from chance.",
        )
    if study.validation.repeats == 1:
        yield "One split", "validation.repeats is 1: the validated numbers depend on one split of the patients."


def _composite(naming: Naming) -> Iterator[Caution]:
    labels = list(naming.study.outcome.events.values())
    if len(labels) > 1:
        text = f"{in_words(labels)} count as one event. Predictors of one need not predict the other."
        yield "Composite event", text[0].upper() + text[1:]


def _competing(frames: Frames, naming: Naming) -> Iterator[Caution]:
    limit = naming.study.report.small_cells
    for code, name in enumerate(frames.competing, start=2):
        n = int((frames.patients["event"] == code).sum())
        yield (
            "Competing event",
            f"{name[0].upper()}{name[1:]} ended the follow-up of {count_of(n, frames.n_patients, limit)} before "
            f"{naming.cause} could be observed. A hazard ratio describes the rate of {naming.cause} among patients "
            f"still being followed, not its eventual probability; for that see the absolute risks.",
        )
