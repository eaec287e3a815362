"""Simulations of many markers with known truth: nothing is found where there is nothing, true slopes are found, and a
filter or a selection outside the folds makes figures too good.

Data sets are those of `slopewise.simulate.radiomics`: features correlated in blocks of ten, 3 to 7 scans before the
landmark at 2 years, three scanners. The filters are learned in each training set as in a run; `planted` replaces what
every training set learned by what the whole cohort says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from parts.monte_carlo import Quantity, Store, mean, share
from parts.validity_outcome import Cohort, Slopes, stage_one
from slopewise.folds import EVERYBODY, fits
from slopewise.metrics.concordance import concordance
from slopewise.metrics.ipcw import StepCurve, ipc_weights
from slopewise.metrics.resampling import resample_counts
from slopewise.outcome.fit import fit_outcome
from slopewise.outcome.ladder import LADDER, LadderData, ladder_data
from slopewise.run.seeds import generator
from slopewise.simulate.radiomics import LANDMARK, Radiomics, simulate
from slopewise.slopes.filters.study import filtered_markers
from slopewise.study.reading import parse_study
from slopewise.validate.nested import outer_folds

STEPS = ("baseline", "delta", "level", "slope")
RESAMPLES = 400
CHOSEN = 5
"""Terms that a selection outside the folds hands to every fold."""
NULL_RANGE = (0.47, 0.53)

STUDY = """
study: simulated
seed: {seed}
data: {{measurements: m.csv, patient: id, time: year, time_unit: years, analysis_unit: years}}
markers:
{markers}
filters: {{constant: 0.9, missing: 0.2, duplicates: true, redundant: 0.75, q_value: 0.1}}
landmark: 2
outcome:
  kind: survival
  time: end
  time_unit: years
  event: status
  events: {{1: event}}
  horizons: [1, 3]
  penalty: elastic_net
crossfit: {{folds: 5, repeats: 1}}
validation: {{folds: 5, repeats: 1, bootstrap: 0}}
"""


@dataclass(frozen=True)
class Many:
    """A setting: patients, features, and how many of them have a slope that drives the hazard."""

    patients: int
    features: int
    driving: int

    @property
    def name(self) -> str:
        """In the words of the table."""
        what = f"{self.driving} slopes matter" if self.driving else "nothing matters"
        return f"{self.patients} patients, {self.features} features, {what}"


SETTINGS = (Many(200, 100, 0), Many(300, 200, 10))


def cohort_of(made: Radiomics, replicate: int) -> Cohort:
    """The simulated tables as a run's cohort: logarithms, patients at risk at the landmark, follow-up from there."""
    features = made.features.set_index("feature")["transform"]
    names = {feature: f"f{place:04d}" for place, feature in enumerate(features.index)}
    kept = made.patients[made.patients["years"] > LANDMARK].reset_index(drop=True)
    rows = made.measurements[made.measurements["patient"].isin(kept["patient"])].reset_index(drop=True)
    values = rows[list(features.index)]
    logged = list(features.index[features == "log"])
    values = values.assign(**{name: np.log(values[name]) for name in logged}).rename(columns=names)
    head = pd.DataFrame({"patient": rows["patient"], "time": rows["year"]})
    patients = pd.DataFrame(
        {"followup": kept["years"] - LANDMARK, "event": kept["status"], "patient": kept["patient"], "entry": 0.0}
    )
    lines = "\n".join(f"  {name}: {{column: {name}}}" for name in names.values())
    text = STUDY.format(seed=replicate, markers=lines)
    study = parse_study(text.encode(), "study.yaml")
    return Cohort(study, pd.concat([head, values], axis=1), patients, np.empty(0), text)


def one_set(setting: Many, replicate: int) -> dict[str, float]:
    """C out of fold of four steps, the gains of slopes with their intervals, and the same with planted leaks."""
    made = simulate(setting.patients, setting.features, replicate, driving=setting.driving)
    own = cohort_of(made, replicate)
    stage = stage_one(own, validated=True)
    none = pd.DataFrame({"marker": [], "ci_low": []})
    filtered = filtered_markers(
        own.study, own.measurements, own.patients, stage.folds, stage.crossfit, stage.fits, none
    )
    stability = filtered.filter_stability.set_index(["scheme", "step"])["nogueira"]
    found = {f"{step} validated": value for step, value in _validated(own, stage, filtered.filters).items()}
    found |= {f"stability of {step}": float(stability["validation", step]) for step in ("redundant", "slope_test")}
    if setting.driving:
        found |= _gains(own, stage, filtered.filters)
    else:
        outside = planted(filtered.filters, own, stage)
        found["filters outside"] = _validated(own, stage, outside)["slope"]
        chosen = selected_outside(filtered.filters, own, stage)
        found["selection outside"] = _validated(own, stage, chosen)["slope"]
    return {"replicate": replicate, **found}


