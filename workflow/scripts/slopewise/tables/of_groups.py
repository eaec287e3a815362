"""Tables of groups of patients by their validated predictions."""

from __future__ import annotations

from slopewise.tables.of_cohort_and_outcome import STEP_KEYS
from slopewise.tables.schema import INTEGER, NUMBER, Schema

OF_GROUPS: dict[str, Schema] = {
    # `events` is missing where the outcome is a number; `horizon` where it has no time.
    "outcome/risk_groups": Schema(
        {
            **STEP_KEYS,
            "horizon": NUMBER,
            "third": ("low", "middle", "high"),
            "patients": INTEGER,
            **dict.fromkeys(("events", "predicted", "observed", "ci_low", "ci_high"), NUMBER),
        },
        ("predictors", "cause", "horizon", "third"),
    ),
}
