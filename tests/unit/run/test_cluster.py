"""What SLURM says of a job that it ended or refused is one line: which job, why, what to change."""

from pathlib import Path

import pytest

from slopewise.run.cluster import Limits, verdicts
from slopewise.run.reasons import reasons, stamps

PRINTED = """Execute 1 jobs...
Error in rule compare_growth:
    message: SLURM-job '2' failed, SLURM status is: '{status}'. Detailed failure reason unavailable (status command is not 'sacct').
    jobid: 0
    output: results/pbc/growth/lines.csv
    log: {log}, {slurm} (check log file(s) for error details)
    external_jobid: 2
Logfile {log}: empty file
"""  # noqa: E501 (as Snakemake prints it)
REFUSED = """Error in rule fit_outcome:
    message: SLURM sbatch failed. The error message was 'sbatch: error: Memory specification can not be satisfied
sbatch: error: Batch job submission failed: Requested node configuration is not available'.
    sbatch call:
        sbatch --mem 900000
    jobid: 3
    log: {log} (check log file(s) for error details)
"""
OF_GROUP = """    message: Error in group telling
{slurm}    jobs:
        rule record_run:
            jobid: 1
            log: {log} (check log file(s) for error details)
        rule render_report:
            jobid: 2
            log: {second} (check log file(s) for error details)
    [Fri Nov 27 06:12:13 2026]
    Error in rule render_report:
        message: None
        log: {second} (check log file(s) for error details)
Error in rule fit_outcome:
    message: None
    log: results/other/logs/fit_outcome.log (check log file(s) for error details)
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "results/pbc/logs/compare_growth.log"
    file.parent.mkdir(parents=True)
    return file


@pytest.fixture
def slurm(tmp_path: Path) -> Path:
    file = tmp_path / ".snakemake/slurm_logs/rule_compare_growth/2.log"
    file.parent.mkdir(parents=True)
    file.write_text("srun: error: n1: task 0: Killed\n")
    return file


@pytest.mark.parametrize(
    ("status", "written", "words"),
    [
        ("OUT_OF_MEMORY", "", "took more memory than its limit of 2000 MB; give it more and start again: "
         "--set-resources compare_growth:mem_mb=4000"),
        ("FAILED", "slurmstepd: error: StepId=2.0 exceeded memory limit (3 > 2), being killed", "took more memory"),
        ("FAILED", "slurmstepd: error: Detected 1 oom_kill event in StepId=2.0", "took more memory than its limit"),
        ("TIMEOUT", "", "took longer than its limit of 1 minute; give it more and start again: "
         "--set-resources compare_growth:runtime=2 (minutes)"),
        ("CANCELLED", "", "was stopped before its end (SLURM: CANCELLED); start again; what SLURM wrote: "),
        ("NODE_FAIL", "", "was stopped before its end (SLURM: NODE_FAIL)"),
    ],
)  # fmt: skip
def test_the_reason_names_the_job_and_what_to_change(log: Path, slurm: Path, status: str, written: str, words: str):
    log.touch()
    slurm.write_text(written)
    text = PRINTED.format(status=status, log=log, slurm=slurm)
    of_cluster = verdicts(text, {log: Limits(2000, 1)})
    (line,) = reasons({}, stamps([log.parent.parent]), of_cluster)
    assert line.startswith("pbc: compare_growth ") and words in line and "\n" not in line


def test_the_last_word_of_the_job_itself_counts_more(log: Path, slurm: Path):
    log.write_text("ERROR visits.csv: line 3: no number\n")
    of_cluster = verdicts(PRINTED.format(status="FAILED", log=log, slurm=slurm), {})
    assert reasons({}, stamps([log.parent.parent]), of_cluster) == ["visits.csv: line 3: no number"]


def test_a_job_that_succeeded_at_its_second_attempt_is_no_reason(log: Path, slurm: Path):
    log.write_text("INFO finished\n")
    of_cluster = verdicts(PRINTED.format(status="TIMEOUT", log=log, slurm=slurm), {})
    assert reasons({}, stamps([log.parent.parent]), of_cluster) == []


def test_a_job_that_was_refused_never_wrote_a_log(log: Path):
    of_cluster = verdicts(REFUSED.format(log=log), {})
    (line,) = reasons({}, {}, of_cluster)
    assert line.startswith("pbc: SLURM did not take the job compare_growth: sbatch: error: Memory specification")
    assert "--set-resources compare_growth:mem_mb=MB" in line and "slurm_partition=NAME" in line


def test_all_jobs_of_a_group_share_its_end(log: Path, slurm: Path):
    """Of a group Snakemake prints no status: the log that SLURM left has it."""
    second = log.with_name("render_report.log")
    slurm.write_text("slurmstepd: error: *** STEP 7.0 ON n1 CANCELLED AT 2026-11-27 DUE TO TIME LIMIT ***\n")
    text = OF_GROUP.format(log=log, slurm=f"    log: {slurm} (check log file(s) for details)\n", second=second)
    found = verdicts(text, {second: Limits(500, 5)})
    assert "compare_growth took longer than its limit;" in found[log]
    assert "render_report took longer than its limit of 5 minutes" in found[second]
    assert set(found) == {log, second}, "the failure of another job is its own"


def test_a_group_that_was_refused_is_one_line(log: Path):
    second = log.with_name("render_report.log")
    found = verdicts(OF_GROUP.format(log=log, slurm="", second=second), {})
    assert len(set(found.values())) == 1
    assert "SLURM did not take the job compare_growth with render_report; ask for" in found[log]


def test_of_several_attempts_the_last_counts(log: Path, slurm: Path):
    text = "".join(PRINTED.format(status=status, log=log, slurm=slurm) for status in ("TIMEOUT", "OUT_OF_MEMORY"))
    assert "more memory" in verdicts(text, {})[log]
