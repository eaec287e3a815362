"""A simulated delta-radiomics study: many correlated features at ragged scans, an outcome that a few slopes drive.

With patient i, scan at time t (years), feature j of block k, scanner s, all in units of the feature before its
transform to positive values:

    x_ij(t) = a_ij + b_ij t + e_ijt        y_ij(t) = shift_sj + scale_sj x_ij(t)
    h_i(t) = h0(t) exp(0.4 Σ_j in D b_ij / SD(b_j))                     D: the features that drive the hazard

a, b and e are sums of a part that the block shares and one of the feature's own (shares `SHARED` and 1 − `SHARED` of
the variance), so that features of a block correlate in level, slope and noise. Features without a slope of the
patients' own (b = 0) are in blocks of their own. The outcome counts from time zero; who has it before the landmark
leaves the cohort.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.run.errors import InputError
from slopewise.run.seeds import generator
from slopewise.run.short_repr import ShortRepr
from slopewise.simulate.names import feature_names, is_positive

Floats = NDArray[np.float64]
LOG_HR = 0.4
"""Log hazard ratio per SD of the true slope of a feature that drives the hazard."""
LANDMARK, END = 2.0, 7.0
"""Years: the scans are before the landmark, the follow-up ends at the end."""
SLOPE_SD, NOISE_SD, SHARED = 0.5, 0.4, 0.7
"""SD of slopes (per year) and of the noise, of levels with SD 1; share of variance that the block's features share."""
BLOCK = 10
"""Features of a block."""
SCANS = (3, 7)
EARLY, HAZARD, CENSORING, DROP_OUT = 0.02, 0.15, 0.03, 0.25
"""Rates per year: the event at a linear predictor of 0 before the landmark (patients who can be scanned are well) and
after it, censoring, the end of the scans in a study with drop-out."""
SCANNERS = ("A", "B", "C")
STAYS = 0.8
"""Probability that a scan is made on the patient's usual scanner."""
MOST_FEATURES, MOST_PATIENTS = 20_000, 100_000


@dataclass(frozen=True, repr=False)
class Radiomics(ShortRepr):
    """The simulated tables.

    measurements: a row a scan (patient, year, scanner, ``diagnostics_*``, features). patients: a row each (patient,
    age, sex, years, status; status 1 is the event). features: the truth of each (feature, block, transform, slope_sd,
    log_hr). people: the truth of each patient (patient, linear_predictor, usual scanner, and the slope per year of
    each feature that drives the hazard).
    """

    measurements: pd.DataFrame
    patients: pd.DataFrame
    features: pd.DataFrame
    people: pd.DataFrame


def simulate(patients: int, features: int, seed: int, dropout: bool = False, driving: int | None = None) -> Radiomics:
    """Simulate a study; equal arguments give equal tables.

    Parameters
    ----------
    patients, features : int
        Their numbers; `InputError` for fewer than 20 patients or 1 feature, and for more than can be meant.
    seed : int
        Every random number follows from it.
    dropout : bool
        Scans end early, at a rate that rises with the patient's hazard of the event (informative drop-out).
    driving : int, optional
        Features whose slope drives the hazard, one in each block that has slopes; 0: no feature has anything to do
        with the outcome. A hundredth of the features by default, at least 3 and at most 10. `InputError` for more than
        there are blocks with slopes.
    """
    if not 20 <= patients <= MOST_PATIENTS:
        raise InputError(f"--patients {patients}: between 20 and {MOST_PATIENTS}")
    if not 1 <= features <= MOST_FEATURES:
        raise InputError(f"--features {features}: between 1 and {MOST_FEATURES}")
    truth = _features(features, driving)
    rng = generator(seed, "simulate", "radiomics", patients, features)
    level = _correlated(truth, np.ones(features), patients, rng)
    slope = _correlated(truth, truth["slope_sd"].to_numpy(dtype=float), patients, rng)
    drives = truth["log_hr"].to_numpy(dtype=float) > 0
    predictor = LOG_HR * (slope[:, drives] / SLOPE_SD).sum(axis=1)
    names = np.array([f"P{number:0{len(str(patients))}d}" for number in range(1, patients + 1)], dtype=object)
    people = _followup(names, predictor, rng)
    usual = rng.integers(len(SCANNERS), size=patients)
    owner, time = _scans(people["years"].to_numpy(dtype=float), predictor, dropout, rng)
    stays = rng.random(len(owner)) < STAYS
    scanner = np.where(stays, usual[owner], rng.integers(len(SCANNERS), size=len(owner)))
    values = level[owner] + slope[owner] * time[:, None]
    values += _correlated(truth, np.full(features, NOISE_SD), len(owner), rng)
    values = _as_written(_scanned(values, scanner, rng), truth)
    columns = {name: values[:, place] for place, name in enumerate(truth["feature"])}
    head = pd.DataFrame({"patient": names[owner], "year": time, "scanner": np.array(SCANNERS, dtype=object)[scanner]})
    own_slopes = {f"slope_{truth['feature'][j]}": slope[:, j] for j in np.flatnonzero(drives)}
    known = {"patient": names, "linear_predictor": predictor, "scanner": np.array(SCANNERS, dtype=object)[usual]}
    return Radiomics(
        measurements=pd.concat([head, _diagnostics(head, seed), pd.DataFrame(columns)], axis=1),
        patients=people,
        features=truth,
        people=pd.DataFrame({**known, **own_slopes}),
    )


