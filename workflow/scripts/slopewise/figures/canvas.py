"""The paper that all figures are drawn on: one palette, one style, and SVG that is the same for the same tables.

A panel is about as wide as a telephone (`WIDTH` units), so that a figure made of panels side by side on a desk
stacks on a small screen and stays readable. Text stays text: it can be read aloud, selected and searched, takes the
page's font, and is smaller than outlines. Every colour is written as ``var(--name, #hex)``, so that the page can give
it another value for a dark screen, and the fallback holds where there is no page.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

WIDTH = 320.0
"""Units across a panel; one unit is a point in the drawing and about a pixel on a telephone."""

TITLE, LEGEND_LINE = 19.0, 16.5
"""Units that a title and each line of a legend take above the axes."""

INK, MUTED, LINE, FAINT = "#1f2933", "#52606d", "#d3dae1", "#8a97a4"
BLUE, VERMILLION, GREEN, PURPLE = "#0068a8", "#c24a00", "#00755a", "#7a4fa3"
PALETTE = {
    INK: "ink",
    MUTED: "muted",
    LINE: "line",
    FAINT: "faint",
    BLUE: "blue",
    VERMILLION: "vermillion",
    GREEN: "green",
    PURPLE: "purple",
}
"""Colours by the name of the style sheet's variable. Colour-blind readers tell them apart; lines differ in dash too."""

Dash = str | tuple[int, tuple[float, ...]]

SERIES: tuple[tuple[str, str, Dash], ...] = (
    (BLUE, "o", "-"),
    (VERMILLION, "s", (0, (5, 2))),
    (GREEN, "^", (0, (1.5, 1.5))),
    (PURPLE, "D", (0, (6, 2, 1.5, 2))),
    (MUTED, "v", (0, (3, 1))),
)
"""Colour, mark and dash of the first, second, ... thing in a picture."""

STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "slopewise",
    "font.family": "DejaVu Sans",  # the one font that comes with matplotlib: the layout is the same everywhere
    "font.size": 11.5,
    "text.parse_math": False,  # a `$` in a marker's label is a dollar
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 11.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "axes.formatter.useoffset": False,
    "axes.formatter.limits": (-6, 7),
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "butt",
    "legend.frameon": False,
    "legend.fontsize": 11,
    "legend.labelcolor": INK,
    "legend.handlelength": 1.9,
    "legend.borderpad": 0,
    "legend.borderaxespad": 0,
    "legend.columnspacing": 1.1,
    "legend.handletextpad": 0.5,
    "path.simplify": False,
}


_DRAWN = ContextVar("drawn", default=True)


@contextmanager
def without_drawing() -> Iterator[None]:
    """Within it figures are empty texts: for whoever wants a report's tables, drawing would be most of the time."""
    token = _DRAWN.set(False)
    try:
        yield
    finally:
        _DRAWN.reset(token)


def is_drawing() -> bool:
    """Whether figures are drawn here."""
    return _DRAWN.get()


Copier = Callable[[Figure, str, str], None]
"""What gets each figure that is drawn, its name and its alternative text."""

_COPIER: ContextVar[Copier | None] = ContextVar("copier", default=None)


@contextmanager
def copied(copier: Copier) -> Iterator[None]:
    """Within it `copier` gets each figure before it becomes a part of a page."""
    token = _COPIER.set(copier)
    try:
        yield
    finally:
        _COPIER.reset(token)


def drawing(function: Callable[..., str]) -> Callable[..., str]:
    """Draw with our style alone, whatever matplotlib's settings on this machine are."""

    @wraps(function)
    def with_style(*args: Any, **kwargs: Any) -> str:
        if not is_drawing():
            return ""
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(STYLE)
            return function(*args, **kwargs)

    return with_style


def panel(height: float, title: str, left: float = 36, bottom: float = 40, lines: int = 0) -> tuple[Figure, Axes]:
    """A figure `WIDTH` wide and `height` high with a title and one pair of axes; all in units.

    `left` and `bottom` are margins; above the axes there is room for the title and `lines` lines of a legend. Title and
    legend start at the left edge of the figure, like the text of the page around it.
    """
    figure = Figure(figsize=(WIDTH / 72, height / 72))
    FigureCanvasSVG(figure)
    top = TITLE + LEGEND_LINE * lines + 12
    axes = figure.add_axes(
        (left / WIDTH, bottom / height, (WIDTH - left - 12) / WIDTH, (height - top - bottom) / height)
    )
    figure.text(0, 1 - 11 / height, shortened(title, 44), fontsize=12, fontweight="bold", va="baseline")
    return figure, axes


def shortened(text: str, most: int) -> str:
    """The text, its end cut where it would leave the figure; the alternative text has all of it."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def grouped(group: str) -> str:
    """The gid of what is drawn for one group of patients: `svg` writes it as ``data-group``, so a page can find it."""
    return f"group={group}"


def legend(axes: Axes, entries: Sequence[tuple[str, dict[str, Any]]], columns: int = 3) -> None:
    """A legend below the title, from the left edge; `entries` are labels with the look of their lines."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    handles = [Line2D([], [], label=shortened(label, 66 // columns), **look) for label, look in entries]
    top = 1 - TITLE / (72 * figure.get_figheight())
    axes.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0, top), bbox_transform=figure.transFigure, ncols=columns,
    )  # fmt: skip


TOPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
"""Where an axis of risks may end."""


def top_of(risks: Sequence[float]) -> float:
    """The end of an axis that holds these risks; 1 without any."""
    known = [risk for risk in risks if risk == risk]
    return next((top for top in TOPS if known and max(known) <= top), 1.0)


def unit_axis(axes: Axes, which: str = "xy", top: float = 1.0) -> None:
    """Risks and probabilities: from 0 to `top` in fifths (or quarters), written as per cent."""
    parts = 4 if top in (0.02, 0.2, 0.4, 0.8) else 3 if top in (0.3, 0.6) else 5
    ticks = [top * part / parts for part in range(parts + 1)]
    labels = [f"{100 * tick:.3g}" for tick in ticks]
    for letter in which:
        axis, limits = (axes.xaxis, axes.set_xlim) if letter == "x" else (axes.yaxis, axes.set_ylim)
        limits(0.0, top)
        axis.set_ticks(ticks, labels=[*labels[:-1], f"{labels[-1]}%"])


def svg(figure: Figure, name: str, alternative: str) -> str:
    """The figure as an ``<svg>`` element for an HTML page.

    `name` is unique on the page: it goes before every id, since ids of two figures would clash. No clock, no address,
    no style sheet (matplotlib's own would reach the whole page); coordinates have two decimals.
    """
    copier = _COPIER.get()
    if copier is not None:
        copier(figure, name, alternative)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    root = ET.fromstring(buffer.getvalue())
    _rename(root)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in ("metadata", "style") or (child.tag == "defs" and child.find("style") is not None):
                parent.remove(child)
    _prefix_ids(root, re.sub(r"[^A-Za-z0-9_-]", "-", name))
    for element in root.iter():
        _tidy(element)
    for element in root.iter():
        _share_look(element)
    root.attrib = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": root.attrib["viewBox"],
        "role": "img",
        "aria-label": alternative,
        "font-family": "system-ui, 'Segoe UI', Helvetica, Arial, sans-serif",
        "stroke-linejoin": "round",
        "stroke-linecap": "butt",
    }
    return ET.tostring(root, encoding="unicode", short_empty_elements=True)


def _rename(root: ET.Element) -> None:
    """Names without their namespace; ``xlink:href`` is plain ``href`` in today's SVG."""
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}


def _prefix_ids(root: ET.Element, name: str) -> None:
    """Number the ids that something refers to, with `name` before them; drop the others.

    matplotlib's own are long, and a cloud of marks names one for each mark.
    """
    short: dict[str, str] = {}
    for element in root.iter():
        for key, value in element.attrib.items():
            reference = re.fullmatch(r"url\(#(.+)\)", value) or (
                re.fullmatch("#(.+)", value) if key == "href" else None
            )
            if reference:
                new = short.setdefault(reference[1], f"{name}-{len(short) + 1}")
                element.set(key, value.replace(f"#{reference[1]}", f"#{new}"))
    for element in root.iter():
        own = element.attrib.pop("id", None)
        if own and own.startswith(grouped("")):
            element.set("data-group", own.removeprefix(grouped("")))
        elif own in short:
            element.set("id", short[own])


def _tidy(element: ET.Element) -> None:
    """Two decimals, no line ends, the page's font, and colours by name."""
    for key in ("d", "x", "y", "width", "height", "transform", "points"):
        if key in element.attrib:
            text = re.sub(r"-?\d+\.\d+", lambda number: _short(float(number[0])), element.attrib[key])
            text = re.sub(r"\s+", " ", text).strip()
            if key == "d":  # a point with round ends
                text = re.sub(r"M (\S+) (\S+) L \1 \2(?= M|$)", r"M \1 \2 h0", text)
            if key == "transform" and re.fullmatch(r"rotate\(-?0 [^)]*\)", text):
                del element.attrib[key]
                continue
            element.set(key, text)
    if "style" in element.attrib:
        parts = [part.strip() for part in element.attrib["style"].split(";")]
        kept = "; ".join(part for part in parts if not part.startswith("font-family"))
        kept = re.sub(r"font: ([\d.]+px)[^;]*", r"font-size: \1", kept)
        element.set("style", re.sub(r"#[0-9a-f]{6}", _variable, kept))
    if element.text is not None and not element.text.strip():
        element.text = None
    if element.tail is not None and not element.tail.strip():
        element.tail = None


def _share_look(element: ET.Element) -> None:
    """Marks that look alike say so once, on what holds them: a cloud of points then takes a third of the room."""
    looks = {child.get("style", "") for child in element}
    if (
        len(element) > 1
        and len(looks) == 1
        and {child.tag for child in element} == {"use"}
        and "style" not in element.attrib
    ):
        # An opacity of the whole would hide that marks overlap; those of fill and line are passed on to each of them.
        look = re.sub(r"(^|; )opacity: ([\d.]+)", r"\1fill-opacity: \2; stroke-opacity: \2", looks.pop())
        element.set("style", look)
        for child in element:
            del child.attrib["style"]


def _short(number: float) -> str:
    text = f"{number:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _variable(colour: re.Match[str]) -> str:
    name = PALETTE.get(colour[0])
    return f"var(--{name}, {colour[0]})" if name else colour[0]
