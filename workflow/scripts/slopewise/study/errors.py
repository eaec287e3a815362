"""From an error of pydantic to a sentence for the author of a study file: which key, what is wrong, what was meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel, ValidationError

from slopewise.study.strict_yaml import KeyPath

MOST_SHOWN = 80
MOST_OTHERS = 10
"""After so many findings the others are counted."""
MOST_EXPLAINED = 100
"""Unknown keys for which a name that may have been meant is looked for: a file with thousands is no study file."""
WORDS = {
    "string_type": "must be text, not {value}; write it in quotes",
    "int_type": "must be a whole number, not {value}",
    "int_from_float": "must be a whole number, not {value}",
    "float_type": "must be a number, not {value}",
    "bool_type": "must be true or false, not {value}",
    "dict_type": "must be a map (`key: value`), not {value}",
    "model_type": "must be a map of keys, not {value}",
    "tuple_type": "must be a list in brackets, not {value}; write [{written}]",
    "string_too_short": "must not be empty",
    "string_too_long": "is too long: at most {max_length} characters",
    "too_short": "must not be empty",
    "finite_number": "must be a finite number, not {value}",
    "greater_than_equal": "must be at least {ge}, not {value}",
    "greater_than": "must be greater than {gt}, not {value}",
    "less_than_equal": "must be at most {le}, not {value}",
    "less_than": "must be less than {lt}, not {value}",
    "string_pattern_mismatch": "{value} does not fit: letters A-Z and a-z, digits, `_` and `-`, 1 to 64 of them",
}
"""What to say for an error type of pydantic; its context and `value` (what stands in the file) fill the braces."""


class Finding(NamedTuple):
    """Something wrong in a study file: the path of the key and a message."""

    path: KeyPath
    message: str


def one_line(name: str, line: int | None, finding: Finding) -> str:
    """``file: line 12: data.time_unit: message``."""
    parts = [name, f"line {line}" if line else "", shortened_path(finding.path), finding.message]
    return ": ".join(part for part in parts if part)


def shortened_path(path: KeyPath) -> str:
    """A key's path with dots, on one line, each key cut where it is long."""
    keys = [" ".join(key.split()) for key in path]
    return ".".join(key if len(key) <= MOST_SHOWN else f"{key[:MOST_SHOWN]}…" for key in keys)


def findings_of(error: ValidationError, model: type[BaseModel]) -> list[Finding]:
    """Each error of a validation of `model` as a finding, the message ours.

    A key that is missing because it is misspelt is told once, where it is misspelt.
    """
    # In the location of an error in a map's key pydantic adds "[key]", which is no key of the file.
    items = [(tuple(str(part) for part in item["loc"] if part != "[key]"), item) for item in error.errors()]
    unknown = [path for path, item in items if item["type"] == "extra_forbidden"]
    explained = set(unknown[:MOST_EXPLAINED])
    misspelt = {(*path[:-1], close) for path in explained if (close := close_to(path[-1], keys_at(model, path[:-1])))}
    silent = set(unknown) - explained
    return [
        Finding(path, "unknown key" if path in silent else _message(item, path, model))
        for path, item in items
        if not (item["type"] == "missing" and path in misspelt)
    ]


def _message(item: Any, path: KeyPath, model: type[BaseModel]) -> str:
    kind, value = item["type"], item["input"]
    if kind == "extra_forbidden":
        return f"unknown key{meant(path[-1], path[:-1], model)}"
    if kind == "missing":
        return "is missing"
    if value is None:
        return "has no value; write one or leave the key out"
    context = {**item.get("ctx", {}), "value": shortened(value), "written": _as_written(value)}
    if kind == "literal_error":
        expected = [word.strip("'") for word in context["expected"].replace(" or ", ", ").split(", ")]
        close = close_to(str(value), expected)
        return f"must be {context['expected']}, not {shortened(value)}" + (
            f"; did you mean {close!r}?" if close else ""
        )
    if kind in WORDS:
        return WORDS[kind].format(**context)
    return item["msg"][:1].lower() + item["msg"][1:]


def _as_written(value: object) -> str:
    """One item of a list, as YAML writes it; an example where the value is no single item."""
    return str(value)[:MOST_SHOWN] if isinstance(value, str | int | float) and str(value).strip() else "1, 2"


def shortened(value: object) -> str:
    """A value as it is written, cut where it is long."""
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def meant(key: str, place: KeyPath, model: type[BaseModel]) -> str:
    """What an unknown key at `place` may have meant: a key of that place, or the same key elsewhere."""
    here = keys_at(model, place)
    if close := close_to(key, here):
        return f"; did you mean `{close}`?"
    everywhere = [path for path in all_keys(model) if path[-1] == key]
    if everywhere:
        return f"; did you mean `{'.'.join(everywhere[0])}`?"
    return f"; known here: {', '.join(here)}"


def close_to(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """The known word that may have been meant, or nothing; upper and lower case are alike."""
    if len(word) > MOST_SHOWN:  # no name of ours, and the comparison would take long
        return ""
    lower: dict[str, str] = {}
    for each in known:
        lower.setdefault(each.lower(), each)
    close = difflib.get_close_matches(word.lower(), list(lower), 1, cutoff)
    return lower[close[0]] if close else ""


def keys_at(model: type[BaseModel], place: KeyPath) -> list[str]:
    """The keys that may stand at `place`; empty where the author chooses them."""
    current: type[BaseModel] | None = model
    named = False
    for part in place:
        if named:  # the author's own name, for example of a marker
            named = False
        elif current is not None and part in current.model_fields:
            current, named = inner_model(current.model_fields[part].annotation)
        else:
            return []
    return list(current.model_fields) if current is not None and not named else []


def all_keys(model: type[BaseModel], place: KeyPath = ()) -> list[KeyPath]:
    """Every key path below `model`; NAME stands for a name that the author chooses."""
    found: list[KeyPath] = []
    for key, field in model.model_fields.items():
        found.append((*place, key))
        inner, named = inner_model(field.annotation)
        if inner is not None:
            found += all_keys(inner, (*place, key, "NAME") if named else (*place, key))
    return found


def inner_model(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The model inside an annotation, and whether it stands behind names that the author chooses."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    for argument in get_args(annotation):
        inner, named = inner_model(argument)
        if inner is not None:
            return inner, named or get_origin(annotation) is dict
    return None, False
