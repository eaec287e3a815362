"""Parametric bootstrap of a model with serial correlation: responses drawn, every parameter estimated anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from slopewise.effects.series.average import without
from slopewise.effects.series.model import SeriesFit
from slopewise.growth.evidence.compare import EXCEEDANCES
from slopewise.growth.whitening import SerialGrowthFit, fit_near

Floats = NDArray[np.float64]
Out = TypeVar("Out")

AT_ONCE = 8  # draws that are refitted between two looks at how many reach the observed ratio


def simulated(serial: SerialGrowthFit, rng: np.random.Generator) -> Floats:
    """(rows,): one response drawn from the fitted model, serial correlation included."""
    return serial.rows.coloured(serial.fit.simulate(rng, 1)[0], serial.phi)


def refits(fit: SeriesFit, draws: int, rng: np.random.Generator, threads: int) -> list[SerialGrowthFit]:
    """The model fitted to `draws` responses that are drawn from it; one without a residual variance is left out."""
    responses = [simulated(fit.serial, rng) for _ in range(draws)]

    def again(values: Floats) -> SerialGrowthFit:
        return fit_near(fit.serial, values)

    return [one for one in _mapped(again, responses, threads) if np.isfinite(one.deviance) and one.fit.sigma > 0]


def bootstrap_p(fit: SeriesFit, draws: int, rng: np.random.Generator, threads: int) -> tuple[float, float]:
    """Likelihood ratio of effects that differ between units at all (level or slope change), and its bootstrap p.

    Responses are drawn from the model without both random changes, and both models are fitted to each, phi included;
    sequential as in `growth.evidence.compare.bootstrap_p`. p is missing without draws.
    """
    null = without(fit, "")
    observed = max(0.0, null.deviance - fit.serial.deviance)
    reached, done = 0, 0

    def ratio(values: Floats) -> float:
        return fit_near(null, values).deviance - fit_near(fit.serial, values, null.phi).deviance

    while done < draws and reached < EXCEEDANCES:
        batch = [simulated(null, rng) for _ in range(min(AT_ONCE, draws - done))]
        for value in _mapped(ratio, batch, threads):
            done += 1
            reached += bool(value >= observed - 1e-9)
            if reached == EXCEEDANCES:
                return observed, reached / done
    return observed, (1 + reached) / (done + 1) if done else float("nan")


def _mapped(work: Callable[[Floats], Out], items: list[Floats], threads: int) -> Iterator[Out]:
    """`work` on each item, in their order."""
    if threads <= 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(work, items)
