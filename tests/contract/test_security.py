"""SECURITY.md names every table that has rows of patients."""

from pathlib import Path

from slopewise.tables.files import TABLES


def unnamed(text: str) -> list[str]:
    """Tables with a column `patient` that a text does not name."""
    return [name for name, schema in TABLES.items() if "patient" in schema.columns and f"`{name}`" not in text]


def test_every_table_with_patients_is_named(root: Path):
    text = (root / "SECURITY.md").read_text(encoding="utf-8")
    assert unnamed(text) == []
    assert unnamed(text.replace("`folds`", "")) == ["folds"]
