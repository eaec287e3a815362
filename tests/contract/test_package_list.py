"""workflow/package.txt names every file that a workflow loaded from a repository has to fetch.

`python tests/contract/test_package_list.py --fix` writes it.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIST = ROOT / "workflow" / "package.txt"


def wanted() -> str:
    """The package (its first file first, since it tells where the others lie) and the rules' scripts, a line each."""
    scripts = ROOT / "workflow" / "scripts"
    package = [file for file in scripts.rglob("slopewise/**/*") if file.suffix in {".py", ".j2", ".css", ".js"}]
    files = sorted(package) + sorted(scripts.glob("*.py"))
    return "".join(f"{file.relative_to(scripts).as_posix()}\n" for file in files)


def test_the_list_names_every_file_of_the_package():
    assert LIST.read_text(encoding="utf-8") == wanted(), "run: python tests/contract/test_package_list.py --fix"


def test_the_first_line_tells_where_the_package_lies():
    assert wanted().startswith("slopewise/__init__.py\n")


if __name__ == "__main__" and "--fix" in sys.argv:
    LIST.write_text(wanted(), encoding="utf-8")
