"""The names in a formula."""

from __future__ import annotations

import ast
import re

AGE = "age"
"""The column that `data.birth_date` makes."""
BACKTICK = re.compile(r"`([A-Za-z0-9_. -]{1,100})`")
"""A column whose name is no name of Python, as a formula quotes it."""


def formula_names(formula: str) -> frozenset[str]:
    """The names of columns in a one-sided formula such as ``~ time * sex + log(dose)``; functions are not among them.

    A name in backticks is that of the column without them.

    Raises `ValueError` with what cannot be read. Whether the formula is admissible is the design's question.
    """
    if not formula.strip().startswith("~"):
        _, tilde, right = formula.partition("~")
        written = f"`~ {(right if tilde else formula).strip()}`"
        raise ValueError(f"a formula starts with `~` and has no left side (the marker is it): write {written}")
    right = formula.strip()[1:].strip()
    if "|" in right:
        plain = " ".join(re.sub(r"\(?([^()|]*)\|+[^()|+]*\)?", r"\1", right).split()) or "time"
        raise ValueError(
            f"the formula `{formula}` has a bar; random effects are always by patient (data.patient), so nothing is "
            f"written for it: `~ {plain}`, fixed effects under growth.fixed and random ones under growth.random"
        )
    if not right:
        raise ValueError("the formula ends after `~`; write `~ 1` for an intercept alone")
    quoted: dict[str, str] = {}

    def quote(found: re.Match[str]) -> str:
        name = f"backtick_{len(quoted)}_"
        quoted[name] = found[1]
        return name

    try:
        # `a:b` is an interaction in a formula and no expression in Python; for the names they are the same as `a * b`.
        tree = ast.parse(BACKTICK.sub(quote, right).replace(":", "*"), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"the formula `{formula}` cannot be read; write for example `~ time * sex + age`") from error
    functions = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in functions]
    return frozenset(quoted.get(name, name) for name in names)


RESERVED = {
    "patient": "the column of the patient's identifier in every table",
    "time": "the time since time zero in every table and formula",
    "event": "the column of the event in the cohort",
    "followup": "the column of the follow-up since the landmark in the cohort",
    "entry": "the column of the delayed entry in the cohort",
    "outcome": "the column of a binary or continuous outcome in the cohort",
    "visit": "the number of a visit in the report",
}
"""Names that our own tables use, and for what."""
