"""docs/five-minutes.md is followed by its words alone, and once more with the tables as another program saves them."""

import os
import re
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from slopewise.study.reading import load_study

DOCS = Path(__file__).resolve().parents[2] / "docs"
WALK = DOCS / "five-minutes.md"


def blocks() -> list[str]:
    """The commands of the walk, in order."""
    return re.findall(r"^```sh\n(.*?)^```$", WALK.read_text(encoding="utf-8"), re.M | re.S)


def place(folder: Path, root: Path) -> Path:
    """A folder of slopewise as `make demo` leaves it, its programs those of this test."""
    for name in ("Snakefile", "workflow", "profiles", "config"):
        (folder / name).symlink_to(root / name)
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, module in (("slopewise", "slopewise.cli.app"), ("snakemake", "snakemake")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n', encoding="utf-8")
        (programs / name).chmod(0o755)
    return folder


def follow(folder: Path, command: str) -> str:
    """Run one block of commands, which must end well; what it printed."""
    package = (DOCS.parent / "workflow" / "scripts").as_posix()
    ended = subprocess.run(
        ["bash", "-eu", "-c", command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": package, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, f"{command[:200]}\n{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
    return ended.stdout


def test_the_walk_has_its_steps():
    found = blocks()
    assert found[0] == "make demo\n"
    assert [re.sub(r"\s.*", "", block, flags=re.S) for block in found[1:]] == [
        "cat", "cat", ".venv/bin/slopewise", ".venv/bin/slopewise", ".venv/bin/snakemake", ".venv/bin/slopewise"
    ]  # fmt: skip


def with_few_resamples(file: Path) -> None:
    """The proposed study with few repeats and resamples, whose number changes nothing of what the walk shows."""
    study = yaml.safe_load(file.read_text(encoding="utf-8"))
    few = {"growth": {"bootstrap": 20}, "crossfit": {"repeats": 1}, "validation": {"repeats": 1, "bootstrap": 20}}
    for part, keys in few.items():
        study[part] = {**(study.get(part) or {}), **keys}
    study["outcome"]["bootstrap"] = 5
    file.write_text(yaml.safe_dump(study, sort_keys=False, allow_unicode=True), encoding="utf-8")


@pytest.mark.workflow
@pytest.mark.slow
def test_the_walk_ends_in_a_report(tmp_path, root):
    _, visits, patients, init, check, run, tables = blocks()
    place(tmp_path, root)
    for block in (visits, patients):
        follow(tmp_path, block)
    told = follow(tmp_path, init)
    assert told in WALK.read_text(encoding="utf-8"), f"the walk shows other lines than these:\n{told}"
    assert "The study can run" in follow(tmp_path, check)
    with_few_resamples(tmp_path / "clinic.yaml")
    follow(tmp_path, run)
    at_risk = len(pd.read_parquet(tmp_path / "results/clinic/cohort/patients.parquet"))
    report = (tmp_path / "results/clinic/report.html").read_text(encoding="utf-8")
    assert at_risk > 30 and f"{at_risk} patients at risk at the landmark" in report
    follow(tmp_path, tables)
    assert (tmp_path / "results/clinic/tables/performance.csv").read_bytes().startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("way", ["latin-1", "commas and ISO dates"])
def test_other_shapes_of_the_same_tables(tmp_path, root, way):
    _, visits, patients, init, check, *_ = blocks()
    place(tmp_path, root)
    for block, name in ((visits, "visits.csv"), (patients, "patients.csv")):
        follow(tmp_path, block)
        path = tmp_path / name
        text = path.read_text(encoding="utf-8")
        if way == "latin-1":
            path.write_bytes(text.encode("latin-1"))
        else:
            plain = text.replace(",", ".").replace(";", ",")
            path.write_text(re.sub(r"(\d\d)\.(\d\d)\.(\d{4})", r"\3-\2-\1", plain), encoding="utf-8")
    follow(tmp_path, init)
    assert "The study can run" in follow(tmp_path, check)
    study = load_study(tmp_path / "clinic.yaml")
    assert study.data.date_format == ("%d.%m.%Y" if way == "latin-1" else "auto")
    assert [marker.column for marker in study.markers.values()] == ["CRP (mg/l)", "Hämoglobin (g/dl)"]


def visits_alone(patients: int = 24) -> bytes:
    """A table of visits and nothing else, as it may come: Latin-1, semicolons, decimal commas, the day first."""
    rng = np.random.default_rng(8)
    lines = ["Pat.-Nr.;Besuchsdatum;Größe (cm);Fläche [mm²];Bemerkung"]
    for patient in range(1, patients + 1):
        start, slope = rng.normal(30, 6), rng.normal(-1.5, 1)
        day = date(2011, 1, 1) + timedelta(days=int(rng.integers(700)))
        for visit in range(int(rng.integers(2, 6))):
            years = 0.5 * visit + rng.uniform(0, 0.1)
            values = rng.normal(170, 1), start + slope * years + rng.normal(0, 1)
            cells = [f"{value:.1f}".replace(".", ",") for value in values]
            when = day + timedelta(days=round(365.25 * years))
            lines.append(f"{patient:04d};{when:%d.%m.%Y};{cells[0]};{cells[1]};{['', 'müde'][visit % 2]}")
    return ("\r\n".join(lines) + "\r\n").encode("latin-1")


@pytest.mark.workflow
@pytest.mark.slow
def test_one_table_of_visits_ends_in_a_report_without_an_edit(tmp_path, root):
    place(tmp_path, root)
    (tmp_path / "messungen.csv").write_bytes(visits_alone())
    told = follow(tmp_path, ".venv/bin/slopewise init messungen.csv --out fläche.yaml")
    assert "patient: Pat.-Nr. (24 different values" in told and "outcome: none" in told
    checked = follow(tmp_path, ".venv/bin/slopewise check fläche.yaml")
    assert "The study can run" in checked and "at the landmark" not in checked
    follow(tmp_path, ".venv/bin/snakemake --cores 2 --config study=fläche.yaml 2> ended.txt")
    assert (tmp_path / "ended.txt").read_text().endswith("The report: results/fl_che/report.html\n")
    report = (tmp_path / "results/fl_che/report.html").read_text(encoding="utf-8")
    assert "24 patients" in report and "Fläche" in report and "How Größe and Fläche change" in report
    assert not re.search(r"\b00[0-2]\d\b", re.sub(r"<svg.*?</svg>|data:[^\"')]*", "", report, flags=re.S))


def test_links_and_pictures_of_the_documents_are_there():
    documents = [*DOCS.rglob("*.md"), DOCS.parent / "README.md"]
    assert len(documents) >= 7
    for document in documents:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (document.parent / target).exists(), f"{document.name}: {target}"
