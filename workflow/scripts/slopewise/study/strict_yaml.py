"""YAML read strictly: what a line seems to say is what it says, or it is refused with its line number.

A small part of YAML 1.2 (its core schema) is taken: maps, lists, text, numbers, `true`, `false` and `null`.
What other readers guess at, and people are bitten by, is refused: `yes`/`no`/`on`/`off` (booleans of
YAML 1.1), `010` (octal there), `12:30` (sexagesimal there), `1_000`, duplicate keys, anchors and tags.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

KeyPath = tuple[str, ...]

NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Control characters and halves of characters, which an escape in quotes can write and no file can hold."""
MOST_DIGITS = 40
MOST_LEVELS = 20
MOST_BYTES = 1_000_000
"""A study of thousands of markers has some 100,000: a larger file is another one, most often a table of data."""
INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
LOOKS_LIKE_NUMBER = re.compile(r"[-+]?0[0-9_.]+|[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?|[-+]?[0-9]+(:[0-5]?[0-9])+")
NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
OLD_BOOLEANS = {"yes": "true", "no": "false", "on": "true", "off": "false"}


class StrictYamlError(Exception):
    """Text that is not the YAML we take: `line` (from 1, or None) and a message for a person."""

    def __init__(self, message: str, line: int | None = None, path: KeyPath = ()) -> None:
        super().__init__(message)
        self.line = line
        self.path = path


@dataclass(frozen=True)
class Document:
    """What the text holds, and on which line each key path stands (list items count as "0", "1", ...)."""

    content: dict[Any, Any]
    lines: dict[KeyPath, int]

    def line(self, path: KeyPath) -> int | None:
        """The line of the longest part of `path` that is in the document; None for the document as a whole."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return None


def read_document(data: bytes) -> Document:
    """Parse the bytes of a YAML file whose top is a map; raises `StrictYamlError`."""
    if len(data) > MOST_BYTES:
        raise StrictYamlError("is larger than 1 MB, the most that a study file may have; is it a table of data?")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise StrictYamlError("is not UTF-8 text; save the file as UTF-8", line) from error
    try:
        # The base loader leaves every scalar as the text that stands there, so that we decide what it means.
        _refuse_anchors_and_depth(text)
        root = yaml.compose(text, Loader=yaml.BaseLoader)
        return _document(root)
    except yaml.MarkedYAMLError as error:
        raise _plainly(text, error) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise StrictYamlError("contains a control character that YAML does not allow", line) from error


def _plainly(text: str, error: yaml.MarkedYAMLError) -> StrictYamlError:
    """What a parser says in its own terms, in those of somebody who writes a study file."""
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return StrictYamlError(f"is not valid YAML: {error.problem or error.context}")
    lines = text.splitlines()
    at = min(mark.line, max(len(lines) - 1, 0))
    written = lines[at] if lines else ""
    if error.problem and "'\\t'" in error.problem:
        if "\t" in written[: len(written) - len(written.lstrip())]:
            return StrictYamlError("is indented with a tab; indent with spaces (two for each level)", at + 1)
        return StrictYamlError("holds a tab where YAML allows only spaces; write a space instead", at + 1)
    # A key without its colon is noticed a line or more later: the culprit is the last line that could be one.
    if error.problem in ("could not find expected ':'", "mapping values are not allowed here"):
        start = error.context_mark.line if error.context_mark else at - 1
        for place in (*range(start, at), at):
            stripped = lines[place].split("#")[0].strip() if 0 <= place < len(lines) else ""
            if stripped and not re.search(r":(\s|$)", stripped) and stripped[0] not in "-]}":
                return StrictYamlError(_without_colon(stripped), place + 1)
        if error.problem.startswith("mapping values"):
            message = "has a second `: ` on the line, or is indented further than its key; quote a text that holds `: `"
            return StrictYamlError(message, at + 1)
    if error.problem and "expected <block end>" in error.problem:
        return StrictYamlError("is indented differently from the keys that it belongs to", at + 1)
    if error.context in ("while parsing a flow mapping", "while parsing a flow sequence"):
        mark = error.context_mark or mark
        bracket = "{ ... }" if "mapping" in error.context else "[ ... ]"
        message = f"{bracket}: a comma between two entries or the closing bracket is missing"
        return StrictYamlError(f"{message} (noticed on line {at + 1})", mark.line + 1)
    if error.context == "while scanning a quoted scalar":
        mark = error.context_mark or mark
        return StrictYamlError("a quotation mark is opened and not closed", mark.line + 1)
    return StrictYamlError(f"is not valid YAML: {error.problem or error.context}", at + 1)


def _without_colon(line: str) -> str:
    """What to write for a line such as ``seed 1`` or ``seed:1``."""
    shown = line if len(line) <= 60 else f"{line[:57]}..."
    if found := re.match(r"([A-Za-z_][\w]*)\s*:?\s*(\S.*)", line):
        return f"`{shown}` has no colon with a space after it: write `{found[1]}: {found[2][:57]}`"
    return f"`{shown}` has no colon: a key is written `key: value`"


def _document(root: yaml.Node | None) -> Document:
    """The content of the top node and the lines of its keys."""
    if root is None:
        raise StrictYamlError("is empty")
    if not isinstance(root, yaml.MappingNode):
        raise StrictYamlError("must be a map of keys (`key: value` on each line)", root.start_mark.line + 1)
    lines: dict[KeyPath, int] = {}
    return Document(_map(root, (), lines), lines)


def _refuse_anchors_and_depth(text: str) -> None:
    """Read the events alone, which neither follow aliases nor nest calls."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.BaseLoader):
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        line = event.start_mark.line + 1 if event.start_mark else None
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MOST_LEVELS:
            raise StrictYamlError("is nested too deeply; a study file has three levels", line)
        if anchor is not None:
            message = f"`{anchor}` is an anchor or alias; write the content out where it is needed"
            raise StrictYamlError(message, line)
        if tag is not None:
            raise StrictYamlError(f"the tag `{tag}` is not accepted; write the value plainly, text in quotes", line)


