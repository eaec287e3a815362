"""`pip install slopewise` from a wheel: the command runs the workflow that came with it, in any folder."""

from pathlib import Path

import pytest

from slopewise.run.code import package_digest
from tests.workflow.running import ROOT, pbc_part
from tests.workflow.wheel import done, install, offline

MOST_BYTES = 1_500_000


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("wheel"))


def test_it_is_the_code_of_the_checkout_and_stays_small(installed: Path):
    assert done([str(installed), "version", "--digest"], installed.parent).strip() == package_digest()
    (wheel,) = installed.parents[2].glob("*.whl")
    assert wheel.stat().st_size < MOST_BYTES


@pytest.mark.workflow
def test_a_study_runs_in_a_folder_of_the_user(installed: Path, plain: Path, tmp_path: Path):
    """Without a network, to its folds, which need no compiled code; the whole way is in test_same_bytes.py."""
    folder = tmp_path / "my own study"
    pbc_part().write(folder)
    target = "results/small/folds.parquet"
    printed = done([*offline(), str(installed), "run", "study.yaml", "--cores", "2", "--", target], folder)
    assert (folder / target).read_bytes() == (plain / "folds.parquet").read_bytes()
    assert "2 of 2 steps (100%) done" in printed and str(ROOT) not in printed


@pytest.mark.workflow
def test_the_demo_has_its_data_with_it(installed: Path, tmp_path: Path):
    planned = "from slopewise.cli.run import DEMO_FILES, run_workflow as run\n"
    planned += "raise SystemExit(run('studies=[pbc]', '1', 'default', [*DEMO_FILES, '--dry-run']))"
    printed = done([str(installed.with_name("python")), "-c", planned], tmp_path)
    assert "pbc: reading the tables" in printed and "pbc: the report" in printed and str(ROOT) not in printed
