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
CELL = "Table text"
AFTER_BORDERS = ("w:shd", "w:tblLayout", "w:tblCellMar", "w:tblLook", "w:vAlign")
"""What the format wants behind the borders of a table or a cell."""
References = Sequence[tuple[str, str]]


def word_document(title: str, sheets: Sequence[Sheet], paragraphs: Sequence[str], references: References) -> bytes:
    """The bytes of a .docx: the tables with their captions, then the methods text and its references (text, DOI).

    Raises `InputError` where python-docx is not installed.
    """
    docx = needed("docx", "docx", "a Word document")
    document = docx.Document()
    document.core_properties.title, document.core_properties.author = title, "slopewise"
    _styled(docx, document)
    document.add_heading(_plain(title), level=0)
    for number, sheet in enumerate(sheets, start=1):
        _turn(docx, document, landscape=len(sheet.columns) > WIDE)
        document.add_paragraph(f"Table {number}. {_plain(sheet.caption)}", style="Caption")
        _add_table(docx, document, sheet)
        document.add_paragraph(_plain(sheet.notes))
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


def _styled(docx: Any, document: Any) -> None:
    """Black letters of 9 points, of 8 in tables; captions that stay with their tables."""
    document.styles["Normal"].font.size = docx.shared.Pt(9)
    caption = document.styles["Caption"]
    caption.font.color.rgb, caption.paragraph_format.keep_with_next = docx.shared.RGBColor(0, 0, 0), True
    cell = document.styles.add_style(CELL, docx.enum.style.WD_STYLE_TYPE.PARAGRAPH)
    cell.base_style, cell.font.size = document.styles["Normal"], docx.shared.Pt(8)


def _add_table(docx: Any, document: Any, sheet: Sheet) -> None:
    """A table with three rules: above it, below its heads and below it."""
    table = document.add_table(rows=len(sheet.rows) + 1, cols=len(sheet.columns))
    _rule(docx, table._tbl.tblPr, "w:tblBorders", ("top", "bottom"), 8)
    right = docx.enum.text.WD_ALIGN_PARAGRAPH.RIGHT
    for number, (line, texts) in enumerate(zip(table._tbl.tr_lst, [sheet.columns, *sheet.rows], strict=True)):
        line.get_or_add_trPr().append(docx.oxml.OxmlElement("w:cantSplit"))
        for place, (cell, text) in enumerate(zip(line.tc_lst, texts, strict=True)):
            paragraph = docx.text.paragraph.Paragraph(cell.p_lst[0], table)
            paragraph.style = document.styles[CELL]
            paragraph.add_run(_plain(text)).bold = number == 0 or None
            if place not in sheet.words:
                paragraph.alignment = right
            if number == 0:
                _rule(docx, cell.get_or_add_tcPr(), "w:tcBorders", ("bottom",), 4)
    table._tbl.tr_lst[0].get_or_add_trPr().append(docx.oxml.OxmlElement("w:tblHeader"))


def _rule(docx: Any, properties: Any, kind: str, sides: Sequence[str], eighths: int) -> None:
    """Rules at the sides of a table or a cell, their width in eighths of a point."""
    borders = docx.oxml.OxmlElement(kind)
    for side in sides:
        line = docx.oxml.OxmlElement(f"w:{side}")
        for name, value in (("val", "single"), ("sz", str(eighths)), ("color", "000000")):
            line.set(docx.oxml.ns.qn(f"w:{name}"), value)
        borders.append(line)
    properties.insert_element_before(borders, *AFTER_BORDERS)


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
