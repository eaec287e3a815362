"""A report from a database is that from files, but for the names and digests of the tables."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from slopewise.figures.canvas import without_drawing
from slopewise.report.material.frames import Frames
from slopewise.report.pages.study import page
from slopewise.sources.snapshot import frozen
from slopewise.study.reading import load_study
from tests.workflow.running import changed, outputs_of, pbc_part, script

NAMES = ("measurements", "patients")


def in_a_database(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The study file of the same study with both tables in SQLite, its rows read as a run reads them."""
    part = pbc_part()
    with closing(sqlite3.connect(folder / "trial.db")) as made:
        for name in NAMES:
            getattr(part, name).to_sql(name, made, index=False)
            (folder / f"{name}.sql").write_text(f"SELECT * FROM {name}")
            part.study["data"][name] = {"database": "sqlite", "url_env": "TRIAL", "query": f"{name}.sql"}
    monkeypatch.setenv("TRIAL", f"sqlite:///{folder / 'trial.db'}")
    (folder / "study.yaml").write_text(yaml.safe_dump(part.study, sort_keys=False))
    study = frozen(load_study(folder / "study.yaml"), folder, folder / "snapshots")
    (folder / "frozen.yaml").write_text(study.model_dump_json(exclude_defaults=True))
    return folder / "frozen.yaml"


def report_of(study_file: Path, results: Path) -> str:
    with without_drawing():
        return page(load_study(study_file), Frames.read(results))


def without_files(html: str) -> str:
    """The report without its section on provenance, its tables called alike."""
    opening = re.search(r'<section[^>]*id="provenance"', html)
    assert opening is not None
    rest = html[: opening.start()] + html[opening.start() :].partition("</section>")[2]
    return re.sub(r"(measurements|patients)(\.csv|\.sql \(query\))", r"\1", rest)


def test_the_report_from_a_database_is_that_from_files(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the cohort and the provenance are made anew: no other step takes the files (test_end_of_sources.py)."""
    study_file = in_a_database(tmp_path, monkeypatch)
    results = Path(shutil.copytree(plain, tmp_path / "results"))
    tables = outputs_of("prepare_cohort", results)
    for path in tables.values():
        path.unlink()
    script("prepare_cohort").prepare(study_file, tmp_path, **tables)
    same = [str(path.relative_to(results)) for name, path in tables.items() if name != "problems"]
    assert changed(plain, results, same) == []
    made = [path for path in results.rglob("*") if path.suffix in {".parquet", ".csv"}]
    script("record_run").record(study_file, tmp_path, made, results / "provenance.json", results / "run.json", 1)
    found, known = report_of(study_file, results), report_of(plain.parent / "study.yaml", plain)
    assert "Files measurements.sql (query) and patients.sql (query), with" in found and ".snapshot" not in found
    assert found != known
    assert without_files(found) == without_files(known)
