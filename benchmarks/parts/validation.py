"""The measurements of validation; each is called in a process of its own and returns numbers for JSON."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from parts.clocks import peak_memory, processor_time
from slopewise.cohort import prepare_cohort
from slopewise.folds import FoldPlan, audit, make_folds
from slopewise.folds import fits as fold_fits
from slopewise.metrics.calibration import calibration, calibration_grid
from slopewise.metrics.concordance import concordance
from slopewise.metrics.resampling import compiled_threads, resample_counts
from slopewise.outcome.fit import OutcomeFit, fit_outcome
from slopewise.run.seeds import generator
from slopewise.slopes.crossfit import cross_fit
from slopewise.slopes.facts import facts, published
from slopewise.slopes.marker import MarkerData, growth_model, marker_data
from slopewise.study.model import Study
from slopewise.study.reading import parse_study
from slopewise.validate.bootstrap import BootstrapPlan, bootstrap_ladder
from slopewise.validate.measure import Sample, sample
from slopewise.validate.nested import nested
from slopewise.validate.performance import performance
from slopewise.validate.question import AnalysisSet, cohorts

ROOT = Path(__file__).resolve().parents[2]


class Tables(NamedTuple):
    """What stage 1 leaves: the arguments of the outcome half after the cohort, and the markers."""

    slopes: pd.DataFrame
    crossfit: pd.DataFrame
    fits: pd.DataFrame
    folds: pd.DataFrame
    markers: list[MarkerData]


def pbc(repeats: int, resamples: int, bootstrap: int) -> Study:
    """The PBC study with so many repeats of nested validation, out-of-fold resamples and two-stage resamples."""
    text = (ROOT / "config" / "studies" / "pbc.yaml").read_text(encoding="utf-8")
    study = parse_study(text.encode(), "pbc.yaml")
    validation = study.validation.model_copy(update={"repeats": repeats, "bootstrap": resamples})
    outcome = study.outcome.model_copy(update={"bootstrap": bootstrap})
    return study.model_copy(update={"validation": validation, "outcome": outcome})


def first_stage(study: Study, patients: pd.DataFrame, rows: pd.DataFrame, threads: int) -> Tables:
    """Fold table, every growth fit of it, and the leakage audit."""
    inner, outer = study.crossfit, study.validation
    folds = make_folds(patients, FoldPlan(inner.folds, inner.repeats, outer.folds, outer.repeats, study.seed))
    jobs = list(fold_fits(folds, sorted(patients["patient"])))
    scores, ledgers, tables, markers = [], [], [], []
    for name, marker in study.markers.items():
        data = marker_data(growth_model(study), name, rows, patients, study.landmark_time)
        scored, ledger, _ = cross_fit(data, jobs, threads)
        scores.append(scored.drop(columns="slope_deviation"))
        ledgers.append(ledger)
        tables.append(published(scored, facts(rows, patients, name, marker.transform == "log", "time")))
        markers.append(data)
    slopes, crossfit, fits = (pd.concat(parts, ignore_index=True) for parts in (tables, scores, ledgers))
    checked = audit(folds, rows, list(study.markers), crossfit, fits, study.landmark_time)
    assert (checked["verdict"] != "leak").all()
    return Tables(slopes, crossfit, fits, folds, markers)


def whole(repeats: int, resamples: int, bootstrap: int, threads: int) -> dict[str, Any]:
    """Wall and processor seconds of every part of the study, one after the other, all threads counted."""
    warm(threads)
    seconds: dict[str, tuple[float, float]] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter(), time.process_time()
        result = work()
        seconds[name] = time.perf_counter() - start[0], time.process_time() - start[1]
        return result

    study = pbc(repeats, resamples, bootstrap)
    cohort = timed("cohort", lambda: prepare_cohort(study, ROOT))
    made = timed("growth", lambda: first_stage(study, cohort.patients, cohort.measurements, threads))
    outcome: OutcomeFit = timed("outcome", lambda: fit_outcome(study, cohort.patients, *made[:3]))
    tested = timed("nested", lambda: _nested(study, cohort.patients, made))
    timed("performance", lambda: performance(study, cohort.patients, tested, outcome.apparent, threads))
    plan = BootstrapPlan(bootstrap, study.crossfit.folds, study.crossfit.repeats, study.seed)
    timed("bootstrap", lambda: bootstrap_ladder(plan, outcome.data, made.markers, threads))
    return {
        "patients": len(cohort.patients),
        "fits": len(made.fits),
        "bootstrap_fits": bootstrap * (1 + plan.folds * plan.repeats) * len(made.markers),
        "seconds": seconds,
        "peak": peak_memory(),
    }


def _nested(study: Study, patients: pd.DataFrame, made: Tables) -> pd.DataFrame:
    return nested(study, patients, made.folds, made.slopes, made.crossfit, made.fits).predictions


def warm(threads: int) -> None:
    """Everything once on a small scale, so that compiling is not measured."""
    study = pbc(1, 2, 2)
    cohort = prepare_cohort(study, ROOT)
    made = first_stage(study, cohort.patients, cohort.measurements, threads)
    outcome = fit_outcome(study, cohort.patients, *made[:3])
    performance(study, cohort.patients, _nested(study, cohort.patients, made), outcome.apparent, threads)
    bootstrap_ladder(BootstrapPlan(2, 5, 5, study.seed), outcome.data, made.markers, threads)


def metrics(resamples: int, peer_resamples: int) -> dict[str, Any]:
    """Seconds of the processor for one step, repeat and resample: pair metrics and calibration, here and by library."""
    study = pbc(1, resamples, 2)
    made = prepare_cohort(study, ROOT)
    tables = first_stage(study, made.patients, made.measurements, 1)
    cohort = cohorts(study, made.patients)[0]
    own = sample(cohort, _nested(study, made.patients, tables))
    counts = resample_counts(generator(study.seed, "benchmark"), len(cohort.patients), resamples)
    grid = calibration_grid(own.risk)
    ours: dict[str, Any] = {}

    def pairs() -> None:
        ours["pairs"] = concordance(
            cohort.followup, cohort.event, own.fold, own.score, own.weights, cohort.moments, counts, max(cohort.moments)
        )

    def calibrated() -> None:
        ours["calibration"] = calibration(cohort.followup, cohort.event, own.risk, cohort.moments, grid, counts)

    found: dict[str, Any] = {}
    with compiled_threads(1):
        for name, work in (("pairs", pairs), ("calibration", calibrated)):
            work()
            found[name] = processor_time(work) / (len(counts) * own.score.shape[1])
    rows = range(1, 1 + peer_resamples)
    peers = {"pairs": by_scikit_survival, "calibration": cox_models}
    apart = {"pairs": 0.0, "calibration": 0.0}
    for name, peer in peers.items():
        values: list[np.ndarray] = []
        found[f"{name}_peer"] = processor_time(
            lambda peer=peer, values=values: values.extend(  # type: ignore[misc]
                peer(cohort, own, counts[b], s) for b in rows for s in range(own.score.shape[1])
            )
        ) / len(values)
        if name == "pairs":
            same = ours["pairs"].harrell[1 : 1 + peer_resamples].ravel()
        else:
            same = ours["calibration"].slope[1 : 1 + peer_resamples].reshape(len(values), -1)
        apart[name] = float(np.abs(np.array(values).reshape(same.shape) - same).max())
    return {"seconds": found, "apart": apart, "resamples": resamples, "peer_resamples": peer_resamples}


def by_scikit_survival(cohort: AnalysisSet, own: Sample, counts: np.ndarray, step: int) -> float:
    """Harrell's C as here, from scikit-survival's counts fold by fold; Uno's C and AUC are computed besides."""
    from sksurv.metrics import concordance_index_censored, concordance_index_ipcw, cumulative_dynamic_auc
    from sksurv.util import Surv

    tau, last = max(cohort.moments), max(cohort.moments) * 1.05
    time, event = np.minimum(cohort.followup, last), cohort.event & (cohort.followup < tau)
    concordant = pairs = 0.0
    for fold in np.unique(own.fold):
        tested = np.flatnonzero(own.fold == fold)
        rows = np.repeat(tested, counts[tested])
        train = Surv.from_arrays(event[own.fold != fold], time[own.fold != fold])
        test, score = Surv.from_arrays(event[rows], time[rows]), own.score[rows, step]
        _, good, bad, tied, _ = concordance_index_censored(event[rows], time[rows], score, tied_tol=0.0)
        concordant, pairs = concordant + good + 0.5 * tied, pairs + good + bad + tied
        concordance_index_ipcw(train, test, score, tau=tau)
        cumulative_dynamic_auc(train, test, score, list(cohort.moments))
    return concordant / pairs


def cox_models(cohort: AnalysisSet, own: Sample, counts: np.ndarray, step: int) -> np.ndarray:
    """Calibration slopes (H,) by scikit-survival's Cox model; the spline's model and its baseline come besides."""
    from sksurv.linear_model import CoxPHSurvivalAnalysis
    from sksurv.util import Surv

    from slopewise.metrics.calibration import KNOTS, cloglog, spline_basis

    rows = np.repeat(np.arange(len(counts)), counts)
    slopes = []
    for h, moment in enumerate(cohort.moments):
        x = cloglog(own.risk[:, step, h])
        basis = spline_basis(x, np.quantile(x, KNOTS))
        time = cohort.followup[rows]
        ends = Surv.from_arrays(cohort.event[rows] & (time <= moment), np.minimum(time, moment))
        slopes.append(CoxPHSurvivalAnalysis(ties="efron").fit(x[rows][:, None], ends).coef_[0])
        scaled = (basis - basis.mean(axis=0)) / basis.std(axis=0)
        model = CoxPHSurvivalAnalysis(ties="efron").fit(scaled[rows], ends)
        model.predict_survival_function(scaled[rows], return_array=True)
    return np.array(slopes)
