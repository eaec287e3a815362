"""Tables of studies whose markers are measured in batches; empty in others."""

from __future__ import annotations

from slopewise.tables.of_cohort_and_outcome import FIT_KEYS
from slopewise.tables.schema import FULL, INTEGER, NUMBER, TEXT, Kind, Schema

_FITS: dict[str, Kind] = {key: FIT_KEYS[key] for key in ("scheme", "repeat", "held_out", "fold")}

OF_BATCHES: dict[str, Schema] = {
    # `rows` are those of training patients with a value; `location` is in units of the marker.
    "slopes/batch_parameters": Schema(
        {**_FITS, "marker": TEXT, "batch": TEXT, "rows": INTEGER, "location": FULL, "scale": FULL},
        (*_FITS, "marker", "batch"),
    ),
    # `unseen`: batches of which the fit saw no row.
    "slopes/batch_audit": Schema(
        {
            **_FITS,
            **dict.fromkeys(("patients", "shared_patients", "rows_after_landmark"), INTEGER),
            "unseen": TEXT,
            "verdict": ("clean", "leak"),
        },
        tuple(_FITS),
    ),
    # `batch` is empty for the outcome; `before` and `after` are missing where no fold has both, their intervals also
    # where one of them is 0 or 1. `change` is after less before.
    "outcome/batch_check": Schema(
        {
            "asked": ("batch", "outcome"),
            "batch": TEXT,
            "held_out": INTEGER,
            **{f"{name}{end}": NUMBER for name in ("before", "after", "change") for end in ("", "_low", "_high")},
        },
        ("asked", "batch"),
    ),
}
