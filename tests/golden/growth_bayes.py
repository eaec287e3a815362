"""Posteriors of two growth models by PyMC's NUTS, which samples beta and every b_i and integrates nothing out.

PyMC 5.28.5, NumPyro 0.22.0, ArviZ 0.23.4, Python 3.11; run in this folder: python growth_bayes.py [draws [case ...]]
Writes growth_bayes.csv: case, name, mean, sd, mcse (of the mean), ess (bulk), and, named `seconds`, what sampling took.
Priors are those of `CASES`, in the units of the data; the intercept is taken at the mean time.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import arviz as az
import numpy as np
import pandas as pd
import pymc as pm

DATA = Path(__file__).resolve().parents[2] / "data"
DF, SHAPE = 3.0, 2.0

CASES = {  # file, patient, time, response, SDs' scales, residual scale, fixed (mean, SD): intercept, time
    "sleepstudy": ("sleepstudy", "subject", "day", "reaction", (56.0, 20.0), 56.0, ((300.0, 500.0), (0.0, 200.0))),
    "orthodont": ("orthodont", "child", "age", "distance", (3.0, 1.3), 3.0, ((24.0, 30.0), (0.0, 13.0))),
    "pbc": ("pbcseq", "id", "years", "log_bilirubin", (1.2, 0.4), 1.2, ((0.6, 12.0), (0.0, 4.0))),
}


def rows_of(case: str) -> pd.DataFrame:
    """patient, time and response of a case."""
    folder, patient, clock, response, *_ = CASES[case]
    rows = pd.read_csv(DATA / folder / "measurements.csv", dtype={patient: str})
    if case == "pbc":  # every visit of the 312 patients
        rows = rows.assign(years=rows["day"] / 365.25, log_bilirubin=np.log(rows["bili"]))
    return rows[[patient, clock, response]].set_axis(["patient", "time", "y"], axis=1)


def sampled(case: str, draws: int) -> pd.DataFrame:
    """The posterior of one case as rows of the CSV file."""
    rows = rows_of(case)
    *_, scales, residual, fixed = CASES[case]
    codes, patients = pd.factorize(rows["patient"], sort=True)
    clock, middle = rows["time"].to_numpy(), rows["time"].mean()
    with pm.Model(coords={"patient": patients, "term": ["Intercept", "time"]}):
        at_mean = pm.Normal("at_mean", fixed[0][0], fixed[0][1])
        slope = pm.Normal("fixed_time", fixed[1][0], fixed[1][1])
        pm.Deterministic("fixed_Intercept", at_mean - slope * middle)
        sd = pm.HalfStudentT.dist(nu=DF, sigma=np.array(scales), shape=2)
        root, correlation, sds = pm.LKJCholeskyCov("root", n=2, eta=SHAPE, sd_dist=sd, compute_corr=True)
        if case == "pbc":  # so many rows that NUTS moves better in the effects as they are
            b = pm.MvNormal("b", np.zeros(2), chol=root, dims=("patient", "term"))
        else:
            unit = pm.Normal("unit", 0.0, 1.0, dims=("patient", "term"))
            b = pm.Deterministic("b", unit @ root.T, dims=("patient", "term"))
        pm.Deterministic("sd_Intercept", sds[0])
        pm.Deterministic("sd_time", sds[1])
        pm.Deterministic("correlation", correlation[0, 1])
        sigma = pm.HalfStudentT("sigma", nu=DF, sigma=residual)
        expected = at_mean + slope * (clock - middle) + b[codes, 0] + b[codes, 1] * clock
        pm.Normal("y", expected, sigma, observed=rows["y"].to_numpy())
        start = time.perf_counter()
        found = pm.sample(draws, tune=1000, chains=4, random_seed=20261127, nuts_sampler="numpyro",
                          nuts_sampler_kwargs={"chain_method": "sequential"}, progressbar=False)  # fmt: skip
        seconds = time.perf_counter() - start
    names = ["fixed_Intercept", "fixed_time", "sd_Intercept", "sd_time", "correlation", "sigma"]
    table = az.summary(found, var_names=names, round_to="none")
    some = found.posterior["b"].sel(patient=patients[:5], term="time")
    effects = az.summary(some.to_dataset(name="b"), var_names=["b"], round_to="none")
    effects.index = [f"slope of {patient}" for patient in patients[:5]]
    whole = pd.concat([table, effects])[["mean", "sd", "mcse_mean", "ess_bulk"]]
    whole = whole.set_axis(["mean", "sd", "mcse", "ess"], axis=1).rename_axis("name").reset_index()
    if whole["ess"].min() < 1000:
        raise SystemExit(f"{case}: NUTS has not converged; these numbers are no reference")
    whole.loc[len(whole)] = ["seconds", seconds, np.nan, np.nan, np.nan]
    return whole.assign(case=case)[["case", "name", "mean", "sd", "mcse", "ess"]]


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 2500
    known = pd.read_csv("growth_bayes.csv") if Path("growth_bayes.csv").exists() else pd.DataFrame(columns=["case"])
    for name in sys.argv[2:] or list(CASES):
        known = pd.concat([known[known["case"] != name], sampled(name, wanted)])
        known.to_csv("growth_bayes.csv", index=False, float_format="%.8g")
