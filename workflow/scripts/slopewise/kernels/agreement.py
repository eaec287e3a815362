"""How alike repeated measurements are, and sets that were chosen from the same terms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtri, ndtri

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def nogueira(kept: Flags) -> tuple[float, float, float]:
    """The stability index Φ of sets of terms `kept` (M, d), and its 95% interval; missing where all or none are kept.

    Φ = 1 − (mean over terms of s²) / (k̄/d (1 − k̄/d)), s² the unbiased variance of a term's indicator, k̄ the mean size
    (Nogueira et al. 2018, their equation 4; the variance their Theorem 7).
    """
    sets, terms = kept.shape
    z = kept.astype(float)
    p, size = z.mean(axis=0), z.sum(axis=1)
    share = float(size.mean()) / terms if terms else 0.0
    random = share * (1.0 - share)
    if not random > 0 or sets < 2:
        return np.nan, np.nan, np.nan
    index = 1.0 - sets / (sets - 1.0) * float((p * (1.0 - p)).mean()) / random
    own = size / terms
    pull = z @ p / terms - own * share + 0.5 * index * (2.0 * share * own - own - share + 1.0)
    spread = 2.0 / sets * float(np.sqrt((((pull - pull.mean()) / random) ** 2).sum()))
    reach = float(ndtri(0.975)) * spread
    return index, index - reach, min(index + reach, 1.0)


def intraclass(values: Floats, random_scans: bool) -> tuple[float, float, float]:
    """The intraclass correlation of one measurement and its 95% interval, from `values` (subjects, scans).

    ICC(2,1), absolute agreement with scans as a random effect, for `random_scans`; else ICC(3,1), consistency. Formulas
    and F intervals of Shrout & Fleiss (1979, 10.1037/0033-2909.86.2.420). Missing with fewer than 3 subjects or 2
    scans, and where the values do not vary.
    """
    n, k = values.shape
    if n < 3 or k < 2:
        return np.nan, np.nan, np.nan
    grand, subjects, scans = values.mean(), values.mean(axis=1), values.mean(axis=0)
    between = k * ((subjects - grand) ** 2).sum() / (n - 1)
    of_scans = n * ((scans - grand) ** 2).sum() / (k - 1)
    rest = values - subjects[:, None] - scans + grand
    error = (rest**2).sum() / ((n - 1) * (k - 1))
    if not between + of_scans + error > 0:
        return np.nan, np.nan, np.nan
    error = max(error, 1e-12 * (between + of_scans))  # scans that differ by a constant at most
    df, df_error = n - 1, (n - 1) * (k - 1)
    if not random_scans:
        value = (between - error) / (between + (k - 1) * error)
        ratio = between / error
        low, high = ratio / fdtri(df, df_error, 0.975), ratio * fdtri(df_error, df, 0.975)
        return float(value), float((low - 1) / (low + k - 1)), float((high - 1) / (high + k - 1))
    value = (between - error) / (between + (k - 1) * error + k * (of_scans - error) / n)
    a = k * value / (n * (1 - value))
    b = 1 + k * value * (n - 1) / (n * (1 - value))
    df_pooled = (a * of_scans + b * error) ** 2 / ((a * of_scans) ** 2 / (k - 1) + (b * error) ** 2 / df_error)
    upper, lower = fdtri(df, df_pooled, 0.975), fdtri(df_pooled, df, 0.975)
    other = k * of_scans + (k * n - k - n) * error
    return (
        float(value),
        float(n * (between - upper * error) / (upper * other + n * between)),
        float(n * (lower * between - error) / (other + n * lower * between)),
    )