def planted(filters: pd.DataFrame, own: Cohort, stage: Slopes) -> pd.DataFrame:
    """A leak: every training set leaves out what the filters of the whole cohort leave out."""
    scheme, repeat, held_out = EVERYBODY
    everybody = filters[
        (filters["scheme"] == scheme) & (filters["repeat"] == repeat) & (filters["held_out"] == held_out)
    ]
    return pd.concat(
        [everybody.assign(scheme=key[0], repeat=key[1], held_out=key[2]) for key in _keys(own, stage)],
        ignore_index=True,
    )


def selected_outside(filters: pd.DataFrame, own: Cohort, stage: Slopes) -> pd.DataFrame:
    """A leak: every training set leaves out all markers but those that the outcome of all patients chose.

    These are the `CHOSEN` terms with the largest score statistic of a Cox model of one term, in the whole cohort.
    """
    everybody = fit_outcome(own.study, own.patients, stage.slopes, stage.crossfit, stage.fits).data
    wide = stage.slopes.pivot(index="patient", columns="marker", values=["level", "slope"])
    x = wide.loc[list(everybody.patients)].to_numpy(dtype=float)
    order = np.argsort(-np.abs(score_statistics(x, everybody.followup, everybody.event == 1)))
    markers = {wide.columns[place][1] for place in order[:CHOSEN].tolist()}
    others = [name for name in own.study.markers if name not in markers]
    rows = pd.DataFrame({"marker": others, "step": "redundant", "withholds": "marker"})
    parts = [rows.assign(scheme=key[0], repeat=key[1], held_out=key[2]) for key in _keys(own, stage)]
    return pd.concat(parts, ignore_index=True)


def _keys(own: Cohort, stage: Slopes) -> list[tuple[str, int, int]]:
    plan = fits(stage.folds, sorted(own.patients["patient"]))
    return [(f.scheme, f.repeat, f.held_out) for f in plan if f.fold == 0]


def score_statistics(x: np.ndarray, followup: np.ndarray, event: np.ndarray) -> np.ndarray:
    """z (P,) of the score test of each column of x (n, P) alone in a Cox model, ties by Breslow."""
    order = np.argsort(-followup, kind="stable")
    x, time, event = x[order], followup[order], event[order]
    last = np.searchsorted(-time, -time, side="right") - 1  # of the risk set, ties included
    risk = (last + 1.0)[:, None]
    first = np.cumsum(x, axis=0)[last] / risk
    second = np.cumsum(x**2, axis=0)[last] / risk
    score = (x - first)[event].sum(axis=0)
    return np.asarray(score / np.sqrt((second - first**2)[event].sum(axis=0)))


def _validated(own: Cohort, stage: Slopes, filters: pd.DataFrame) -> dict[str, float]:
    data, fold, scores = _scores(own, stage, filters)
    once = np.ones((1, len(fold)), dtype=np.int64)
    return dict(zip(STEPS, _harrell(data, fold, scores, once)[0].tolist(), strict=True))


def _gains(own: Cohort, stage: Slopes, filters: pd.DataFrame) -> dict[str, float]:
    """What the step `slope` adds to each other one, with 95% percentile intervals over resamples of the patients."""
    data, fold, scores = _scores(own, stage, filters)
    rng = generator(own.study.seed, "validity", "markers")
    drawn = _harrell(data, fold, scores, resample_counts(rng, len(fold), RESAMPLES))
    gains = drawn[:, [STEPS.index("slope")]] - drawn
    low, high = np.quantile(gains[1:], [0.025, 0.975], axis=0)
    found = {}
    for place, step in enumerate(STEPS[:-1]):
        found |= {f"over {step}": gains[0, place], f"over {step}, low": low[place], f"over {step}, high": high[place]}
    return {name: float(value) for name, value in found.items()}


