"""What two shipped studies answer: slopes too poorly measured to tell in one, a change that adds in the other."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from slopewise.tables import files as tables
from tests.unit.report.report_page import Page
from tests.workflow.running import ROOT, run_steps


def shipped(name: str, folder: Path, until: str) -> Path:
    """A shipped study with one repeat of each validation and few resamples."""
    study = yaml.safe_load((ROOT / f"config/studies/{name}.yaml").read_text(encoding="utf-8"))
    study["outcome"]["bootstrap"] = study["growth"]["bootstrap"] = 0
    study["crossfit"]["repeats"] = study["validation"]["repeats"] = 1
    study["validation"]["bootstrap"] = 200
    file = folder / "study.yaml"
    file.write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
    return run_steps(file, folder / "results", until=until, folder=ROOT)


def gains(results: Path, metric: str) -> pd.DataFrame:
    table = tables.read("outcome/performance", results / "outcome/performance.csv")
    return table[table["metric"] == metric].set_index("predictors")


def test_in_aids_slopes_are_measured_too_poorly_to_tell_and_the_report_says_so(tmp_path: Path):
    results = shipped("aids", tmp_path, "report")
    slope = gains(results, "c_harrell").loc["slope"]
    assert slope["versus"] == "level" and -0.02 < slope["difference_low"] < 0 < slope["difference_high"] < 0.02
    chance = tables.read("outcome/permutation", results / "outcome/permutation.csv").iloc[0]
    assert chance["p_value"] > 0.1
    page = Page((results / "report.html").read_text(encoding="utf-8"))
    assert "The slopes were measured too imprecisely to show" in page.text("summary")
    assert "no association of the slope at an equal level" in page.text("summary")
    assert "in 5% of permutations" in page.text("checks")


def test_in_actg175_the_change_adds_clearly(tmp_path: Path):
    results = shipped("actg175_cd4", tmp_path, "validate")
    found = gains(results, "r2")
    assert len(tables.read("cohort/patients", results / "cohort/patients.parquet")) == 1342
    change = found.loc["delta"]
    assert change["versus"] == "baseline" and change["difference_low"] > 0.1
    assert change["difference"] == pytest.approx(0.17, abs=0.03)
    assert found.loc["delta", "validated"] > found.loc["last", "validated"] + 0.02
    assert abs(found.loc["slope", "difference"]) < 0.01  # the level holds most of the change already
