"""A picture of predicted risks in patients with the event and without it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from slopewise.figures.canvas import BLUE, INK, VERMILLION, drawing, legend, panel, svg, top_of

Floats = NDArray[np.float64]
BARS = 20


@drawing
def by_outcome(
    risk: Floats, case: Floats, control: Floats, title: str, words: tuple[str, str], name: str, most: float
) -> str:
    """Two histograms of `risk` (n,), one above the other: of those with the event upwards, without it downwards.

    `case`, `control` (n,): how many patients each stands for, so that those who were censored are made up for; each
    histogram adds up to 100%. `words` name both groups; the axis ends where `most` lies.
    """
    figure, axes = panel(280, f"{title}: predicted risk", lines=1)
    end = top_of([most])
    told = []
    for weight, colour, sign, word in ((case, VERMILLION, 1, words[0]), (control, BLUE, -1, words[1])):
        share, edges = np.histogram(risk, bins=BARS, range=(0.0, end), weights=weight / weight.sum())
        axes.bar(edges[:-1], 100 * sign * share, width=end / BARS * 0.92, align="edge", color=colour, alpha=0.75)
        order = np.argsort(risk, kind="stable")
        reached = np.cumsum(weight[order]) / weight.sum()
        median = float(risk[order][np.searchsorted(reached, 0.5)])
        told.append(f"{word}: median {median:.0%}")
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xlim(0, end)
    axes.xaxis.set_major_formatter(lambda value, _position: f"{value:.0%}")
    axes.yaxis.set_major_formatter(lambda value, _position: f"{abs(value):.0f}%")
    axes.set_xlabel("predicted risk")
    legend(axes, [(words[0], {"color": VERMILLION}), (words[1], {"color": BLUE})])
    return svg(figure, name, f"Distribution of predicted risks, {title}. {'; '.join(told)}.")
