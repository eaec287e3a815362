"""`slopewise tables`: the report's tables as CSV for spreadsheets, as LaTeX and as a Word document.

They are the tables that the report holds, with its words, its rounding and its masked counts; only their form is
another. An interval below a number gets columns of its own.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from slopewise.cli.paper import paper_sheets
from slopewise.cli.sheets import Sheet
from slopewise.cli.word import word_document
from slopewise.figures.canvas import without_drawing
from slopewise.report.material.frames import Frames, recorded_study
from slopewise.report.material.parts import Section, Table
from slopewise.report.sections.order import sections
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import MINUS, MISSING
from slopewise.report.words.subjects import speaker
from slopewise.run.files import atomic
from slopewise.study.model import Study

NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?")
INTERVAL = re.compile(r"(?P<low>\S+) to (?P<high>\S+)")
SIGNED = re.compile(r"\+[0-9.]+ \(")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "`": r"\textasciigrave{}", MINUS: "$-$", "–": "--", "—": "---",
    "’": "'", "≥": r"$\ge$", "≤": r"$\le$", "±": r"$\pm$", "×": r"$\times$", "²": r"\textsuperscript{2}", "\u00a0": "~",
}  # fmt: skip


def export(
    results: Path, out: Path, csv: bool = True, latex: bool = True, docx: bool = False, paper: bool = False
) -> list[Path]:
    """Write every table of the report of ``results/{study}`` into `out`; the files that were written, sorted.

    `paper`: the four tables of a paper in place of all. `docx`: one Word document of the tables and the methods text.
    Raises `InputError` where `results` holds no finished study; nothing is written then.
    """
    study, parts = report_sections(results)
    say = speaker(study)
    sheets = [
        replace(sheet, caption=say(sheet.caption), columns=[say(column) for column in sheet.columns])
        for sheet in (paper_sheets(list(tables_of(parts))) if paper else all_sheets(parts))
    ]
    contents: dict[Path, bytes] = {}
    for sheet in sheets:
        if csv:
            contents[out / f"{sheet.name}.csv"] = csv_text(sheet).encode("utf-8-sig")
        if latex:
            contents[out / f"{sheet.name}.tex"] = latex_text(sheet).encode()
    if docx:
        methods = next((part.context for part in parts if part.anchor == "methods"), {})
        words = [say(text) for text in methods.get("paragraphs", ())]
        document = word_document(study.title or study.study, sheets, words, methods.get("references", ()))
        contents[out / ("paper.docx" if paper else "tables.docx")] = document
    for path, content in contents.items():
        with atomic(path) as temporary:
            temporary.write_bytes(content)
    return sorted(contents)


def report_sections(results: Path) -> tuple[Study, list[Section]]:
    """The study and the sections of its report, without their figures."""
    study, frames = recorded_study(results), Frames.read(results)
    with without_drawing():
        return study, sections(frames, Naming(study))


def report_sheets(results: Path) -> list[Sheet]:
    """Every table of the report, in its order."""
    return all_sheets(report_sections(results)[1])


def all_sheets(parts: Sequence[Section]) -> list[Sheet]:
    """Every table of the sections, in their order."""
    found: dict[str, Sheet] = {}
    for table in tables_of(parts):
        found.setdefault(file_name(table.name), sheet_of(table))
    return list(found.values())


def tables_of(parts: Sequence[Section]) -> Iterator[Table]:
    """The tables that the sections hand to their templates, alone or in lists."""
    for section in parts:
        yield from _tables(section.context)


def _tables(item: Any) -> Iterator[Table]:
    if isinstance(item, Table):
        yield item
    elif isinstance(item, dict):
        for value in item.values():
            yield from _tables(value)
    elif isinstance(item, list | tuple):
        for value in item:
            yield from _tables(value)


def file_name(name: str) -> str:
    """A table's name as that of a file: a marker's name in it must not lead elsewhere."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._") or "table"


