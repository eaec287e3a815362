"""A rendered page as tests look at it."""

import re
from html.parser import HTMLParser
from pathlib import Path

from slopewise.report.material.frames import Frames
from slopewise.report.pages.study import page
from slopewise.report.sections.order import ORDER, in_layers
from slopewise.report.words.naming import Naming
from slopewise.study.model import Study

VOID = {"meta", "link", "br", "img", "hr", "input", "rect", "use", "path"}
LOADING = {"src", "srcset", "poster", "data", "action", "formaction", "background", "ping", "manifest", "xlink:href"}


class Page(HTMLParser):
    """What tests ask of a page: its tags with attributes, its text by section, whether every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.sections: dict[str, list[str]] = {}
        self.texts: dict[str, list[str]] = {}
        self.section = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "section":
            self.section = dict(attrs)["id"] or ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()
        if tag == "section":
            self.section = ""

    def handle_data(self, data):
        where = self.open[-1] if self.open else ""
        self.texts.setdefault(where, []).append(data)
        if where not in ("script", "style", "text"):
            self.sections.setdefault(self.section, []).append(data)

    def text(self, section: str) -> str:
        return re.sub(r"\s+", " ", " ".join(self.sections[section]))


def html_of(study: Study, results: Path, *anchors: str) -> str:
    """The report with the summary and these sections alone, each as in the whole report: a tenth of its time."""
    frames, naming = Frames.read(results), Naming(study)
    wanted = {f"{anchor}_section" for anchor in anchors}
    assert wanted <= {make.__name__ for make, _ in ORDER}
    made = [make(frames, naming) for make, stands in ORDER if make.__name__ in wanted and stands(frames, naming)]
    return page(study, frames, in_layers(made))


def page_of(study: Study, results: Path, *anchors: str) -> Page:
    """`html_of`, as tests look at it."""
    return Page(html_of(study, results, *anchors))
