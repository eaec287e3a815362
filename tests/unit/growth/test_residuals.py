"""Residual variance by stratum and prior weights, from the study file through cohort, comparison and cross-fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from slopewise.cohort import CohortError, prepare_cohort
from slopewise.folds import FoldPlan, fits, make_folds
from slopewise.growth import GrowthModel
from slopewise.growth.evidence.profile import RISE
from slopewise.growth.evidence.tables import compare_marker
from slopewise.growth.fit import GrowthFit
from slopewise.growth.fitting import fit_batch, fit_everybody
from slopewise.growth.strata import deviance_with_ratio
from slopewise.run.errors import InputError
from slopewise.slopes.crossfit import cross_fit
from slopewise.slopes.marker import MarkerData, growth_model, marker_data
from slopewise.study.model import Study
from slopewise.study.reading import parse_study
from slopewise.tables import files as tables

ROOT = Path(__file__).resolve().parents[3]
ROWS = pd.read_csv(ROOT / "data/orthodont/measurements.csv")


def golden() -> pd.Series:
    rows = pd.read_csv(ROOT / "tests/golden/population.csv")
    return rows[(rows["case"] == "orthodont") & (rows["kind"] == "residuals")].set_index("name")["value"]


def study_with(**growth: Any) -> Study:
    content = yaml.safe_load((ROOT / "config/studies/orthodont.yaml").read_text(encoding="utf-8"))
    content["growth"] |= growth
    content["data"]["measurements"] = "m.csv"
    return parse_study(yaml.safe_dump(content).encode(), "study.yaml")


def made(folder: Path, rows: pd.DataFrame = ROWS, **growth: Any) -> MarkerData:
    rows.to_csv(folder / "m.csv", index=False)
    study = study_with(**growth)
    cohort = prepare_cohort(study, folder)
    return marker_data(growth_model(study), "distance", cohort.measurements, cohort.patients, study.landmark_time)


def evidence(data: MarkerData, **growth: Any) -> dict[str, pd.DataFrame]:
    model = growth_model(study_with(**growth))
    found = compare_marker(model, fit_everybody(data.growth), 5, np.random.default_rng(1), True)
    for name, frame in found.items():
        if len(frame) and name != "verdict":  # which `judgement.verdicts` completes over all markers
            tables.check(frame.assign(marker="distance"), f"growth/{name}")
    return found


def test_strata_are_those_of_nlme(tmp_path: Path) -> None:
    found = evidence(made(tmp_path, residual_by="sex"), residual_by="sex")
    rows, expected = found["residuals"].set_index("stratum"), golden()
    for name in ("deviance_equal", "deviance", "lrt"):
        assert rows.loc["Male", name] == pytest.approx(expected[name], abs=1e-5)
    assert rows.loc["Male", "p_value"] == pytest.approx(expected["p_value"], rel=1e-4)
    assert rows.loc["Male", "ratio"] == pytest.approx(expected["ratio_Male"], rel=1e-4)
    assert rows.loc["Female", "residual_sd"] == pytest.approx(expected["residual_sd_Female"], rel=1e-4)
    assert rows["rows"].to_dict() == {"Female": 44, "Male": 64} and (rows["df"] == 1).all()
    components = found["covariance"].query("model == 'study' and term_1 == 'Residual'").set_index("term_2")
    assert components.loc["Male", "sd_or_correlation"] == pytest.approx(rows.loc["Male", "residual_sd"])
    comparison = found["comparison"].set_index("model")
    assert comparison.loc["random_slope", "deviance_reml"] == pytest.approx(expected["deviance"], abs=1e-5)
    assert comparison["parameters"].to_dict() == {"pooled": 6, "random_intercept": 7, "random_slope": 9}
    assert not len(found["serial"]) and not len(found["trends"]), "they take one residual variance for granted"


def test_the_interval_of_a_ratio_ends_where_the_deviance_has_risen(tmp_path: Path) -> None:
    data = made(tmp_path, residual_by="sex").growth
    row = evidence(made(tmp_path, residual_by="sex"), residual_by="sex")["residuals"].set_index("stratum").loc["Male"]
    fit = GrowthFit.from_batch(fit_batch(data, np.ones((1, 27), np.int64)), 0)
    assert fit.batch is not None
    for end in (row["ci_low"], row["ci_high"]):
        point = (1, 2 * float(np.log(end)))
        deviance = deviance_with_ratio(
            data, fit.design, fit.batch.columns_of(0), np.ones((1, 27), np.int64), fit.results.structure, point
        )
        assert deviance - fit.deviance == pytest.approx(RISE, abs=1e-4)


def test_equal_weights_change_nothing_and_others_do(tmp_path: Path) -> None:
    ones = GrowthFit.from_batch(
        fit_batch(made(tmp_path, ROWS.assign(n=2.0), weights="n").growth, np.ones((1, 27), np.int64)), 0
    )
    plain = GrowthFit.from_batch(fit_batch(made(tmp_path).growth, np.ones((1, 27), np.int64)), 0)
    assert ones.sigma == pytest.approx(plain.sigma * np.sqrt(2.0), rel=1e-6)
    np.testing.assert_allclose(ones.beta, plain.beta, rtol=1e-9)
    found = evidence(made(tmp_path, ROWS.assign(n=2.0), weights="n"), weights="n")
    one = evidence(made(tmp_path))["covariance"].query("model == 'random_slope'")
    both = found["covariance"].query("model == 'random_slope'")
    np.testing.assert_allclose(both["ci_high"][:3], one["ci_high"][:3], rtol=1e-4)  # of the random effects
    uneven = made(tmp_path, ROWS.assign(n=1 + ROWS["age"] % 3), weights="n")
    assert fit_batch(uneven.growth, np.ones((1, 27), np.int64)).deviance[0] != pytest.approx(plain.deviance, abs=0.1)


def test_who_is_held_out_moves_neither_ratio_nor_anything_else(tmp_path: Path) -> None:
    def scored(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
        data = made(tmp_path, rows, residual_by="sex")
        folds = make_folds(pd.DataFrame({"patient": data.patients}), FoldPlan(3, 1, 2, 1, 1))
        folds = folds[folds["scheme"] == "crossfit"]
        scores, _, batch = cross_fit(data, list(fits(folds, data.patients)))
        whose = folds[folds["repeat"] == 1].set_index("patient")["fold"]
        return scores, pd.Series(batch.ratios[:, 1]).set_axis(range(len(batch))), whose

    before, ratios, whose = scored(ROWS)
    assert np.isfinite(before["slope"]).all() and (ratios > 2).all() and ratios.nunique() == len(ratios)
    out = whose.index[whose == 1]
    wild = ROWS["child"].isin(out) & (ROWS["sex"] == "Male")
    _, changed, _ = scored(ROWS.assign(distance=ROWS["distance"].where(~wild, ROWS["distance"] * 3)))
    fold_1 = [place for place in ratios.index if ratios[place] == changed[place]]
    assert len(fold_1) == 1, "only the fit that never saw these children stays as it was, to the last bit"


def test_strata_by_number_and_mistakes(tmp_path: Path) -> None:
    fit = GrowthModel(residual_by="arm").fit(
        ROWS.rename(columns={"age": "time", "child": "patient"}).assign(arm=np.where(ROWS["sex"] == "Male", 1.0, 2.0)),
        "distance",
    )
    assert fit.stratum_names == ("1", "2")
    with pytest.raises(CohortError, match="not a positive weight"):
        made(tmp_path, ROWS.assign(n=np.where(ROWS.index == 3, 0.0, 1.0)), weights="n")
    with pytest.raises(CohortError, match="column of text"):
        made(tmp_path, weights="sex")
    with pytest.raises(InputError, match="`distance` is a marker"):
        study_with(residual_by="distance")
    with pytest.raises(InputError, match="engine statsmodels has no such thing"):
        study_with(residual_by="sex", engine="statsmodels")
