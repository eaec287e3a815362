"""Strata and delayed entry: in the study file, the cohort, the models and the metrics."""

import json

import numpy as np
import pandas as pd
import pytest

from slopewise.metrics.brier import accuracy
from slopewise.metrics.ipcw import censoring_curve, ipc_weights, kaplan_meier
from slopewise.outcome.cox import fit_cox
from slopewise.outcome.fit import StepModel, fit_ladder, fit_outcome, ladder_data, scores_of
from slopewise.outcome.ladder import LADDER
from slopewise.run.errors import InputError
from slopewise.run.seeds import generator
from slopewise.validate.nested import nested
from slopewise.validate.performance import performance
from tests.unit.cohort.small_study import PATIENTS, prepare, study_of
from tests.unit.outcome.ladder_tables import STUDY, simulate

STRATA = STUDY.replace("covariates: [age, sex]", "covariates: [age]\n  strata: [sex]")
ENTRY = STUDY.replace("event: status", "event: status\n  entry: start")


@pytest.fixture(scope="module")
def made():
    return simulate(n=160, text=STRATA)


def test_each_stratum_has_its_own_baseline(made):
    data = ladder_data(made.study, made.patients, made.slopes)
    level, slope, _ = scores_of(data, made.slopes)
    model = fit_ladder(data, level, slope, np.zeros(2, dtype=bool)).models["level"]
    raw, codes = data.raw(LADDER[5], np.arange(160), level, slope), data.stratum
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


def test_delayed_entry_has_every_metric():
    late, plain = simulate(n=160, text=ENTRY), simulate(n=160)
    found, known = (
        performance(one.study, one.patients, nested(*one.validation).predictions, fit_outcome(*one.outcome).apparent)
        for one in (late, plain)
    )
    pd.testing.assert_frame_equal(found.performance, known.performance, check_exact=True)  # nobody enters after s
    assert {"c_uno", "auc", "brier", "ipa", "net_benefit"} <= set(found.performance["metric"])
    assert np.isfinite(found.decision_curve["y"]).all()
    assert not found.ledger["message"].str.contains("entry").any()


def test_the_brier_score_under_delayed_entry_is_that_of_patients_followed_to_the_end():
    """Entry up to the landmark, censoring that depends on when one entered: all are known from the landmark on."""
    rng, n = generator(3, "entry"), 40_000
    hazard, entry = np.exp(rng.normal(-1.2, 0.8, n)), rng.uniform(0, 2, n)
    death = rng.exponential(1 / hazard)  # since time zero; who dies before entry is never seen
    seen = (death > entry) & (death > 2.0)
    death, entry, hazard = death[seen] - 2.0, entry[seen], hazard[seen]
    censored = rng.uniform(0.3, 3.0, len(death))
    followup, event = np.minimum(death, censored), death <= censored
    risk = np.clip(-np.expm1(-1.3 * hazard), 0, 1)
    weights = ipc_weights(followup, event, [1.0], censoring_curve(followup, event))
    once = np.ones((1, len(death)), dtype=np.int64)
    null = np.full((len(death), 1), 1 - kaplan_meier(followup, event).at(1.0))
    found = accuracy(risk[:, None, None], null, weights, once).brier[0, 0, 0]
    assert found == pytest.approx(np.mean((risk - (death <= 1.0)) ** 2), abs=0.003)


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
    with pytest.raises(InputError, match="strata must be other columns"):
        study_of(outcome__strata=["sex"])
