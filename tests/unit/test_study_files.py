"""A study or a file that is not there is told before anything runs, with the name that may have been meant."""

from pathlib import Path

import pytest

from slopewise.run import InputError
from slopewise.study_files import input_file, not_in_this_run


def test_a_study_that_is_misspelt():
    told = not_in_this_run("pcb", ["pbc", "sleepstudy"], ["pbc", "aids"])
    assert "did you mean pbc?" in told and "(studies of this run: pbc, sleepstudy)" in told


def test_a_study_that_ships_but_is_not_in_the_run():
    told = not_in_this_run("aids", ["pbc"], ["pbc", "aids"])
    assert "--config study=config/studies/aids.yaml" in told and "config/config.yaml" in told


def test_a_file_that_is_misspelt_or_a_folder(tmp_path: Path):
    (tmp_path / "visits.csv").write_text("a\n1\n")
    assert input_file(tmp_path, "visits.csv", "data.measurements") == tmp_path / "visits.csv"
    with pytest.raises(InputError, match=r"visit\.csv: there is no such file \(data\.patients.*did you mean visits"):
        input_file(tmp_path, "visit.csv", "data.patients")
    with pytest.raises(InputError, match="is a folder"):
        input_file(tmp_path.parent, tmp_path.name, "data.patients")
