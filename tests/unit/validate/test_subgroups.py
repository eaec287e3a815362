"""Performance within groups: the group's own patients, everybody's resamples, nothing where events are few."""

import numpy as np
import pandas as pd
import pytest

from slopewise.folds import CENTRE
from slopewise.metrics.concordance import concordance_single
from slopewise.outcome.fit import fit_outcome
from slopewise.outcome.ladder import LADDER
from slopewise.study.reading import parse_study
from slopewise.tables import files as tables
from slopewise.validate.nested import nested
from slopewise.validate.performance import performance
from slopewise.validate.subgroups import groups, left_out, subgroups
from tests.unit.outcome.ladder_tables import KINDS, STUDY, Tables, of_kind, simulate


@pytest.fixture(scope="module")
def made() -> Tables:
    return simulate()


@pytest.fixture(scope="module")
def predictions(made: Tables) -> pd.DataFrame:
    return nested(*made.validation).predictions


@pytest.fixture(scope="module")
def table(made: Tables, predictions: pd.DataFrame) -> pd.DataFrame:
    return tables.check(subgroups(made.study, made.patients, predictions), "outcome/subgroups")


def test_a_text_is_grouped_by_level_and_a_number_at_its_median(made: Tables):
    found = list(groups(made.study, made.patients.sample(frac=1, random_state=1)))
    assert [group.column for group in found] == ["age", "age", "sex", "sex"]
    assert [group.name for group in found][2:] == ["f", "m"]
    ordered = made.patients.sort_values("patient")
    assert found[0].name == f"up to {ordered['age'].median():.4g}"
    assert (found[0].members ^ found[1].members).all() and found[0].members.sum() == 60
    np.testing.assert_array_equal(found[3].members, ordered["sex"] == "m")


def test_c_of_a_group_counts_its_own_pairs_alone(made: Tables, predictions: pd.DataFrame, table: pd.DataFrame):
    women = made.patients[made.patients["sex"] == "f"].set_index("patient")
    own = predictions[predictions["patient"].isin(women.index) & (predictions["predictors"] == "slope")]
    own = own[own["horizon"] == 2.0]
    by_repeat = []
    for _, repeat in own.groupby("repeat"):
        concordant = pairs = 0.0
        for _, fold in repeat.groupby("fold"):
            people = women.loc[fold["patient"]]
            event, time = people["event"].to_numpy() == 1, people["followup"].to_numpy()
            comparable = sum(
                ((time > time[i]) | ((time == time[i]) & ~event)).sum() for i in np.flatnonzero(event & (time < 2.0))
            )
            if comparable:
                c, _, _ = concordance_single(time, event, fold["linear_predictor"], tau=2.0)
                concordant, pairs = concordant + c * comparable, pairs + comparable
        by_repeat.append(concordant / pairs)
    row = table.query("column == 'sex' and group == 'f' and predictors == 'slope' and metric == 'c_harrell'").iloc[0]
    assert row["validated"] == pytest.approx(np.mean(by_repeat))
    assert row["ci_low"] < row["validated"] < row["ci_high"]
    assert row["versus"] == "level" and row["difference_low"] <= row["difference"] <= row["difference_high"]
    assert row["patients"] == len(women) and row["events"] == women["event"].sum()


METRICS = {"binary": 4, "continuous": 3}
"""How many a group has, one row each; C twice and three at each of two horizons else."""


@pytest.mark.parametrize("kind", KINDS)
def test_a_group_of_everybody_is_the_performance_table(kind: str):
    made = of_kind(kind)
    predictions = nested(*made.validation).predictions
    column = made.study.outcome.covariates[-1]
    alike = made.patients.assign(**{column: "f"})
    found = tables.check(subgroups(made.study, alike, predictions), "outcome/subgroups").query("column == @column")
    whole = performance(made.study, made.patients, predictions, fit_outcome(*made.outcome).apparent).performance
    keys = ["predictors", "cause", "metric", "horizon"]
    both = found.merge(whole, on=keys, suffixes=("", "_whole"))
    assert len(both) == len(found) == len(LADDER) * METRICS.get(kind, 2 + 4 * 2)
    assert found["validated"].notna().all() and set(found["group"]) == {"f"}
    for column in ("validated", "ci_low", "ci_high", "difference"):
        np.testing.assert_allclose(both[column], both[f"{column}_whole"], rtol=0, atol=1e-12)


