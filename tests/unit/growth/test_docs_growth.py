"""docs/growth.md: its code, run in order from the repository's folder, prints what the page shows.

`python tests/unit/growth/test_docs_growth.py --fix` writes the output anew.
"""

import contextlib
import io
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "growth.md"
EXAMPLE = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)


def outputs(page: str) -> list[str]:
    """What each example prints, run in order in one namespace."""
    names: dict[str, object] = {}
    found = []
    with contextlib.chdir(ROOT):
        for code, _ in EXAMPLE.findall(page):
            shown = io.StringIO()
            with contextlib.redirect_stdout(shown):
                exec(code, names)
            found.append(shown.getvalue().rstrip() + "\n")
    return found


def fixed(page: str) -> str:
    made = iter(outputs(page))
    return EXAMPLE.sub(lambda match: f"```python\n{match[1]}```\n\n```text\n{next(made)}```", page)


def test_the_page_shows_what_its_code_prints():
    page = PAGE.read_text(encoding="utf-8")
    assert len(EXAMPLE.findall(page)) == 4
    assert fixed(page) == page, "run: python tests/unit/growth/test_docs_growth.py --fix"


if __name__ == "__main__":
    if sys.argv[1:] != ["--fix"]:
        raise SystemExit(f"usage: python {sys.argv[0]} --fix")
    PAGE.write_text(fixed(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
