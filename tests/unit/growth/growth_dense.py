"""What the growth tests compare with: data with a known model, and the likelihood with full matrices."""

from __future__ import annotations

import numpy as np
import pandas as pd


def simulated(patients: int = 60, seed: int = 1, slope_sd: float = 0.4, visits: int = 6) -> pd.DataFrame:
    """Columns patient (text), time, age, sex, y, z (another marker with missing values) and weight."""
    rng = np.random.default_rng(seed)
    count = rng.integers(1, visits + 1, patients)
    index = np.repeat(np.arange(patients), count)
    time = rng.uniform(0, 3, len(index))
    age, male = rng.normal(50, 8, patients)[index], rng.integers(0, 2, patients)[index]
    b = rng.multivariate_normal([0, 0], [[1, 0.3 * slope_sd], [0.3 * slope_sd, slope_sd**2 + 1e-12]], patients)
    y = 2 + 0.3 * time + 0.02 * age + 0.4 * male + b[index, 0] + b[index, 1] * time
    y = y + 0.5 * rng.standard_normal(len(index))
    z = np.where(rng.random(len(index)) < 0.2, np.nan, y**2 / 4 + rng.standard_normal(len(index)))
    return pd.DataFrame(
        {
            "patient": [f"p{number:03d}" for number in index],
            "time": time,
            "age": age,
            "sex": np.where(male == 1, "m", "f"),
            "y": y,
            "z": z,
            "weight": rng.uniform(0.5, 2, len(index)),
        }
    )


def dense_deviance(
    y: np.ndarray,
    x: np.ndarray,
    z: np.ndarray,
    patients: np.ndarray,
    covariance: np.ndarray,
    residual: np.ndarray,
    reml: bool = True,
) -> tuple[float, np.ndarray, np.ndarray]:
    """-2 log (restricted) likelihood, beta and cov(beta), from V_i = Z_i covariance Z_i' + diag(residual)."""
    n, p = x.shape
    total, log_determinant = np.zeros((p + 1, p + 1)), 0.0
    for patient in np.unique(patients):
        rows = patients == patient
        v = z[rows] @ covariance @ z[rows].T + np.diag(residual[rows])
        both = np.column_stack([x[rows], y[rows]])
        log_determinant += np.linalg.slogdet(v)[1]
        total += both.T @ np.linalg.solve(v, both)
    beta = np.linalg.solve(total[:p, :p], total[:p, p])
    deviance = log_determinant + total[p, p] - beta @ total[:p, p] + (n - p if reml else n) * np.log(2 * np.pi)
    if reml:
        deviance += np.linalg.slogdet(total[:p, :p])[1]
    return float(deviance), beta, np.linalg.inv(total[:p, :p])
