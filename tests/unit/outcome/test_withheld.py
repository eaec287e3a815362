"""What a training set's filters leave out is in none of its models, and in those of the other sets all the same."""

import pandas as pd
import pytest

from slopewise.folds import EVERYBODY
from slopewise.outcome.choices import with_choices
from slopewise.outcome.fit import fit_outcome
from slopewise.outcome.ladder import ladder_data
from slopewise.outcome.withheld import FilterTable, Withheld
from slopewise.validate.nested import nested, outer_folds
from slopewise.validate.sensitivity import sensitivity
from tests.unit.outcome.ladder_tables import Tables, simulate

TABLE = pd.DataFrame(
    [
        ("crossfit", 0, 0, "beta", "redundant", "marker"),
        ("validation", 1, 2, "alpha", "slope_test", "slope"),
        ("validation", 2, 1, "alpha", "missing", "marker"),
    ],
    columns=["scheme", "repeat", "held_out", "marker", "step", "withholds"],
)


@pytest.fixture(scope="module")
def made() -> Tables:
    return simulate()


def terms_of(model) -> set[str]:
    return {term for term in model.recipe.terms if "." in term}


def test_reasons_are_of_the_marker_s_terms_alone():
    own = FilterTable.of(TABLE).at(("validation", 1, 2))
    terms = ("age", "alpha.level", "alpha.slope", "beta.level", "beta.slope")
    assert own == Withheld({}, {"alpha": "slope_test"})
    assert own.reasons(terms, ("age",)) == {"alpha.slope": "alpha.slope left out: by the filter slope_test"}
    assert set(Withheld({"beta": "missing"}).reasons(terms, ("age",))) == {"beta.level", "beta.slope"}
    assert FilterTable.of(TABLE.head(0)).at(EVERYBODY) == Withheld()


def test_the_shipped_model_has_what_everybody_s_filters_left(made: Tables):
    found = fit_outcome(*made.outcome, TABLE)
    for name, model in found.fitted.models.items():
        assert not [term for term in terms_of(model) if term.startswith("beta.")], name
    assert terms_of(found.fitted.models["slope"]) == {"alpha.level", "alpha.slope"}
    assert not found.ledger["message"].str.contains("filter").any()  # slopes/filters lists them
    assert found.coefficients.query("term == 'beta.level'")["estimate"].isna().all()


def test_each_outer_fold_has_its_own_filters(made: Tables):
    data = with_choices(ladder_data(made.study, made.patients, made.slopes, TABLE), made.crossfit, made.fits)
    for outer in outer_folds(data, made.folds, made.crossfit, made.fits):
        terms = terms_of(outer.fitted.models["slope"])
        everything = {"alpha.level", "alpha.slope", "beta.level", "beta.slope"}
        gone = {(1, 2): {"alpha.slope"}, (2, 1): {"alpha.level", "alpha.slope"}}
        assert terms == everything - gone.get((outer.repeat, outer.held_out), set())


def test_everybody_s_filters_change_no_prediction_out_of_fold(made: Tables):
    plain, shipped = nested(*made.validation), nested(*made.validation, TABLE.head(1))
    pd.testing.assert_frame_equal(plain.predictions, shipped.predictions)
    changed = nested(*made.validation, TABLE).predictions
    differs = changed[(changed["risk"] != plain.predictions["risk"])]
    assert set(zip(differs["repeat"], differs["fold"], strict=True)) == {(1, 2), (2, 1)}


def test_the_sensitivity_of_nested_slopes_has_the_same_filters(made: Tables):
    apparent = fit_outcome(*made.outcome, TABLE).apparent
    plain = sensitivity(*made.validation, apparent).sensitivity.set_index(["slopes", "predictors"])["validated"]
    own = sensitivity(*made.validation, apparent, TABLE.tail(2)).sensitivity.set_index(["slopes", "predictors"])
    assert (own["validated"] != plain).to_dict()[("nested", "slope")]
    assert own["validated"]["in_sample", "slope"] == plain["in_sample", "slope"]
