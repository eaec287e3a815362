"""What a penalised model keeps although other predictors determine it is named in the ledger."""

import numpy as np

from slopewise.outcome.choices import repeated_terms
from slopewise.outcome.fit import fit_outcome
from slopewise.outcome.ladder import LADDER
from slopewise.study.reading import parse_study
from tests.unit.outcome.ladder_tables import STUDY, simulate


def test_a_predictor_on_another_scale_and_a_sum_are_named_once_each():
    rng = np.random.default_rng(4)
    one, two, three = rng.standard_normal((3, 40))
    x = np.column_stack([one, two, -2.5 * one, three, one + two, three + 1e-3 * rng.standard_normal(40)])
    found = repeated_terms(x - x.mean(axis=0), ("a", "b", "c", "d", "e", "f"))
    assert list(found) == ["c", "e"]
    assert found["c"].startswith("c is the same predictor as a on another scale")
    assert found["e"].startswith("e is a linear combination of the predictors before it")


def test_with_more_predictors_than_patients_pairs_alone_are_named():
    x = np.random.default_rng(5).standard_normal((10, 30))
    x[:, 20] = 3 * x[:, 4]
    found = repeated_terms(x - x.mean(axis=0), [f"t{place}" for place in range(30)])
    assert list(found) == ["t20"] and "same predictor as t4" in found["t20"]


def test_the_ledger_of_a_penalised_model_names_them_and_that_of_another_leaves_them_out():
    made = simulate()
    people = made.outcome[1].assign(years=lambda frame: frame["age"], age=lambda frame: 12 * frame["age"])
    for penalty, words in (("elastic_net", "same predictor as age on another scale"), ("none", "years left out")):
        text = STUDY.replace("[age, sex]", "[age, sex, years]").replace("penalty: none", f"penalty: {penalty}")
        changed = made.change(patients=people, study=parse_study(text.encode(), "study.yaml"))
        ledger = fit_outcome(*changed.outcome).ledger
        named = ledger[ledger["message"].str.startswith("years ")]
        assert set(named["predictors"]) == {step.name for step in LADDER}, penalty
        assert named["message"].str.contains(words).all(), penalty
