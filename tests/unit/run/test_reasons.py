"""Why a run failed is read from the logs of its jobs; progress is shown on a terminal alone."""

import gzip
import io
import json
import logging
import re
from pathlib import Path

import pandas as pd
import pytest

from slopewise.run.errors import InputError
from slopewise.run.log import logger
from slopewise.run.progress import counted, progress_bar, row_counter
from slopewise.run.reasons import reason_in, reasons, stamps
from slopewise.run.step import step
from slopewise.sources.readers import read_table
from slopewise.study.keys import Data
from tests.unit.cohort.test_round_trip import WRITERS


def left(folder: Path, name: str, error: BaseException | None) -> Path:
    """The log that a step leaves, which ends with `error` or well."""
    log = folder / "logs" / f"{name}.log"
    try:
        with step(log):
            logger.info("at work")
            if error:
                raise error
    except (SystemExit, KeyboardInterrupt):
        pass
    finally:
        logging.captureWarnings(False)
    return log


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (InputError("visits.csv, line 3:\n  no number"), "visits.csv, line 3: no number"),
        (
            OSError(28, "No space left on device", "x.parquet"),
            "x.parquet: No space left on device; make room, then run it again (details: ",
        ),
        (MemoryError(), "not enough memory (details: "),
        (ValueError("odd"), "internal error: ValueError: odd (details: "),
    ],
)
def test_the_last_line_of_a_log_is_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str], error, words):
    log = left(tmp_path, "fit_outcome", error)
    reason = reason_in(log)
    assert reason is not None and reason.startswith(words) and "\n" not in reason
    assert capsys.readouterr().err == f"slopewise: {reason}\n"
    assert ("Traceback" in log.read_text()) is not isinstance(error, InputError)


def test_a_job_that_ended_well_has_none(tmp_path: Path):
    assert reason_in(left(tmp_path, "make_folds", None)) is None


def test_a_job_that_was_stopped_is_named(tmp_path: Path):
    reason = reason_in(left(tmp_path / "pbc", "cross_fit_slopes.2", KeyboardInterrupt()))
    assert reason is not None and reason.startswith("pbc: cross_fit_slopes was stopped")


def test_only_logs_of_this_run_count(tmp_path: Path):
    left(tmp_path, "fit_outcome", InputError("an old mistake"))
    before = stamps([tmp_path])
    left(tmp_path, "prepare_cohort", InputError("a new mistake"))
    left(tmp_path, "make_folds", None)
    assert reasons(before, stamps([tmp_path])) == ["a new mistake"]
    assert reasons(before, before) == []


