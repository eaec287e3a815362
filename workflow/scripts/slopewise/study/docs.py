"""What is generated from the study's models: config/README.md for people, config/study.schema.json for editors.

``python -m slopewise.study.docs --fix`` writes both below the folder ``config`` beside the workflow;
``--check`` ends with status 1 and names the file that is out of step.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from slopewise.run.code import is_docstring
from slopewise.run.files import write_text
from slopewise.study.errors import inner_model
from slopewise.study.formulas import RESERVED
from slopewise.study.keys import MISSING
from slopewise.study.model import Study

CONFIG = Path(__file__).resolve().parents[4] / "config"
EXAMPLE = re.compile(r"\s*Example:\s*`(.+)`\s*$")

INTRODUCTION = """# The study file

<!-- Generated from workflow/scripts/slopewise/study/keys.py by `python -m slopewise.study.docs --fix` -->

`config.yaml` names the studies to run; each is one YAML file in `studies/`. A study of your own may lie anywhere:
`--config study=path/to/study.yaml`. Paths inside it resolve beside the working directory.

An editor that knows YAML schemas completes and checks the keys when the first line of a file in `studies/` is
`# yaml-language-server: $schema=../study.schema.json`.

The file is read strictly. Refused, with the line and the way out, are a key that is unknown or appears twice; `yes`,
`no`, `on` and `off` without quotes, which some programs read as true and false (write `true` or `false`, or `"yes"` for
a code of the data); numbers that programs read differently (`010`, `12:30`); anchors and tags.

"""


class Key(NamedTuple):
    """A key of the study file, ready to be printed."""

    path: str
    kind: str
    default: str
    meaning: str
    example: str


def every_key(model: type[BaseModel] = Study, place: str = "") -> Iterator[Key]:
    """Every key below `model` in its order; NAME stands for a name that the author chooses."""
    for name, field in model.model_fields.items():
        path = f"{place}{name}"
        inner, named = inner_model(field.annotation)
        meaning, example = _meaning(docstrings(model).get(name, ""))
        if example:
            yield Key(path, kind(field.annotation), _default(field), meaning, example)
        if inner is not None:
            yield from every_key(inner, f"{path}.NAME." if named else f"{path}.")


@cache
def docstrings(model: type[BaseModel]) -> dict[str, str]:
    """The docstring below each key of a model and of those that it extends.

    They are read off the source here, where they are needed, and not by pydantic each time that a job starts.
    """
    found: dict[str, str] = {}
    for part in reversed(model.__mro__):
        if not issubclass(part, BaseModel) or part is BaseModel:
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(part))).body[0].body  # type: ignore[attr-defined]
        for key, below in pairwise(body):
            if isinstance(key, ast.AnnAssign) and isinstance(key.target, ast.Name) and is_docstring(below):
                found[key.target.id] = inspect.cleandoc(below.value.value)
    return found


def _meaning(docstring: str) -> tuple[str, str]:
    """The meaning and the example of a key, from the docstring below it."""
    text = " ".join(docstring.split())
    found = EXAMPLE.search(text)
    return (text[: found.start()], found[1]) if found else (text, "")


def kind(annotation: Any) -> str:
    """A type in the words of somebody who writes YAML."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return kind(arguments[0])
    if origin is Literal:
        return ", ".join("tab" if value == "\t" else f"`{value}`" for value in arguments)
    if origin is tuple:
        return f"list of {kind(arguments[0]).replace('number', 'numbers').replace('text', 'texts')}"
    if origin is dict:
        return "map"
    if origin is not None and (origin is Union or origin.__name__ == "UnionType"):
        return ", ".join(dict.fromkeys(kind(argument) for argument in arguments if argument is not type(None)))
    words = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    return words.get(annotation, "map")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "–"
    if isinstance(value, bool):
        return f"`{value}`".lower()
    if isinstance(value, float) and value.is_integer():
        return f"`{int(value)}`"
    if isinstance(value, tuple):
        return f"`{value[0]}`" if len(value) == 1 else f"`[{', '.join(map(str, value))}]`"
    if value == 0 or value == {}:
        return f"`{value}`"
    return f"`{value}`" if value else '""'


def readme() -> str:
    """The text of config/README.md."""
    lines = ["| key | type | default | meaning | example |", "|---|---|---|---|---|"]
    for key in every_key():
        cells = (f"`{key.path}`", key.kind, key.default, key.meaning, f"`{key.example}`")
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    example = (CONFIG / "studies" / "pbc.yaml").read_text(encoding="utf-8")
    reserved = "\n".join(f"- `{name}`: {why}" for name, why in RESERVED.items())
    missing = " ".join(f"`{cell}`" for cell in sorted(MISSING) if cell)
    return (
        f"{INTRODUCTION}## Keys\n\n" + "\n".join(lines) + "\n\n## Reserved names\n\n"
        "A marker, a covariate or a column in a formula cannot have one of these names:\n\n"
        f"{reserved}\n\n## How data are read\n\n"
        f"A missing value is an empty cell or one of {missing}; any other text in a column of numbers is an error. "
        "A covariate is a number if all its cells are, a category if none is; a column that mixes both is an error.\n"
        f"\n## A complete study\n\n```yaml\n{example}```\n"
    )


def schema() -> str:
    """The text of config/study.schema.json: a JSON schema of the study file for editors."""
    content = Study.model_json_schema()
    content["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    content["title"] = "Study file of slopewise"
    models = {inner.__name__: inner for inner in _models(Study)}
    for name, part in {**content["$defs"], Study.__name__: content}.items():
        for key, entry in part.get("properties", {}).items():
            if key in docstrings(models[name]):
                entry["description"] = docstrings(models[name])[key]
                part["properties"][key] = dict(sorted(entry.items()))
    _loosen(content)
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A model and all that its keys hold."""
    yield model
    for field in model.model_fields.values():
        for part in _parts(field.annotation):
            yield from _models(part)


def _parts(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _parts(argument)


def _loosen(node: Any) -> None:
    """Admit what our reader turns into text itself: codes may be numbers, a single code needs no list."""
    if isinstance(node, list):
        for item in node:
            _loosen(item)
    if not isinstance(node, dict):
        return
    properties = node.get("properties", {})
    code = {"type": ["string", "number"]}
    if "censored" in properties and "positive" in properties:
        properties["censored"] |= {"anyOf": [code, {"type": "array", "items": code}]}
        properties["censored"].pop("type", None)
        properties["censored"].pop("items", None)
        properties["positive"] |= {"anyOf": [code, {"type": "null"}]}
    for value in node.values():
        _loosen(value)


def files() -> dict[Path, str]:
    """Each generated file and its text."""
    return {CONFIG / "README.md": readme(), CONFIG / "study.schema.json": schema()}


def main(arguments: list[str] | None = None) -> int:
    """Write or compare the generated files; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m slopewise.study.docs", description=__doc__)
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--fix", action="store_true", help="write the files")
    group.add_argument("--check", action="store_true", help="compare the files; status 1 if one is out of step")
    fix = parser.parse_args(arguments).fix
    status = 0
    for path, text in files().items():
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        if fix:
            write_text(path, text)
        else:
            print(f"{path} is out of step with the models: python -m slopewise.study.docs --fix", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    raise SystemExit(main())
