"""What the codes of an event column mean: which end the follow-up without the event, and which are it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from slopewise.cli.columns import listed, readable
from slopewise.cli.init.guess import Named
from slopewise.cohort.named_units import vocabulary, words
from slopewise.run.errors import InputError
from slopewise.study.keys import canonical_code

NO = vocabulary("0 no n none false f non nein nej nee nao ne")
YES = vocabulary("1 yes y true t ja j oui si sim")
NEGATION = vocabulary("no not non without ohne kein keine keinen nicht sans sin pas free frei freie libre never un")
NEGATED_PARTS = ("eventfree", "ereignisfrei", "relapsefree", "rezidivfrei", "progressionfree", "diseasefree")
ALIVE = vocabulary(
    "alive living lives lebt lebend lebendig leben vivant vivante vivo viva vive vif levend leven levande"
)
CENSORED_PARTS = ("censor", "zensier", "zensur", "censur", "censored")
ENDED_PARTS = (
    "lost", "loss to f", "losstof", "ltfu", "ltf", "withdr", "dropout", "drop out", "dropped", "admin", "end of study",
    "endofstudy", "study end", "studienende", "ende der studie", "fin d etude", "fin de l etude", "fin del estudio",
    "completed", "completer", "cut off", "cutoff", "stichtag", "last contact", "letzter kontakt", "ongoing", "still ",
    "consent", "einwilligung", "widerruf", "zuruckge", "abgebrochen", "studienabbruch", "ausgeschieden", "verlor",
    "verzogen", "moved", "transferred", "perdu", "perdid", "perso al", "abandon", "retrait", "retirad", "ritirat",
    "uitgevallen", "follow up", "followup", "discontinu", "emigr", "ausgewandert", "verlust",
)  # fmt: skip
EVENT_PARTS = (
    "death", "dead", "died", "deceas", "fatal", "exitus", "verstorben", "gestorben", "deces", "deced", "mort", "muert",
    "fallec", "obito", "overled", "relaps", "rezidiv", "recid", "recurr", "progress", "transplant", "failure",
    "versagen", "infar", "stroke", "event", "ereignis", "evenement", "graft",
)  # fmt: skip
EVENT_WORDS = vocabulary("tod tot dod mi hf avliden")
MARKS_CENSORED = vocabulary(
    "cnsr censored iscensored zensiert zensierung censure censuree censurado censurato gecensureerd"
)
MARKS_PARTS = ("cnsr", "censored", "zensiert", "eventfree", "ereignisfrei")
MARKS_EITHER = vocabulary("cens censor censoring censind censstat")
"""Names under which some write 1 for the censored (ADaM) and others 1 for the event: nothing is guessed."""


@dataclass(frozen=True)
class Meaning:
    """Events and competing events with labels, the censored codes, and why; no events where it is not plain."""

    events: Mapping[str, str] = field(default_factory=dict)
    competing: Mapping[str, str] = field(default_factory=dict)
    censored: tuple[str, ...] = ()
    why: str = ""


def reading(code: str) -> str:
    """``censored``, ``event``, or nothing where a code does not say it; by parts of words, in several languages."""
    own = words(code)
    text = " ".join(own)
    if text in NO or any(part in text for part in CENSORED_PARTS) or (own and own[0] == "cens"):
        return "censored"
    event = any(part in text for part in EVENT_PARTS) or bool(EVENT_WORDS & set(own)) or "†" in code
    if (event and NEGATION & set(own)) or any(part in "".join(own) for part in NEGATED_PARTS):
        return "censored"
    ended = bool(ALIVE & set(own)) or any(part in f"{text} " for part in ENDED_PARTS)
    if event and ended:
        return ""
    return "event" if event else "censored" if ended else ""


def marks_censored(column: str) -> bool:
    """Whether a column's name says that its 1 or yes is a patient without the event: ``CNSR``, ``alive``."""
    joined = "".join(words(column))
    return bool((MARKS_CENSORED | ALIVE) & {*words(column), joined}) or any(part in joined for part in MARKS_PARTS)


