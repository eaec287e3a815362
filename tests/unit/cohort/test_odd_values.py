"""Values that look wrong are named, tables of another shape refused, and codes of missing values read as missing."""

import json

import numpy as np
import pandas as pd
import pytest

from slopewise.cohort import prepare_cohort
from slopewise.cohort.findings import CohortError, Findings
from slopewise.cohort.oddities import tell_odd_values
from slopewise.run.errors import InputError
from slopewise.study.model import Study
from slopewise.study.reading import load_study
from tests.unit.cohort.small_study import study_of
from tests.workflow.running import pbc_part


def problems(tmp_path, tables):
    return prepare_cohort(load_study(tables.write(tmp_path)), tmp_path).problems


def told(frame, words):
    return frame[frame["message"].str.contains(words, regex=False)]


def test_a_clean_study_has_no_odd_values(tmp_path):
    found = problems(tmp_path, pbc_part())
    for words in ("lies far from", "far beyond", "of the values are", "read as missing"):
        assert told(found, words).empty


@pytest.mark.parametrize(("code", "count"), [(-9.0, 3), (999.0, 12), (9999.0, 1)])
def test_a_code_of_a_missing_value_is_named_with_its_count_and_the_way_out(tmp_path, code, count):
    part = pbc_part()
    part.measurements.loc[5 : 4 + count, "albumin"] = code
    found = told(problems(tmp_path, part), "lies far from")
    (row,) = found.to_dict("records")
    often = "once" if count == 1 else f"{count} times"
    assert f"{code:g} occurs {often}" in row["message"] and row["column"] == "albumin" and row["line"] == 7
    assert f"data.missing: [{code:g}]" in row["action"] and "markers.albumin.plausible" in row["action"]
    assert row["severity"] == "warning"


def test_a_code_in_a_covariate_is_named_too(tmp_path):
    part = pbc_part()
    part.patients["age"] = part.patients["age"].mask(part.patients.index < 3, -99)
    (row,) = told(problems(tmp_path, part), "lies far from").to_dict("records")
    assert row["column"] == "age" and row["file"] == "patients.csv"


def test_codes_that_the_study_names_are_missing_and_counted(tmp_path):
    part = pbc_part()
    part.measurements.loc[5:16, "albumin"] = -999.0
    empty = pbc_part()
    empty.measurements.loc[5:16, "albumin"] = np.nan
    part.study["data"]["missing"] = [-999]
    one = prepare_cohort(load_study(part.write(tmp_path / "a")), tmp_path / "a")
    other = prepare_cohort(load_study(empty.write(tmp_path / "b")), tmp_path / "b")
    pd.testing.assert_frame_equal(one.measurements, other.measurements)
    assert told(one.problems, "lies far from").empty
    (row,) = told(one.problems, "12 cells with '-999' read as missing").to_dict("records")
    assert row["severity"] == "note" and row["column"] == "albumin"


def test_values_outside_the_plausible_range_are_errors_with_line_and_patient(tmp_path):
    part = pbc_part()
    part.measurements.loc[5, "albumin"] = 35.0
    part.study["markers"]["albumin"]["plausible"] = [1, 7]
    with pytest.raises(CohortError, match=r"line 7, patient \d+, column albumin.* is outside the plausible range"):
        problems(tmp_path, part)


def test_a_value_in_another_unit_is_named(tmp_path):
    part = pbc_part()
    part.measurements.loc[5, "albumin"] = 350.0
    found = problems(tmp_path, part)
    (row,) = told(found, "as in another unit").to_dict("records")
    assert "350" in row["message"] and "divided by 100" in row["message"] and row["line"] == 7
    assert told(found, "far beyond").empty  # reported once


def test_a_value_that_no_unit_explains_is_an_outlier(tmp_path):
    part = pbc_part()
    part.measurements.loc[5, "albumin"] = 8e5
    found = problems(tmp_path, part)
    assert len(told(found, "far beyond")) == 1 and told(found, "another unit").empty


@pytest.mark.parametrize("every", [3, 40])
@pytest.mark.parametrize(("factor", "by"), [(10, "divided by 10,"), (0.1, "times 10,")])
def test_a_marker_in_two_units_is_named_with_their_factor(tmp_path, every, factor, by):
    part = pbc_part()
    rows = part.measurements.index % every == 1
    albumin = part.measurements["albumin"].clip(2.5, 4.6)
    part.measurements["albumin"] = albumin.mask(rows, albumin * factor)
    (row,) = told(problems(tmp_path, part), "as in another unit").to_dict("records")
    assert by in row["message"] and row["message"].startswith(f"{rows.sum()} values lie apart")