def test_the_empty_log_of_a_job_that_never_began_does_not_hide_the_reason(tmp_path: Path):
    """Jobs of a group share one submission: a scheduler opens the logs of all of them."""
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "make_folds.log").touch()
    assert "was stopped before its end" in reasons({}, stamps([tmp_path]))[0]
    left(tmp_path, "prepare_cohort", InputError("line 6: no number"))
    assert reasons({}, stamps([tmp_path])) == ["line 6: no number"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_how_much_is_done(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    assert list(counted("markers", ["a", "b", "c"], terminal)) == ["a", "b", "c"]
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())
    assert list(dict.fromkeys(re.findall(r"markers: (\d) of 3 done", shown))) == ["0", "1", "2", "3"]
    assert terminal.getvalue().endswith("\x1b[2K"), "and the line is removed"


def test_the_bar_of_a_step_that_fails_is_removed_and_the_cursor_stays(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    with pytest.raises(InputError), progress_bar("markers", 3, stream=terminal):
        assert terminal.getvalue().rfind("\x1b[?25h") > terminal.getvalue().rfind("\x1b[?25l"), "the cursor is hidden"
        raise InputError("a mistake")
    assert terminal.getvalue().endswith("\x1b[2K")


def test_a_terminal_shows_the_rows_of_a_query(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    with row_counter("visits.sql", terminal) as count:
        count(20_000)
        count(1_500)
    assert "visits.sql: 21,500 rows read" in terminal.getvalue() and terminal.getvalue().endswith("\x1b[2K")


@pytest.mark.parametrize("suffix", ["csv", "parquet", "feather"])
def test_a_terminal_shows_how_far_a_large_file_is_read(suffix: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """In tenths here, of the rows."""
    monkeypatch.setenv("TERM", "xterm")
    frame = pd.DataFrame({"id": [f"P{row:04d}" for row in range(10_000)], "t": range(10_000)})
    name = f"m.{suffix}"
    write = {"csv": lambda path: frame.to_csv(path, index=False), "parquet": frame.to_parquet}
    write.get(suffix, frame.to_feather)(tmp_path / name)
    monkeypatch.setattr("slopewise.sources.plain.PART", 11 * 1000)
    monkeypatch.setattr("slopewise.sources.parquet.PART", 1000)
    data = Data.model_validate(
        {"measurements": name, "patient": "id", "time": "t", "time_unit": "days", "analysis_unit": "days"}
    )
    tables = []
    for least, shown in ((1, True), (10**7, False)):
        terminal = Terminal()
        monkeypatch.setattr("sys.stderr", terminal)
        monkeypatch.setattr("slopewise.sources.readers.LARGE", least)
        tables.append(read_table(tmp_path, name, "data.measurements", data).text)
        found = [int(share) for share in re.findall(r"m\.\w+ \(0 MB\): +(\d+)% read", terminal.getvalue())]
        if not shown:
            assert terminal.getvalue() == ""
        else:
            assert found == sorted(found) and found[0] == 0 and found[-1] == 100 and len(set(found)) >= 8, found
            assert terminal.getvalue().endswith("\x1b[2K")
    pd.testing.assert_frame_equal(*tables)
    assert tables[0]["t"].tolist() == list(map(str, range(10_000)))


BY_ROWS = {".xlsx", ".ods", ".xpt"}
"""Kinds of file that do not hold how many rows they have, or may be wrong about it."""


@pytest.mark.parametrize("suffix", [".gz", ".zip", ".json", ".ndjson", ".sav", ".dta", ".sas7bdat", *sorted(BY_ROWS)])
def test_a_terminal_shows_how_far_every_other_kind_of_file_is_read(
    suffix: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, golden: Path
):
    """In parts, the table is what it is as a whole."""
    monkeypatch.setenv("TERM", "xterm")
    name, rows = f"m{suffix}", 150
    if suffix == ".sas7bdat":
        (tmp_path / name).write_bytes(gzip.decompress((golden / "iris.sas7bdat.gz").read_bytes()))
    else:
        cells = {
            "id": [f"P{row:04d}" for row in range(rows)],
            "t": [str(row / 4) if row % 7 else "" for row in range(rows)],
        }
        WRITERS[suffix](pd.DataFrame(cells), tmp_path / name)
    for module, size in (("plain", 200), ("sheets", 20), ("statistics", 20)):
        monkeypatch.setattr(f"slopewise.sources.{module}.PART", size)
    data = Data.model_validate(
        {"measurements": name, "patient": "id", "time": "t", "time_unit": "days", "analysis_unit": "days"}
    )
    tables, shown = [], ""
    for least in (10**7, 1):
        terminal = Terminal()
        monkeypatch.setattr("sys.stderr", terminal)
        monkeypatch.setattr("slopewise.sources.readers.LARGE", least)
        tables.append(read_table(tmp_path, name, "data.measurements", data).text)
        shown = terminal.getvalue()
    what = r"(\d+) rows" if suffix in BY_ROWS else r"(\d+)%"
    found = [int(number) for number in re.findall(rf"m{re.escape(suffix)} \(0 MB\): +{what} read", shown)]
    assert found == sorted(found) and len(set(found)) >= 5 and found[0] == 0, found
    assert found[-1] == (100 if suffix not in BY_ROWS else rows + (suffix != ".xpt")), found  # with the row of names
    pd.testing.assert_frame_equal(*tables)
    assert len(tables[0]) == rows


def test_a_terminal_shows_how_far_a_bulk_export_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("TERM", "xterm")
    lines = [json.dumps({"resourceType": "Patient", "id": str(row)}) for row in range(150)]
    (tmp_path / "m.ndjson").write_text("\n".join(lines))
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr("slopewise.sources.readers.LARGE", 1)
    data = Data.model_validate(
        {"measurements": "m.ndjson", "patient": "p", "time": "t", "time_unit": "days", "analysis_unit": "days"}
    )
    assert len(read_table(tmp_path, "m.ndjson", "data.measurements", data).text) == 150
    found = [int(share) for share in re.findall(r"m\.ndjson \(0 MB\): +(\d+)% read", terminal.getvalue())]
    assert found[0] == 0 and found[-1] == 100 and len(set(found)) > 50


@pytest.mark.parametrize(("parts", "stream"), [(range(3), io.StringIO()), (range(1), Terminal())])
def test_a_job_and_a_single_part_write_nothing(parts: range, stream: io.StringIO):
    assert list(counted("markers", parts, stream)) == list(parts)
    assert stream.getvalue() == ""
