"""The core promise: a fit depends, to the last bit, on the patients it was trained on, and on nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from slopewise.growth import GrowthBatch, GrowthModel
from slopewise.growth.fit import GrowthFit
from slopewise.growth.fitting import fit_batch
from tests.unit.growth.growth_dense import simulated

MODELS = {
    "plain": {"fixed": "~ time * sex + age"},
    "ml": {"fixed": "~ time", "reml": False},
    "quadratic": {"fixed": "~ poly(time, 2, raw=True)", "random": "~ poly(time, 2, raw=True)"},
    "diagonal": {"structure": "diagonal"},
    "slope alone": {"random": "~ 0 + time"},
    "learned": {"fixed": "~ poly(time, 2) + age", "random": "~ time"},
    "spline": {"fixed": "~ bs(time, df=4)", "random": "~ time"},
    "strata": {"residual_by": "sex"},
}
ARRAYS = ("beta", "se", "sigma", "covariance", "deviance", "gradient", "iterations", "n_patients", "n_rows", "ratios")


def assert_same_bits(one: GrowthBatch, j: int, other: GrowthBatch, k: int) -> None:
    for name in ARRAYS:
        first, second = np.asarray(getattr(one, name)[j]), np.asarray(getattr(other, name)[k])
        assert first.tobytes() == second.tobytes(), name
    assert one.structure[j] == other.structure[k] and one.message[j] == other.message[k]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return simulated(45, seed=3)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
def test_a_patient_that_is_held_out_may_as_well_not_be_there(frame: pd.DataFrame, model: dict) -> None:
    growth = GrowthModel(**model)
    data = growth.data(frame, "z")
    counts = np.ones((3, len(data.patients)), int)
    counts[1, ::3] = 0
    counts[2, 1::3] = 0
    batch = fit_batch(data, counts)
    for j in (1, 2):
        kept = {name for name, count in zip(data.patients, counts[j], strict=True) if count}
        alone = growth.data(frame[frame["patient"].isin(kept)], "z")
        assert_same_bits(batch, j, fit_batch(alone, np.ones((1, len(alone.patients)), int)), 0)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
def test_what_a_held_out_patient_has_been_measured_at_does_not_matter(frame: pd.DataFrame, model: dict) -> None:
    growth = GrowthModel(**model)
    out = frame["patient"].isin(sorted(frame["patient"].unique())[::4])
    wild = frame.copy()
    wild.loc[out, "z"] = 1e9 * np.sin(np.arange(out.sum()))
    wild.loc[out, "time"] = 100.0 + np.arange(out.sum())
    wild.loc[out, "age"] = -1e6
    fits = []
    for rows in (frame, wild):
        data = growth.data(rows, "z")
        counts = (~pd.Series(data.patients).isin(frame.loc[out, "patient"])).to_numpy().astype(int)[None]
        fits.append(fit_batch(data, counts))
    assert_same_bits(fits[0], 0, fits[1], 0)
    everybody = [growth.data(rows, "z") for rows in (frame, wild)]
    whole = [fit_batch(data, np.ones((1, len(data.patients)), int)) for data in everybody]
    assert whole[0].deviance[0] != whole[1].deviance[0], "in a fit that saw them the change must show"


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
def test_the_order_of_rows_does_not_matter(frame: pd.DataFrame, model: dict) -> None:
    growth = GrowthModel(**model)
    doubled = pd.concat([frame, frame.iloc[:40].assign(z=lambda rows: rows["z"] + 1)], ignore_index=True)
    shuffled = doubled.sample(frac=1, random_state=5).set_index(np.arange(len(doubled)) * 7)
    one, other = (growth.data(rows, "z") for rows in (doubled, shuffled))
    counts = np.ones((1, len(one.patients)), int)
    assert_same_bits(fit_batch(one, counts), 0, fit_batch(other, counts), 0)


def test_any_number_of_threads_gives_the_same_bits(frame: pd.DataFrame) -> None:
    data = GrowthModel().data(frame, "y")
    counts = np.random.default_rng(1).integers(0, 3, (23, len(data.patients)))
    one = fit_batch(data, counts, threads=1)
    for threads in (2, 3, 4):
        many = fit_batch(data, counts, threads=threads)
        for j in range(len(counts)):
            assert_same_bits(one, j, many, j)


def test_fits_do_not_depend_on_their_neighbours_in_a_batch(frame: pd.DataFrame) -> None:
    data = GrowthModel().data(frame, "y")
    counts = np.random.default_rng(2).integers(0, 2, (9, len(data.patients)))
    batch = fit_batch(data, counts)
    for j in range(len(counts)):
        assert_same_bits(batch, j, fit_batch(data, counts[j : j + 1]), 0)


def test_a_patient_counted_twice_is_two_patients(frame: pd.DataFrame) -> None:
    data = GrowthModel(fixed="~ time + age").data(frame, "y")
    counts = np.random.default_rng(4).integers(0, 3, (1, len(data.patients)))
    copies = [frame]
    for name, count in zip(data.patients, counts[0], strict=True):
        if count == 2:
            copies.append(frame[frame["patient"] == name].assign(patient=f"{name} again"))
    kept = {name for name, count in zip(data.patients, counts[0], strict=True) if count}
    expanded = pd.concat(copies)
    expanded = expanded[expanded["patient"].isin(kept) | expanded["patient"].str.endswith("again")]
    alone = GrowthModel(fixed="~ time + age").data(expanded, "y")
    assert_same_bits(fit_batch(data, counts), 0, fit_batch(alone, np.ones((1, len(alone.patients)), int)), 0)


def test_names_of_patients_are_text_and_say_nothing(frame: pd.DataFrame) -> None:
    numbered = frame.assign(patient=frame["patient"].str[1:].astype(int))
    one = GrowthModel().data(frame, "y")
    other = GrowthModel().data(numbered, "y")
    assert other.patients == sorted(str(number) for number in numbered["patient"].unique())
    fits = [fit_batch(data, np.ones((1, len(data.patients)), int)) for data in (one, other)]
    assert fits[0].deviance[0] == pytest.approx(fits[1].deviance[0], abs=1e-9)
    np.testing.assert_allclose(fits[0].beta, fits[1].beta, rtol=1e-9)


def test_a_patient_scored_by_a_fit_that_never_saw_it(frame: pd.DataFrame) -> None:
    """Its own rows and the fit's parameters, whoever else is in the data."""
    growth = GrowthModel(fixed="~ time + sex")
    data = growth.data(frame, "y")
    counts = np.ones((1, len(data.patients)), int)
    counts[0, [2, 5]] = 0
    batch = fit_batch(data, counts)
    b, covariance = batch.random_effects([0, 0], [2, 5])
    new = frame[frame["patient"].isin([data.patients[2], data.patients[5]])]
    table = GrowthFit.from_batch(batch, 0).random_effects(new)
    np.testing.assert_array_equal(table[["Intercept", "time"]].to_numpy(), b)
    np.testing.assert_array_equal(table["se_time"], np.sqrt(covariance[:, 1, 1]))


