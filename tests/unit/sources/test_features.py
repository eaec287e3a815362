"""Patterns of columns become markers; what is no feature is refused, what cannot be analysed is listed."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from slopewise.cohort import prepare_cohort
from slopewise.run.errors import InputError
from slopewise.sources.features import expanded, family
from slopewise.sources.study_tables import measurements_of
from slopewise.study.model import Study
from slopewise.study.reading import load_study, parse_study
from slopewise.study.runs import Expand, runs_of

TABLE = pd.DataFrame(
    {
        "id": ["a", "a", "b", "b", "c", "c"],
        "day": [0, 1] * 3,
        "centre": ["x", "x", "y", "y", "x", "x"],
        "diagnostics_Versions_PyRadiomics": "v3.0.1",
        "original_glcm_Imc1": [1.0, 2.0, 3.0, 4.0, 5.0, 6.5],
        "original_shape_Volume": [2.0, 2.5, 3.0, 4.0, 5.0, 6.0],
        "log-sigma-1-0-mm-3D_firstorder_Mean": [1.0, 0.5, 3.0, 2.0, 2.5, 1.5],
        "original_glcm_Idm": [None] * 6,
        "original_glcm_MCC": [1.0] * 6,
        "original_glcm_Id": ["1", "inf", "3", "2", "1", "2"],
        "crp 1": [1.0, 3.0, 2.0, 4.0, 5.0, 6.0],
    }
)
CONTENT = {
    "study": "many",
    "seed": 1,
    "data": {
        "measurements": "rows.csv",
        "patient": "id",
        "time": "day",
        "time_unit": "days",
        "analysis_unit": "days",
    },
    "landmark": "none",
    "outcome": {"kind": "none"},
}


def written(folder: Path, features: object, table: pd.DataFrame = TABLE, **others: object) -> Path:
    table.to_csv(folder / "rows.csv", index=False)
    content = {**CONTENT, "features": features, **others}
    (folder / "study.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder / "study.yaml"


def test_each_column_that_matches_is_a_marker(tmp_path: Path):
    groups = {
        "texture": {"pattern": "original_*", "exclude": "*_shape_*", "transform": "log"},
        "others": {"pattern": ["log-*", "crp*"], "unit": "mg/l"},
    }
    study = expanded(load_study(written(tmp_path, groups)), tmp_path)
    # In the order of the file; the name of a column with a blank becomes one that a marker may have.
    assert list(study.markers) == ["original_glcm_Imc1", "log-sigma-1-0-mm-3D_firstorder_Mean", "crp_1"]
    assert [m.transform for m in study.markers.values()] == ["log", "none", "none"]
    assert [m.unit for m in study.markers.values()] == ["", "mg/l", "mg/l"]
    families = [m.family for m in study.markers.values()]
    assert families == ["original_glcm", "log-sigma-1-0-mm-3D_firstorder", "others"]
    assert study.markers["crp_1"].column == "crp 1" and not study.features


def test_columns_that_cannot_be_analysed_are_listed_with_the_reason(tmp_path: Path):
    study = expanded(load_study(written(tmp_path, {"all": {"pattern": "original_glcm_*"}})), tmp_path)
    assert study.data.left_out == {
        "original_glcm_Idm": "it has no value",
        "original_glcm_MCC": "it has one value in all rows",
        "original_glcm_Id": "1 values are infinite or no numbers",
    }
    problems = prepare_cohort(study, tmp_path).problems
    listed = problems[problems["message"].str.startswith("the feature is left out")]
    assert set(listed["column"]) == set(study.data.left_out) and (listed["severity"] == "note").all()


def test_a_single_marker_keeps_its_place_before_the_features(tmp_path: Path):
    own = {"crp": {"column": "crp 1", "label": "CRP"}}
    study = expanded(load_study(written(tmp_path, {"o": {"pattern": "original_shape_*"}}, markers=own)), tmp_path)
    assert list(study.markers) == ["crp", "original_shape_Volume"] and study.markers["crp"].label == "CRP"


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"a": {"pattern": "wavelet*"}}, r"features\.a: 'wavelet\*' matches no column of rows\.csv"),
        ({"a": {"pattern": "ori*", "exclude": "*"}}, "features.a: everything that the pattern matches is excluded"),
        ({"a": {"pattern": "*_*"}}, r"'diagnostics_Versions_PyRadiomics', which is how .* add \"diagnostics_\*\""),
        ({"a": {"pattern": "*", "exclude": "diagnostics_*"}}, "matches 'id', which is data.patient and no feature"),
        ({"a": {"pattern": "cent*"}}, "matches 'centre', which is a column of text and no feature"),
        (
            {"a": {"pattern": "original_*"}, "b": {"pattern": "*_shape_*"}},
            "features.b: column 'original_shape_Volume' is claimed by features.a, too",
        ),
        ({"a": {"pattern": "original_glcm_MCC"}}, "none of 1 columns can be analysed; 'original_glcm_MCC': it has one"),
    ],
)
def test_patterns_that_cannot_be_meant_are_one_sentence(tmp_path: Path, features: object, message: str):
    study = load_study(written(tmp_path, features))
    with pytest.raises(InputError, match=message) as found:
        expanded(study, tmp_path)
    assert "\n" not in str(found.value)


def test_a_study_without_markers_and_patterns_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="markers: must not be empty"):
        load_study(written(tmp_path, {}))


def test_more_features_than_can_be_meant_are_refused(tmp_path: Path):
    many = pd.DataFrame({"id": ["a", "b"], "day": 0, **{f"f_{i}": [1, 2] for i in range(20_001)}})
    with pytest.raises(InputError, match="features: 20001 columns match, and 20000 are the most"):
        expanded(load_study(written(tmp_path, {"a": {"pattern": "f_*"}}, many)), tmp_path)


def test_left_out_columns_are_the_author_s_and_must_be_there(tmp_path: Path):
    data = {**CONTENT["data"], "left_out": {"original_shape_Volume": "not robust"}}
    groups = {"a": {"pattern": ["original_shape_*", "log-*"]}}
    study = expanded(load_study(written(tmp_path, groups, data=data)), tmp_path)
    assert list(study.markers) == ["log-sigma-1-0-mm-3D_firstorder_Mean"]
    data["left_out"] = {"original_shape_Volum": "not robust"}
    with pytest.raises(InputError, match="no pattern of features matches a column 'original_shape_Volum'"):
        expanded(load_study(written(tmp_path, groups, data=data)), tmp_path)


def test_a_run_has_a_study_file_with_every_marker_made_once(tmp_path: Path):
    asked = []

    def markers(study, folder):
        asked.append(study.study)
        return expanded(study, folder)

    expand = Expand(lambda study: tmp_path, markers, lambda study, folder: study)
    file = written(tmp_path, {"a": {"pattern": "original_*"}})
    (one,) = runs_of(file, tmp_path / "own", expand)
    assert one.source == file and one.file == tmp_path / "own/many.yaml" and load_study(one.file) == one.study
    assert list(one.study.markers) == ["original_glcm_Imc1", "original_shape_Volume"]
    assert parse_study(one.file.read_bytes(), "own").data.left_out
    runs_of(file, tmp_path / "own", expand)
    assert len(asked) == 1
    TABLE.drop(columns="original_shape_Volume").to_csv(tmp_path / "rows.csv", index=False)
    (again,) = runs_of(file, tmp_path / "own", expand)
    assert len(asked) == 2 and list(again.study.markers) == ["original_glcm_Imc1"]


def test_a_list_of_landmarks_has_every_marker_at_each(tmp_path: Path):
    outcome = {"kind": "binary", "column": "centre", "positive": "x", "after_measurements": True}
    file = written(tmp_path, {"a": {"pattern": "original_*"}}, landmark=[0.5, 1], outcome=outcome)
    runs = runs_of(file, tmp_path / "own", Expand(lambda study: tmp_path, expanded, lambda study, folder: study))
    assert [list(run.study.markers) for run in runs] == [["original_glcm_Imc1", "original_shape_Volume"]] * 2


def test_families_come_from_names_that_pyradiomics_writes():
    assert family("wavelet-LLH_glcm_Joint_Energy", "a") == "wavelet-LLH_glcm"
    assert family("crp", "blood") == "blood"


def test_patterns_match_the_parameters_of_a_long_table(tmp_path: Path):
    """A thousand features in a long table are the markers, and the values, of the same table with a column each."""
    rng = np.random.default_rng(3)
    names = [f"original_glcm_F{number:04d}" for number in range(1000)]
    wide = pd.DataFrame(rng.integers(1, 9, (8, 1000)).astype(str), columns=names)
    wide.insert(0, "id", ["a", "a", "b", "b", "c", "c", "d", "d"])
    wide.insert(1, "day", ["0", "5"] * 4)
    wide.to_csv(tmp_path / "wide.csv", index=False)
    long = wide.melt(["id", "day"], var_name="feature", value_name="value")
    extra = pd.DataFrame({"id": ["a"], "day": ["0"], "feature": ["diagnostics_Versions"], "value": ["v3"]})
    pd.concat([long, extra]).sample(frac=1.0, random_state=1).to_csv(tmp_path / "long.csv", index=False)
    content = {
        "study": "s",
        "seed": 1,
        "data": {
            "patient": "id", "time": "day", "time_unit": "days", "analysis_unit": "days", "measurements": "wide.csv",
        },
        "features": {"all": {"pattern": "original_*", "exclude": "*_F0007"}},
        "landmark": "none",
        "outcome": {"kind": "none"},
    }  # fmt: skip
    layout = {"parameter": "feature", "value": "value"}
    first = expanded(Study.model_validate(content), tmp_path)
    data = content["data"] | {"measurements": "long.csv", "layout": layout}
    second = expanded(Study.model_validate(content | {"data": data}), tmp_path)
    assert {one.column for one in second.markers.values()} == {one.column for one in first.markers.values()}
    assert len(second.markers) == 999
    tables = [measurements_of(study, tmp_path).text.sort_values(["id", "day"]) for study in (first, second)]
    kept = ["id", "day", *(name for name in names if not name.endswith("F0007"))]
    assert tables[0][kept].to_numpy().tolist() == tables[1][kept].to_numpy().tolist()
    content["features"] = {"all": {"pattern": "*_*"}}
    with pytest.raises(InputError, match="matches 'diagnostics_Versions', which is how features were computed"):
        expanded(Study.model_validate(content | {"data": data}), tmp_path)