def sheet_of(table: Table) -> Sheet:
    """A table with intervals, and the second lines of cells, in columns of their own."""
    columns: list[str] = []
    words: set[int] = set()
    rows: list[list[str]] = [[] for _ in table.rows]
    owner = ""
    for place, name in enumerate(table.columns):
        texts = [row[place].text for row in table.cells]
        notes = [row[place].note for row in table.cells]
        if "95%" in name and not any(notes) and _are_intervals(texts):
            _add_ends(columns, rows, f"{owner}, {name}", texts)
            continue
        owner = name.removesuffix(", 95% interval") if any(notes) else name
        if place in table.words:
            words.add(len(columns))
        _add(columns, rows, owner, texts)
        if any(notes) and _are_intervals(notes):
            _add_ends(columns, rows, f"{owner}, 95%", notes)
        elif any(notes):
            words.add(len(columns))
            _add(columns, rows, f"{owner}, note", notes)
    return Sheet(file_name(table.name), table.caption, columns, rows, frozenset(words))


def _are_intervals(texts: Sequence[str]) -> bool:
    """Whether every text is ``low to high`` or nothing, and one is the former."""
    found = [INTERVAL.fullmatch(text) for text in texts if text not in ("", MISSING)]
    return bool(found) and all(found)


def _add(columns: list[str], rows: list[list[str]], name: str, texts: Sequence[str]) -> None:
    columns.append(name)
    for row, text in zip(rows, texts, strict=True):
        row.append(text)


def _add_ends(columns: list[str], rows: list[list[str]], name: str, texts: Sequence[str]) -> None:
    """Two columns with the ends of intervals."""
    for end in ("low", "high"):
        ends = [found[end] if (found := INTERVAL.fullmatch(text)) else "" for text in texts]
        _add(columns, rows, f"{name} {end}", ends)


def csv_text(sheet: Sheet) -> str:
    """The sheet as CSV: numbers plain, so that a spreadsheet takes them as numbers; no cell that it takes for more."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([guarded(column) for column in sheet.columns])
    writer.writerows([[guarded(cell) for cell in row] for row in sheet.rows])
    return stream.getvalue()


def guarded(cell: str) -> str:
    """A cell for a spreadsheet: a number without a plus and with a plain minus, an estimate with its interval without
    a plus; a text that starts like a formula behind an apostrophe; nothing for a dash."""
    plain = cell.strip().replace(MINUS, "-")
    if NUMBER.fullmatch(plain):
        return plain.removeprefix("+")
    if plain == MISSING:
        return ""
    if SIGNED.match(cell):
        return cell.removeprefix("+")
    return f"'{cell}" if cell.lstrip().startswith(FORMULA) or cell.startswith(FORMULA) else cell


def latex_text(sheet: Sheet) -> str:
    """The sheet as a `tabular` with booktabs' rules, its caption as a comment above it."""
    align = "".join("l" if place in sheet.words else "r" for place in range(len(sheet.columns)))
    lines = [
        *(f"% {' '.join(text.split())}" for text in (sheet.caption, sheet.notes) if text),
        "% \\usepackage[T1]{fontenc} and \\usepackage{booktabs} in the preamble",
        f"\\begin{{tabular}}{{{align}}}",
        "\\toprule",
        *_latex_row(sheet.columns),
        "\\midrule",
        *(line for row in sheet.rows for line in _latex_row(row)),
        "\\bottomrule",
        "\\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _latex_row(cells: Sequence[str]) -> list[str]:
    # A cell that begins with a bracket or a star would be read as an option of the row's end before it.
    shielded = ["{}" + escaped(cell) if cell.startswith(("[", "*")) else escaped(cell) for cell in cells]
    return [" & ".join(shielded) + r" \\"]


def escaped(text: str) -> str:
    """Text for LaTeX: a number's minus as a minus, every character that LaTeX gives a meaning as itself."""
    if NUMBER.fullmatch(text.replace(MINUS, "-")):
        return text.replace("-", "$-$").replace(MINUS, "$-$")
    return "".join(LATEX.get(letter, letter if letter.isprintable() else " ") for letter in text)
