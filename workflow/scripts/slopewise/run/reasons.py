"""Why a run failed, in one line a job, found in the logs that its jobs left.

`run.log` ends a log with one of two words: ``INFO finished`` or ``ERROR`` and the reason. A log that ends in neither
belongs to a job that was stopped from outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from slopewise.run.log import FINISHED

Stamps = Mapping[Path, tuple[int, int]]
"""Time of the last change and size of each log: what tells a log of this run from one of a run before."""


def stamps(folders: Iterable[Path]) -> Stamps:
    """The logs below each results folder, and how each of them is now."""
    logs = (log for folder in folders for log in sorted((folder / "logs").glob("*.log")))
    return {log: (log.stat().st_mtime_ns, log.stat().st_size) for log in logs}


def reasons(before: Stamps, now: Stamps, of_cluster: Mapping[Path, str] | None = None) -> list[str]:
    """One line for each log that was written since `before` by a job that did not end well, twins reported once.

    `of_cluster` has what a cluster gives as the reason, by the log (`run.cluster`), for jobs that wrote none. An empty
    log beside a reason is left out: it belongs to a job that never began, since one before it in its group failed.
    """
    of_cluster = of_cluster or {}
    found = {log: reason_in(log, of_cluster.get(log)) for log, stamp in now.items() if before.get(log) != stamp}
    found |= {log: reason for log, reason in of_cluster.items() if log not in now}
    failed = {log: reason for log, reason in found.items() if reason}
    begun = {log: reason for log, reason in failed.items() if log in of_cluster or now[log][1] > 0}
    return list(dict.fromkeys((begun or failed).values()))


def reason_in(log: Path, of_cluster: str | None = None) -> str | None:
    """Why the job of a log failed: by its last line, else as the cluster has it; None when the job ended well."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    last = lines[-1] if lines else ""
    if last == f"INFO {FINISHED}":
        return None
    if last.startswith("ERROR "):
        return last.removeprefix("ERROR ")
    if of_cluster:
        return of_cluster
    step, study = log.stem.split(".")[0], log.parent.parent.name
    return f"{study}: {step} was stopped before its end, perhaps for want of memory or of time; what it wrote: {log}"
