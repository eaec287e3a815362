"""A list of landmarks: each a run of its own with the files of a single one, and a page over them."""

import re
from pathlib import Path

import pandas as pd
import pytest

from slopewise.tables import files as tables
from tests.workflow.running import ELSEWHERE, PROMISED, RECORDS, ROOT, changed, pbc_part, snakemake

LANDMARKS = (1.5, 2.25)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cut-down study at two landmarks, run by Snakemake on one core, in surroundings unlike those of other runs."""
    folder = tmp_path_factory.mktemp("landmarks") / "zwei Zeitpunkte (Übung)"
    study = pbc_part()
    study.study["landmark"] = list(LANDMARKS)
    study.write(folder)
    arguments = ("-s", str(ROOT / "Snakefile"), "--cores", "1", "--config", "study=study.yaml")
    ended = snakemake(*arguments, cwd=folder, **ELSEWHERE)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder


def test_each_landmark_has_the_files_of_a_single_one(finished: Path):
    results = finished / "results/small"
    for landmark in LANDMARKS:
        for name in [*PROMISED, "run.json"]:
            assert (results / f"landmark-{landmark:g}" / name).is_file(), (landmark, name)
    assert sorted(path.name for path in results.iterdir()) == [
        "landmark-1.5", "landmark-2.25", "landmarks.csv", "landmarks.html", "logs", "supermodel.csv", "timings",
    ]  # fmt: skip


def test_a_run_of_the_list_is_the_run_of_its_landmark_alone(finished: Path, plain: Path):
    """And so that of one core, in this folder, time zone and locale: `plain` ran in this process."""
    names = [name for name in PROMISED if name not in RECORDS]
    assert changed(finished / "results/small/landmark-2.25", plain, names) == []


def test_the_table_holds_the_performance_of_each(finished: Path):
    results = finished / "results/small"
    table = tables.read("landmarks", results / "landmarks.csv")
    assert sorted(table["landmark"].unique()) == list(LANDMARKS)
    for landmark in LANDMARKS:
        folder = results / f"landmark-{landmark:g}"
        own = table[table["landmark"] == landmark].reset_index(drop=True)
        measured = tables.read("outcome/performance", folder / "outcome/performance.csv")
        pd.testing.assert_frame_equal(own[measured.columns], measured)
        patients = tables.read("cohort/patients", folder / "cohort/patients.parquet")
        assert (own["patients"] == len(patients)).all() and (own["events"] == (patients["event"] == 1).sum()).all()


def test_the_page_shows_each_landmark_and_loads_nothing(finished: Path):
    results = finished / "results/small"
    page = (results / "landmarks.html").read_text(encoding="utf-8")
    links = [address for address in re.findall(r'href="([^"]+)"', page) if not address.startswith("#")]
    assert links == ["landmark-1.5/report.html", "landmark-2.25/report.html"]
    assert all((results / address).is_file() for address in links)
    assert page.count("<svg") == 2 and "src=" not in page and "<script" not in page
    table = tables.read("landmarks", results / "landmarks.csv")
    gains = table[(table["metric"] == "c_uno") & (table["predictors"] == "slope")]
    for row in gains.itertuples():
        assert f"landmark {row.landmark:g} {row.difference:+.3f}" in page
    assert str(finished) not in page
