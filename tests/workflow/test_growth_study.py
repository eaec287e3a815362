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
