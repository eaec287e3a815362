"""The parts of the page on drop-out, fast changers and when a trend is claimed."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from parts.monte_carlo import Store
from parts.validity_trends import DIFFERENCE, DRAWS, FAST_SD, LIMIT

Wide = Callable[..., str]
"""`validity_page.wide`, and likewise `verdict` and `size`."""

DROPOUT = """## Slopes of those who were seen for the shortest time

A third of the patients each is seen at times 0 and 1, 0 to 3, and 0 to 5; the slopes of the first third are larger
by {difference} than all others' (SD 0.2). "Difference" is the mean estimate of the report, part × time in the fixed
effects; coverage is that of its 95% interval. "Of predicted slopes" is the mean difference of the predicted slopes of
the first and the last third: shrinkage takes most of it away. {size}.

{table}

{verdicts}"""

FAST = """## The share of fast changers

Two to five visits at uniform times; a slope below {limit} is fast, true slopes have mean −0.5 and SD {sd}, and the
truth is the share among the patients of the study. The interval draws the variances too. {size}.

{table}

{verdicts}"""

CLAIMS = """## How often a patient-specific trend is claimed

Six visits; residual SD 0.5 and constant, growing from 0.5 to 1.5 in even steps, shrinking from 1.5 to 0.5, or with a
step from 0.5 to 1 after the third visit. The bootstrap ({draws} draws) decides whether there are slopes; a
trend is claimed where the F test agrees, where the slope survives beside serial correlation and beside a residual
variance that changes with time or with the expected value, and where the fit is not singular; otherwise the report
says that the matter is open. {size}.

{table}

{verdicts}
- The comparator's residual variance is a smooth function of time (log-quadratic). A step of the noise, as a new assay
  makes it, is no such function: with larger steps or more patients than here a trend may be claimed more often than
  that. `residual_by` gives the rows before and after such a change their own residual variance.
- What the caution costs: with slopes of SD 0.1 a trend is claimed in {weak:.0%} of data sets, though the bootstrap
  finds slopes in {found:.0%}."""


def dropout_section(store: Store, wide: Wide, verdict: Wide, size: Wide) -> str:
    """Coverage of the difference, and what means of predicted slopes would read."""
    found = store.read("dropout")
    lines = [
        verdict(found, ["coverage"], (0.92, 0.98), "Coverage of the 95% interval"),
        verdict(found, ["difference"], (DIFFERENCE - 0.02, DIFFERENCE + 0.02), "Mean of the estimates"),
    ]
    return DROPOUT.format(
        difference=DIFFERENCE, size=size(found), verdicts=_listed(lines),
        table=wide(found, ("coverage", "difference", "of predicted slopes")),
    )  # fmt: skip


def fast_section(store: Store, wide: Wide, verdict: Wide, size: Wide) -> str:
    """Coverage of the share of fast changers."""
    found = store.read("fast_share")
    lines = [
        verdict(found, ["coverage"], (0.92, 0.98), "Coverage of the 95% interval"),
        verdict(found, ["share less truth"], (-0.02, 0.02), "Mean of the share less the true one"),
    ]
    return FAST.format(
        limit=f"−{abs(LIMIT)}", sd=FAST_SD, size=size(found), verdicts=_listed(lines),
        table=wide(found, ("coverage", "width", "share less truth")),
    )  # fmt: skip


def claims_section(store: Store, wide: Wide, verdict: Wide, size: Wide) -> str:
    """How often a trend is claimed with slopes and without."""
    found = store.read("trend_claims")
    none = found["setting"].str.contains("no slopes")
    strong = found["setting"].str.contains("slope SD 0.2|slope SD 0.3")
    weak = found[found["setting"].str.contains("slope SD 0.1")].set_index("quantity")["value"]
    lines = [
        verdict(found[none], ["trend claimed"], (0.0, 0.05), "A trend claimed without slopes"),
        verdict(found[strong], ["trend claimed"], (0.9, 1.0), "A trend claimed with slopes of SD 0.2 or more"),
    ]
    return CLAIMS.format(
        draws=DRAWS, size=size(found), verdicts=_listed(lines),
        table=wide(found, ("bootstrap finds slopes", "trend claimed", "open")),
        weak=_value(weak, "trend claimed"), found=_value(weak, "bootstrap finds slopes"),
    )  # fmt: skip


def _value(values: pd.Series, name: str) -> float:
    return float(values.get(name, float("nan")))


def _listed(lines: list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
