"""How often each caution on a growth model is given although its model is true: data sets simulated from the model.

The decisions are the report's (`report.words.growth_cautions`); the tables that they read are those of ``growth/``.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np

from parts.monte_carlo import Quantity, Store, share
from parts.validity_growth import SEED, Setting, data_sets
from slopewise.growth import GrowthModel
from slopewise.growth.evidence.tables import compare_marker
from slopewise.growth.fitting import fit_everybody
from slopewise.report.material.frames import MadeOnce
from slopewise.report.words.growth_cautions import effects, one_patient, scatter, tails, visits
from slopewise.run.seeds import generator

MARKER = "y"
CAUTIONS: dict[str, Callable[..., list[str]]] = {
    "unequal scatter": scatter,
    "heavy tails": tails,
    "random effects not normal": effects,
    "influential patient": one_patient,
    "informative visits": visits,
}
NAMING = SimpleNamespace(
    study=SimpleNamespace(markers=(MARKER,)), marker=str, slope_unit=lambda _: "units a year", predictor="time"
)


class Tables(SimpleNamespace, MadeOnce):
    """A marker's tables of ``growth/``, as the report reads them."""


MOST = 0.10
"""A caution that is given more often than this where nothing is wrong says little where something is."""

SECTION = """## How often a caution is given where nothing is wrong

Data sets drawn from the model that is fitted: normal random effects (slope SD 0.2) and residuals of one variance,
visits that depend on nothing. Share of data sets in which each caution on the growth model is given. {size}.

{table}

- {verdict}
- Among 30 patients leaving out one often changes the average slope by a standard error, or the spread of slopes by a
  fifth, without an error in anybody's values; the caution is given where fewer than 5% of data sets drawn from the
  fitted model have as large an influence."""


def false_alarms(setting: Setting, count: int) -> list[Quantity]:
    """The share of data sets, drawn from the fitted model, in which each caution is given."""
    given = {name: np.zeros(count, bool) for name in CAUTIONS}
    for k, sample in enumerate(data_sets(setting, count)):
        fit = fit_everybody(sample.data, "correlated")
        rng = generator(SEED, "cautions", setting.name, k)
        made = compare_marker(GrowthModel(), fit, 0, rng, in_time=True)
        tables = {name: frame.assign(marker=MARKER) for name, frame in made.items()}
        frames = Tables(**tables, further={})
        for name, find in CAUTIONS.items():
            given[name][k] = bool(find(frames, NAMING))
    return [share(name, flags) for name, flags in given.items()]


def cautions_section(
    store: Store, wide: Callable[..., str], verdict: Callable[..., str], size: Callable[..., str]
) -> str:
    """The table of false alarms."""
    found = store.read("cautions")
    return SECTION.format(
        size=size(found), table=wide(found, tuple(CAUTIONS)),
        verdict=verdict(found, list(CAUTIONS), (0.0, MOST), "A caution without a cause"),
    )  # fmt: skip
