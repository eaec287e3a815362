"""The templates of the package, its style and script, and the captions of figures."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

HERE = Path(__file__).parent


def environment() -> Environment:
    """Templates that escape every text; a name that they do not know is an error."""
    return Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


@cache
def _captions() -> Environment:
    """Plain text: what it gives is escaped where it goes into a page."""
    return Environment(loader=FileSystemLoader(HERE), autoescape=False, undefined=StrictUndefined)


def caption(name: str, **values: object) -> str:
    """The caption of the figure `name` (a macro of ``captions.txt.j2``) in one line."""
    macro = getattr(_captions().get_template("captions.txt.j2").module, name)
    return " ".join(str(macro(**values)).split())


def verbatim(name: str) -> Markup:
    """A file of the package that goes into a page as it is: ``page.css``, ``page.js``."""
    return Markup((HERE / name).read_text(encoding="utf-8"))
