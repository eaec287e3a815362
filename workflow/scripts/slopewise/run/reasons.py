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


def reasons(before: Stamps, now: Stamps) -> list[str]:
    """One line for each log that was written since `before` by a job that did not end well, twins told once.

    An empty log beside a reason is left out: it belongs to a job that never began, since one before it in its group
    failed.
    """
    told = {log: reason_in(log) for log, stamp in now.items() if before.get(log) != stamp}
    failed = {log: reason for log, reason in told.items() if reason}
    begun = {log: reason for log, reason in failed.items() if now[log][1] > 0}
    return list(dict.fromkeys((begun or failed).values()))


def reason_in(log: Path) -> str | None:
    """What a log gives as the reason why its job failed; None when the job ended well."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    last = lines[-1] if lines else ""
    if last == f"INFO {FINISHED}":
        return None
    if last.startswith("ERROR "):
        return last.removeprefix("ERROR ")
    step, study = log.stem.split(".")[0], log.parent.parent.name
    return f"{study}: {step} was stopped before its end, perhaps for want of memory or of time; what it wrote: {log}"
