"""Who and which rows are left, and the count of everything that was left out on the way."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from slopewise.run.short_repr import ShortRepr


@dataclass(frozen=True, repr=False)
class State(ShortRepr):
    """Who and which rows are left: `people` (patient, followup, event, covariates) and `rows`."""

    people: pd.DataFrame
    rows: pd.DataFrame

    def without(self, patients: set[str]) -> State:
        """The state without these patients and their rows."""
        return State(
            self.people[~self.people["patient"].isin(patients)], self.rows[~self.rows["patient"].isin(patients)]
        )


class Flow:
    """The table ``cohort/flow``: a line for each exclusion, in order, with what it took and what is left."""

    def __init__(self, start: State) -> None:
        self._lines: list[dict[str, object]] = []
        self.state = start
        self.record("start", "patients and rows in the files", start)

    def record(self, step: str, reason: str, after: State) -> None:
        """Add the exclusion that leads from the last state to `after`."""
        before, self.state = self.state, after
        self._lines.append(
            {
                "step": step,
                "reason": reason,
                "patients_removed": len(before.people) - len(after.people),
                "rows_removed": len(before.rows) - len(after.rows),
                "patients_left": len(after.people),
                "rows_left": len(after.rows),
                "events_left": int((after.people["event"] == 1).sum()) if "event" in after.people else 0,
            }
        )

    def frame(self) -> pd.DataFrame:
        """The lines as a frame."""
        return pd.DataFrame(self._lines)
