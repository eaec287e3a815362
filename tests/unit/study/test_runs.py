"""The runs of a study file: one, or one a landmark with a study file of its own."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from slopewise.landmarks.side_by_side import AtLandmark, side_by_side
from slopewise.report.pages.landmarks import render_landmarks
from slopewise.run.errors import InputError
from slopewise.study.reading import load_study
from slopewise.study.runs import runs_of
from slopewise.validate.verdict import Verdict
from tests.conftest import ROOT


def written(folder: Path, landmark: object) -> Path:
    content = yaml.safe_load((ROOT / "config/studies/pbc.yaml").read_text())
    content["landmark"] = landmark
    (folder / "study.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder / "study.yaml"


def test_one_landmark_stays_flat_and_writes_nothing(tmp_path: Path):
    (one,) = runs_of(written(tmp_path, 2), tmp_path / "own")
    assert (one.folder, one.file, one.source) == ("pbc", tmp_path / "study.yaml", tmp_path / "study.yaml")
    assert not (tmp_path / "own").exists()


def test_each_landmark_of_a_list_is_the_study_but_for_the_landmark(tmp_path: Path):
    file = written(tmp_path, [0.5, 1, 2])
    runs = runs_of(file, tmp_path / "own")
    assert [one.folder for one in runs] == ["pbc/landmark-0.5", "pbc/landmark-1", "pbc/landmark-2"]
    assert {one.source for one in runs} == {file} and file not in {one.file for one in runs}
    whole = load_study(file)
    for one, landmark in zip(runs, (0.5, 1.0, 2.0), strict=True):
        assert one.study == whole.at(landmark) == load_study(one.file)
        assert one.study.landmark_time == landmark
    before = {one.file: one.file.stat().st_mtime_ns for one in runs}
    runs_of(file, tmp_path / "own")
    assert before == {one.file: one.file.stat().st_mtime_ns for one in runs}
    runs_of(written(tmp_path, [1, 3]), tmp_path / "own")
    assert load_study(tmp_path / "own/pbc/landmark-3.yaml").landmark == 3.0


@pytest.mark.parametrize("landmark", [[], [2, 1], [1, 1]])
def test_a_list_that_is_empty_or_not_increasing_is_refused(tmp_path: Path, landmark: list[float]):
    with pytest.raises(InputError, match="landmark: a list of landmarks must contain at least one"):
        runs_of(written(tmp_path, landmark), tmp_path / "own")


def at(landmark: float, difference: float, low: float, high: float, kept: bool = True) -> AtLandmark:
    steps = ["clinical", "baseline", "last", "level", "slope"]
    performance = pd.DataFrame(
        {"predictors": steps, "cause": "transplant or death", "metric": "c_uno", "horizon": 5.0,
         "apparent": 0.8, "validated": 0.75,
         "ci_low": 0.7, "ci_high": 0.8, "versus": "level", "difference": difference, "difference_low": low,
         "difference_high": high}
    )  # fmt: skip
    coefficients = pd.DataFrame(
        {
            "predictors": "slope",
            "scale": "unit",
            "term": ["a.level", "a.slope"],
            "estimate": [1.0, 1.0 if kept else None],
        }
    )
    study = load_study(ROOT / "config/studies/pbc.yaml").at(landmark)
    return AtLandmark(study, performance, coefficients, pd.DataFrame({"event": [1, 0, 2, 1]}))


def test_the_page_says_at_which_landmarks_the_slopes_add():
    found = [at(1.0, 0.03, 0.01, 0.05), at(2.0, 0.0, -0.01, 0.01), at(3.0, 0.01, -0.02, 0.06), at(4.0, 0, 0, 0, False)]
    table = side_by_side(found)
    assert table.groupby("landmark")[["patients", "events", "slopes"]].first().to_numpy().tolist() == [
        [4, 2, 1], [4, 2, 1], [4, 2, 1], [4, 2, 0],
    ]  # fmt: skip
    verdicts = [Verdict.ADDS, Verdict.NO_GAIN, Verdict.UNDECIDED, Verdict.DROPPED]
    page = render_landmarks(found[0].study, table, [f"landmark-{i}/report.html" for i in range(1, 5)], verdicts)
    assert "At 1 year Uno’s C is higher with the slopes than with the level alone." in page
    assert "At 2 years the slopes do not raise Uno’s C by 0.02 or more." in page
    assert "At 4 years no slope is in the model beside the level." in page
    assert "At 3 years the interval includes both no gain and one of 0.02." in page
    assert "&lt;5" in page  # four patients are few
