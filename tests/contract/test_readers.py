"""The kinds of files that are read: what the documents and the errors name is what there is."""

import re
from pathlib import Path

import pytest

from slopewise.run.errors import InputError
from slopewise.sources.readers import READERS, place_word, read_table
from slopewise.study.keys import Data


def test_the_description_of_the_key_names_every_suffix(root: Path) -> None:
    rows = (root / "config" / "README.md").read_text(encoding="utf-8").splitlines()
    row = next(row for row in rows if row.startswith("| `data.measurements` "))
    description = row.split("|")[4]
    assert set(re.findall(r"`(\.[a-z0-9.]+)`", description)) == set(READERS)


def test_the_error_names_every_suffix(tmp_path: Path) -> None:
    (tmp_path / "visits.docx").write_bytes(b"nothing")
    data = Data(measurements="visits.docx", patient="id", time="day", time_unit="days", analysis_unit="days")
    with pytest.raises(InputError) as caught:
        read_table(tmp_path, "visits.docx", "data.measurements", data)
    assert str(caught.value).endswith(f"save it as one of: {' '.join(READERS)}")


def test_every_reader_says_what_a_row_is_called() -> None:
    assert {place_word(f"visits{suffix.upper()}") for suffix in READERS} == {"line", "row", "record"}
    assert place_word("visits") == "line"
