"""How well markers are reproduced, from repeated scans or a table of ICC values."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from slopewise.cohort.agreement import agreement
from slopewise.cohort.findings import Findings
from slopewise.kernels.agreement import intraclass
from slopewise.run.errors import InputError
from slopewise.study.model import Study
from slopewise.study.reading import parse_study

# pingouin 0.7.0, intraclass_corr: ICC(A,1) and ICC(C,1); the first are the data of Shrout and Fleiss (1979).
SHROUT = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float)
SCANS = np.array([[1.1, 1.3], [2.4, 2.2], [3.3, 3.9], [0.7, 0.9], [2.0, 2.1], [4.4, 4.0], [1.5, 2.2], [2.8, 2.7]])
GOLDEN = [
    (SHROUT, True, [0.289763779528, 0.018786513375, 0.761084369649]),
    (SHROUT, False, [0.714840714841, 0.342464765034, 0.945858259955]),
    (SCANS, True, [0.946847144272, 0.780061112401, 0.988914919355]),
    (SCANS, False, [0.947222405707, 0.761521331417, 0.98920590657]),
]


NOBODY = pd.DataFrame({"patient": ["c1"], "a": [0.5], "b": [7.0]})
"""Visits of the study's patients."""


def study(markers: dict | None = None, **filters: object) -> Study:
    content = {
        "study": "repeated",
        "seed": 1,
        "data": {"measurements": "m.csv", "patient": "id", "time": "t", "time_unit": "days", "analysis_unit": "days"},
        "markers": markers or {"a": {"column": "col a", "transform": "log"}, "b": {"column": "b"}},
        "landmark": "none",
        "outcome": {"kind": "none"},
        "filters": {"icc": 0.75, **filters},
    }
    return parse_study(yaml.safe_dump(content).encode(), "study.yaml")


def found(folder: Path, frame: pd.DataFrame, key: str = "retest", **filters: object) -> pd.DataFrame:
    frame.to_csv(folder / "again.csv", index=False)
    return agreement(study(**{key: "again.csv"}, **filters), folder, Findings(), NOBODY).set_index("marker")


@pytest.mark.parametrize(("values", "random_scans", "expected"), GOLDEN)
def test_the_icc_is_pingouin_s(values: np.ndarray, random_scans: bool, expected: list[float]):
    np.testing.assert_allclose(intraclass(values, random_scans), expected, atol=1e-10)


def test_scans_that_agree_but_for_a_shift_are_consistent_and_not_in_agreement():
    subject = np.arange(6.0)
    shifted = np.column_stack([subject, subject + 3.0])
    assert intraclass(shifted, random_scans=False)[0] == pytest.approx(1.0)
    assert intraclass(shifted, random_scans=True)[0] < 0.6
    assert np.isnan(intraclass(shifted[:2], random_scans=True)).all()
    assert np.isnan(intraclass(np.ones((5, 2)), random_scans=True)).all()


def test_repeated_scans_give_an_icc_after_the_transform(tmp_path: Path):
    n, k = SCANS.shape
    rows = pd.DataFrame({"id": np.repeat([f"p{i}" for i in range(n)], k), "col a": np.exp(SCANS.ravel()), "b": 1.0})
    rows["b"] = np.random.default_rng(1).normal(size=len(rows))
    single = pd.DataFrame({"id": ["alone"], "col a": [9.0], "b": [0.0]})
    third = pd.DataFrame({"id": ["p3"], "col a": [5000.0], "b": [0.0]})  # one patient with a third scan: left out
    table = found(tmp_path, pd.concat([rows, single, third]))
    assert table.loc["a", ["icc", "ci_low", "ci_high"]].tolist() == pytest.approx(GOLDEN[2][2])
    assert table.loc["a", ["subjects", "scans"]].tolist() == [n, k]
    consistent = found(tmp_path, pd.concat([rows, single, third]), icc_form="3,1")
    assert consistent.loc["a", "icc"] == pytest.approx(GOLDEN[3][2][0])
    shuffled = pd.concat([rows, single]).sample(frac=1, random_state=2).sort_values("id", kind="stable")
    again = found(tmp_path, shuffled, icc_form="2,1")
    assert again.loc["a", "subjects"] == n


def test_a_table_of_values_is_read_by_the_column_of_the_feature(tmp_path: Path):
    table = pd.DataFrame({"feature": ["b", "col a", "other"], "icc": [0.8, 0.9, 1.0], "icc_low": [0.6, 0.85, 1.0]})
    read = found(tmp_path, table, "icc_table")
    assert read["ci_low"].to_dict() == {"a": 0.85, "b": 0.6} and read["icc"].to_dict() == {"a": 0.9, "b": 0.8}
    assert found(tmp_path, table.drop(columns="icc_low"), "icc_table")["ci_low"].to_dict() == {"a": 0.9, "b": 0.8}