def test_invariance_to_origin_and_units(frame: pd.DataFrame) -> None:
    """The origin of time changes no likelihood, slope or prediction of a correlated covariance.

    docs/methods.md, section 1.
    """
    plain = GrowthModel().fit(frame, "y")
    for shift, unit, offset, scale in ((100.0, 1.0, 0.0, 1.0), (-7.0, 365.25, 1e6, 1e-3), (1e4, 30.4, -1e5, 40.0)):
        moved = frame.assign(time=frame["time"] * unit + shift, y=frame["y"] * scale + offset)
        fit = GrowthModel().fit(moved, "y")
        jacobian = 2 * np.log(unit) + 2 * (len(frame) - 2) * np.log(scale)
        assert fit.deviance == pytest.approx(plain.deviance + jacobian, abs=1e-6)
        assert fit.beta["time"] * unit / scale == pytest.approx(plain.beta["time"], rel=1e-7)
        assert fit.covariance.loc["time", "time"] * (unit / scale) ** 2 == pytest.approx(
            plain.covariance.loc["time", "time"], rel=1e-6
        )
        slopes, reference = fit.random_effects()["time"] * unit / scale, plain.random_effects()["time"]
        np.testing.assert_allclose(slopes, reference, atol=1e-6 * reference.abs().max())
        predicted = (fit.predict(moved) - offset) / scale
        np.testing.assert_allclose(predicted, plain.predict(frame), atol=1e-6)


def test_a_diagonal_covariance_keeps_the_users_origin(frame: pd.DataFrame) -> None:
    here = GrowthModel(structure="diagonal").fit(frame, "y")
    there = GrowthModel(structure="diagonal").fit(frame.assign(time=frame["time"] + 5), "y")
    assert abs(here.deviance - there.deviance) > 1e-3
    assert here.covariance.iloc[0, 1] == 0
