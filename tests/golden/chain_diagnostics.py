"""R-hat, effective sample sizes and Pareto shapes of ArviZ for chains that anybody can make again.

ArviZ 0.23.4; run in this folder: python chain_diagnostics.py. Writes chain_diagnostics.csv: chains, name, value.
"""

from __future__ import annotations

import arviz as az
import numpy as np
import pandas as pd


def chains_of(case: str) -> np.ndarray:
    """(4, n) chains of a case; the stream of RandomState never changes."""
    random = np.random.RandomState(1)
    n = 301 if case == "odd" else 400
    noise = random.standard_normal((4, n))
    if case == "heavy":
        return noise / np.sqrt(random.chisquare(1.5, (4, n)))
    share = {"sticky": 0.9, "alternating": -0.6}.get(case, 0.3)
    values = noise.copy()
    for t in range(1, n):
        values[:, t] = share * values[:, t - 1] + noise[:, t]
    if case == "apart":
        values[0] += 1.0
    return np.exp(values) if case == "skewed" else values


CASES = ("plain", "odd", "sticky", "alternating", "apart", "skewed", "heavy")

if __name__ == "__main__":
    rows = []
    for case in CASES:
        chains = chains_of(case)
        weights, shape = az.psislw(2.0 * chains.ravel())
        rows += [
            (case, "rhat", float(az.rhat(chains))),
            (case, "ess_bulk", float(az.ess(chains, method="bulk"))),
            (case, "ess_tail", float(az.ess(chains, method="tail"))),
            (case, "shape", float(shape)),
            (case, "largest_weight", float(np.exp(weights.max()))),
        ]
    table = pd.DataFrame(rows, columns=["chains", "name", "value"])
    table.to_csv("chain_diagnostics.csv", index=False, float_format="%.12g")