def _value(node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int]) -> Any:
    if isinstance(node, yaml.MappingNode):
        return _map(node, path, lines)
    if isinstance(node, yaml.SequenceNode):
        return [_item(child, (*path, str(index)), lines) for index, child in enumerate(node.value)]
    assert isinstance(node, yaml.ScalarNode)  # the only other kind there is
    return _scalar(node, path)


def _item(node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int]) -> Any:
    lines[path] = node.start_mark.line + 1
    return _value(node, path, lines)


def _map(node: yaml.MappingNode, path: KeyPath, lines: dict[KeyPath, int]) -> dict[Any, Any]:
    content: dict[Any, Any] = {}
    seen: dict[str, int] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise StrictYamlError("a key must be a word or a number", line, path)
        here = (*path, key_node.value)
        if key_node.value in seen:
            first = seen[key_node.value]
            raise StrictYamlError(f"the key `{key_node.value}` appears twice (first on line {first})", line, here)
        seen[key_node.value] = lines[here] = line
        content[_scalar(key_node, here)] = _value(value_node, here, lines)
    return content


def _scalar(node: yaml.ScalarNode, path: KeyPath) -> Any:
    """The value of a scalar: text when it is quoted or a block, else by the core schema."""
    text, line = node.value, node.start_mark.line + 1
    if strange := NO_TEXT.search(text):
        raise StrictYamlError(f"holds the character U+{ord(strange[0]):04X}, which is not allowed in text", line, path)
    if node.style is not None:
        return text
    if text in ("", "~") or text.lower() == "null":
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if text.lower() in OLD_BOOLEANS:
        other = OLD_BOOLEANS[text.lower()]
        message = (
            f"`{text}` without quotes is read as {other} by some programs: write {other}, or '{text}' for the text"
        )
        raise StrictYamlError(message, line, path)
    if INTEGER.fullmatch(text):
        if len(text) > MOST_DIGITS:
            raise StrictYamlError(f"a number of {len(text)} digits is not accepted", line, path)
        return int(text)
    if FLOAT.fullmatch(text):
        return float(text)
    if NOT_FINITE.fullmatch(text):
        raise StrictYamlError(f"`{text}` is not a finite number", line, path)
    if LOOKS_LIKE_NUMBER.fullmatch(text):
        message = f"`{text}` is read differently by different programs: write '{text}' for the text, or a plain number"
        raise StrictYamlError(message, line, path)
    return text