def test_heights_in_metres_and_centimetres_are_named(tmp_path):
    part = pbc_part()
    number = np.arange(len(part.patients))
    part.patients["age"] = np.where(number % 9 == 4, 1.50 + number % 40 / 100, 150 + number % 40)
    (row,) = told(problems(tmp_path, part), "as in another unit").to_dict("records")
    assert row["column"] == "age" and "times 100" in row["message"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda score: score.mask(score.index % 9 == 0, 999.0), "999 occurs"),
        (lambda score: score.mask(score.index % 9 == 0, 10 * score), "divided by 10, as in another unit"),
        (lambda score: score.mask(score.index == 5, 8e5), "1 value lies far beyond the others"),
        (lambda score: score.clip(upper=score.quantile(0.7)), "the highest value"),
    ],
)
def test_a_continuous_outcome_is_looked_at_as_markers_are(change, message):
    found = Findings()
    study = study_of(
        outcome={"kind": "continuous", "column": "score", "after_measurements": True, "covariates": ["age"]},
        landmark="none",
    )
    random = np.random.default_rng(6)
    people = pd.DataFrame({"patient": [f"P{k}" for k in range(90)], "age": 60.0, "outcome": random.normal(50, 5, 90)})
    rows = pd.DataFrame({"patient": ["P0", "P1"], "time": 0.0, "log_bilirubin": 1.0, "albumin": 1.0})
    tell_odd_values(study, rows, people, ("m.csv", "p.csv"), found)
    assert found.frame().empty
    tell_odd_values(study, rows, people.assign(outcome=change(people["outcome"])), ("m.csv", "p.csv"), found)
    (row,) = found.frame().to_dict("records")
    assert message in row["message"] and (row["file"], row["column"]) == ("p.csv", "score")


def test_values_that_pile_up_are_reported_with_their_share(tmp_path):
    part = pbc_part()
    low = part.measurements["albumin"].quantile(0.25)
    part.measurements["albumin"] = part.measurements["albumin"].clip(lower=low)
    (row,) = told(problems(tmp_path, part), "of the values are").to_dict("records")
    assert f"{low:g}, the lowest value" in row["message"] and "limit of detection" in row["action"]


@pytest.mark.parametrize("cell", ["1e308", "-1e300", "1e60"])
def test_numbers_too_large_to_compute_with_are_refused(tmp_path, cell):
    part = pbc_part()
    part.measurements["albumin"] = part.measurements["albumin"].astype(object)
    part.measurements.loc[5, "albumin"] = cell
    with pytest.raises(CohortError, match="too large to compute with"):
        problems(tmp_path, part)


def test_a_long_table_is_refused_and_replicates_are_not(tmp_path):
    part = pbc_part()
    long = part.measurements.melt(["id", "day"], ["bili", "albumin"], "analyte_code", "value").dropna()
    part.study["markers"] = {"value": {"column": "value"}}
    part.measurements = long.sort_values(["id", "day"])
    part.study["data"]["duplicates"] = "mean"
    with pytest.raises(InputError, match="looks like a long table: column analyte_code"):
        problems(tmp_path / "long", part)
    twice = pbc_part()
    twice.measurements = pd.concat([twice.measurements.assign(reader=name) for name in ("a", "b")])
    twice.study["data"]["duplicates"] = "mean"
    assert len(problems(tmp_path / "twice", twice)) < 20


def test_a_redcap_export_is_refused(tmp_path):
    part = pbc_part()
    part.measurements["redcap_event_name"] = "visit_arm_1"
    with pytest.raises(InputError, match="looks like a REDCap export"):
        problems(tmp_path, part)


def test_the_events_of_a_redcap_export_are_read_from_one_file(tmp_path, root):
    """The same cohort as from two tables made by hand: characteristics and outcome stand in rows of their events."""
    text = (root / "tests/cases/redcap_export/redcap.csv").read_text(encoding="utf-8")
    (tmp_path / "redcap.csv").write_text(text, encoding="utf-8")
    export = pd.read_csv(tmp_path / "redcap.csv", dtype=str, keep_default_na=False)
    visits = export[export["visit_date"] != ""][["record_id", "visit_date", "crp"]]
    first = export[export["redcap_event_name"] == "baseline_arm_1"].query("age != ''")[["record_id", "age", "sex"]]
    last = export[export["dead"] != ""][["record_id", "last_contact", "dead"]]
    visits.to_csv(tmp_path / "visits.csv", index=False)
    first.merge(last, on="record_id").to_csv(tmp_path / "people.csv", index=False)
    content = {
        "study": "redcap",
        "seed": 1,
        "data": {"patient": "record_id", "time": "visit_date", "time_unit": "date", "analysis_unit": "years"},
        "markers": {"crp": {"column": "crp", "transform": "log"}},
        "landmark": 1,
        "outcome": {"kind": "survival", "time": "last_contact", "time_unit": "date", "event": "dead"},
    }
    content["data"]["time_zero"] = "first_visit"
    content["outcome"] |= {"events": {"1": "death"}, "covariates": ["age", "sex"], "horizons": [1]}
    found = []
    events = sorted(set(export["redcap_event_name"]))
    for files in (
        {"measurements": "visits.csv", "patients": "people.csv"},
        {"measurements": "redcap.csv", "where": {"redcap_event_name": events}},
    ):
        study = Study.model_validate_json(json.dumps({**content, "data": {**content["data"], **files}}))
        found.append(prepare_cohort(study, tmp_path))
    for name in ("measurements", "later", "patients"):
        pd.testing.assert_frame_equal(getattr(found[0], name), getattr(found[1], name))
    assert len(found[0].patients) >= 10
    assert found[1].flow.set_index("step")["rows_removed"]["no_time"] == len(export) - len(visits)
