"""Both audits, that of growth models and scores and that of imputed covariates, as one."""

from __future__ import annotations

from slopewise.report.material.frames import Frames


def audited(frames: Frames) -> int:
    """How many sets of fitted and predicted patients were audited."""
    return len(frames.audit) + len(frames.further["imputation_audit"])


def leaks(frames: Frames) -> int:
    """In how many of them something leaked."""
    tables = (frames.audit, frames.further["imputation_audit"])
    return sum(int((table["verdict"] == "leak").sum()) for table in tables)
