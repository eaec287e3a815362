"""An archive with one table of text is read as that table; everything else is one sentence."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from slopewise.run.errors import InputError
from slopewise.sources.readers import read_table
from slopewise.study.keys import Data

DATA = Data.model_validate(
    {"measurements": "m.zip", "patient": "id", "time": "day", "time_unit": "days", "analysis_unit": "days"}
)
TEXT = "id;day;crp\n1;0;4,5\n2;7;5\n"


def archive(folder: Path, **parts: str) -> Path:
    with zipfile.ZipFile(folder / "m.zip", "w") as made:
        for name, text in parts.items():
            made.writestr(name.replace("__", "/").replace("_", "."), text)
    return folder


def test_the_one_table_of_an_archive_is_read_as_if_it_lay_there(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text(TEXT)
    plain = read_table(tmp_path, "m.csv", "data.measurements", DATA)
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as made:
        made.writestr("export/visits.csv", TEXT)
        made.writestr("__MACOSX/export/._visits.csv", "resource")
    packed = read_table(tmp_path, "m.zip", "data.measurements", DATA)
    assert packed.text.equals(plain.text) and list(packed.lines) == list(plain.lines) and packed.decimal == ","


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({}, "holds no file"),
        ({"a_csv": TEXT, "b_csv": TEXT}, "holds a.csv, b.csv; an archive must hold one file"),
        ({"a_xlsx": "x"}, "holds a.xlsx; an archive must hold one file"),
    ],
)
def test_what_an_archive_must_hold(tmp_path: Path, parts: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=r"^m\.zip: ") as found:
        read_table(archive(tmp_path, **parts), "m.zip", "data.measurements", DATA)
    assert words in str(found.value)


def test_a_broken_and_an_encrypted_archive(tmp_path: Path) -> None:
    content = (archive(tmp_path, a_csv=TEXT) / "m.zip").read_bytes()
    (tmp_path / "m.zip").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"^m\.zip: cannot be unpacked"):
        read_table(tmp_path, "m.zip", "data.measurements", DATA)
    flagged = bytearray(content)
    flagged[6] |= 1  # the local header's flag of encryption
    flagged[content.index(b"PK\x01\x02") + 8] |= 1  # and that of the directory
    (tmp_path / "m.zip").write_bytes(bytes(flagged))
    with pytest.raises(InputError, match=r"^m\.zip: is encrypted; unpack it"):
        read_table(tmp_path, "m.zip", "data.measurements", DATA)


def test_a_compression_that_cannot_be_read_is_not_called_a_password(tmp_path: Path) -> None:
    content = bytearray((archive(tmp_path, a_csv=TEXT) / "m.zip").read_bytes())
    directory = content.index(b"PK\x01\x02")
    content[8:10], content[directory + 10 : directory + 12] = b"\x63\x00", b"\x63\x00"  # method 99, in both headers
    (tmp_path / "m.zip").write_bytes(bytes(content))
    with pytest.raises(InputError, match=r"^m\.zip: cannot be unpacked \(.*; make the archive again"):
        read_table(tmp_path, "m.zip", "data.measurements", DATA)
