"""`slopewise init --kind iptw`: the treatment, what may have decided on it, baseline columns of an unknown table."""

from pathlib import Path

from slopewise.study.reading import load_study
from tests.conftest import ROOT
from tests.unit.cli.cli_files import call

VISITS = ROOT / "data" / "sciatica" / "visits.csv"


def test_a_treatment_that_follows_the_state_is_proposed_and_can_run(tmp_path: Path) -> None:
    (tmp_path / "visits.csv").write_bytes(VISITS.read_bytes())
    made = call("init", "visits.csv", "--kind", "iptw", "--marker", "leg_pain", "--out", "s.yaml", folder=tmp_path)
    assert made.exit_code == 0, made.output
    assert "surgery, 1 against 0; baseline age, sex" in " ".join(made.output.split())
    asked = load_study(tmp_path / "s.yaml").effects.treatment_over_time
    assert asked is not None
    assert (asked.column, asked.reference, asked.baseline) == ("surgery", "0", ("age", "sex"))
    assert asked.confounders == ("leg_pain", "recovery")  # neither the number of the visit nor the weight
    checked = call("check", "s.yaml", folder=tmp_path)
    said = " ".join(checked.output.split())
    assert checked.exit_code == 0, checked.output
    assert "starts and stays 56 516 270" in said
    assert "Could every decision have gone either way?" in said and "up to 9" in said


def test_a_table_without_a_treatment_that_changes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_bytes((ROOT / "data/btheb/measurements.csv").read_bytes())
    ended = call("init", "v.csv", "--kind", "iptw", folder=tmp_path)
    assert ended.exit_code == 1 and "as a treatment that follows the state does" in ended.output
    assert not (tmp_path / "study.yaml").exists()
