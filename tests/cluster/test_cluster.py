"""The workflow on a real SLURM: a node that is lost on the way, a job over its memory, one over its time.

`make test-cluster` runs this; it takes minutes and needs munge, slurmctld, slurmd and slurm-client. What `make test`
tries of it without SLURM is in tests/workflow/test_cluster_plan.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster.lab import Lab, missing, slurm
from tests.workflow.running import ROOT

ASKED = "CLUSTER" in os.environ
STUDIES = ("sleepstudy", "orthodont")
MAY_DIFFER = {"run.json"}

pytestmark = [
    pytest.mark.skipif(not ASKED, reason="takes minutes: make test-cluster"),
    pytest.mark.skipif(ASKED and bool(missing()), reason="apt install munge slurmctld slurmd slurm-client"),
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with slurm(tmp_path_factory.mktemp("slurm")) as running:
        yield running


def words(*arguments: str) -> list[str]:
    """The command of README.md, asking SLURM sooner than a shared cluster would like."""
    snakemake = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile")]
    return [*snakemake, "--workflow-profile", str(ROOT / "profiles/slurm"), "--latency-wait", "5",
            "--slurm-init-seconds-before-status-checks", "2", *arguments]  # fmt: skip


def start(lab: Lab, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, **lab.environment, "NO_COLOR": "1"}
    with (folder / "printed").open("w") as printed:
        return subprocess.Popen(words(*arguments), cwd=folder, env=environment, stdout=printed, stderr=printed)


def printed(folder: Path) -> str:
    return (folder / "printed").read_text()


def last_lines(folder: Path) -> list[str]:
    return [line for line in printed(folder).splitlines() if line.startswith("slopewise: ")]


def files(results: Path) -> dict[str, bytes]:
    """Every file of results but clocks and logs, by its path."""
    kept = [file for file in results.rglob("*") if file.is_file() and not {"logs", "timings"} & set(file.parts)]
    return {str(file.relative_to(results)): file.read_bytes() for file in kept if file.name not in MAY_DIFFER}


def locally(folder: Path) -> Path:
    """The same studies without SLURM."""
    folder.mkdir()
    asked = ("-s", str(ROOT / "Snakefile"), "--cores", "2", "--config", f"studies=[{','.join(STUDIES)}]")
    subprocess.run([sys.executable, "-m", "snakemake", *asked], cwd=folder, check=True, capture_output=True)
    return folder / "results"


def test_a_node_is_lost_on_the_way_and_every_byte_is_that_of_the_local_run(lab: Lab, tmp_path: Path):
    run = start(lab, tmp_path, "--config", f"studies=[{','.join(STUDIES)}]")
    node = node_of(lab, run, "compare_growth")
    lab.cut_off(node)
    time.sleep(20)
    lab.start_node(node)
    assert run.wait(timeout=1200) == 0, printed(tmp_path)
    wanted, found = files(locally(tmp_path / "local")), files(tmp_path / "results")
    assert wanted.keys() == found.keys() and len(wanted) > 60
    assert [name for name in wanted if wanted[name] != found[name]] == []
    assert not list((tmp_path / "results").rglob(".*.tmp")), "nothing half-written is left"


def node_of(lab: Lab, run: subprocess.Popen[str], rule: str) -> str:
    """Where a rule's job runs, as soon as one does."""
    while run.poll() is None:
        for comment, node in lab.jobs().items():
            if rule in comment:
                time.sleep(3)
                return node
        time.sleep(0.5)
    raise AssertionError(f"no job of {rule} was seen")


def test_a_job_over_its_memory_is_given_more_at_its_second_attempt(lab: Lab, tmp_path: Path):
    limit = "compare_growth:mem_mb=200 if attempt == 1 else 2000"
    target = "results/sleepstudy/growth/fixed_effects.csv"
    run = start(lab, tmp_path, target, "--set-resources", limit, "--config", "studies=[sleepstudy]")
    assert run.wait(timeout=600) == 0, printed(tmp_path)
    assert (tmp_path / target).is_file() and "Trying to restart job" in printed(tmp_path)


def test_a_job_over_its_memory_ends_in_one_line(lab: Lab, tmp_path: Path):
    target = "results/sleepstudy/growth/fixed_effects.csv"
    limits = ("--retries", "0", "--set-resources", "compare_growth:mem_mb=200")
    run = start(lab, tmp_path, target, *limits, "--config", "studies=[sleepstudy]")
    assert run.wait(timeout=600) == 1
    (line,) = last_lines(tmp_path)
    assert printed(tmp_path).splitlines()[-1] == line
    assert "sleepstudy: compare_growth took more memory than its limit of 200 MB" in line
    assert "--set-resources compare_growth:mem_mb=" in line


def test_a_job_over_its_time_ends_in_one_line(lab: Lab, tmp_path: Path):
    study = yaml.safe_load((ROOT / "config/studies/sleepstudy.yaml").read_text())
    study["data"]["measurements"] = str(ROOT / study["data"]["measurements"])
    study["study"] = "slow"
    study["growth"] = {**study.get("growth", {}), "bootstrap": 100_000}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
    target = "results/slow/growth/fixed_effects.csv"
    limits = ("--retries", "0", "--set-resources", "compare_growth:runtime=1")
    run = start(lab, tmp_path, target, *limits, "--config", "study=study.yaml")
    assert run.wait(timeout=600) == 1
    (line,) = last_lines(tmp_path)
    assert "slow: compare_growth took longer than its limit of 1 minute" in line
    assert "--set-resources compare_growth:runtime=" in line


def test_a_job_that_no_node_can_run_ends_in_one_line(lab: Lab, tmp_path: Path):
    target = "results/sleepstudy/folds.parquet"
    limits = ("--retries", "0", "--set-resources", "prepare_cohort:mem_mb=900000")
    run = start(lab, tmp_path, target, *limits, "--config", "studies=[sleepstudy]")
    assert run.wait(timeout=300) == 1
    (line,) = last_lines(tmp_path)
    assert "sleepstudy: SLURM did not take the job " in line and "prepare_cohort" in line
