"""Strata and delayed entry: in the study file, the cohort, the models and the metrics."""

import json

import numpy as np
import pytest

from slopewise import tables
from slopewise.outcome.cox import fit_cox
from slopewise.outcome.fit import StepModel, fit_ladder, fit_outcome, ladder_data, scores_of
from slopewise.outcome.ladder import STEPS
from slopewise.run import InputError
from slopewise.validate.nested import nested
from slopewise.validate.performance import performance
from tests.unit.ladder_tables import STUDY, simulate
from tests.unit.small_study import PATIENTS, prepare, study_of

STRATA = STUDY.replace("covariates: [age, sex]", "covariates: [age]\n  strata: [sex]")
ENTRY = STUDY.replace("event: status", "event: status\n  entry: start")


@pytest.fixture(scope="module")
def made():
    return simulate(n=160, text=STRATA)


def test_each_stratum_has_its_own_baseline(made):
    data = ladder_data(made.study, made.patients, made.slopes)
    level, slope, _ = scores_of(data, made.slopes)
    model = fit_ladder(data, level, slope, np.zeros(2, dtype=bool)).models["level"]
    raw, codes = data.raw(STEPS[5], np.arange(160), level, slope), data.stratum
    alone = fit_cox(raw, data.followup, data.event == 1, strata=codes, horizons=data.horizons)
    assert model.risk(raw, codes) == pytest.approx(alone.risk(raw, codes), abs=1e-9)
    assert not np.allclose(model.risk(raw, codes), model.risk(raw, 1 - codes))


def test_a_shipped_model_knows_its_strata(made):
    content = fit_outcome(*made.outcome).models["clinical"]
    assert content["strata"] == {"columns": ["sex"], "levels": ["f", "m"]}
    model = StepModel.from_dict(json.loads(json.dumps(content)))
    wide = made.patients[["patient"]].set_index("patient")
    risk = model.predict(made.patients, wide)[1]
    codes = (made.patients["sex"] == "m").to_numpy().astype(int)
    assert np.array_equal(risk, model.risk(made.patients[["age"]].to_numpy(), codes))
    with pytest.raises(InputError, match="sex x is a stratum that the model does not know"):
        model.predict(made.patients.assign(sex="x"), wide)


def test_strata_go_through_validation(made):
    validated, shipped = nested(*made.validation), fit_outcome(*made.outcome)
    table = performance(made.study, made.patients, validated.predictions, shipped.apparent).performance
    row = table.set_index(["predictors", "metric"]).sort_index().loc[("slope", "c_uno")].iloc[0]
    assert row["validated"] > 0.7


def test_a_stratum_without_events_is_refused(made):
    event = made.patients["event"].where(made.patients["sex"] == "f", 0)
    with pytest.raises(InputError, match="sex m has the event; this stratum has no baseline"):
        fit_outcome(made.study, made.patients.assign(event=event), *made.outcome[2:])


def test_under_delayed_entry_metrics_with_censoring_weights_are_refused():
    late = simulate(n=160, text=ENTRY)
    measured = performance(
        late.study, late.patients, nested(*late.validation).predictions, fit_outcome(*late.outcome).apparent
    )
    table = tables.check(measured.performance, "outcome/performance")
    assert set(table["metric"]) == {"c_harrell", "calibration_slope", "calibration_intercept", "ici"}
    assert measured.decision_curve.empty and np.isfinite(measured.calibration["y"]).any()
    assert measured.ledger["message"].str.contains("refused under delayed entry").any()


def test_who_enters_after_the_landmark_leaves_and_is_counted(tmp_path):
    rows, days = PATIENTS.strip().split("\n"), (0, 900, 730.5, 0)
    people = [rows[0] + ",start", *(f"{row},{day}" for row, day in zip(rows[1:], days, strict=True))]
    cohort = prepare(tmp_path, patients="\n".join(people) + "\n", outcome__entry="start")
    assert cohort.patients["patient"].tolist() == ["A", "C"]
    assert cohort.patients["entry"].tolist() == [0.0, 2.0]
    assert cohort.flow.set_index("step").loc["late_entry", "patients_removed"] == 1


def test_strata_are_columns_of_the_patients(tmp_path):
    cohort = prepare(tmp_path, outcome__covariates=["age"], outcome__strata=["sex"])
    assert cohort.patients["sex"].tolist() == ["f", "m", "f"]
    with pytest.raises(InputError, match="strata are columns of their own"):
        study_of(outcome__strata=["sex"])
