"""How alike sets are that were chosen from the same terms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

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
