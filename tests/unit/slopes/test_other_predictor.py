"""Slopes in a column other than time, the effect of a drug in each patient, as predictors of a later outcome."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slopewise.cohort import Cohort, prepare_cohort
from slopewise.folds import VALIDATION, FoldPlan, fits, make_folds
from slopewise.run.errors import InputError
from slopewise.slopes.crossfit import cross_fit
from slopewise.slopes.facts import facts, published
from slopewise.slopes.marker import growth_model, marker_data
from slopewise.study.model import Study
from slopewise.study.reading import load_study
from slopewise.validate.nested import nested
from tests.unit.cli.cli_files import call
from tests.unit.report.report_page import Page
from tests.workflow.running import Tables, run_steps

PATIENTS = 60


def trial() -> Tables:
    """Six visits, the drug at every other; the effect of the drug in a patient predicts the outcome, the level little.

    The growth model has time besides, so that levels and slopes are those at the last visit without the drug.
    """
    rng = np.random.default_rng(5)
    names = [f"p{number:02d}" for number in range(PATIENTS)]
    level, effect = rng.normal(5, 1, PATIENTS), rng.normal(1, 0.6, PATIENTS)
    who, week = np.repeat(np.arange(PATIENTS), 6), np.tile(np.arange(6), PATIENTS)
    pain = level[who] + effect[who] * (week % 2) + 0.1 * week + 0.4 * rng.standard_normal(len(who))
    return Tables(
        pd.DataFrame({"id": np.array(names)[who], "week": week, "drug": week % 2, "pain": pain.round(3)}),
        pd.DataFrame(
            {"id": names, "later": (2 * effect + 0.3 * level + 0.5 * rng.standard_normal(PATIENTS)).round(3)}
        ),
        {
            "study": "trial",
            "seed": 3,
            "data": {"measurements": "measurements.csv", "patients": "patients.csv", "patient": "id", "time": "week",
                     "time_unit": "weeks", "analysis_unit": "weeks"},
            "markers": {"pain": {"column": "pain", "unit": "points"}},
            "growth": {"fixed": "~ time + drug", "random": "~ drug", "slope_of": "drug", "bootstrap": 0},
            "landmark": "none",
            "outcome": {"kind": "continuous", "column": "later", "after_measurements": True, "bootstrap": 0},
            "crossfit": {"folds": 3, "repeats": 1},
            "validation": {"folds": 3, "repeats": 1, "bootstrap": 20},
        },
    )  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Cohort, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("trial")
    study = load_study(trial().write(folder))
    cohort = prepare_cohort(study, folder)
    return study, cohort, make_folds(cohort.patients, FoldPlan(3, 1, 3, 1, study.seed))


def both_stages(
    study: Study, measurements: pd.DataFrame, patients: pd.DataFrame, folds: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    """Scores, ledger of the growth models, and predictions by level and slope out of fold."""
    data = marker_data(growth_model(study), "pain", measurements, patients, study.landmark_time)
    scores, ledger, _ = cross_fit(data, list(fits(folds, data.patients)))
    slopes = published(scores, facts(measurements, patients, "pain", False, "drug"))
    found = nested(study, patients, folds, slopes, scores, ledger).predictions
    return scores, ledger, found[found["predictors"] == "slope"].set_index("patient")["risk"]


def test_nothing_of_a_held_out_patient_reaches_the_models_that_predict_it(
    made: tuple[Study, Cohort, pd.DataFrame],
) -> None:
    study, cohort, folds = made
    who, keys = "p07", ["scheme", "repeat", "held_out", "fold"]
    rows, people = cohort.measurements.copy(), cohort.patients.copy()
    own = rows["patient"] == who
    rows.loc[own, "pain"] += np.linspace(5.0, 9.0, 6)
    rows.loc[own, "drug"] = 1.0 - rows.loc[own, "drug"]
    people.loc[people["patient"] == who, "outcome"] += 50.0
    _, ledger, before = both_stages(study, cohort.measurements, cohort.patients, folds)
    _, moved, after = both_stages(study, rows, people, folds)
    plan = list(fits(folds, sorted(cohort.patients["patient"])))
    place = sorted(cohort.patients["patient"]).index(who)
    trains = pd.Series(
        [bool(fit.trained[place]) for fit in plan],
        index=pd.MultiIndex.from_tuples([(f.scheme, f.repeat, f.held_out, f.fold) for f in plan], names=keys),
    )
    changed = ledger.set_index(keys)["deviance"] != moved.set_index(keys)["deviance"]
    assert (changed == trains.reindex(changed.index)).all()  # its own fits move, and no other
    outer = folds[(folds["scheme"] == VALIDATION) & (folds["held_out"] == 0)].set_index("patient")["fold"]
    peers = [name for name in outer.index[outer == outer[who]] if name != who]
    others = list(outer.index[outer != outer[who]])
    assert (before[peers] == after[peers]).all()  # to the last bit
    assert before[who] != after[who] and (before[others] != after[others]).all()


def test_the_effect_of_each_patient_predicts_and_the_level_is_that_without_the_drug(
    made: tuple[Study, Cohort, pd.DataFrame],
) -> None:
    study, cohort, folds = made
    scores, _, predicted = both_stages(study, cohort.measurements, cohort.patients, folds)
    own = scores[(scores["scheme"] == "crossfit") & (scores["repeat"] == 0)].set_index("patient")
    rows = cohort.measurements
    means = rows.groupby(["patient", "drug"])["pain"].mean().unstack()
    assert np.corrcoef(own["slope"], (means[1.0] - means[0.0]).reindex(own.index))[0, 1] > 0.97
    assert abs(own["level"].mean() - (means[0.0].mean() + 0.1 * 3)) < 0.15  # at week 5; untreated weeks average 2
    outcome = cohort.patients.set_index("patient")["outcome"].reindex(predicted.index)
    assert np.corrcoef(predicted, outcome)[0, 1] > 0.7


def test_first_and_last_are_in_time_and_the_least_squares_slope_is_in_the_predictor(
    made: tuple[Study, Cohort, pd.DataFrame],
) -> None:
    _, cohort, _ = made
    table = facts(cohort.measurements, cohort.patients, "pain", False, "drug").set_index("patient")
    rows = cohort.measurements[cohort.measurements["patient"] == "p07"].sort_values("time")
    assert table.loc["p07", "first"] == rows["pain"].iloc[0] and table.loc["p07", "last"] == rows["pain"].iloc[-1]
    assert table.loc["p07", "delta"] == rows["pain"].iloc[-1] - rows["pain"].iloc[0]
    means = rows.groupby("drug")["pain"].mean()
    assert table.loc["p07", "slope_ols"] == pytest.approx(means[1.0] - means[0.0], rel=1e-12)


def test_a_whole_run_reports_and_ships_the_slope_in_the_predictor(tmp_path: Path) -> None:
    results = run_steps(trial().write(tmp_path), tmp_path / "results", until="report")
    page = Page((results / "report.html").read_text(encoding="utf-8"))
    assert "The slope of pain with respect to drug adds information to its level" in page.text("summary")
    assert "the levels at drug 0" in page.text("summary")
    assert "cannot compute slopes in drug instead of time" in page.text("calculator")
    options = ("--predictors", "slope", "--draws", "0", "--out", "risks.csv", "--patients", "patients.csv")
    ended = call(
        "predict", "--model", "results/model.json", "--measurements", "measurements.csv", *options, folder=tmp_path
    )
    assert ended.exit_code == 0, ended.output
    apparent = pd.read_parquet(results / "outcome/apparent.parquet").query("predictors == 'slope'")
    shipped = pd.read_csv(tmp_path / "risks.csv").set_index("patient")["risk"]
    expected = apparent.set_index("patient")["risk"].reindex(shipped.index)
    np.testing.assert_allclose(shipped, expected, rtol=1e-5)


def test_the_growth_model_must_name_the_predictor_with_an_outcome_too(tmp_path: Path) -> None:
    tables = trial()
    tables.study["growth"]["random"] = "~ 1"
    with pytest.raises(InputError, match=r"`drug` must be in growth\.fixed and growth\.random"):
        load_study(tables.write(tmp_path))
