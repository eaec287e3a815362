"""A study without an outcome, from its raw table to its report, through all steps."""

from pathlib import Path

import yaml

from slopewise.tables import files as tables
from tests.workflow.running import ROOT, run_steps


def test_a_growth_study_ends_in_a_report_without_an_outcome(tmp_path: Path):
    content = yaml.safe_load((ROOT / "config/studies/sleepstudy.yaml").read_text())
    content["data"]["measurements"] = "m.csv"
    content["growth"]["bootstrap"], content["crossfit"] = 20, {"folds": 3, "repeats": 1}
    content["outcome"]["bootstrap"] = 5
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(content))
    (tmp_path / "m.csv").write_bytes((ROOT / "data/sleepstudy/measurements.csv").read_bytes())
    results = run_steps(tmp_path / "study.yaml", tmp_path / "results", until="report")
    assert not (results / "outcome").exists() and not (results / "model.json").exists()
    comparison = tables.read("growth/comparison", results / "growth/comparison.csv").set_index("model")
    assert round(comparison.loc["random_slope", "deviance_reml"], 2) == 1743.63
    assert len(tables.read("slopes/slopes", results / "slopes/slopes.parquet")) == 18
    audit = tables.read("slopes/leakage_audit", results / "slopes/leakage_audit.csv")
    assert (audit["verdict"] == "clean").all() and (audit["scheme"] == "crossfit").all()
    report = (results / "report.html").read_text(encoding="utf-8")
    assert "patient-specific trend" in report and "Hazard" not in report and "at the landmark" not in report


def test_a_crossover_trial_ends_in_a_report_on_its_treatment(tmp_path: Path):
    content = yaml.safe_load((ROOT / "tests/golden/bioequivalence.yaml").read_text())
    content["data"]["measurements"] = "m.csv"
    content["growth"]["bootstrap"], content["crossfit"] = 0, {"folds": 2, "repeats": 1}
    content["outcome"]["bootstrap"] = 0
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(content))
    lines = (ROOT / "tests/golden/bioequivalence.csv").read_text().splitlines(keepends=True)
    (tmp_path / "m.csv").write_text("".join([lines[0], *lines[:0:-1]]))  # the order of the rows does not matter
    results = run_steps(tmp_path / "study.yaml", tmp_path / "results", until="report")
    average = tables.read("effects/average", results / "effects/average.csv")
    treatment = average[average["effect"] == "treatment"].iloc[0]
    assert (treatment["term"], round(treatment["estimate"], 4)) == ("T", 0.1455)
    spread = tables.read("effects/spread", results / "effects/spread.csv").iloc[0]
    assert spread["ci_low"] == 0 and round(spread["ci_high"], 3) == 0.270
    assert len(tables.read("effects/patients", results / "effects/patients.csv")) == 77
    assert not len(tables.read("effects/arms", results / "effects/arms.csv"))
    report = (results / "report.html").read_text(encoding="utf-8")
    assert "What treatment does to Exposure" in report and "standard deviation of that difference" in report
    assert "The effect of the treatment" in report and "more predictable under treatment T" in report
