"""Which run is at work on a study: a note that it leaves while it runs, for whoever starts a second one meanwhile.

Snakemake locks the files that it makes, and its message cannot tell a run at work from one that was killed. Snakemake
imports this module at each start: nothing heavy.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from slopewise.run.files import read_json, write_json
from slopewise.run.folders import is_at_work

UNLOCK = "add --unlock to the same command once (slopewise run STUDY -- --unlock), then start it again"


class Notes:
    """The notes of the studies of one run, below `folder`."""

    def __init__(self, folder: Path, studies: Iterable[str]) -> None:
        self.files = {study: folder / f"{study}.json" for study in studies}
        self.are_ours = False

    def leave(self) -> None:
        """Say that this process is at work."""
        self.are_ours = True
        for file in self.files.values():
            write_json(file, {"host": platform.node(), "process": os.getpid()})

    def remove(self) -> None:
        """Say that it has ended."""
        for file in self.files.values():
            with suppress(OSError):
                file.unlink()

    def others(self) -> list[str]:
        """One line for each study on which another run is, or was when it was killed; none once this run is at work."""
        return [] if self.are_ours else [line for study in self.files if (line := self._other(study))]

    def _other(self, study: str) -> str | None:
        try:
            note = read_json(self.files[study])
            host, process = str(note["host"]), int(note["process"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if process == os.getpid() and host == platform.node():
            return None
        if host != platform.node():
            return (
                f"results/{study}: a run on {host} (process {process}) may be at work; wait until it ends, or, if it "
                f"was killed, cancel its jobs and {UNLOCK}"
            )
        if is_at_work(process):
            return f"results/{study}: another run is at work (process {process}); wait until it ends"
        return f"results/{study}: the last run (process {process}) was killed; {UNLOCK}"
