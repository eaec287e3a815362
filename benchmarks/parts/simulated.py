"""Simulated cohorts: the same rows for the same seed, on any machine."""

from __future__ import annotations

import numpy as np
import pandas as pd

FIXED, RANDOM = "~ time * sex + age", "~ time"  # five fixed effects; correlated intercept and slope
SEED = 20261122


def cohort(patients: int, visits: int | None = None, features: int = 1) -> pd.DataFrame:
    """Columns patient (text), time, age, sex and y0, y1, ...: levels and slopes differ between patients.

    visits: of every patient; None: 1 + Poisson(4), which makes 5,006 rows of 1,000 patients.
    """
    random = np.random.default_rng([SEED, patients])
    if visits is None:
        visit_counts = 1 + random.poisson(4, patients)
        surplus = int(visit_counts.sum()) - 5006 if patients == 1000 else 0
        visit_counts[np.flatnonzero(visit_counts > 1)[: abs(surplus)]] -= np.sign(surplus)
    else:
        visit_counts = np.full(patients, visits)
    who = np.repeat(np.arange(patients), visit_counts)
    time = random.uniform(0, 3, len(who))
    age, male = random.normal(50, 10, patients)[who], random.integers(0, 2, patients)[who]
    names = np.array([f"{i:07d}" for i in range(patients)], dtype=object)
    columns = {"patient": names[who], "time": time, "age": age, "sex": np.array(["f", "m"], dtype=object)[male]}
    mean = 1 + 0.2 * time + 0.01 * age + 0.3 * male + 0.1 * male * time
    for k in range(features):
        level = random.normal(size=patients)
        slope = 0.1 * level + np.sqrt(0.08) * random.normal(size=patients)  # variance 0.09, covariance 0.1
        columns[f"y{k}"] = mean + level[who] + slope[who] * time + random.normal(0, 0.7, len(who))
    return pd.DataFrame(columns)


def nested_folds(patients: int, folds: int = 5) -> np.ndarray:
    """(folds * (folds + 1), patients), 0 or 1: each outer training set, and it without each of its inner folds."""
    random = np.random.default_rng([SEED, patients, folds])
    outer = random.permutation(patients) % folds
    counts = []
    for held_out in range(folds):
        training = outer != held_out
        inner = np.full(patients, -1)
        inner[training] = random.permutation(int(training.sum())) % folds
        counts.append(training)
        counts.extend(training & (inner != fold) for fold in range(folds))
    return np.array(counts).astype(np.int64)
