"""Many fits of one marker by the engine that the model names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from slopewise.design.products import Matrix
from slopewise.growth.batch import STRUCTURES, GrowthBatch
from slopewise.growth.bayes.fits import fit_bayes
from slopewise.growth.bayes.mixture import Draws
from slopewise.growth.bayes.priors import BayesSettings
from slopewise.growth.data import GrowthData
from slopewise.growth.engine import many
from slopewise.growth.engine.layout import Design
from slopewise.growth.engine.many import Results
from slopewise.growth.engine.moments import Moments
from slopewise.growth.engine.run import run
from slopewise.growth.fit import GrowthFit
from slopewise.growth.statsmodels_engine import fit_statsmodels
from slopewise.growth.strata import fit_strata
from slopewise.run.errors import InputError

Integers = NDArray[np.int64]


class Batch(NamedTuple):
    """Results of F fits, the residual variance of each stratum relative to the first (F, K), and of the engine bayes a
    sample of each fit's parameters."""

    results: Results
    ratios: Matrix
    draws: tuple[Draws, ...] = ()


class Engine(Protocol):
    """Fits of one marker under one design, columns (rows, d - 1), for the rows of counts and structures (F,).

    start: where the search begins, for engines that search and can begin elsewhere.
    """

    def __call__(
        self,
        data: GrowthData,
        design: Design,
        columns: Matrix,
        counts: Integers,
        asked: Integers,
        threads: int,
        start: Matrix | None,
    ) -> Batch: ...


def _by_slopewise(
    data: GrowthData,
    design: Design,
    columns: Matrix,
    counts: Integers,
    asked: Integers,
    threads: int,
    start: Matrix | None,
) -> Batch:
    """The compiled engine; with several residual variances around a search for their ratios."""
    if len(data.layout.stratum_names) > 1:
        return Batch(*fit_strata(data, design, columns, counts, asked))
    results = run(_moments(data, design, columns), counts, asked, data.specification.reml, threads, start)
    return Batch(results, np.ones((len(counts), 1)))


def _moments(data: GrowthData, design: Design, columns: Matrix) -> Moments:
    return data.moments if data.design is not None else data.reduce(design, columns, data.weights)


def _by_statsmodels(
    data: GrowthData,
    design: Design,
    columns: Matrix,
    counts: Integers,
    asked: Integers,
    threads: int,
    start: Matrix | None,
) -> Batch:
    """statsmodels' MixedLM, one fit after the other."""
    return Batch(fit_statsmodels(data, design, columns, counts, asked), np.ones((len(counts), 1)))


def _by_bayes(
    data: GrowthData,
    design: Design,
    columns: Matrix,
    counts: Integers,
    asked: Integers,
    threads: int,
    start: Matrix | None,
) -> Batch:
    """The posterior in place of the maximum."""
    if len(data.layout.stratum_names) > 1:
        raise InputError("engine bayes: it has one residual variance; leave out residual_by, or use engine slopewise")
    settings = data.specification.bayes or BayesSettings()
    moments = _moments(data, design, columns)
    results, draws = fit_bayes(data.response, moments, design, counts, asked, settings, threads)
    return Batch(results, np.ones((len(counts), 1)), draws)


ENGINES: dict[str, Engine] = {"slopewise": _by_slopewise, "statsmodels": _by_statsmodels, "bayes": _by_bayes}
"""The engines by their name in the study file (`growth.engine`)."""


def fit_batch(
    data: GrowthData,
    counts: ArrayLike,
    structures: Sequence[str] | None = None,
    threads: int = 1,
    start: Matrix | None = None,
) -> GrowthBatch:
    """Fit the model of one marker once for every row of `counts`.

    counts (F, m), integers: how often each patient enters each fit, in the order of `data.patients`; 0 = held out, 2 =
    two copies as separate clusters. structures: None: the ladder (docs/methods.md, section 2) decides; else F names
    that are imposed. start (q, q): Psi, standardised, from which the engine slopewise searches for what is imposed. A
    fit depends, to the last bit, on the patients with a count above 0 alone. Raises `InputError`
    where one patient has all the rows: how patients differ cannot be learned from one.
    """
    counted = _checked_counts(data, counts)
    if (data.n_rows > 0).sum() == 1:
        raise InputError(
            f"{data.response!r}: all {len(data.values)} rows are of one {data.layout.patient}; a mixed model needs "
            f"several. Is {data.layout.patient!r} the right column? For one {data.layout.patient} use linear "
            "regression"
        )
    asked = _asked(data, len(counted), structures)
    if data.design is not None and data.columns is not None:
        found = ENGINES[data.specification.engine](data, data.design, data.columns, counted, asked, threads, start)
        group_of = np.zeros(len(counted), np.int64)
        return GrowthBatch(data, counted, found.results, (data.design,), group_of, found.ratios, found.draws)
    return _fit_stateful(data, counted, asked, threads)


