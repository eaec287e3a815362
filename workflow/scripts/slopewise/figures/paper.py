"""Figures as files for a journal: the drawings of the report at the width of a column, letters included.

A drawing is scaled as a whole, so that nothing moves: the letters, of 11.5 points in a drawing `canvas.WIDTH` points
wide, have 8.7 points in a column of 85 mm and 5.9 in one of 58 mm.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.backends import backend_pdf
from matplotlib.figure import Figure
from matplotlib.text import Text

from slopewise.figures.canvas import Copier

MM = 72 / 25.4
"""Points of a millimetre."""

FORMS = ("pdf", "svg")


def paper_copier(
    width: float, forms: Sequence[str], say: Callable[[str], str], put: Callable[[str, str, dict[str, bytes]], None]
) -> Copier:
    """What hands each figure that is drawn to `put`: its name, its alternative text and its file in each form."""
    return lambda figure, name, alternative: put(
        name, say(alternative), {form: paper_figure(figure, form, width, say) for form in forms}
    )


def paper_figure(figure: Figure, form: str, width: float, say: Callable[[str], str] = str) -> bytes:
    """The file, PDF or SVG, of a figure that is `width` millimetres wide; on paper, so without transparency behind it.

    `say` is done to every text. No clock is in it: the same figure gives the same bytes.
    """
    for text in figure.findobj(Text):
        text.set_text(say(text.get_text()))
    scale = width * MM / (72.0 * figure.get_figwidth())
    with mpl.rc_context({"pdf.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "slopewise"}):
        return _pdf(figure, scale) if form == "pdf" else _svg(figure, width)


def _pdf(figure: Figure, scale: float) -> bytes:
    width, height = figure.get_size_inches()
    buffer = io.BytesIO()
    pdf: Any = backend_pdf  # has no types
    file = pdf.PdfFile(buffer, metadata={"CreationDate": None, "Creator": None, "Producer": None})
    file.newPage(width * scale, height * scale)
    file.width, file.height = width, height  # beyond which nothing is drawn, in the units of the drawing
    file.output(scale, 0.0, 0.0, scale, 0.0, 0.0, pdf.Op.concat_matrix)
    dpi, figure.dpi = figure.dpi, 72
    try:
        renderer = pdf.RendererPdf(file, 72, height, width)
        figure.draw(renderer)
        renderer.finalize()
        file.finalize()
    finally:
        figure.dpi = dpi
        file.close()
    return buffer.getvalue()


def _svg(figure: Figure, width: float) -> bytes:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    height = width * figure.get_figheight() / figure.get_figwidth()
    text = re.sub(r'(<svg [^>]*?)\bwidth="[^"]*"', rf'\1width="{width:g}mm"', buffer.getvalue(), count=1)
    return re.sub(r'(<svg [^>]*?)\bheight="[^"]*"', rf'\1height="{height:.2f}mm"', text, count=1).encode()
