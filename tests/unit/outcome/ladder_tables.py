"""A small study with the tables that the outcome steps read, simulated so that the truth is known.

Levels and slopes are per patient as stage 1 would hand them over: cross-fitted scores carry a little noise that all
patients of a fit share.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from slopewise.folds import NESTED, FoldPlan, make_folds
from slopewise.study.model import Study
from slopewise.study.reading import parse_study

STUDY = """
study: simulated
seed: 7
data: {measurements: m.csv, patient: id, time: day, time_unit: years, analysis_unit: years}
markers:
  alpha: {column: a}
  beta: {column: b}
landmark: 2
outcome:
  kind: survival
  time: end
  time_unit: years
  event: status
  events: {1: transplant, 2: death}
  covariates: [age, sex]
  horizons: [1, 2]
  penalty: none
crossfit: {folds: 3, repeats: 2}
validation: {folds: 4, repeats: 2, bootstrap: 50}
"""
MARKERS = ("alpha", "beta")


@dataclass(frozen=True)
class Tables:
    """What fit_outcome, nested and performance read."""

    study: Study
    patients: pd.DataFrame
    folds: pd.DataFrame
    slopes: pd.DataFrame
    crossfit: pd.DataFrame
    fits: pd.DataFrame

    def change(self, **tables):
        """The same study with other tables."""
        return replace(self, **tables)

    @property
    def outcome(self):
        """Arguments of `fit_outcome`."""
        return self.study, self.patients, self.slopes, self.crossfit, self.fits

    @property
    def validation(self):
        """Arguments of `nested`."""
        return self.study, self.patients, self.folds, self.slopes, self.crossfit, self.fits


def simulate(seed=1, n=120, effect=1.0, text=STUDY, centre=None):
    """Tables for `n` patients; log hazard: `effect` per unit of the level of alpha, 0.7 of it per unit of its slope."""
    rng = np.random.default_rng(seed)
    text = text if centre is None else text.replace("patient: id,", f"patient: id, centre: {centre},")
    study = parse_study(text.encode(), "study.yaml")
    names = np.array(sorted(f"p{i}" for i in range(n)))
    level, slope = rng.normal(size=(2, n, 2))
    hazard = 0.5 * np.exp(effect * (level[:, 0] + 0.7 * slope[:, 0]))
    death, censored = rng.exponential(1 / hazard), rng.uniform(1.5, 5.0, size=n)
    patients = pd.DataFrame(
        {
            "patient": names,
            "age": rng.normal(50, 10, size=n),
            "sex": rng.choice(["f", "m"], size=n),
            "entry": 0.0,
            "followup": np.minimum(death, censored),
            "event": (death <= censored).astype(int),
        }
    )
    if centre is not None:
        patients[centre] = rng.choice(["1", "2", "10"], size=n, p=[0.5, 0.3, 0.2])
    outer = study.validation
    plan = FoldPlan(study.crossfit.folds, study.crossfit.repeats, outer.folds, outer.repeats, study.seed)
    folds = make_folds(patients, plan, centre)
    crossfit = _scores(folds, names, level, slope, rng)
    own = crossfit[(crossfit["scheme"] == "crossfit") & (crossfit["repeat"] > 0)]
    mean = own.groupby(["patient", "marker"])[["level", "slope"]].mean().reset_index()
    return Tables(study, patients, folds, _facts(names, level, slope, rng).merge(mean), crossfit, _fits(crossfit))


def _facts(names, level, slope, rng):
    parts = []
    for m, marker in enumerate(MARKERS):
        last = level[:, m] + 0.5 * rng.normal(size=len(names))
        delta = 2 * slope[:, m] + rng.normal(size=len(names))
        single = rng.random(len(names)) < 0.08
        delta[single] = np.nan
        ols = delta / 2 + 0.1 * rng.normal(size=len(names))
        parts.append(
            pd.DataFrame(
                {"patient": names, "marker": marker, "visits": np.where(single, 1, 3), "last": last, "delta": delta,
                 "first": last - np.nan_to_num(delta), "slope_ols": ols}
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def _scores(folds, names, level, slope, rng):
    """Rows of slopes/crossfit for every fit of the fold table, and the in-sample ones."""
    place = {name: i for i, name in enumerate(names)}
    jobs = [("crossfit", 0, 0, 0, names)]
    for (scheme, repeat, held_out, fold), own in folds.groupby(["scheme", "repeat", "held_out", "fold"]):
        if scheme in NESTED and held_out == 0:
            jobs.append((scheme, repeat, fold, 0, own["patient"].to_numpy()))
        else:
            jobs.append((scheme, repeat, held_out, fold, own["patient"].to_numpy()))
    parts = []
    for scheme, repeat, held_out, fold, who in jobs:
        rows = np.array([place[name] for name in who])
        for m, marker in enumerate(MARKERS):
            shift = 0.05 * rng.normal(size=2)
            parts.append(
                pd.DataFrame(
                    {"patient": who, "marker": marker, "scheme": scheme, "repeat": repeat, "held_out": held_out,
                     "fold": fold, "level": level[rows, m] + shift[0], "slope": slope[rows, m] + shift[1]}
                )
            )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def _fits(crossfit):
    keys = ["marker", "scheme", "repeat", "held_out", "fold"]
    fits = crossfit[keys].drop_duplicates().reset_index(drop=True)
    return fits.assign(structure="correlated", converged=True, singular=False)


HEAD, _, TAIL = STUDY.partition("outcome:")
_AFTER = f"after_measurements: true, covariates: [age, sex], penalty: none}}\n{TAIL[TAIL.index('crossfit:') :]}"
KINDS = {
    "survival": STUDY,
    "competing": STUDY.replace("events: {1: transplant, 2: death}", "events: {1: death}\n  competing: {2: transplant}"),
    "strata": STUDY.replace("covariates: [age, sex]", "covariates: [age]\n  strata: [sex]"),
    "entry": STUDY.replace("event: status", "event: status\n  entry: start"),
    "binary": f"{HEAD}outcome: {{kind: binary, column: died, positive: 1, {_AFTER}",
    "continuous": f"{HEAD}outcome: {{kind: continuous, column: score, {_AFTER}",
}
"""The study file for each kind of outcome, as the later steps tell them apart."""


def of_kind(kind, **options):
    """`simulate` for a kind of `KINDS`; a binary or continuous outcome depends on the same level and slope."""
    made = simulate(text=KINDS[kind], **options)
    people, rng = made.patients, np.random.default_rng(4)
    if kind == "competing":
        other = rng.random(len(people)) < 0.4
        return made.change(patients=people.assign(event=people["event"] * (1 + other)))
    if kind not in ("binary", "continuous"):
        return made
    wide = made.slopes.pivot(index="patient", columns="marker")
    score = (wide["level"]["alpha"] + 0.7 * wide["slope"]["alpha"]).to_numpy() + rng.normal(0, 0.7, len(people))
    outcome = (score > 0.3).astype(float) if kind == "binary" else 10 + 3 * score
    return made.change(patients=people.drop(columns=["entry", "followup", "event"]).assign(outcome=outcome))
