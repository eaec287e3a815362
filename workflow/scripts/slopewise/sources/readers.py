"""Which reader reads which file. A new kind of file is a module with its reader, and an entry here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from slopewise.run.errors import InputError
from slopewise.run.progress import row_counter, share_counter, stage
from slopewise.sources.codes import without_codes
from slopewise.sources.compressed import read_gzip, read_zip
from slopewise.sources.dataset_json import read_dataset_json
from slopewise.sources.delimited import read_delimited
from slopewise.sources.excel import read_excel
from slopewise.sources.fhir import read_ndjson
from slopewise.sources.opendocument import read_opendocument
from slopewise.sources.parquet import read_feather, read_parquet
from slopewise.sources.several import joined
from slopewise.sources.sheets import SHEET
from slopewise.sources.snapshot import QUERY, SUFFIX, read_snapshot
from slopewise.sources.statistics import read_sas, read_spss, read_stata, read_transport
from slopewise.sources.table import TextTable, called_alike
from slopewise.study.errors import close_to
from slopewise.study.files import input_file, input_files, is_pattern
from slopewise.study.keys import Data

LARGE = 10**7
"""Bytes from which a file's reading takes seconds, so that a terminal shows it."""


@dataclass(frozen=True)
class Reader:
    """How files of one kind are read, from their path, their name in messages and the study's `data`; what messages
    call the place of a row, and whether the file has sheets of which `data.sheet` names one. `in_parts` reads the same
    and counts the share of the rows that each part has, or with `by_rows` their number, where the file does not say how
    many there are."""

    read: Callable[[Path, str, Data], TextTable]
    place: str = "line"
    in_parts: Callable[..., TextTable] | None = None
    sheets: bool = False
    by_rows: bool = False


def _in_parts(
    read: Callable[..., TextTable], place: str = "line", sheets: bool = False, by_rows: bool = False
) -> Reader:
    """A reader that counts."""
    return Reader(read, place, read, sheets, by_rows)


READERS: dict[str, Reader] = {
    **dict.fromkeys((".csv", ".tsv", ".tab", ".txt"), _in_parts(read_delimited)),
    ".gz": _in_parts(read_gzip),
    ".zip": _in_parts(read_zip),
    **dict.fromkeys((".parquet", ".pq"), _in_parts(read_parquet, "row")),
    ".feather": _in_parts(read_feather, "row"),
    **dict.fromkeys((".xlsx", ".xlsm"), _in_parts(read_excel, "row", sheets=True, by_rows=True)),
    ".ods": _in_parts(read_opendocument, "row", sheets=True, by_rows=True),
    **dict.fromkeys((".sav", ".zsav"), _in_parts(read_spss, "record")),
    ".dta": _in_parts(read_stata, "record"),
    ".sas7bdat": _in_parts(read_sas, "record"),
    ".xpt": _in_parts(read_transport, "record", by_rows=True),
    ".json": _in_parts(read_dataset_json, "record"),
    ".ndjson": _in_parts(read_ndjson, "record"),
    SUFFIX: Reader(read_snapshot, place="row"),
}
"""By the suffix of the file's name."""


def place_word(file: str) -> str:
    """What to call the place of a row of the file: a CSV file has lines, a Parquet file rows.

    `file` is `Table.name`, which may have the sheet of a workbook behind the file's name.
    """
    if file.endswith(QUERY):
        return "row"
    name = file.partition(SHEET)[0] if file.endswith(")") else file
    reader = READERS.get(Path(name).suffix.lower())
    return "line" if reader is None else reader.place


def place_of(table: TextTable, line: int) -> str:
    """``visits.csv: line 3``: where a place of `TextTable.lines` is, for an error."""
    file, line = table.located(line)
    return f"{file}: {place_word(file)} {line}"


def read_table(folder: Path, name: str, key: str, data: Data) -> TextTable:
    """Read the file `name` (beside `folder` unless absolute) that the study gives under `key`; of a pattern, all files.

    Raises `InputError` when there is no such file, when it is empty or broken, or when a column's name stands twice;
    and where files of one pattern have different columns or decimal marks.
    """
    if not is_pattern(folder, name):
        return _read_file(folder, name, key, data)
    return joined(name, [_read_file(folder, one, key, data) for one in input_files(folder, name, key)])


def _read_file(folder: Path, name: str, key: str, data: Data) -> TextTable:
    path = input_file(folder, name, key)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        known = " ".join(suffix for suffix in READERS if suffix != SUFFIX)
        raise InputError(f"{name}: files ending in {path.suffix!r} are not read ({key}); save it as one of: {known}")
    if data.sheet is not None and not reader.sheets:
        raise InputError(f"{name}: has no sheets, but the sheet {data.sheet!r} is named for it; leave it out")
    return without_codes(_read_shown(reader, path, name, data), data)


def _read_shown(reader: Reader, path: Path, name: str, data: Data) -> TextTable:
    """What the reader gives; a terminal shows how far it is in a large file, or that it reads one."""
    size = path.stat().st_size
    if size < LARGE:
        return reader.read(path, name, data)
    if reader.in_parts is None:
        with stage(f"{name}: reading {size / 1e6:,.0f} MB"):
            return reader.read(path, name, data)
    title = f"{name} ({size / 1e6:,.0f} MB)"
    if reader.by_rows:
        with row_counter(title) as rows:
            return reader.in_parts(path, name, data, rows)
    with share_counter(title) as share:
        return reader.in_parts(path, name, data, share)


def read_patients(folder: Path, data: Data, key: str = "data.patients") -> TextTable | None:
    """The table `data.patients`, its column of the patient called as in the measurements; None where there is none.

    `key`: what names the file, for messages.

    Raises `InputError` as `read_table` does, and where `data.patients_patient` names no column.
    """
    file = data.files.get("data.patients")
    if file is None:
        return None
    table = read_table(folder, file, key, data.model_copy(update={"sheet": data.patients_sheet}))
    names = [str(name) for name in table.text.columns]
    if data.patients_patient is None or (key != "data.patients" and data.patients_patient not in names):
        return table  # the files of new patients may have one name for both
    if data.patients_patient not in names:
        close = close_to(data.patients_patient, names, 0.8)
        meant = f"; did you mean {close!r}?" if close else ""
        there = ", ".join(names[:40]) + (f" and {len(names) - 40} more" if len(names) > 40 else "")
        message = f"there is no such column (data.patients_patient){meant}; the columns are: {there}"
        raise InputError(f"{table.name}: column {data.patients_patient}: {message}")
    return called_alike(table, data.patients_patient, data.patient)
