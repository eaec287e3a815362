"""`private: true`: what a run writes, and what was there before, can be read by its owner alone."""

import os
from pathlib import Path

import pytest

from tests.workflow.running import ROOT, pbc_part, snakemake


def modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mode & 0o777 for path in [folder, *folder.rglob("*")]}


@pytest.mark.workflow
def test_results_of_a_private_study_are_closed_to_others(tmp_path: Path):
    study = pbc_part()
    study.study["private"] = True
    study.write(tmp_path)
    earlier = tmp_path / "results/small/tables/earlier.csv"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("patient\n1\n")
    earlier.chmod(0o644)
    target = "results/small/folds.parquet"
    before = os.umask(0o022)
    try:
        asked = ("-s", str(ROOT / "Snakefile"), "--cores", "1", target, "--config", "study=study.yaml")
        ended = snakemake(*asked, cwd=tmp_path)
    finally:
        os.umask(before)
    assert ended.returncode == 0, ended.stderr
    found = modes(tmp_path / "results/small")
    assert {"folds.parquet", "cohort/patients.parquet", "logs/make_folds.log", "tables/earlier.csv"} <= found.keys()
    assert set(found.values()) == {0o600, 0o700}, found
