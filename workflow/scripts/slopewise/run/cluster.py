"""Why SLURM ended a job or did not take it, in one line: read off Snakemake's log and the log that SLURM left of it.

A job that SLURM ends can write no last word of its own. Snakemake imports this module at each start: nothing heavy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from slopewise.run.words import amount

STATUS = re.compile(r"^ +message: .*SLURM status is:? '(?P<status>\w+)'")
REFUSED = re.compile(r"^ +message: .*SLURM sbatch failed\. The error message was '(?P<why>[^']*)'?")
OF_GROUP = re.compile(r"^ +message: Error in group ")
"""Of a group of jobs Snakemake prints neither the status nor why it was not taken."""
NEXT = re.compile(r"^Error in rule ")
LOGS = re.compile(r"^ +log: (?P<logs>.*) \(check log file")
OVER_MEMORY = re.compile(r"memory limit|oom[-_ ]?kill|out of memory", re.IGNORECASE)
OVER_TIME = re.compile(r"due to time limit", re.IGNORECASE)
SLURM_LOGS = "slurm_logs"
"""The folder in which the logs lie that SLURM leaves of jobs."""


class Limits(NamedTuple):
    """What a job was given at its last attempt."""

    mem_mb: int
    minutes: int


class Failure(NamedTuple):
    """A failed submission: SLURM's status, or why it did not take the job; the logs of its rules, and SLURM's."""

    status: str
    why: str
    logs: list[Path]
    of_slurm: list[Path]


def verdicts(snakemake_log: str, limits: Mapping[Path, Limits]) -> dict[Path, str]:
    """One line for each log of a job that SLURM ended or refused, by the log; of several attempts the last."""
    found = {}
    for failure in failures(snakemake_log):
        for log in failure.logs:
            found[log] = _ended(log, failure, limits.get(log)) if failure.of_slurm else _refused(failure)
    return found


def failures(snakemake_log: str) -> Iterator[Failure]:
    """The failed submissions that Snakemake's log names."""
    current: Failure | None = None
    for line in snakemake_log.splitlines():
        ended, refused, logs = STATUS.match(line), REFUSED.match(line), LOGS.match(line)
        if current and (ended or refused or OF_GROUP.match(line) or NEXT.match(line)):
            yield current
            current = None
        if ended or refused or OF_GROUP.match(line):
            current = Failure(ended["status"] if ended else "", refused["why"].strip() if refused else "", [], [])
        elif current and logs:
            for name in logs["logs"].split(", "):
                (current.of_slurm if SLURM_LOGS in name else current.logs).append(Path(name))
    if current:
        yield current


def _refused(failure: Failure) -> str:
    """Of a job that has no log of SLURM, since it was not submitted."""
    steps = list(dict.fromkeys(_step(log) for log in failure.logs))
    return (
        f"{_study(failure.logs[0])}: SLURM did not take the job {' with '.join(steps)}"
        f"{': ' if failure.why else ''}{failure.why}; ask for what a node has "
        f"(--set-resources {steps[-1]}:mem_mb=MB {steps[-1]}:runtime=MINUTES), or name a partition and an account "
        "(--default-resources slurm_partition=NAME slurm_account=NAME)"
    )


def _ended(log: Path, failure: Failure, limits: Limits | None) -> str:
    """Which job, why, and what to change."""
    step, study = _step(log), _study(log)
    if failure.status == "OUT_OF_MEMORY" or _says(OVER_MEMORY, failure.of_slurm):
        had = f" of {limits.mem_mb} MB" if limits else ""
        more = 2 * limits.mem_mb if limits else "MB"
        return (
            f"{study}: {step} took more memory than its limit{had}; give it more and start again: "
            f"--set-resources {step}:mem_mb={more}"
        )
    if failure.status == "TIMEOUT" or _says(OVER_TIME, failure.of_slurm):
        had = f" of {amount(limits.minutes, 'minute')}" if limits else ""
        more = 2 * limits.minutes if limits else "MINUTES"
        return (
            f"{study}: {step} took longer than its limit{had}; give it more and start again: "
            f"--set-resources {step}:runtime={more} (minutes)"
        )
    status = f" (SLURM: {failure.status})" if failure.status else ""
    return f"{study}: {step} was stopped before its end{status}; start again; what SLURM wrote: {failure.of_slurm[0]}"


def _step(log: Path) -> str:
    return log.stem.split(".")[0]


def _study(log: Path) -> str:
    return log.parent.parent.name


def _says(pattern: re.Pattern[str], logs: list[Path]) -> bool:
    """Whether a log of SLURM matches; one that is not there (its node was lost) does not."""
    for log in logs:
        with suppress(OSError):
            if pattern.search(log.read_text(encoding="utf-8", errors="replace")):
                return True
    return False
