"""What a step may take of memory and time, for a cluster that ends what takes more.

Both grow with patients and markers, and with each attempt. They are limits, not expectations: several times of what was
measured, since a job that is ended costs more than a limit that is too high. Snakemake imports this module at each
start: nothing heavy.
"""

from __future__ import annotations

import csv
import math
import os
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from slopewise.study.model import Study
from slopewise.study.runtime import estimate

ROWS_OF_A_PATIENT, BYTES_OF_A_PATIENT = 2, 40
"""The least that a patient takes in a table of measurements: two short rows of text."""
COMPRESSION = 20
"""How many times smaller than text a file may be whose text nobody has measured."""
MARGIN = 4
"""How many times the estimated seconds a step may take; the estimate is right within a factor of two."""


class Limits(NamedTuple):
    """A step's limits: MB and minutes of a small study, and bytes for each patient and marker (`cells`) or patient.

    Measured: 180 to 600 MB with 278 patients and 3 markers; 1.7 GB with a million patients, five visits and one marker.
    """

    mem_mb: int
    minutes: int
    of_cell: int = 0
    of_patient: int = 0
    grows: bool = True


LIMITS: Mapping[str, Limits] = {
    "prepare_cohort": Limits(1000, 10, 4_000, 1_000),
    "make_folds": Limits(500, 5, 0, 2_000, grows=False),
    "learn_batches": Limits(1500, 30, 6_000),
    "compare_growth": Limits(2000, 30, 4_000),
    "compare_growth_chunk": Limits(2000, 30, 4_000),
    "gather_growth": Limits(1500, 15, 6_000),
    "cross_fit_slopes": Limits(1500, 30, 6_000),
    "gather_slopes": Limits(1500, 15, 6_000),
    "rate_slopes": Limits(1500, 30, 6_000),
    "fit_outcome": Limits(2000, 30, 6_000, 40_000),
    "validate_outcome": Limits(2000, 30, 6_000, 40_000),
    "examine_sensitivity": Limits(2000, 30, 6_000, 40_000),
    "estimate_effects": Limits(2000, 60, 6_000),
    "choose_examples": Limits(2000, 15, 6_000, 20_000, grows=False),
    "ship_model": Limits(500, 5, 2_000, 2_000, grows=False),
    "stack_landmarks": Limits(3000, 60, 12_000, 40_000),
    "gather_landmarks": Limits(500, 5, 0, 2_000, grows=False),
    "record_run": Limits(500, 5, grows=False),
    "render_report": Limits(2000, 15, 4_000, 40_000, grows=False),  # two processes, each with the tables
    "render_patients": Limits(1500, 15, 2_000, 20_000, grows=False),
}
"""The limits of every step; a new one needs a row."""


def memory(step: str, study: Study, patients: int, attempt: int = 1) -> int:
    """MB that a step may take, in whole hundreds."""
    limits, markers = LIMITS[step], len(study.markers)
    if step in ("cross_fit_slopes", "compare_growth_chunk"):
        markers = max(len(chunk) for chunk in study.chunks())
    needed = limits.mem_mb + patients * (limits.of_cell * markers + limits.of_patient) / 1e6
    return attempt * math.ceil(needed / 100) * 100


def minutes(step: str, study: Study, patients: int, attempt: int = 1) -> int:
    """Minutes that a step may take: none takes longer than the whole study is expected to."""
    limits = LIMITS[step]
    more = MARGIN * estimate(study, patients).seconds / 60 if limits.grows else 0
    return attempt * (limits.minutes + math.ceil(more))


def patients_of(flow: Path, tables: Sequence[Path]) -> int:
    """The patients at the landmark by the flow of a cohort; before there is one, the most that the files can hold."""
    if flow.is_file():
        with flow.open(encoding="utf-8", newline="") as stream:
            return int([row["patients_left"] for row in csv.DictReader(stream)][-1])
    return sum(_room(table) for table in tables if table.is_file())


def _room(table: Path) -> int:
    """The most patients that a file can hold: by its rows where it says how many, else by the size of its text."""
    suffix, size = table.suffix.lower(), table.stat().st_size
    rows, text = None, size if suffix in (".csv", ".tsv", ".tab", ".txt") else size * COMPRESSION
    with suppress(OSError, ValueError, zipfile.BadZipFile):  # a broken file: its reader says what is wrong
        if suffix in (".parquet", ".pq", ".snapshot"):
            import pyarrow.parquet as pq  # only here: half a second that other tables need not wait for

            rows = pq.read_metadata(table).num_rows
        elif suffix == ".gz":
            with table.open("rb") as stream:
                stream.seek(-4, os.SEEK_END)
                text = max(size, int.from_bytes(stream.read(), "little"))  # the size of the text, less whole 4 GiB
        elif zipfile.is_zipfile(table):  # spreadsheets, too
            with zipfile.ZipFile(table) as archive:
                text = sum(part.file_size for part in archive.infolist())
    return text // BYTES_OF_A_PATIENT if rows is None else rows // ROWS_OF_A_PATIENT
