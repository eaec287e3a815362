"""The templates of the package, and its own style and script."""

from __future__ import annotations

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


def own(name: str) -> Markup:
    """A file of ours that goes in as it is: ``page.css``, ``page.js``."""
    return Markup((HERE / name).read_text(encoding="utf-8"))
