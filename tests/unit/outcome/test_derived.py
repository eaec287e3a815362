"""Terms that are made of others, `outcome.terms`: a bend of the level, the product of level and slope."""

import json

import numpy as np
import pandas as pd
import pytest

from slopewise.design.splines import bends
from slopewise.outcome.cox import fit_cox
from slopewise.outcome.fit import fit_ladder, fit_outcome, ladder_data, scores_of, with_choices
from slopewise.outcome.ladder import LADDER
from slopewise.outcome.models import StepModel
from slopewise.validate.nested import nested, outer_folds
from tests.unit.outcome.ladder_tables import STUDY, simulate

BOTH = STUDY.replace("penalty: none", "penalty: none\n  terms: [nonlinear_level, level_by_slope]")
SLOPE = next(step for step in LADDER if step.name == "slope")


@pytest.fixture(scope="module")
def made():
    return simulate(text=BOTH)


def arrays(made):
    data = ladder_data(made.study, made.patients, made.slopes)
    level, slope, _ = scores_of(data, made.slopes)
    return data, level, slope, np.zeros(2, dtype=bool)


def test_every_step_has_the_terms_that_it_can(made):
    data, *_ = arrays(made)
    extra = {step.name: [t for t in data.step_terms(step) if t.endswith((".bend", ".product"))] for step in LADDER}
    bend, product = ["alpha.bend", "beta.bend"], ["alpha.product", "beta.product"]
    assert extra.pop("slope") == bend[:1] + product[:1] + bend[1:] + product[1:]
    assert extra.pop("level") == bend and not any(extra.values())


def test_the_model_is_the_cox_model_of_levels_bends_slopes_and_products(made):
    data, level, slope, singular = arrays(made)
    found = fit_ladder(data, level, slope, singular)
    knots = [np.quantile(level[:, m], (0.1, 0.5, 0.9)) for m in range(2)]
    columns = [data.covariates]
    for m in range(2):
        columns += [level[:, [m]], slope[:, [m]]]
    for m in range(2):
        columns += [bends(level[:, m], knots[m])]
        columns += [((level[:, m] - level[:, m].mean()) * (slope[:, m] - slope[:, m].mean()))[:, None]]
    x = np.column_stack(columns)
    alone = fit_cox(x, data.followup, data.event, horizons=data.horizons)
    index = {key: place for place, key in enumerate(data.terms)}
    places = [index["slope", term] for term in data.step_terms(SLOPE)]
    assert found.estimate_unit[places] == pytest.approx(alone.beta, rel=1e-6, abs=1e-8)
    raw = data.raw(SLOPE, np.arange(120), level, slope)
    assert found.models["slope"].risk(raw) == pytest.approx(alone.risk(x), abs=1e-9)
    again = StepModel.from_dict(json.loads(json.dumps(found.models["slope"].to_dict(), allow_nan=False)))
    assert np.array_equal(again.risk(raw), found.models["slope"].risk(raw))


def test_the_bend_is_that_of_r(golden):
    cohort = pd.read_csv(golden / "outcome_cohort.csv")
    expected = pd.read_csv(golden / "zph.csv", dtype={"name": str}).query("model == 'bend'").set_index("name")["value"]
    value = cohort["log_bilirubin"].to_numpy()
    found = bends(value, np.quantile(value, (0.1, 0.5, 0.9)))[:, 0]
    for row in (1, 50, 100, 200):
        assert found[row - 1] == pytest.approx(expected[str(row)], rel=1e-9, abs=1e-12)


def test_copies_are_repeated_patients(made):
    data, level, slope, singular = arrays(made)
    counts = np.random.default_rng(3).integers(0, 3, size=len(data.patients))
    found = fit_ladder(data, level, slope, singular, counts=counts).models["slope"].recipe
    own = np.repeat(level[:, 0], counts)
    assert found.derived[0].constants == pytest.approx(np.quantile(own, (0.1, 0.5, 0.9)))
    centres = (own.mean(), np.repeat(slope[:, 0], counts).mean())
    assert found.derived[1].constants == pytest.approx(centres)


def test_without_its_slope_there_is_no_product(made):
    data, level, slope, _ = arrays(made)
    found = fit_ladder(data, level, slope, np.array([True, False]))
    kept = found.models["slope"].recipe.terms
    assert "alpha.product" not in kept and {"alpha.bend", "beta.product"} <= set(kept)
    told = [note.message for note in found.notes if note.message.startswith("alpha.product")]
    assert told == ["alpha.product left out: its level or its slope is"]


def test_a_level_with_few_values_has_no_bend(made):
    data, level, slope, singular = arrays(made)
    few = np.column_stack([np.sign(level[:, 0]), level[:, 1]])
    found = fit_ladder(data, few, slope, singular)
    assert "alpha.bend" not in found.models["level"].recipe.terms
    assert any("too few different values" in note.message for note in found.notes)


def test_knots_and_centres_do_not_move_with_a_test_patient(made):
    data = ladder_data(made.study, made.patients, made.slopes)
    who, crossfit, people = data.patients[5], made.crossfit.copy(), made.patients.copy()
    crossfit.loc[(crossfit["patient"] == who) & (crossfit["fold"] == 0), ["level", "slope"]] = 9.0
    people.loc[people["patient"] == who, ["age", "followup", "event"]] = [95.0, 1.01, 1]
    other = made.change(crossfit=crossfit, patients=people)
    changed = ladder_data(other.study, other.patients, other.slopes)
    one = list(outer_folds(data, made.folds, made.crossfit, made.fits))
    two = list(outer_folds(changed, other.folds, other.crossfit, other.fits))
    tested = [(a, b) for a, b in zip(one, two, strict=True) if 5 in a.tested]
    assert len(tested) == 2
    for a, b in tested:
        assert {name: m.to_dict() for name, m in a.fitted.models.items()} == {
            name: m.to_dict() for name, m in b.fitted.models.items()
        }


def test_a_product_that_matters_is_found_and_validated():
    made = simulate(seed=5, n=300, text=BOTH)
    _, level, slope, _ = arrays(made)
    people = made.patients.copy()
    rng = np.random.default_rng(2)
    hazard = 0.4 * np.exp(0.8 * level[:, 0] * slope[:, 0])
    time = rng.exponential(1 / hazard)
    people["followup"], people["event"] = np.minimum(time, 3.0), (time <= 3.0).astype(int)
    made = made.change(patients=people)
    table = fit_outcome(*made.outcome).coefficients.query("predictors == 'slope' and scale == 'unit'").set_index("term")
    assert table.loc["alpha.product", "p_value"] < 1e-6 and table.loc["beta.product", "p_value"] > 0.001
    assert not nested(*made.validation).predictions["risk"].isna().any()


def test_the_bootstrap_keeps_the_cohorts_knots_and_centres(made):
    data, level, slope, singular = arrays(made)
    settled = with_choices(data, made.crossfit, made.fits)
    counts = np.random.default_rng(3).integers(0, 3, size=len(data.patients))
    cohort = settled.choices.derived["slope"]
    assert len(cohort) == 4
    same = fit_ladder(settled, level, slope, singular, counts=counts, same_knots=True).models["slope"].recipe
    own = fit_ladder(settled, level, slope, singular, counts=counts).models["slope"].recipe
    assert same.derived == cohort
    assert all(a.constants != b.constants for a, b in zip(own.derived, cohort, strict=True))
