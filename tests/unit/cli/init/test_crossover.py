"""`slopewise init --kind crossover`: the treatment, its reference, period and sequence of an unknown table."""

from pathlib import Path

import pytest

from slopewise.study.reading import load_study
from tests.conftest import ROOT
from tests.unit.cli.cli_files import call, flat

TRIAL = ROOT / "tests" / "golden" / "bioequivalence.csv"


def test_a_crossover_trial_is_proposed_and_can_run(tmp_path: Path) -> None:
    (tmp_path / "trial.csv").write_bytes(TRIAL.read_bytes())
    made = call("init", "trial.csv", "--kind", "crossover", "--out", "trial.yaml", folder=tmp_path)
    assert made.exit_code == 0, made.output
    assert "treatment, T against R; period period; sequence sequence" in made.output
    study = load_study(tmp_path / "trial.yaml")
    assert study.effects.treatment is not None
    assert (study.effects.treatment.column, study.effects.treatment.reference) == ("treatment", "R")
    assert (study.effects.period, study.effects.sequence) == ("period", "sequence")
    assert list(study.markers) == ["pk"]  # neither the treatment nor its other coding
    checked = call("check", "trial.yaml", folder=tmp_path)
    page = flat(checked.output)
    assert checked.exit_code == 0 and "values under each treatment" in page
    assert "pk 1 77 77 38 39" in page and "pk 4 75 75 38 37" in page  # patients and values of a period, by treatment


@pytest.mark.parametrize(
    ("levels", "reference"), [(("Drug", "Placebo"), "Placebo"), (("1", "0"), "0"), (("new", "old"), "new")]
)
def test_the_reference_is_the_level_that_reads_as_one(tmp_path: Path, levels: tuple[str, str], reference: str) -> None:
    rows = [
        f"p{patient},{day},{levels[(day // 7 + patient) % 2]},{50 + patient + 0.37 * day + (patient * day) % 5:.2f}"
        for patient in range(12)
        for day in (0, 7, 14, 21)
    ]
    (tmp_path / "t.csv").write_text("\n".join(["subject,day,arm,pressure", *rows]) + "\n")
    made = call("init", "t.csv", "--kind", "crossover", "--out", "t.yaml", folder=tmp_path)
    assert made.exit_code == 0, made.output
    treatment = load_study(tmp_path / "t.yaml").effects.treatment
    assert treatment is not None and treatment.reference == reference


def test_parallel_arms_are_no_crossover(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_bytes((ROOT / "data/btheb/measurements.csv").read_bytes())
    ended = call("init", "v.csv", "--kind", "crossover", folder=tmp_path)
    assert ended.exit_code == 1 and "no column has two levels that change within a patient" in ended.output
    assert not (tmp_path / "study.yaml").exists()
