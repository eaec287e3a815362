"""`slopewise compile`: the numerical code is compiled before the first study, its two halves side by side.

numba compiles a function when it is called first and keeps the code on disk. A first run would compile the same
functions in several jobs at once; here each is compiled once. What Python calls is compiled for one list of types each:
the growth engine by fitting a few made-up patients, the kernels of outcomes and metrics from `SIGNATURES`.
"""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import numpy as np
import pandas as pd

from slopewise.run.errors import InputError
from slopewise.run.threads import limit_threads

PROBLEM = "int64, float64[::1], float64[::1], int64[::1], float64[::1]"
"""Of the kernels of penalised models: the kind of outcome, times, entries, order and weights of the rows."""

PAIRS = "int64[:, ::1], float64[:, ::1], int64[::1], int64[::1], int64[::1]"
RANKS = "int64[:, ::1], float64[::1], float64[:, ::1], float64[:, ::1], float64[:, :, ::1]"
RISK_SETS = "float64[::1], bool_[::1], int64[::1], float64[::1], int64[::1], int64[::1], float64[:, ::1], float64[::1]"
CURVES = "float64[:, :, :, ::1], float64[:, :, ::1], float64[:, :, :, ::1]"

SIGNATURES = {
    "binomial.calibration_resamples": "float64[:, ::1], float64[:, ::1], int64[:, ::1], float64[:, :, ::1], "
    f"float64[:, ::1], float64[:, ::1], {CURVES}, int64, float64[:, :, :, ::1], float64[:, :, :, ::1]",
    "binomial.fit": "float64[::1], float64[::1], float64[::1], float64[:, ::1], float64[::1], int64",
    "calibration.calibration_resamples": "float64[::1], bool_[:, ::1], int64[:, ::1], float64[:, :, ::1], "
    f"float64[:, :, ::1], float64[:, ::1], {CURVES}, float64[:, :, :, ::1], float64[:, :, :, ::1]",
    "elastic_net.descend": f"{PROBLEM}, float64[:, ::1], int64[::1], int64[::1], float64[::1], float64, float64[::1], "
    "float64, float64, float64, float64",
    "elastic_net.held_out_loss": f"{PROBLEM}, int64[::1], int64, float64[:, ::1], int64[::1], int64[::1], "
    "float64[::1], float64, float64, int64, float64[:, :, ::1], float64[:, ::1]",
    "elastic_net.null_pulls": f"{PROBLEM}, float64[:, ::1], int64[::1], int64[::1], float64[::1]",
    "losses.breslow_hazard": "float64[::1], float64[::1], int64[::1], float64[::1], float64[::1], float64[::1], "
    "float64[:, ::1]",
    "losses.loss_of": f"{PROBLEM}, float64[::1], float64[::1], float64[::1]",
    "pairs.benefit_sums": "int64[:, ::1], int64[:, :, ::1], float64[:, ::1], float64[:, ::1], float64[::1], "
    "float64[:, :, :, ::1]",
    "pairs.competing_pair_sums": f"{PAIRS}, float64[::1], bool_[::1], float64[::1], float64[::1], int64[::1], {RANKS}",
    "pairs.pair_sums": f"{PAIRS}, bool_[::1], float64[::1], int64[:, ::1], float64[:, ::1], int64[::1], {RANKS}",
    "pairs.weighted_sums": "int64[:, ::1], float64[:, ::1], float64[:, ::1]",
    "partial_likelihood.cumulative_hazard": f"{RISK_SETS}, float64[::1], float64[:, ::1]",
    "partial_likelihood.newton": RISK_SETS,
}
"""Of each function in `kernels/` that Python calls, the one list of argument types with which it is called."""


def compile_growth() -> None:
    """Every function of the growth engine that a study calls, by fits to twelve made-up patients."""
    from slopewise.growth import GrowthModel
    from slopewise.growth.engine.run import patient_parts
    from slopewise.growth.evidence.compare import fit_side_by_side
    from slopewise.growth.evidence.profile import component_intervals
    from slopewise.growth.evidence.serial import compare_serial
    from slopewise.growth.inference import satterthwaite

    rng = np.random.default_rng(0)
    time, patients = np.tile(np.arange(4.0), 12), np.repeat(np.arange(12), 4)
    level, slope = rng.normal(size=(2, 12))[:, patients]
    value = level + time * slope + 0.3 * rng.normal(size=48)
    frame = pd.DataFrame({"patient": patients.astype(str), "time": time, "value": value})
    model = GrowthModel("~ time", "~ time")
    assert len(model.rows(frame).for_many().data("value").moments.n_rows)
    models = fit_side_by_side(model.data(frame, "value"))
    fit = models.reml["random_slope"]
    assert fit.batch is not None
    component_intervals(fit)
    compare_serial(models.reml["random_intercept"], fit)
    fit.random_effects()
    satterthwaite(fit.batch, fit.index)
    patient_parts(fit.index, fit.batch.moments_of(fit.index), fit.batch.results)


def compile_outcome() -> None:
    """Every function of `SIGNATURES`."""
    from numba.core.sigutils import normalize_signature

    for name, signature in SIGNATURES.items():
        module, function = name.split(".")
        types, _ = normalize_signature(f"({signature})")  # as text it would be the name of the code that is kept
        getattr(import_module(f"slopewise.kernels.{module}"), function).compile(types)


HALVES = {"growth": compile_growth, "outcome": compile_outcome}


def compile_ahead() -> None:
    """Both halves, each in a process; `InputError` where one ends in an error."""
    limit_threads()
    running = {half: subprocess.Popen([sys.executable, "-m", "slopewise.cli.ahead", half]) for half in HALVES}
    failed = [half for half, process in running.items() if process.wait() != 0]
    if failed:
        raise InputError(
            f"the code of {' and '.join(failed)} was not compiled (the error stands above); studies run all the same, "
            "and compile it at first use"
        )


if __name__ == "__main__":
    limit_threads()
    if len(sys.argv) > 1:
        HALVES[sys.argv[1]]()
    else:  # for make, which compiles while the packages of the command line are being installed
        try:
            compile_ahead()
        except InputError as error:
            sys.exit(str(error))