def test_any_named_column_makes_groups_and_enters_no_model(made: Tables, predictions: pd.DataFrame):
    stage = [np.nan, 1.0, 2.0, 4.0] * 30
    people = made.patients.assign(stage=stage, mood=[None, "x"] * 60, size=np.arange(120.0))
    text = STUDY.replace("bootstrap: 50}", "bootstrap: 50, subgroups: [stage, mood, size]}")
    study = parse_study(text.encode(), "study.yaml")
    found = [group for group in groups(study, people) if group.column not in ("age", "sex")]
    names = [(group.column, group.name, int(group.members.sum())) for group in found]
    assert names == [
        *(("stage", name, 30) for name in ("1", "2", "4", "not known")),
        *(("mood", name, 60) for name in ("x", "not known")),
        *(("size", name, 60) for name in ("up to 59.5", "above 59.5")),
    ]
    again = nested(study, people, *made.validation[2:]).predictions
    pd.testing.assert_frame_equal(again, predictions)
    table = tables.check(subgroups(study, people, predictions), "outcome/subgroups")
    assert set(table["column"]) == {"age", "sex", "stage", "mood", "size"}


@pytest.fixture(scope="module", params=["survival", "binary", "continuous", "competing"])
def centred(request: pytest.FixtureRequest) -> Tables:
    """Three hospitals of unequal size."""
    made = of_kind(request.param, n=150, centre="hospital")
    assert set(made.patients["hospital"]) == {"1", "10", "2"}
    return made


def test_each_centre_is_predicted_by_models_that_never_saw_it(centred: Tables):
    found = nested(*centred.validation, scheme=CENTRE).predictions
    assert found["repeat"].eq(1).all()
    place = {"1": 1, "10": 2, "2": 3}
    hospital = centred.patients.set_index("patient")["hospital"]
    assert (found["fold"] == found["patient"].map(hospital).map(place)).all()
    people = centred.patients.copy()
    own = people["hospital"] == "10"
    changed = "followup" if "followup" in people else "outcome"
    people.loc[own, "age"] = 95.0 + np.arange(own.sum())
    people.loc[own, changed] = people.loc[own, changed].to_numpy()[::-1]
    after = nested(*centred.change(patients=people).validation, scheme=CENTRE).predictions
    same = (found["risk"] == after["risk"]).groupby(found["fold"]).all()
    assert same.to_dict() == {1: False, 2: False, 3: False}  # whom it trained, and its own ages
    alike = people.assign(age=centred.patients["age"])
    outcome_alone = nested(*centred.change(patients=alike).validation, scheme=CENTRE).predictions
    kept = (found["risk"] == outcome_alone["risk"]).groupby(found["fold"]).all()
    assert kept.to_dict() == {1: False, 2: True, 3: False}  # its own outcome predicts it nowhere


def test_the_table_of_centres_is_c_inside_each(centred: Tables):
    predictions = nested(*centred.validation, scheme=CENTRE).predictions
    table = tables.check(left_out(centred.study, centred.patients, predictions), "outcome/centres")
    assert set(table["group"]) == {"1", "10", "2", "all centres"} and set(table["column"]) == {"hospital"}
    whole = table[table["group"] == "all centres"]
    assert whole["patients"].eq(150).all() and whole["validated"].notna().all()
    metric = centred.study.kind.metric
    own = table[(table["metric"] == metric) & (table["predictors"] == "slope")].set_index("group")
    assert own["validated"].drop("all centres").min() <= own.loc["all centres", "validated"]
    assert (own["ci_low"] <= own["validated"]).all() and (own["validated"] <= own["ci_high"]).all()


def test_a_group_with_few_events_has_no_numbers(made: Tables, predictions: pd.DataFrame):
    few = made.patients.sort_values("patient").reset_index(drop=True)
    members = few.index[few["event"] == 1][:5]
    few.loc[members, "sex"] = "x"
    table = subgroups(made.study, few, predictions)
    own = table[table["group"] == "x"]
    assert (own["events"] == 5).all() and own["validated"].isna().all() and own["ci_low"].isna().all()
