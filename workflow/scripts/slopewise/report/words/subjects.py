"""Those who were measured, where they are no patients: states, animals, wards.

Sentences, captions and tables say "patient"; a study whose subjects are something else has the word replaced in the
whole page, but not in what the study itself says (titles, labels, columns), in code or in names of files. Units of an
interrupted series (states, wards) are no people: "patients who" becomes "states that" there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from slopewise.study.model import Study

PATIENT = ("patient", "patients")
BY_EFFECT = {"interruption": ("unit", "units")}
"""What is said without `report.subjects`, where it is not patients, by the kind of effect."""

WORD = re.compile(
    r"(?<![/\w.\-])((?P<article>[Aa]n?)(?P<blank>\s+))?(?P<word>[Pp]atients?)(?![\w]|\.\w)(?P<who>\s+who\b)?"
)
AN = re.compile(r"(?!uni|use|eu|one)[aeiou]", re.I)
PARTS = re.compile(r"(<[^>]*>)")
READ = re.compile(r"""(?<=\s)((?:aria-label|alt|title)=)("[^"]*"|'[^']*')""")
VERBATIM = ("code", "script", "style", "pre")


def subjects(study: Study) -> tuple[str, str]:
    """One and several of those who were measured."""
    return study.report.subjects or BY_EFFECT.get(study.effects.kind, PATIENT)


def speaker(study: Study) -> Callable[[str], str]:
    """What turns a text that says "patient" into one that says the study's word."""
    one, several = subjects(study)
    if (one, several) == PATIENT:
        return lambda text: text
    kept = sorted(set(_texts(study.model_dump())), key=lambda text: (-len(text), text))
    pattern = re.compile("|".join([*(f"(?:{re.escape(text)})" for text in kept), WORD.pattern]))

    def said(found: re.Match[str]) -> str:
        if not found["word"]:
            return found[0]
        word = several if found["word"].endswith("s") else one
        word = word[0].upper() + word[1:] if found["word"][0] == "P" else word
        if found["who"]:
            word += found["who"].replace("who", "that") if study.effects.interruption else found["who"]
        if not found["article"]:
            return word
        article = found["article"][0] + ("n" if AN.match(word) else "")
        return f"{article}{found['blank']}{word}"

    return lambda text: pattern.sub(said, text)


def spoken(page: str, study: Study) -> str:
    """An HTML page in the study's word, in what is read or read aloud."""
    say = speaker(study)
    if subjects(study) == PATIENT:
        return page
    made, inside = [], ""
    for part in PARTS.split(page):
        if part.startswith("<"):
            name = part.strip("</>").split(maxsplit=1)[0].lower() if part.strip("</>") else ""
            if not inside and name in VERBATIM and not part.startswith("</"):
                inside = name
            elif part.startswith("</") and name == inside:
                inside = ""
            made.append(READ.sub(lambda found: found[1] + say(found[2]), part))
        else:
            made.append(part if inside else say(part))
    return "".join(made)


def _texts(content: Any) -> Iterator[str]:
    """What the study file says that has the word in it; not the word alone, which names a column."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _texts(key)
            yield from _texts(value)
    elif isinstance(content, list | tuple):
        for value in content:
            yield from _texts(value)
    elif isinstance(content, str) and "patient" in content.lower() and content.lower().strip() not in PATIENT:
        yield content