def _scores(own: Cohort, stage: Slopes, filters: pd.DataFrame) -> tuple[LadderData, np.ndarray, np.ndarray]:
    """The ladder's data, the fold of each patient and the linear predictors (n, S) out of fold."""
    data = ladder_data(own.study, own.patients, stage.slopes, filters)
    steps = [step for step in LADDER if step.name in STEPS]
    scores, fold = np.full((len(data.patients), len(STEPS)), np.nan), np.zeros(len(data.patients), dtype=np.int64)
    for outer in outer_folds(data, stage.folds, stage.crossfit, stage.fits, steps):
        fold[outer.tested] = outer.held_out
        for step in steps:
            raw = data.raw(step, outer.tested, outer.level, outer.slope)
            found = outer.fitted.models[step.name].linear_predictors(raw)[:, 0]
            scores[outer.tested, STEPS.index(step.name)] = found
    return data, fold, scores


def _harrell(data: LadderData, fold: np.ndarray, scores: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Harrell's C (B, S) within folds, as in ``outcome/performance``."""
    event = data.event == 1
    weights = ipc_weights(data.followup, event, data.horizons, StepCurve(np.empty(0), np.empty(0)))
    found = concordance(data.followup, event, fold, scores, weights, data.horizons, counts, max(data.horizons))
    return np.asarray(found.harrell)


LEVELS = ("baseline validated", "delta validated", "level validated", "slope validated")
NOTHING = (*LEVELS, "filters outside", "selection outside", "stability of redundant", "stability of slope_test")
TRUE = (*LEVELS, "over level", "over delta", "over baseline")
SHARES = ("over level", "over delta", "over baseline")

SECTION = """## Many markers: filters and selection inside and outside the folds

Data sets of `slopewise simulate radiomics`: features correlated in blocks of ten, half of the blocks with slopes that
differ between patients (SD 0.5 per year, noise SD 0.4), 3 to 7 scans before the landmark, three scanners. Filters
(redundancy at 0.75, q-value of the random slope 0.1) and the elastic net are learned in each training set; Harrell's C
within folds. {size}.

Nothing matters. "Filters outside": every training set uses the filters of the whole cohort. "Selection outside": every
training set uses the markers of the {chosen} terms that are associated most with the outcome of the whole cohort.
"Stability": the index of Nogueira of what each filter keeps, over the training sets; outside the folds it is 1 by
construction.

{nothing}

- {verdict}
- Selection outside the folds adds {selection} to the C of the step `slope`, filters outside the folds {filters}; they
  do not see the outcome, and what they make too good is the stability: {redundant} and {slope_test} inside, 1 outside.

The slopes of ten features matter (log hazard ratio 0.4 per SD of each true slope). "Over": what the step `slope` adds
to each other step; in the second table the share of data sets whose 95% interval of that gain lies above 0. Aim: most.

{true}

{shares}

- {found}"""


def markers_section(
    store: Store, wide: Callable[..., str], verdict: Callable[..., str], size: Callable[..., str]
) -> str:
    """The tables of both settings."""
    sets = store.read("markers")
    null, ten = (sets[sets["setting"] == setting.name] for setting in SETTINGS)
    nothing, true = _means(null, NOTHING), _means(ten, TRUE)
    above = _frame(SETTINGS[1].name, [share(name, (ten[f"{name}, low"] > 0).to_numpy()) for name in SHARES])
    said = {name: mean(name, (null[name] - null["slope validated"]).to_numpy()) for name in NOTHING[4:6]}
    inside = nothing.set_index("quantity")["value"]
    return SECTION.format(
        size=size(pd.concat([nothing, true])), chosen=CHOSEN, nothing=wide(nothing, NOTHING),
        verdict=verdict(nothing, list(LEVELS), NULL_RANGE, "Validated C of null features, mean over data sets"),
        selection=_with_error(said["selection outside"]), filters=_with_error(said["filters outside"]),
        redundant=f"{inside['stability of redundant']:.2f}", slope_test=f"{inside['stability of slope_test']:.2f}",
        true=wide(true, TRUE), shares=wide(above, SHARES),
        found=verdict(above, list(SHARES), (0.5, 1.0), "Intervals above 0 in most data sets"),
    )  # fmt: skip


def _means(own: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    return _frame(str(own["setting"].iloc[0]), [mean(name, own[name].to_numpy()) for name in names])


def _frame(setting: str, found: list[Quantity]) -> pd.DataFrame:
    rows = [(setting, *vars(one).values()) for one in found]
    return pd.DataFrame(rows, columns=["setting", "quantity", "value", "se", "sets"])


def _with_error(one: Quantity) -> str:
    return f"{one.value:+.3f} (standard error {one.se:.3f})"