def test_a_marker_without_an_icc_is_counted(tmp_path: Path):
    pd.DataFrame({"feature": ["b"], "icc": [0.8]}).to_csv(tmp_path / "again.csv", index=False)
    findings = Findings()
    table = agreement(study(icc_table="again.csv"), tmp_path, findings, NOBODY).set_index("marker")
    assert np.isnan(table.loc["a", "ci_low"]) and table.loc["b", "ci_low"] == 0.8
    (note,) = findings.sorted()
    assert note.message == "1 of 2 markers have no ICC here (the first: a)"


@pytest.mark.parametrize(
    ("key", "frame", "message"),
    [
        ("icc_table", {"feature": ["x"], "icc": [0.9]}, "holds an ICC of none of the 2 markers"),
        ("icc_table", {"name": ["b"], "icc": [0.9]}, "needs the columns feature and icc_low"),
        ("icc_table", {"feature": ["b", "b"], "icc": [0.9, 0.8]}, "the feature 'b' has two rows"),
        ("icc_table", {"feature": ["b"], "icc": ["high"]}, r"line 2, column icc: 'high'"),
        ("retest", {"who": ["p"], "b": [1]}, r"has no column id \(data.patient\)"),
        (
            "retest",
            {"id": ["p", "p", "c1"], "b": [1, 2, 3]},
            r"are patients of the study \(the first: c1\)",
        ),
        ("retest", {"id": ["p", "p", "q"], "b": [1, 2, 3]}, "needs 3 patients with two scans or more, and there are 1"),
    ],
)
def test_tables_that_cannot_be_meant_are_one_sentence(tmp_path: Path, key: str, frame: dict, message: str):
    with pytest.raises(InputError, match=message) as caught:
        found(tmp_path, pd.DataFrame(frame), key)
    assert str(caught.value).startswith("again.csv: ") and "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Study, pd.DataFrame, pd.DataFrame]:
    """A folder for the table, a study of six markers, one a logarithm, repeated scans and the cohort's visits."""
    rng, names = np.random.default_rng(3), [f"m{k}" for k in range(6)]
    markers = {name: {"column": name, "transform": "log" if name == "m0" else "none"} for name in names}
    scans, visits = (pd.DataFrame(np.round(np.exp(rng.normal(size=(12, 6))), 4), columns=names) for _ in range(2))
    scans.insert(0, "id", np.repeat([f"r{k}" for k in range(6)], 2))
    visits["m0"] = np.log(visits["m0"])
    visits.insert(0, "patient", np.repeat([f"c{k}" for k in range(4)], 3))
    return tmp_path_factory.mktemp("six"), study(markers, retest="again.csv"), scans, visits


def test_scans_of_the_cohort_under_other_ids_are_refused(six):
    """The filter planted outside the folds: the ICC from visits of patients whom training sets hold out."""
    folder, own, scans, visits = six
    planted = visits.assign(m0=np.exp(visits["m0"]), id=[f"x{name}" for name in visits["patient"]])
    planted.loc[:, "m3"] = planted["m3"].mask(planted.index == 4)  # missing here, and there
    visits = visits.assign(m3=planted["m3"])
    pd.concat([scans, planted.iloc[[4]]])[scans.columns].to_csv(folder / "again.csv", index=False)
    words = r"1 of its rows have the values of a visit .* \(the first: xc1, as a visit of c1"
    with pytest.raises(InputError, match=words):
        agreement(own, folder, Findings(), visits)
    pd.concat([scans, planted.assign(m5=planted["m5"] + 0.01)])[scans.columns].to_csv(folder / "again.csv", index=False)
    assert len(agreement(own, folder, Findings(), visits)) == 6, "one marker differs: another scan"


def test_nothing_of_the_cohort_reaches_the_icc(six):
    folder, own, scans, visits = six
    scans.to_csv(folder / "again.csv", index=False)
    expected = agreement(own, folder, Findings(), visits)
    names = [name for name in visits if name != "patient"]
    altered = visits.assign(outcome=1.0, **{name: visits[name].to_numpy()[::-1] * 3.0 for name in names})
    for other in (altered, visits.iloc[:0], pd.concat([visits, altered])):
        pd.testing.assert_frame_equal(agreement(own, folder, Findings(), other), expected)


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({}, "filters.icc: needs a table of ICC values"),
        ({"retest": "a.csv", "icc_table": "b.csv"}, "filters.retest: name repeated scans or a table"),
        ({"retest": "a.csv", "icc": None}, "filters.icc"),
    ],
)
def test_keys_that_do_not_agree_are_refused(filters: dict, message: str):
    with pytest.raises(InputError, match=message):
        study(**filters)


def test_without_a_filter_there_is_no_table(tmp_path: Path):
    plain = study(retest="again.csv").model_copy(update={"filters": type(study(retest="x").filters)()})
    assert agreement(plain, tmp_path, Findings(), NOBODY).empty
