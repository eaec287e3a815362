"""The kinds of files that are read: what the documents and the errors name is what there is."""

import re
from pathlib import Path
from typing import get_args

import pytest

from slopewise.run.errors import InputError
from slopewise.sources.readers import READERS, place_word, read_table
from slopewise.sources.snapshot import DATABASES, QUERY, SUFFIX
from slopewise.study.keys import Data
from slopewise.study.keys_of_databases import Database

FILES = [suffix for suffix in READERS if suffix != SUFFIX]
"""Kinds of files that users have; a snapshot is made by a run."""


def test_the_description_of_the_key_names_every_suffix(root: Path) -> None:
    rows = (root / "config" / "README.md").read_text(encoding="utf-8").splitlines()
    row = next(row for row in rows if row.startswith("| `data.measurements` "))
    description = row.split("|")[4]
    assert set(re.findall(r"`(\.[a-z0-9.]+)`", description)) == set(FILES)


def test_the_error_names_every_suffix(tmp_path: Path) -> None:
    (tmp_path / "visits.docx").write_bytes(b"nothing")
    data = Data(measurements="visits.docx", patient="id", time="day", time_unit="days", analysis_unit="days")
    with pytest.raises(InputError) as caught:
        read_table(tmp_path, "visits.docx", "data.measurements", data)
    assert str(caught.value).endswith(f"save it as one of: {' '.join(FILES)}")


def test_every_reader_says_what_a_row_is_called() -> None:
    assert {place_word(f"visits{suffix.upper()}") for suffix in READERS} == {"line", "row", "record"}
    assert place_word("visits") == "line"
    assert place_word(f"visits.txt{QUERY}") == "row"


def test_every_kind_of_database_has_its_reader() -> None:
    assert set(DATABASES) == set(get_args(Database.model_fields["database"].annotation))
