"""Documents that are cited exist: files named in text, links of pages, sections of docs/methods.md, modules it names.

Each check is a function from text to a list of faults; tests apply it to the repository and to examples that must fail.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "workflow" / "scripts" / "slopewise"
METHODS = ROOT / "docs" / "methods.md"
FOLDERS = ("benchmarks", "config", "data", "docs", "profiles", "tests", "workflow")
SUFFIXES = {".py", ".smk", ".md", ".R", ".yaml", ".toml", ".j2", ".rst", ".html", ".js", ".css"}
MADE_BY_TESTS = {"broken.md"}

# Bare names of documents that the repository does not have; in code such words are also constants and metavariables.
ABSENT = re.compile(
    r"(?<![\w`.])(METHODS|TABLES|HOUSE|STUDY|MARKERS|ARCHITECTURE|STYLE|CARD)(?:\.md\b|,? (?:section )?\d)"
)
NAMED = re.compile(r"[\w./-]*\w\.md\b")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
SECTION = re.compile(r"methods\.md(?:,\s+|\s+)(?:section\s+)?(\d+)")
MODULE = re.compile(r"`([\w/]+(?:\.py|/))`")


def texts() -> Iterator[Path]:
    """Every text of the repository that people read or run."""
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*")):
            inside = file.relative_to(ROOT).parts
            if file.suffix in SUFFIXES and "cases" not in inside and "__pycache__" not in inside:
                yield file
    yield from (file for file in sorted(ROOT.glob("*")) if file.suffix in {".md", ".toml", ".yml"})
    yield from (ROOT / name for name in ("Makefile", "Snakefile", "workflow/Snakefile"))


def prose(name: str, source: str) -> str:
    """Docstrings and comments of Python code, each on a line of its own; any other text as it is."""
    if not name.endswith(".py"):
        return source
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    lone = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Expr))
    strings = [str(node.value) for node in lone if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return "\n".join(comments + strings)


def name_faults(text: str, folder: Path) -> list[str]:
    """Documents cited in a text that lies in `folder` and is not there, nor at the root, nor in docs/."""
    found = [f"cites {cited[0]}" for cited in ABSENT.finditer(text)]
    for name in dict.fromkeys(NAMED.findall(text)):
        if name not in MADE_BY_TESTS and not any((base / name).is_file() for base in (folder, ROOT, ROOT / "docs")):
            found.append(f"cites {name}")
    return found


def link_faults(text: str, folder: Path) -> list[str]:
    """Relative links of a page that lead nowhere."""
    links = [link for link in LINK.findall(text) if not re.match(r"[a-z]+:", link)]
    return [f"links to {link}" for link in links if not (folder / link).exists()]


def section_faults(text: str, sections: set[str]) -> list[str]:
    """Sections of docs/methods.md that a text cites and the page does not have."""
    return [f"cites section {number} of methods.md" for number in SECTION.findall(text) if number not in sections]


def module_faults(page: str) -> list[str]:
    """Modules and folders that a page names in backticks and neither the package nor the repository has."""
    names = dict.fromkeys(MODULE.findall(page))
    return [f"names {name}" for name in names if not any((base / name).exists() for base in (PACKAGE, ROOT))]


def sections_of_methods() -> set[str]:
    return set(re.findall(r"^## (\d+)\. ", METHODS.read_text(encoding="utf-8"), re.M))


def test_no_text_cites_a_document_that_is_not_here():
    files = list(texts())
    assert len(files) > 300
    read = {file: prose(file.name, file.read_text(encoding="utf-8")) for file in files}
    assert {str(file): faults for file, text in read.items() if (faults := name_faults(text, file.parent))} == {}
    sections = sections_of_methods()
    assert {str(file): faults for file, text in read.items() if (faults := section_faults(text, sections))} == {}


def test_links_of_pages_lead_somewhere():
    pages = [file for file in texts() if file.suffix == ".md"]
    read = {file: file.read_text(encoding="utf-8") for file in pages}
    assert {str(file): faults for file, text in read.items() if (faults := link_faults(text, file.parent))} == {}


def test_pages_on_the_package_name_modules_that_exist():
    for page in (METHODS, ROOT / "docs" / "architecture.md", ROOT / "CONTRIBUTING.md"):
        text = page.read_text(encoding="utf-8")
        assert MODULE.findall(text), page
        assert module_faults(text) == [], page


def test_every_folder_of_the_package_is_explained():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    folders = {f"`{file.parent.name}/`" for file in PACKAGE.glob("*/__init__.py")}
    assert len(folders) > 10
    assert {folder for folder in folders if folder not in text} == set()


def test_every_section_with_formulas_is_cited_by_the_code():
    cited = {number for file in PACKAGE.rglob("*.py") for number in SECTION.findall(file.read_text(encoding="utf-8"))}
    assert sections_of_methods() - {"7"} <= cited, "section 7 lists mistakes, the others formulas"


def test_what_is_missing_is_found():
    good = "As docs/methods.md, section 2, and validity.md have it; the constant `TABLES`, the metavariable STUDY."
    assert name_faults(good, ROOT / "tests") == []
    assert section_faults(good, {"2"}) == []
    for bad in ("see METHODS.md", "(METHODS 2)", "HOUSE.md has it", "TABLES, section 3", "docs/nowhere.md"):
        assert name_faults(bad, ROOT), bad
    for bad in ("docs/methods.md, section 9", "(methods.md 9)", "docs/methods.md,\nsection 9"):
        assert section_faults(bad, {"2"}), bad
    assert link_faults("[a](docs/faq.md#top) [b](https://example.org/x.md)", ROOT) == []
    assert link_faults("[a](docs/nowhere)", ROOT) == ["links to docs/nowhere"]
    assert module_faults("`growth/engine/kernel.py`, `cohort/`, `tests/golden/`") == []
    assert module_faults("`growth/kernel.py` and `nowhere/`") == ["names growth/kernel.py", "names nowhere/"]
    assert prose("a.py", '"""Text."""\nx = "see nowhere.md"  # note\n') == "# note\nText."


def long_entries(changelog: str) -> list[str]:
    """The entries of a changelog that hold more than one sentence, by their first words."""
    entries = [
        part[2:].partition("\n\n")[0] for part in re.split(r"(?m)^(?=- |#|\[)", changelog) if part.startswith("- ")
    ]
    flat = [" ".join(entry.split()) for entry in entries]
    return [entry[:60] for entry in flat if re.search(r"[a-z0-9)`\"*\]]\.\s+[A-Z`\[]", entry)]


def test_an_entry_of_the_changelog_is_one_sentence():
    assert long_entries("## 1\n\n- One, (a). Two `b`.\n- Single, e.g. this\n  goes on.\n\n### More\n\n- Last.\n") == [
        "One, (a). Two `b`."
    ]
    assert long_entries((ROOT / "CHANGELOG.md").read_text()) == []
