"""Does the search of the growth engine miss an optimum? Random starts, and an independent program, beside it.

Data sets are those of `starts.data_set`: 15 to 80 patients, half of the fits by ML. The independent programs are PyPI's
`glmm` for correlated random effects and, since that has no diagonal covariance, `mixedlm` for diagonal ones. Neither is
a package of the project: their columns are missing where they are not installed.
"""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from starts import MISSED, compare, data_set

from parts.monte_carlo import Quantity, Store, share
from parts.page import table

STARTS, FEW = 10, 60


def _glmm(frame: Any, reml: bool) -> float:
    fit = importlib.import_module("glmm").fit
    found = fit(frame, "y ~ time + g + (1 + time | patient)", reml=reml, satterthwaite=False, wald_se="rx")
    return -2.0 * float(found.loglik)


def _mixedlm(frame: Any, reml: bool) -> float:
    found = importlib.import_module("mixedlm").lmer("y ~ time + g + (1 + time || patient)", frame, REML=reml).logLik()
    return -2.0 * float(getattr(found, "value", found))


PROGRAMS: dict[str, tuple[str, Callable[[Any, bool], float]]] = {
    "correlated": ("glmm", _glmm),
    "diagonal": ("mixedlm", _mixedlm),
}
"""By structure: the independent program, and the deviance at which it ends."""


@dataclass(frozen=True)
class Search:
    """A setting: the structure that is imposed, and whether patients' slopes differ."""

    structure: str
    slopes: bool

    @property
    def name(self) -> str:
        """In the words of the table."""
        return f"{self.structure}, {'slopes differ' if self.slopes else 'no slopes'}"


SETTINGS = tuple(Search(structure, slopes) for structure in PROGRAMS for slopes in (False, True))


def independent(setting: Search, number: int) -> float:
    """The deviance at which the independent program ends on a data set; missing where it gives none."""
    frame, reml = data_set(number, setting.slopes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # singular fits are meant
        try:
            return PROGRAMS[setting.structure][1](frame, reml)
        except (ArithmeticError, ValueError, np.linalg.LinAlgError):
            return float("nan")


def searched(setting: Search, count: int) -> list[Quantity]:
    """The excess over the lowest of random starts and over another program, and evaluations, in `count` data sets."""
    found = np.array([compare(number, setting.structure, STARTS, setting.slopes) for number in range(count)])
    patients, excess, evaluations, deviance = found.T
    few, unknown = patients <= FEW, float("nan")
    made = [
        Quantity("worst over starts", float(excess.max()), unknown, count),
        Quantity("evaluations, few", float(evaluations[few].mean()), unknown, int(few.sum())),
        Quantity("evaluations, more", float(evaluations[~few].mean()), unknown, int((~few).sum())),
    ]
    if importlib.util.find_spec(PROGRAMS[setting.structure][0]) is None:
        return made
    other = deviance - np.array([independent(setting, number) for number in range(count)])
    known = other[np.isfinite(other)]
    return [
        *made,
        Quantity("worst over program", float(known.max()), unknown, len(known)),
        share("program above", known < -MISSED),
    ]


SECTION = """## Growth models of few patients: does the search end at the lowest deviance?

{count:,} data sets of 15 to 80 patients with 1 to 8 visits. Beside the search stand {starts} searches from random
starts of very different sizes, and a fit by an independent program: `glmm`, or `mixedlm` where random effects are
uncorrelated ("diagonal"). One data set in ten has a value that lies 20 away, a third are far from the origin of time,
half are fitted by ML. Excess: by how much the deviance at which slopewise ends is the higher one, in the worst data
set. Evaluations are those of the likelihood in one search, up to {few} patients and above.

{table}

- Worst excess: aim at most {aim:g}; {verdict}.
- {beyond}"""


def starts_section(store: Store) -> str:
    """A row a setting."""
    found = store.read("starts")
    rows, missed, above, count = [], [], [], 0
    for setting in SETTINGS:
        own = found[found["setting"] == setting.name].set_index("quantity")
        if not len(own):
            continue
        value, program = own["value"], PROGRAMS[setting.structure][0]
        worst = [float(value.get(f"worst over {name}", np.nan)) for name in ("starts", "program")]
        names = ("random starts", program)
        missed += [
            f"{setting.name}, over {name}: {one:.1e}" for name, one in zip(names, worst, strict=True) if one > MISSED
        ]
        sets = int(own.loc["worst over starts", "sets"])
        count += sets
        if "program above" in value.index:
            compared = int(own.loc["program above", "sets"])
            above.append(f"{program} in {round(value['program above'] * compared)} of {compared:,} ({setting.name})")
        evaluations = [f"{value[f'evaluations, {name}']:.0f}" for name in ("few", "more")]
        shown = [f"{one:.0e}" if np.isfinite(one) else "not installed" for one in worst]
        rows.append([setting.name, f"{sets:,}", *shown, *evaluations])
    columns = ["setting", "data sets", "excess over starts", "over the program", f"evaluations, ≤ {FEW}", f"> {FEW}"]
    return SECTION.format(
        count=count, starts=STARTS, few=FEW, table=table(columns, rows), aim=MISSED,
        verdict=f"**missed** ({'; '.join(missed)})" if missed else "**reached**",
        beyond=f"The programs end above slopewise by more than {MISSED:g}: {'; '.join(above) or 'not installed'}.",
    )  # fmt: skip