def _features(number: int, asked: int | None) -> pd.DataFrame:
    """The truth of each feature; blocks hold every ``blocks``-th feature, so that they go across the families.

    Every other block has slopes, and the first feature of each of the first of these blocks drives the hazard.
    """
    blocks = -(-number // BLOCK)
    block = np.arange(number) % blocks
    names = feature_names(number)
    sloped = block % 2 == 0
    most = -(-blocks // 2)
    driving = min(10, max(3, number // 100), most) if asked is None else asked
    if not 0 <= driving <= most:
        raise InputError(f"{driving} features whose slope drives the hazard: {number} features have 0 to {most}")
    place = np.arange(number)
    drives = (place < blocks) & sloped & (place // 2 < driving)
    return pd.DataFrame(
        {
            "feature": names,
            "block": block + 1,
            "transform": ["log" if is_positive(name) else "none" for name in names],
            "slope_sd": np.where(sloped, SLOPE_SD, 0.0),
            "log_hr": np.where(drives, LOG_HR, 0.0),
        }
    )


def _correlated(truth: pd.DataFrame, sd: Floats, rows: int, rng: np.random.Generator) -> Floats:
    """Normal deviates (rows, features) with the given SD, correlated within blocks."""
    block = truth["block"].to_numpy(dtype=np.int64) - 1
    shared = rng.standard_normal((rows, int(block.max()) + 1))[:, block]
    own = rng.standard_normal((rows, len(block)))
    return (np.sqrt(SHARED) * shared + np.sqrt(1.0 - SHARED) * own) * sd


def _followup(names: NDArray[np.object_], predictor: Floats, rng: np.random.Generator) -> pd.DataFrame:
    """The patients' table: times of the event with a piecewise constant hazard, exponential censoring.

    Age and sex have no effect.
    """
    n = len(names)
    spent = rng.exponential(1.0, n) / np.exp(predictor)  # h0 integrated up to the event
    event = np.where(spent < EARLY * LANDMARK, spent / EARLY, LANDMARK + (spent - EARLY * LANDMARK) / HAZARD)
    censored = np.minimum(rng.exponential(1.0 / CENSORING, n), END)
    return pd.DataFrame(
        {
            "patient": names,
            "age": np.round(rng.normal(62.0, 9.0, n)).astype(np.int64),
            "sex": np.where(rng.random(n) < 0.5, "f", "m").astype(object),
            "years": np.maximum(np.round(np.minimum(event, censored), 4), 0.0001),
            "status": (event <= censored).astype(np.int64),
        }
    )


def _scans(
    years: Floats, predictor: Floats, dropout: bool, rng: np.random.Generator
) -> tuple[NDArray[np.int64], Floats]:
    """Patient (by place) and time of each scan: the first at 0, the others spread at random up to the landmark.

    A scan after the end of follow-up, or of the scans of a patient who dropped out, was not made.
    """
    planned = rng.integers(SCANS[0], SCANS[1] + 1, len(years))
    ends = rng.exponential(1.0, len(years)) / (DROP_OUT * np.exp(predictor))
    last = np.minimum(years, ends) if dropout else years
    owner, times = [], []
    for patient, number in enumerate(planned):
        gaps = rng.dirichlet(np.full(int(number) - 1, 5.0)) * rng.uniform(0.8, 0.99) * LANDMARK
        own = np.round(np.concatenate([[0.0], np.cumsum(gaps)]), 4)
        own = own[(own <= last[patient]) | (own == 0.0)]
        owner.append(np.full(len(own), patient, dtype=np.int64))
        times.append(own)
    return np.concatenate(owner), np.concatenate(times)


def _scanned(values: Floats, scanner: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """What each scanner makes of the values (scans, features): a shift and a scale of each feature; A changes nothing.

    Half of the features are affected, the others are robust.
    """
    shape = (len(SCANNERS), values.shape[1])
    affected = rng.random(values.shape[1]) < 0.5
    shift = np.where(affected, rng.normal(0.0, 0.4, shape), 0.0)
    scale = np.where(affected, np.exp(rng.normal(0.0, 0.1, shape)), 1.0)
    shift[0], scale[0] = 0.0, 1.0
    return shift[scanner] + scale[scanner] * values


def _as_written(values: Floats, truth: pd.DataFrame) -> Floats:
    """The values with the spread of their kind, six significant digits: exp(2 + x) of a log-normal feature."""
    positive = truth["transform"].to_numpy() == "log"
    made = np.where(positive, np.exp(2.0 + values), 100.0 + 20.0 * values)
    digits = 10.0 ** (5.0 - np.floor(np.log10(np.maximum(np.abs(made), 1e-300))))
    return np.round(made * digits) / digits


def _diagnostics(head: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The columns by which PyRadiomics tells how a row was computed; a hash is of its scan alone."""
    keys = [f"{seed} {patient} {year}" for patient, year in zip(head["patient"], head["year"], strict=True)]
    settings = "{'binWidth': 25, 'resampledPixelSpacing': [1, 1, 1]}"
    return pd.DataFrame(
        {
            "diagnostics_Versions_PyRadiomics": "v3.0.1",
            "diagnostics_Configuration_Settings": settings,
            "diagnostics_Image-original_Hash": [hashlib.sha1(f"image {key}".encode()).hexdigest() for key in keys],
            "diagnostics_Image-original_Spacing": "(1.0, 1.0, 1.0)",
            "diagnostics_Mask-original_Hash": [hashlib.sha1(f"mask {key}".encode()).hexdigest() for key in keys],
            "diagnostics_Mask-original_VolumeNum": 1,
        }
    )
