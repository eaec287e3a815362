"""What a fit says, as text for a terminal and as HTML for a notebook; no patient's data."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from slopewise.growth.engine.layout import Design, Specification


class Fitted(Protocol):
    """What a summary reads of a `GrowthFit`."""

    @property
    def specification(self) -> Specification: ...
    @property
    def response(self) -> str: ...
    @property
    def patient(self) -> str: ...
    @property
    def structure(self) -> str: ...
    @property
    def n_patients(self) -> int: ...
    @property
    def n_rows(self) -> int: ...
    @property
    def deviance(self) -> float: ...
    @property
    def converged(self) -> bool: ...
    @property
    def singular(self) -> bool: ...
    @property
    def message(self) -> str: ...
    @property
    def fixed_effects(self) -> pd.DataFrame: ...
    @property
    def covariance(self) -> pd.DataFrame: ...
    @property
    def residual_sd(self) -> Any: ...
    @property
    def design(self) -> Design: ...


@dataclass(frozen=True)
class GrowthSummary:
    """`facts`, pairs of a name and a value; the fixed effects as `GrowthFit.fixed_effects`; the SDs of the random
    effects and of the residuals with the random effects' correlations; notes on what a reader should know."""

    title: str
    facts: tuple[tuple[str, str], ...]
    fixed: pd.DataFrame
    random: pd.DataFrame
    notes: tuple[str, ...]

    @staticmethod
    def of(fit: Fitted) -> GrowthSummary:
        """The summary of a fit, also of one that was read from a file."""
        spec = fit.specification
        bayes = spec.engine == "bayes"
        method = "posterior" if bayes else "REML" if spec.reml else "maximum likelihood"
        facts = (
            ("Response", fit.response),
            ("Fixed effects", spec.fixed.text),
            ("Random effects", f"{spec.random.text}, by {fit.patient}, {fit.structure}"),
            ("Method", method),
            ("Groups", f"{fit.n_patients}"),
            ("Rows", f"{fit.n_rows}"),
            (f"-2 log {'restricted ' if spec.reml and not bayes else ''}likelihood", f"{fit.deviance:.4f}"),
            ("Converged", "yes" if fit.converged else "no"),
            ("Singular", "yes" if fit.singular else "no"),
        )
        notes = [fit.message] if fit.message else []
        notes.append(
            "Posterior means; fixed effects with posterior SDs and 95% credible intervals."
            if bayes
            else "Fixed effects: t tests with Satterthwaite's degrees of freedom, 95% intervals."
        )
        return GrowthSummary(f"Growth-curve mixed model of {fit.response}", facts, fit.fixed_effects, _random(fit),
                             tuple(notes))  # fmt: skip

    def __str__(self) -> str:
        width = max(len(name) for name, _ in self.facts)
        parts = [self.title, "=" * len(self.title)]
        parts += [f"{name:<{width}}  {value}" for name, value in self.facts]
        parts += ["", "Fixed effects", _text(_shown(self.fixed)), "", "Random effects and residuals"]
        parts += [_text(_shown(self.random)), "", *self.notes]
        return "\n".join(parts)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        facts = "".join(f"<tr><th>{html.escape(a)}</th><td>{html.escape(b)}</td></tr>" for a, b in self.facts)
        tables = "".join(
            f"<table><caption>{caption}</caption>{_rows(_shown(frame))}</table>"
            for caption, frame in (("Fixed effects", self.fixed), ("Random effects and residuals", self.random))
        )
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self.notes)
        return f"<table><caption>{html.escape(self.title)}</caption>{facts}</table>{tables}{notes}"


def _random(fit: Fitted) -> pd.DataFrame:
    """term, sd, and the correlation with each earlier random effect; the residuals' SD in the last rows."""
    covariance = fit.covariance.to_numpy()
    sd = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    names = list(fit.design.random_names)
    table = pd.DataFrame({"term": names, "sd": sd})
    for k, name in enumerate(names[:-1]):
        with np.errstate(divide="ignore", invalid="ignore"):
            correlation = covariance[:, k] / (sd * sd[k])
        table[f"corr. with {name}"] = np.where(np.arange(len(names)) > k, correlation, np.nan)
    residual = fit.residual_sd
    rest = pd.Series([residual], ["residual"]) if np.isscalar(residual) else residual.rename(lambda n: f"residual, {n}")
    return pd.concat([table, pd.DataFrame({"term": rest.index, "sd": rest.to_numpy()})], ignore_index=True)


def _shown(frame: pd.DataFrame) -> list[list[str]]:
    """A header and rows of cells: five significant digits, p in three decimals, nothing where a value is missing."""
    lines = [[str(column) for column in frame.columns]]
    for row in frame.itertuples(index=False):
        cells = []
        for column, value in zip(frame.columns, row, strict=True):
            if isinstance(value, str):
                cells.append(value)
            elif not np.isfinite(value):
                cells.append("")
            elif column == "p_value":
                cells.append("<0.001" if value < 0.001 else f"{value:.3f}")
            else:
                cells.append(f"{value:.5g}")
        lines.append(cells)
    return lines


def _text(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if k == 0 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _rows(lines: Sequence[Sequence[str]]) -> str:
    head, *rest = lines
    cells = [f"<tr>{''.join(f'<th>{html.escape(name)}</th>' for name in head)}</tr>"]
    cells += [f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in line)}</tr>" for line in rest]
    return "".join(cells)
