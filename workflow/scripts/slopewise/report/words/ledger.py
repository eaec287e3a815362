"""The ledger in words: what was left out of the outcome models, and why."""

from __future__ import annotations

import re

import pandas as pd

from slopewise.report.material.frames import Frames
from slopewise.report.words.courses import slope_is_nil
from slopewise.report.words.naming import QUANTITIES, STEP_NAMES, Naming
from slopewise.report.words.numbers import count, in_words
from slopewise.run.words import agree

PENALTY = r"^(.*?)elastic net, penalty (\S+) .*: (\d+) of (\d+) coefficients"
"""A line of the ledger that tells a penalty: cause, strength, coefficients that are not 0, all coefficients."""

TERM = re.compile(rf"(?<![A-Za-z0-9_-])([A-Za-z0-9_-]+)\.({'|'.join(QUANTITIES)})\b")
"""A term of a marker, such as ``albumin.slope``."""

OF_RANK_ONE = "the random effects have rank one"

TOLD = 3
"""So many slopes are told one by one why they were left out."""


def readable(message: str, naming: Naming) -> str:
    """A ledger message with the report's names for terms, and with small counts of patients masked."""
    limit, message = naming.study.report.small_cells, message.replace("'", "’")
    message = TERM.sub(
        lambda found: (
            f"{naming.marker(found[1])}’s {QUANTITIES[found[2]]}" if found[1] in naming.study.markers else found[0]
        ),
        message,
    )
    return re.sub(r"\b(\d+)( of \d+ patients| events)", lambda found: count(int(found[1]), limit) + found[2], message)


def shipped_lines(frames: Frames, naming: Naming) -> list[tuple[str, str]]:
    """What the shipped models left out or filled in: (ladder steps, message), equal messages told once."""
    return grouped(frames.ledger, naming)


def grouped(ledger: pd.DataFrame, naming: Naming) -> list[tuple[str, str]]:
    """Messages in order of the ladder, each with the steps it concerns."""
    order = list(STEP_NAMES)
    ledger = ledger.assign(place=ledger["predictors"].map({step: place for place, step in enumerate(order)}))
    ledger = ledger.sort_values("place", kind="stable", na_position="last")
    steps: dict[str, list[str]] = {}
    for row in ledger.itertuples():
        name = "" if pd.isna(row.predictors) else STEP_NAMES.get(row.predictors, row.predictors)
        steps.setdefault(readable(row.message, naming), []).append(name)
    told = [(in_words(list(dict.fromkeys(name for name in names if name))), text) for text, names in steps.items()]
    return _over_markers(told)


def _over_markers(lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What is said of several markers alike, said once: ``albumin’s and bilirubin’s change: 12 of 278 ...``."""
    together: dict[tuple[str, str, str], list[str]] = {}
    for steps, text in lines:
        owner, apostrophe, rest = text.partition("’s ")
        quantity = next((words for words in QUANTITIES.values() if rest.startswith(f"{words}: ")), "")
        key = (steps, apostrophe + rest, "") if apostrophe and quantity else (steps, "", text)
        together.setdefault(key, []).append(owner)
    return [
        (steps, text or f"{in_words([f'{owner}’s' for owner in owners])} {rest.removeprefix('’s ')}")
        for (steps, rest, text), owners in together.items()
    ]


def validation_lines(frames: Frames, naming: Naming) -> list[str]:
    """What happened inside the validation: each message with the number of training sets it was met in."""
    ledger = frames.validation_ledger
    whole = ledger[ledger["repeat"] == 0]
    lines = [f"{text}." if not names else f"{names}: {text}." for names, text in grouped(whole, naming)]
    sets = frames.audit.loc[frames.audit["scheme"] == "validation", ["repeat", "held_out"]].drop_duplicates().shape[0]
    inner = ledger[ledger["repeat"] > 0]
    of_penalty = inner["message"].str.contains("elastic net, penalty ", regex=False)
    lines += _penalties(inner[of_penalty], sets)
    inner = inner[~of_penalty]
    # The correlation differs from training set to training set; what happened does not.
    inner = inner.assign(message=inner["message"].str.replace(r" \(correlation [^)]*\)", "", regex=True))
    for (step, message), part in inner.groupby(["predictors", "message"], sort=True, dropna=False):
        met = part[["repeat", "held_out"]].drop_duplicates().shape[0]
        name = "" if pd.isna(step) else f"{STEP_NAMES.get(step, step)}: "
        lines.append(f"{name}{readable(message, naming)}, in {met} of {sets} training sets of the validation.")
    return lines


def _penalties(ledger: pd.DataFrame, sets: int) -> list[str]:
    """The penalties that the training sets of the validation chose, a line for each step (and cause)."""
    lines = []
    parts = ledger["message"].str.extract(PENALTY).set_axis(["cause", "strength", "kept", "of"], axis=1)
    for (step, cause), own in ledger.assign(**parts).groupby(["predictors", "cause"], sort=False):
        strength, kept = own["strength"].astype(float), own["kept"].astype(int)
        met = own[["repeat", "held_out"]].drop_duplicates().shape[0]
        few = f"{kept.min()}" if kept.min() == kept.max() else f"{kept.min()} to {kept.max()}"
        lines.append(
            f"{STEP_NAMES.get(str(step), step)}: {cause}elastic net in {met} of {sets} training sets of the "
            f"validation, each with a separate penalty ({strength.min():.2g} to {strength.max():.2g}): {few} of "
            f"{own['of'].iloc[0]} coefficients {agree(few, 'is', 'are')} not 0."
        )
    return lines


def slope_reasons(frames: Frames, naming: Naming) -> list[str]:
    """Why slopes are not in the shipped model of level and slope; of many only how many, the ledger has them all."""
    reasons = _slope_reasons(frames, naming)
    if len(reasons) <= TOLD:
        return reasons
    share = f"{len(reasons)} of {len(naming.study.markers)} slopes"
    return [f"{share} were left out; the reasons are given with the outcome models."]


def _slope_reasons(frames: Frames, naming: Naming) -> list[str]:
    own = frames.ledger[frames.ledger["predictors"] == "slope"]
    own = own[own["message"].str.contains(r"\.slope left out\b")]
    reasons = []
    for row in own.itertuples():
        reason = readable(str(row.message), naming).partition(": ")[2]
        if reason.startswith(OF_RANK_ONE):
            known = re.search(r"correlation [^)]*", reason)
            reason = f"the level determines it (random effects of rank one{f'; {known[0]}' if known else ''})"
        if slope_is_nil(frames, naming, str(row.marker)):
            reason = "the variance of its slopes is estimated at 0, so all patients have the average slope"
        reasons.append(f"The slope of {naming.marker(str(row.marker))} is not in that model: {reason}.")
    return reasons
