"""`GrowthModel`: formulas and settings of a growth-curve mixed model, to be fitted to any number of markers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.design.screen import screen
from slopewise.growth.batch import GrowthBatch
from slopewise.growth.bayes.priors import BayesSettings
from slopewise.growth.data import GrowthData, GrowthRows
from slopewise.growth.engine.layout import Specification
from slopewise.growth.fit import GrowthFit
from slopewise.growth.fitting import fit_batch, fit_everybody
from slopewise.run.errors import InputError
from slopewise.run.progress import progress_bar


@dataclass(frozen=True)
class GrowthModel:
    """y = X beta + Z b + e, b ~ N(0, sigma^2 Psi) per patient, fitted by REML (or ML).

    fixed, random: one-sided formulas; structure: "correlated" or "diagonal"; engine: "slopewise", "statsmodels" or
    "bayes", with its settings and priors in `bayes`; residual_by: column whose levels have their own residual variance;
    time: the column that slopes refer to; bounds: the range of time that splines cover; weights: column of prior
    weights, where a method is given no other.
    """

    fixed: str = "~ time"
    random: str = "~ time"
    structure: str = "correlated"
    reml: bool = True
    engine: str = "slopewise"
    residual_by: str | None = None
    time: str = "time"
    bounds: tuple[float, float] | None = None
    weights: str | None = None
    bayes: BayesSettings | None = None

    def __post_init__(self) -> None:
        if self.structure not in ("correlated", "diagonal"):
            raise InputError(f"growth structure {self.structure!r}: it is correlated or diagonal")
        if self.engine not in ("slopewise", "statsmodels", "bayes"):
            raise InputError(f"growth engine {self.engine!r}: it is slopewise, statsmodels or bayes")
        if self.engine == "bayes" and self.residual_by is not None:
            raise InputError("growth engine bayes: it has one residual variance; leave out residual_by")
        screen(self.fixed)
        screen(self.random)

    def specification(self, weights: str | None = None) -> Specification:
        """The screened formulas and the settings."""
        return Specification(
            fixed=screen(self.fixed),
            random=screen(self.random),
            structure=self.structure,
            reml=self.reml,
            residual_by=self.residual_by,
            time=self.time,
            bounds=self.bounds,
            engine=self.engine,
            weights=weights or self.weights,
            bayes=self.bayes,
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the formulas and settings name."""
        others = [self.time, *(name for name in (self.residual_by, self.weights) if name is not None)]
        return tuple(dict.fromkeys((*screen(self.fixed).variables, *screen(self.random).variables, *others)))

    def rows(self, frame: pd.DataFrame, patient: str = "patient", weights: str | None = None) -> GrowthRows:
        """The frame sorted and its design made, once for all markers: ``rows.data(response)`` is then cheap."""
        specification = self.specification(weights)
        return GrowthRows.make(specification, frame, patient, specification.weights)

    def data(
        self, frame: pd.DataFrame, response: str, patient: str = "patient", weights: str | None = None
    ) -> GrowthData:
        """One marker's rows, ready for `GrowthData.fit_batch`; rows without a response are left out."""
        return self.rows(frame, patient, weights).data(response)

    def fit(
        self, frame: pd.DataFrame, response: str, patient: str = "patient", weights: str | None = None
    ) -> GrowthFit:
        """Fit to every patient of the frame."""
        return fit_everybody(self.data(frame, response, patient, weights))

    def fit_many(
        self,
        frame: pd.DataFrame,
        responses: Sequence[str],
        patient: str = "patient",
        folds: pd.Series | Mapping[str, int] | None = None,
        threads: int = 1,
        weights: str | None = None,
        progress: bool | None = None,
    ) -> dict[tuple[str, int | None], GrowthFit]:
        """Every marker on everybody, fold None, and for each fold k on everybody outside it.

        folds: the fold of each patient (a Series indexed by patient, or a mapping). The structure is decided on
        everybody and imposed on the folds. threads: markers are fitted side by side; the numbers do not depend on it.
        progress: a bar on the terminal; None shows one where the error stream is a terminal.
        """
        rows = self.rows(frame, patient, weights)
        if len(responses) > 1:
            rows = rows.for_many()
        keys, counts = _fold_counts(rows.layout.patients, folds)

        def work(response: str) -> tuple[str, GrowthBatch]:
            return response, _decided_once(rows.data(response), counts, threads if len(responses) == 1 else 1)

        fits: dict[tuple[str, int | None], GrowthFit] = {}
        with progress_bar("growth models", len(responses), progress) as advance:
            for response, batch in _in_order(work, responses, threads):
                for j, key in enumerate(keys):
                    fits[response, key] = GrowthFit.from_batch(batch, j)
                advance()
        return fits


def _in_order(work: Callable[[str], Any], items: Sequence[str], threads: int) -> Iterator[Any]:
    """Results in the order of the items; on several threads where there are several items."""
    if threads <= 1 or len(items) < 2:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(work, items)


def _fold_counts(
    patients: list[str], folds: pd.Series | Mapping[str, int] | None
) -> tuple[list[int | None], NDArray[np.int64]]:
    """Keys of the fits and, for each, which patients enter it (fits, patients)."""
    if folds is None:
        return [None], np.ones((1, len(patients)), np.int64)
    table = {str(name): int(fold) for name, fold in dict(folds).items()}
    absent = [name for name in patients if name not in table]
    if absent:
        raise InputError(f"patient {absent[0]}: in no fold, like {len(absent) - 1} others; every patient needs one")
    fold = np.array([table[name] for name in patients], dtype=np.int64)
    numbers = sorted(set(fold.tolist()))
    counts = np.ones((1 + len(numbers), len(patients)), np.int64)
    for position, number in enumerate(numbers):
        counts[1 + position] = fold != number
    return [None, *numbers], counts


def _decided_once(data: GrowthData, counts: NDArray[np.int64], threads: int) -> GrowthBatch:
    """All fits of one marker, the structure of the first imposed on the others; its moments are let go afterwards."""
    batch = fit_batch(data, counts[:1])
    if len(counts) > 1:
        batch = batch.followed_by(fit_batch(data, counts[1:], batch.structure * (len(counts) - 1), threads))
    data.release()
    return batch
