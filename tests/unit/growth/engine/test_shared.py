"""Cross-products that markers on the same rows share: for each marker the same bits as if it were alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from slopewise.growth import GrowthModel
from slopewise.growth.fitting import fit_batch


def visits(patients: int = 40) -> pd.DataFrame:
    """1 to 6 visits a patient; `gaps` lacks a value, `far` has an offset."""
    random = np.random.default_rng(7)
    who = np.repeat(np.arange(patients), random.integers(1, 7, patients))
    level = random.normal(size=patients)[who]
    frame = pd.DataFrame(
        {"patient": who, "time": random.uniform(0, 3, len(who)), "age": random.normal(50, 9, len(who))}
    )
    frame["weight"] = random.uniform(0.5, 2, len(who))
    frame["near"], frame["far"] = level + random.normal(size=len(who)), 1e6 + level + random.normal(size=len(who))
    frame["gaps"] = frame["near"].where(np.arange(len(who)) != 5)
    return frame


@pytest.mark.parametrize("weights", [None, "weight"])
@pytest.mark.parametrize(
    ("fixed", "random"), [("~ time * age", "~ time"), ("~ time", "~ 0 + time"), ("~ age", "~ poly(time, 2, raw=True)")]
)
def test_shared_cross_products_are_the_same_bits(fixed: str, random: str, weights: str | None) -> None:
    rows = GrowthModel(fixed, random).rows(visits(), weights=weights)
    together = rows.for_many()
    assert together.shared is not None
    for marker in ("near", "far", "gaps"):
        alone, shared = rows.data(marker).moments, together.data(marker).moments
        for name, array in alone._asdict().items():
            assert array.tobytes() == getattr(shared, name).tobytes(), name


def test_a_marker_with_gaps_does_not_share() -> None:
    together = GrowthModel().rows(visits()).for_many()
    assert together.data("near").shared is not None
    assert together.data("gaps").shared is None


def test_rows_that_cannot_be_shared_stay_as_they_are() -> None:
    frame = visits()
    twice = pd.concat([frame, frame.iloc[:1]])  # rows with equal covariates are ordered by the response
    missing = frame.assign(age=frame["age"].where(frame.index != 3))
    for model, these in (
        (GrowthModel(), twice),
        (GrowthModel("~ time + age"), missing),
        (GrowthModel("~ poly(time, 2)"), frame),
    ):
        assert model.rows(these).for_many().shared is None


def test_fits_of_many_markers_are_those_of_each_alone() -> None:
    frame, model = visits(), GrowthModel("~ time + age")
    folds = {str(name): int(name) % 3 for name in frame["patient"].unique()}
    together = model.fit_many(frame, ["near", "far"], folds=folds)
    data = model.data(frame, "far")
    counts = np.array([[folds[name] != fold for name in data.patients] for fold in (None, 0, 1, 2)])
    alone = fit_batch(data, counts, [together["far", None].structure] * 4)
    for j, fold in enumerate((None, 0, 1, 2)):
        fit = together["far", fold]
        assert fit.deviance == alone.deviance[j]
        assert np.array_equal(fit.covariance.to_numpy(), alone.covariance[j])
        assert fit.n_patients == alone.n_patients[j]
        effects = fit.random_effects()
        assert list(effects["patient"]) == [name for name in data.patients if folds[name] != fold]
