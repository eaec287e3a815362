"""What the workflow asks of a cluster and of conda: programs that write down how they were called, and do nothing.

`make test-cluster` runs the workflow on a real SLURM.
"""

import os
import re
from pathlib import Path

import pytest

from tests.workflow.running import ROOT, pbc_part, snakemake

SBATCH = """#!/bin/sh
echo "$@" >> '{folder}/called'
echo 'sbatch: error: Requested node configuration is not available' >&2
exit 1
"""


@pytest.fixture
def refusing(tmp_path: Path) -> Path:
    """A folder of programs in which `sbatch` refuses every job."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "sbatch").write_text(SBATCH.format(folder=tmp_path))
    (programs / "sinfo").write_text("#!/bin/sh\necho 'main*'\n")
    for name in ("sacct", "sacctmgr", "scontrol", "squeue"):  # those of an installed SLURM would look for it
        (programs / name).write_text("#!/bin/sh\nexit 1\n")
    for file in programs.iterdir():
        file.chmod(0o755)
    return programs


@pytest.mark.workflow
def test_a_job_asks_for_what_the_study_needs_and_a_refusal_is_one_line(refusing: Path, tmp_path: Path):
    pbc_part().write(tmp_path)
    flow = tmp_path / "results/small/cohort/flow.csv"
    flow.parent.mkdir(parents=True)
    flow.write_text("step,patients_left\nlandmark,1000000\n")
    profile = ("--workflow-profile", str(ROOT / "profiles/slurm"), "--retries", "0", "--slurm-no-account")
    asked = ("-s", str(ROOT / "Snakefile"), *profile, "results/small/cohort/patients.parquet")
    path = f"{refusing}{os.pathsep}{os.environ['PATH']}"
    ended = snakemake(*asked, "--config", "study=study.yaml", cwd=tmp_path, PATH=path)
    assert ended.returncode == 1
    called = (tmp_path / "called").read_text()
    assert re.search(r"--mem[= ]10000\b", called), "1 GB, and 9 kB for each of a million patients with two markers"
    assert int(re.search(r"(?:-t|--time)[= ](\d+)", called)[1]) > 60
    lines = [line for line in ended.stderr.splitlines() if line.startswith("slopewise: ")]
    assert len(lines) == 1 and ended.stderr.splitlines()[-1] == lines[0], ended.stderr
    assert "small: SLURM did not take the job prepare_cohort" in lines[0]
    assert "--set-resources prepare_cohort:mem_mb=MB" in lines[0] and "slurm_partition=NAME" in lines[0]


CONDA = """#!/bin/sh
case "$1" in
  info) echo '{{"conda_version": "24.11.0", "conda_prefix": "{folder}", "platform": "linux-64"}}' ;;
  config) echo '{{"get": {{"channel_priority": "strict"}}}}' ;;
  *) echo "conda 24.11.0" ;;
esac
"""


@pytest.mark.workflow
def test_every_rule_takes_the_environment_that_conda_makes(tmp_path: Path):
    pbc_part().write(tmp_path)
    program = tmp_path / "conda"
    program.write_text(CONDA.format(folder=tmp_path))
    program.chmod(0o755)
    asked = (
        "-s",
        str(ROOT / "Snakefile"),
        "--sdm",
        "conda",
        "--cores",
        "1",
        "--dry-run",
        "--config",
        "study=study.yaml",
    )
    ended = snakemake(*asked, cwd=tmp_path, PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert ended.returncode == 0, ended.stderr
    assert re.search(r"environment\.yml will be created", ended.stdout + ended.stderr)
    rules = (ROOT / "workflow/rules").glob("*.smk")
    parts = [part for file in rules for part in re.split(r"^rule ", file.read_text(), flags=re.MULTILINE)[1:]]
    scripts = [part for part in parts if "script:" in part]
    assert len(scripts) > 10 and all("../../environment.yml" in part for part in scripts)