def fit_responses(
    data: GrowthData, responses: Matrix, counts: ArrayLike, structures: Sequence[str] | None = None, threads: int = 1
) -> GrowthBatch:
    """`fit_batch` of fits whose responses differ: fit j is of the values ``responses[j]`` (F, rows)."""
    counted = _checked_counts(data, counts)
    parts = [
        fit_batch(
            data.with_values(values),
            counted[j : j + 1],
            None if structures is None else [structures[j]],
            threads,
        )
        for j, values in enumerate(responses)
    ]
    designs = tuple(part.designs[0] for part in parts)
    alike = all(design is designs[0] for design in designs)
    return GrowthBatch(
        data,
        counted,
        Results._make(np.concatenate(pieces) for pieces in zip(*(part.results for part in parts), strict=True)),
        designs[:1] if alike else designs,
        np.zeros(len(parts), np.int64) if alike else np.arange(len(parts)),
        np.concatenate([part.ratios for part in parts]),
        tuple(draws for part in parts for draws in part.draws),
        responses,
    )


def everybody(data: GrowthData, fits: int = 1) -> Integers:
    """Counts (fits, m) of fits that every patient enters once."""
    return np.ones((fits, len(data.patients)), np.int64)


def fit_everybody(data: GrowthData, structure: str | None = None) -> GrowthFit:
    """The fit to every patient of the data; structure: None: the ladder decides; else the one that is imposed."""
    return GrowthFit.from_batch(fit_batch(data, everybody(data), None if structure is None else [structure]), 0)


def _fit_stateful(data: GrowthData, counts: Integers, asked: Integers, threads: int) -> GrowthBatch:
    """Each distinct set of training patients learns its own recipe, and the fits that share it run together."""
    sets, group_of = np.unique(counts > 0, axis=0, return_inverse=True)
    group_of = np.asarray(group_of).reshape(-1).astype(np.int64)
    designs: list[Design] = []
    draws: list[Draws | None] = [None] * len(counts)
    whole: Results | None = None
    fit = ENGINES[data.specification.engine]
    ratios = np.ones((len(counts), max(1, len(data.layout.stratum_names))))
    for group, training in enumerate(sets):
        design, columns = data.learn(training)
        members = np.flatnonzero(group_of == group)
        part, ratios[members], drawn = fit(data, design, columns, counts[members], asked[members], threads, None)
        for member, sample in zip(members.tolist(), drawn, strict=False):  # none but of the engine bayes
            draws[member] = sample
        if whole is None:
            whole = many.empty_results(len(counts), part.beta.shape[1], part.psi.shape[1], part.centre_x.shape[1])
        for target, piece in zip(whole, part, strict=True):
            target[members] = piece
        designs.append(design)
    assert whole is not None
    samples = tuple(sample for sample in draws if sample is not None)
    return GrowthBatch(data, counts, whole, tuple(designs), group_of, ratios, samples)


def _checked_counts(data: GrowthData, counts: ArrayLike) -> Integers:
    counted = np.asarray(counts)
    if counted.ndim != 2 or counted.shape[1] != len(data.patients):
        raise ValueError(f"counts must have the shape (fits, {len(data.patients)}), not {counted.shape}")
    if not (np.issubdtype(counted.dtype, np.integer) or counted.dtype == np.bool_) or (
        counted.size and counted.min() < 0
    ):
        raise ValueError("counts must be integers, 0 or more")
    return np.ascontiguousarray(counted, dtype=np.int64)


def _asked(data: GrowthData, fits: int, structures: Sequence[str] | None) -> Integers:
    diagonal = data.specification.structure == "diagonal"
    if structures is None:
        return np.full(fits, many.DECIDE_DIAGONAL if diagonal else many.DECIDE, np.int64)
    if len(structures) != fits or not set(structures) <= set(STRUCTURES):
        raise ValueError(f"structures must be {fits} names of {', '.join(STRUCTURES)}")
    return np.array([STRUCTURES.index(name) for name in structures], dtype=np.int64)