def marks_either(column: str) -> bool:
    """Whether a column's name says that it is about censoring, and not whether its 1 is that or the event."""
    return not marks_censored(column) and bool(MARKS_EITHER & {*words(column), "".join(words(column))})


def meaning(file: str, column: str, codes: Sequence[str], said: Named) -> Meaning:
    """What the `codes` of an event column mean: as the user says, else by its name and their texts."""
    if said.events:
        return _as_said(file, column, codes, said)
    plain = all(code.lower() in NO | YES or code.isdigit() for code in codes)
    if plain and marks_either(column):
        why = f"whether 1 of {readable(column)} is a censored patient or an event is not plain from its name"
        return Meaning(why=f"{why}; name it with --event-code, for example --event-code 1=death")
    if plain and marks_censored(column):
        events = [code for code in codes if code.lower() in NO]
        censored = tuple(code for code in codes if code not in events)
        if events and censored:
            why = (
                f"{readable(column)} marks the censored: {listed(censored)} is censored, {listed(events)} is the event"
            )
            return Meaning(dict.fromkeys(events, "event"), {}, censored, why)
    return _by_text(column, codes)


def _by_text(column: str, codes: Sequence[str]) -> Meaning:
    read = {code: reading(code) for code in codes}
    if {code.lower() for code in codes} == {"a", "d"}:  # alive, dead
        read = {code: "censored" if code.lower() == "a" else "event" for code in codes}
    censored = tuple(code for code in codes if read[code] == "censored")
    rest = [code for code in codes if code not in censored]
    there = f"its codes are {listed(codes)}"
    if not censored:
        return Meaning(why=f"{there}, and none of them is plainly the censored one; name it with --event-code")
    if not rest:
        return Meaning(censored=censored, why=f"{there}, and none of them is an event")
    words_of = [code for code in rest if not (code.isdigit() or code.lower() in YES)]
    unclear = [code for code in words_of if read[code] != "event"]
    if unclear and len(rest) > 1:
        why = f"{there}, and whether {listed(unclear)} is an event, a competing one or censored is not plain"
        return Meaning(censored=censored, why=f"{why}; name it with --event-code and --competing-code")
    events = {code: _label(column, code, alone=len(rest) == 1) for code in rest}
    several = " are taken together as one event: separate a competing one" if len(events) > 1 else " is the event"
    are = "are" if len(censored) > 1 else "is"
    return Meaning(events, {}, censored, f"{listed(censored)} {are} censored, {listed(events)}{several}")


def _as_said(file: str, column: str, codes: Sequence[str], said: Named) -> Meaning:
    events, competing = labelled(said.events, "--event-code"), labelled(said.competing, "--competing-code")
    unknown = [code for code in (*events, *competing) if code not in codes]
    if unknown:
        raise InputError(
            f"{file}: column {column}: the code {unknown[0]!r} does not occur; name one of the codes {listed(codes)}"
        )
    others = tuple(code for code in codes if code not in events and code not in competing)
    return Meaning(events, competing, others, "as given; all other codes count as censored")


def _label(column: str, code: str, alone: bool) -> str:
    """A label for the report: of a 1 or a yes the column's name, of other words the word."""
    if code.isdigit() or code.lower() in YES:
        return readable(column) if alone else f"{readable(column)} {code}"
    return readable(code)


def labelled(pairs: tuple[str, ...], option: str) -> dict[str, str]:
    """``1=transplant`` as code and label; a code alone is its own label."""
    found = {}
    for pair in pairs:
        code, _, label = pair.partition("=")
        if not code.strip():
            raise InputError(f"{option} {pair!r}: write CODE=LABEL, for example 1=death")
        found[canonical_code(code.strip())] = label.strip() or code.strip()
    return found
