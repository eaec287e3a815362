"""A random-slope model by bambi, for `bayes.py`: run by a Python that has bambi, which this project does not need.

    python with_bambi.py rows.csv draws

rows.csv: patient, time, y. Prints JSON: versions, seconds of sampling on one core, the largest R-hat and the
least bulk effective sample size of fixed effects and standard deviations. bambi models no correlation of the terms.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version

import arviz as az
import bambi as bmb
import pandas as pd


def main() -> None:
    rows = pd.read_csv(sys.argv[1], dtype={"patient": str})
    model = bmb.Model("y ~ time + (time | patient)", rows)
    model.build()
    found = model.fit(draws=int(sys.argv[2]), tune=1000, chains=4, cores=1, random_seed=1, progressbar=False)
    seconds = float(found.posterior.attrs["sampling_time"])
    names = ["Intercept", "time", "1|patient_sigma", "time|patient_sigma", "sigma"]
    table = az.summary(found, var_names=names, round_to="none")
    made = {"seconds": seconds, "ess": float(table["ess_bulk"].min()), "rhat": float(table["r_hat"].max())}
    print(json.dumps({**made, "versions": f"bambi {version('bambi')}, PyMC {version('pymc')}"}))


if __name__ == "__main__":
    main()
