"""A study or a file that is not there is told before anything runs, with the name that may have been meant."""

from pathlib import Path

import pytest

from slopewise.run.errors import InputError
from slopewise.study.files import asked_studies, input_file, not_in_this_run


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


def test_the_studies_of_a_run_are_named():
    assert asked_studies({"study": "my study.yaml"}, ["pbc"], at_home=False) == ("my study.yaml", ())
    assert asked_studies({"studies": ["aids"]}, ["pbc"], at_home=False) == (None, ("aids",))
    assert asked_studies({"studies": "aids"}, ["pbc"], at_home=False) == (None, ("aids",))
    assert asked_studies({}, ["pbc", "aids"], at_home=True) == (None, ("pbc", "aids"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"stdy": "a.yaml"}, "--config stdy: there is no such key; did you mean study?"),
        ({"STUDY": "a.yaml"}, "did you mean study?"),
        ({"study": "a.yaml", "cores": 2}, "--config cores: there is no such key ("),
        ({"study": ""}, "--config study: is empty; write --config study=PATH"),
        ({"study": None}, "is empty"),
        ({"study": ["a.yaml"]}, "which is not a path"),
        ({"studies": []}, "studies: no study is named"),
        ({}, "no study is named; write --config study=PATH"),
    ],
)
def test_a_run_that_names_no_study_is_refused(given: dict[str, object], said: str):
    with pytest.raises(InputError) as caught:
        asked_studies(given, ["pbc"], at_home=False)
    assert said in str(caught.value)
