"""Does a marker have patient-specific slopes? A claim only where every test agrees, and what speaks against it.

The parametric bootstrap of the likelihood ratio is the arbiter (the boundary mixture where there was none); of several
markers the q-value must be small as well. A slope that it finds is called a patient-specific trend only where the
exact F test of equal slopes agrees, where it survives beside serial correlation and beside a residual variance
that changes (`heteroscedastic`), and where the fit is not singular. What could not be examined speaks neither way.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

LEVEL = 0.05
AGAINST = {"p_f": "f_test", "p_serial": "serial", "p_time": "time", "p_fitted": "fitted"}
"""What speaks against a trend where its p, by column, is not below `LEVEL`."""


def verdicts(found: pd.DataFrame, comparison: pd.DataFrame) -> pd.DataFrame:
    """The table ``growth/verdict`` from its columns of single markers and ``growth/comparison`` with its q-values.

    `found`: marker, `AGAINST`, singular. verdict is none (no slopes were shown), trend or unclear; against lists what
    speaks against a trend; arbiter says by what p_value was found. A marker without a random slope has no row.
    """
    rows = []
    slopes = comparison[comparison["model"] == "random_slope"].set_index("marker")
    several = int(slopes["q_value"].notna().sum()) > 1
    for row in found.to_dict("records"):
        slope = slopes.loc[row["marker"]]
        drawn = bool(np.isfinite(slope["p_value_bootstrap"]))
        p, q = (float(slope[name]) for name in ("p_value_bootstrap" if drawn else "p_value", "q_value"))
        against = [word for name, word in AGAINST.items() if row[name] >= LEVEL]
        against += ["singular"] if row["singular"] else []
        shown = p < LEVEL and (q < LEVEL or not several)
        rows.append(
            {
                **row,
                "verdict": "none" if not shown else "unclear" if against else "trend",
                "against": " ".join(against),
                "arbiter": "bootstrap" if drawn else "mixture",
                "p_value": p,
                "q_value": q,
            }
        )
    return pd.DataFrame(rows)
