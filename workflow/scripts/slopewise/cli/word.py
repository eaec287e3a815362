"""Tables and the methods text as one Word document: headings, captions, header rows that repeat on every page."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Any

from slopewise.cli.sheets import Sheet
from slopewise.run.extras import needed

WIDE = 7
"""Tables of more columns stand on a page in landscape."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every part of the file: the same tables give the same bytes."""
References = Sequence[tuple[str, str]]


def word_document(title: str, sheets: Sequence[Sheet], paragraphs: Sequence[str], references: References) -> bytes:
    """The bytes of a .docx: the tables with their captions, then the methods text and its references (text, DOI).

    Raises `InputError` where python-docx is not installed.
    """
    docx = needed("docx", "docx", "a Word document")
    document = docx.Document()
    document.core_properties.title, document.core_properties.author = title, "slopewise"
    document.styles["Normal"].font.size = docx.shared.Pt(9)
    document.add_heading(_plain(title), level=0)
    for number, sheet in enumerate(sheets, start=1):
        _turn(docx, document, landscape=len(sheet.columns) > WIDE)
        document.add_paragraph(f"Table {number}. {_plain(sheet.caption)}", style="Caption")
        _add_table(docx, document, sheet)
        document.add_paragraph()
    _turn(docx, document, landscape=False)
    if paragraphs:
        document.add_heading("Methods", level=1)
        for text in paragraphs:
            document.add_paragraph(_plain(text))
        document.add_heading("References", level=1)
        for text, doi in references:
            entry = f"{text} doi:{doi}" if doi else text
            document.add_paragraph(_plain(entry), style="List Number")
    return _bytes(document)


def _turn(docx: Any, document: Any, landscape: bool) -> None:
    """Start a page in the other direction where the present one does not fit."""
    section = document.sections[-1]
    if (section.page_width > section.page_height) == landscape:
        return
    section = document.add_section(docx.enum.section.WD_SECTION.NEW_PAGE)
    section.orientation = docx.enum.section.WD_ORIENT.LANDSCAPE if landscape else docx.enum.section.WD_ORIENT.PORTRAIT
    section.page_width, section.page_height = section.page_height, section.page_width


def _add_table(docx: Any, document: Any, sheet: Sheet) -> None:
    table = document.add_table(rows=len(sheet.rows) + 1, cols=len(sheet.columns))
    table.style = "Light List"
    marked = docx.oxml.OxmlElement("w:tblHeader")
    table.rows[0]._tr.get_or_add_trPr().append(marked)
    right = docx.enum.text.WD_ALIGN_PARAGRAPH.RIGHT
    for line, cells in zip(table.rows, [sheet.columns, *sheet.rows], strict=True):
        for place, (cell, text) in enumerate(zip(line.cells, cells, strict=True)):
            cell.text = _plain(text)
            if place not in sheet.words:
                cell.paragraphs[0].alignment = right


def _plain(text: str) -> str:
    """Text without the control characters that XML forbids."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _bytes(document: Any) -> bytes:
    """The saved document with every part dated alike."""
    first, last = io.BytesIO(), io.BytesIO()
    document.save(first)
    with zipfile.ZipFile(first) as given, zipfile.ZipFile(last, "w", zipfile.ZIP_DEFLATED) as dated:
        for part in given.infolist():
            dated.writestr(zipfile.ZipInfo(part.filename, EPOCH), given.read(part), zipfile.ZIP_DEFLATED)
    return last.getvalue()
