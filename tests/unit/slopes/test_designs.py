"""The designs of the cohort's patients: made once for all markers and fits that share a recipe, and never stale."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from slopewise.growth import GrowthModel
from slopewise.growth.fitting import fit_batch
from slopewise.slopes import marker as module
from slopewise.slopes.marker import DesignsOfPatients, all_markers
from slopewise.slopes.scores import score

PATIENTS = 30


def cohort(seed=3):
    rng = np.random.default_rng(seed)
    names = [f"p{i:02d}" for i in range(PATIENTS)]
    visits = pd.DataFrame({"patient": np.repeat(names, 4), "time": np.tile([0.0, 0.5, 1.0, 1.5], PATIENTS)})
    for marker in ("a", "b"):
        visits[marker] = np.repeat(rng.normal(size=PATIENTS), 4) + visits["time"] * np.repeat(
            rng.normal(size=PATIENTS), 4
        )
        visits[marker] += rng.normal(0, 0.3, len(visits))
    return visits, pd.DataFrame({"patient": names, "age": rng.normal(60, 9, PATIENTS)})


def scored(data, copies):
    batch = fit_batch(data.growth, copies)
    fit = np.repeat(np.arange(len(copies)), PATIENTS)
    return score(data, batch, fit, np.tile(np.arange(PATIENTS), len(copies)))


@pytest.mark.parametrize("fixed", ["~ time + age", "~ bs(time, df=4)"])
def test_shared_designs_give_the_scores_of_fresh_ones(fixed):
    rng = np.random.default_rng(1)
    copies = np.concatenate([np.ones((1, PATIENTS)), rng.integers(0, 3, (5, PATIENTS))]).astype(np.int64)
    model = GrowthModel(fixed=fixed, random="~ time", bounds=(0.0, 1.5))
    markers = list(all_markers(model, ["a", "b"], *cohort(), 1.5))
    assert markers[0].designs is markers[1].designs
    for data in markers:
        fresh = replace(data, designs=DesignsOfPatients())
        pd.testing.assert_frame_equal(scored(data, copies), scored(fresh, copies), check_exact=True)
        pd.testing.assert_frame_equal(scored(data, copies), scored(fresh, copies), check_exact=True)


def test_a_formula_without_knots_is_evaluated_once_for_all_markers(monkeypatch):
    made = []
    plain = module.PatientDesigns
    monkeypatch.setattr(module, "PatientDesigns", lambda *parts: made.append(1) or plain(*parts))
    copies = np.ones((3, PATIENTS), dtype=np.int64)
    for data in all_markers(GrowthModel(), ["a", "b"], *cohort(), 1.5):
        scored(data, copies)
    assert len(made) == 1


def test_other_covariates_have_other_designs():
    model = GrowthModel(fixed="~ time * age", random="~ time")
    data = next(all_markers(model, ["a"], *cohort(), 1.5))
    copies = np.ones((1, PATIENTS), dtype=np.int64)
    before = scored(data, copies)
    older = replace(data, covariates=data.covariates.assign(age=data.covariates["age"] + 10))
    after = scored(older, copies)
    assert not np.allclose(before["level"], after["level"])
    pd.testing.assert_frame_equal(after, scored(replace(older, designs=DesignsOfPatients()), copies), check_exact=True)
    pd.testing.assert_frame_equal(before, scored(data, copies), check_exact=True)


def test_few_are_remembered(monkeypatch):
    monkeypatch.setattr(module, "REMEMBERED", 2)
    model = GrowthModel(fixed="~ bs(time, df=4)", random="~ time")
    data = next(all_markers(model, ["a"], *cohort(), 1.5))
    copies = np.random.default_rng(2).integers(0, 3, (6, PATIENTS)).astype(np.int64)
    found = scored(data, copies)
    assert len(data.designs._made) <= 2
    pd.testing.assert_frame_equal(found, scored(data, copies), check_exact=True)
