"""docs/tables.md, from the catalogue and the schemas.

``python -m slopewise.tables.docs --fix`` writes it; ``--check`` ends with status 1 where it is out of date.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from slopewise.run.files import write_text
from slopewise.tables import catalogue
from slopewise.tables import files as tables
from slopewise.tables.rigour import KEYS
from slopewise.tables.schema import FLAG, FULL, INTEGER, NUMBER, TEXT, Kind, Schema

DOCS = Path(__file__).resolve().parents[4] / "docs"

KINDS = {TEXT: "text", INTEGER: "integer", NUMBER: "number or empty", FULL: "number", FLAG: "true or false"}

INTRODUCTION = """# The tables of a run

Every table that a run writes below `results/NAME/`. Each is checked against its columns when it is written and when
it is read. This page is generated from `workflow/scripts/slopewise/tables/`: `python -m slopewise.tables.docs --fix`.
Tables that name patients are not for sharing.
"""


def text() -> str:
    """The text of docs/tables.md."""
    lines = ["| table | file | step | in studies | names patients | holds |", "|---|---|---|---|---|---|"]
    for one in catalogue.TABLES:
        files = ", ".join(f"`{file}`" for file in one.files.values() if file) or "named by the user"
        steps = " or ".join(f"`{step}`" for step in (one.step, one.without_outcome) if step)
        studies = {"outcome": "with an outcome", "effects": "with `effects`"}.get(catalogue.part_of(one), "all")
        names = "yes" if one.names_patients else "no"
        lines.append(f"| [{one.name}](#{_anchor(one.name)}) | {files} | {steps} | {studies} | {names} | {one.holds} |")
    parts = [f"{INTRODUCTION}\n" + "\n".join(lines) + "\n"]
    parts += [_section(one, tables.TABLES[one.schema_name]) for one in catalogue.TABLES]
    return "\n".join([*parts, _manifest()])


def _manifest() -> str:
    """The keys of rigour.json."""
    lines = [f"| `{name}` | {holds} |" for name, holds in KEYS.items()]
    head = (
        "## rigour.json\n\nHow the study was analysed, for programs that check or collect analyses; written with the "
        "report, from the\nsame tables. It names no patient.\n\n| key | holds |\n|---|---|\n"
    )
    return head + "\n".join(lines) + "\n"


def _anchor(name: str) -> str:
    """The anchor that a heading of this name gets: slashes are dropped."""
    return name.replace("/", "")


def _section(entry: catalogue.Entry, table: Schema) -> str:
    """One table: its sentence, keys and columns."""
    order = "in the order in which they were made" if table.positional else "sorted by the keys"
    keys = ", ".join(f"`{key}`" for key in table.keys)
    lines = [f"## {entry.name}\n", f"{entry.holds} Keys: {keys}; rows {order}.\n", *_columns(table.columns)]
    sets = [part for part in table.either if part]
    for part in sets:
        lines += ["\nEither:\n" if part is sets[0] else "\nor:\n", *_columns(part)]
    if table.further:
        lines.append("\nFurther columns follow, named by the study.")
    return "\n".join(lines) + "\n"


def _columns(columns: Mapping[str, Kind]) -> list[str]:
    def words(kind: Kind) -> str:
        return ", ".join(f"`{word}`" for word in kind) if isinstance(kind, tuple) else KINDS[kind]

    return ["| column | values |", "|---|---|", *(f"| `{name}` | {words(kind)} |" for name, kind in columns.items())]


def main(arguments: list[str] | None = None) -> int:
    """Write or compare docs/tables.md; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m slopewise.tables.docs", description=__doc__)
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--fix", action="store_true", help="write the file")
    group.add_argument("--check", action="store_true", help="compare the file; status 1 if it is out of date")
    path, wanted = DOCS / "tables.md", text()
    if parser.parse_args(arguments).fix:
        write_text(path, wanted)
    elif not path.is_file() or path.read_text(encoding="utf-8") != wanted:
        print(f"{path} is out of date: python -m slopewise.tables.docs --fix", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
