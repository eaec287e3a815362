"""A study whose tables a PostgreSQL server holds, from the query to the report; nothing repeats the credentials."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import servers
from tests.workflow.running import ROOT, of_kind, snakemake

PATIENTS = 40
TEXTS = (".html", ".json", ".log", ".tsv", ".yaml", ".sql", ".txt")
"""Files that a user may show to others, and the records of Snakemake; tables with patients are named in SECURITY.md."""


def loaded(server: servers.Server, folder: Path) -> None:
    """The cut-down study of courses alone in the database, its study file and its query in a folder."""
    part = of_kind("none")
    part.study["growth"]["bootstrap"] = 0
    part.study["report"] = {"small_cells": 5}
    part.study["data"] |= {"measurements": {"database": "postgresql", "url_env": "TRIAL", "query": "visits.sql"}}
    del part.study["data"]["patients"]
    part.study["markers"].pop("albumin")
    part.write(folder)
    (folder / "visits.sql").write_text("SELECT id, day, bili FROM visits ORDER BY id, day")
    rows = part.measurements[["id", "day", "bili"]]
    rows = rows[rows["id"].isin(sorted(rows["id"].unique())[:PATIENTS])]
    with server.connect() as owner:
        owner.execute("CREATE TABLE visits (id text, day integer, bili double precision)")
        with owner.cursor().copy("COPY visits FROM STDIN") as copy:
            for patient, day, value in rows.itertuples(index=False):
                copy.write_row((f"planted-{patient}", int(day), float(value)))


def exposed(folder: Path, *said: str) -> list[str]:
    """Places below a folder, and texts, that hold a password, an address or a patient."""
    words = (servers.PASSWORD.encode(), b"127.0.0.1", b"planted-")
    texts = {str(file): file.read_bytes() for file in folder.rglob("*") if file.suffix in TEXTS}
    texts |= {f"output {number}": text.encode() for number, text in enumerate(said)}
    return sorted({name for name, content in texts.items() for word in words if word in content})


@pytest.mark.workflow
@pytest.mark.skipif(servers.programs() is None, reason=servers.MISSING)
def test_a_study_runs_from_a_database_and_reveals_neither_credentials_nor_patients(tmp_path: Path):
    asked = ("-s", str(ROOT / "Snakefile"), "--cores", "2", "--config", "study=study.yaml")
    with servers.postgresql() as server:
        loaded(server, tmp_path)
        wrong = snakemake(*asked, cwd=tmp_path, TRIAL=server.url(password="planted-other"))
        refused = "data.measurements (TRIAL): the database refused the user or the password; correct the address"
        assert wrong.returncode == 1 and wrong.stderr.endswith(f"\nslopewise: {refused}\n")
        checked = subprocess.run(
            [sys.executable, "-m", "slopewise.cli.app", "check", "study.yaml"],
            cwd=tmp_path, env={"TRIAL": server.url(), "PYTHONPATH": str(ROOT / "workflow/scripts"), "PATH": "/usr/bin"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert checked.returncode == 0 and "visits.sql (query)" in checked.stdout, checked.stderr
        with server.connect() as owner:
            owner.execute("TRUNCATE visits")  # what check has read is what the run analyses
        run = snakemake(*asked, cwd=tmp_path, TRIAL=server.url())
    assert run.returncode == 0, run.stderr
    assert "slopewise: visits.sql: the rows that were read before are used; slopewise check reads" in run.stderr
    recorded = json.loads((tmp_path / "results/small/provenance.json").read_text())["queries"]["data.measurements"]
    assert recorded["text"] == (tmp_path / "visits.sql").read_text() and len(recorded["result_sha256"]) == 64
    said = [ended.stdout + ended.stderr for ended in (wrong, checked, run)]
    assert exposed(tmp_path, *said) == []
    (tmp_path / "results/small/logs/planted.log").write_text("planted-1")
    assert len(exposed(tmp_path, *said)) == 1
