"""A patient's own event date as time zero: the PBC trial's visits as calendar dates, ISO and day first.

The trial recruited from January 1974 to May 1984; its data count days since each patient's entry. Here every patient
gets an entry date in that time, so that the real distances between visits become real dates.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from slopewise.cohort import Cohort, CohortError, prepare_cohort
from slopewise.folds import CROSSFIT, FoldPlan, fits, make_folds
from slopewise.slopes.crossfit import cross_fit
from slopewise.slopes.marker import growth_model, marker_data
from slopewise.study.model import Study
from slopewise.study.reading import load_study, parse_study
from tests.workflow.running import pbc_part

ROOT = Path(__file__).resolve().parents[3]
ISO, DAY_FIRST = "%Y-%m-%d", "%d/%m/%Y"
COLUMNS = {"rows": ("day",), "people": ("zero", "futime")}


def frames() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Visits and patients in days since entry; `zero` is the day of the event: an enlarged liver is first seen."""
    rows = pd.read_csv(ROOT / "data/pbcseq/measurements.csv")
    people = pd.read_csv(ROOT / "data/pbcseq/patients.csv")
    event = rows[rows["hepato"] == 1].groupby("id")["day"].min()
    people["zero"] = people["id"].map(event)
    people = people[people["zero"].notna() & (people["futime"] > people["zero"] + 800)].astype({"zero": int})
    return rows[rows["id"].isin(people["id"])].reset_index(drop=True), people.reset_index(drop=True)


def dated(style: str | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same with dates in that style; None leaves days."""
    rows, people = frames()
    if style is None:
        return rows, people
    span = (pd.Timestamp("1984-05-01") - pd.Timestamp("1974-01-01")).days
    entry = pd.Series(
        pd.Timestamp("1974-01-01") + pd.to_timedelta((people["id"] * 7919) % span, unit="D"), index=people.index
    ).set_axis(people["id"])
    for frame, columns in ((rows, COLUMNS["rows"]), (people, COLUMNS["people"])):
        for column in columns:
            moment = frame["id"].map(entry) + pd.to_timedelta(frame[column], unit="D")
            frame[column] = moment.dt.strftime(style)
    return rows, people


def study(style: str | None, **data: Any) -> Study:
    unit = "days" if style is None else "date"
    content: dict[str, Any] = {
        "study": "event",
        "seed": 3,
        "data": {
            "measurements": "m.csv", "patients": "p.csv", "patient": "id", "time": "day", "time_unit": unit,
            "analysis_unit": "years", "time_zero": {"column": "zero"}, **data,
        },
        "markers": {"log_bilirubin": {"column": "bili", "transform": "log"}},
        "landmark": 1.5,
        "outcome": {
            "kind": "survival", "time": "futime", "time_unit": unit, "event": "status",
            "events": {1: "transplant", 2: "death"}, "covariates": ["age"], "horizons": [3],
        },
    }  # fmt: skip
    return parse_study(yaml.safe_dump(content).encode(), "study.yaml")


def prepared(folder: Path, style: str | None, **data: Any) -> Cohort:
    rows, people = dated(style)
    folder.mkdir()
    rows.to_csv(folder / "m.csv", index=False)
    people.to_csv(folder / "p.csv", index=False)
    return prepare_cohort(study(style, **data), folder)


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return prepared(tmp_path_factory.mktemp("days") / "d", None)


def test_visits_before_the_event_have_negative_times(days: Cohort) -> None:
    time = days.measurements["time"]
    assert time.min() < -1 and time.max() <= 1.5 and (time < 0).mean() > 0.1
    at_event = days.measurements.groupby("patient")["time"].apply(lambda own: (own == 0).any())
    assert at_event.mean() > 0.99, "the event is itself a visit"
    assert (days.patients["followup"] > 0).all()


@pytest.mark.parametrize(
    ("style", "data"), [(ISO, {}), (ISO, {"date_format": ISO}), (DAY_FIRST, {"date_format": DAY_FIRST})]
)
def test_dates_give_the_days_between_them_in_whatever_order_they_are_written(
    tmp_path: Path, days: Cohort, style: str, data: dict[str, str]
) -> None:
    found = prepared(tmp_path / "d", style, **data)
    pd.testing.assert_frame_equal(found.measurements, days.measurements, check_exact=True)
    pd.testing.assert_frame_equal(found.patients, days.patients, check_exact=True)
    pd.testing.assert_frame_equal(found.later, days.later, check_exact=True)


def test_day_first_dates_without_a_format_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match='the dates of this column fit "%d/%m/%Y"'):
        prepared(tmp_path / "d", DAY_FIRST)
    with pytest.raises(CohortError, match=r"does not fit data\.date_format"):
        prepared(tmp_path / "e", DAY_FIRST, date_format="%m/%d/%Y")


def test_the_model_around_the_event_is_the_model_from_entry_in_other_words(tmp_path: Path, days: Cohort) -> None:
    """Another zero for every patient is another model; the same shift for all is the same model."""
    wanted = study(None)
    data = marker_data(growth_model(wanted), "log_bilirubin", days.measurements, days.patients, 1.5)
    folds = make_folds(days.patients, FoldPlan(3, 1, 2, 1, 3))
    plan = list(fits(folds[folds["scheme"] == CROSSFIT], data.patients))
    scores, ledger, batch = cross_fit(data, plan)
    assert ledger["converged"].all() and np.isfinite(scores["slope"]).all()
    later = days.measurements.assign(time=days.measurements["time"] - 1.5)
    other = marker_data(growth_model(wanted), "log_bilirubin", later, days.patients, 0.0)
    moved, _, shifted = cross_fit(other, plan)
    np.testing.assert_allclose(shifted.deviance, batch.deviance, atol=1e-6)
    np.testing.assert_allclose(moved[["level", "slope"]], scores[["level", "slope"]], atol=1e-5)
    assert not np.allclose(moved["intercept"], scores["intercept"], atol=0.01)


def test_a_date_beside_a_date_time_is_the_whole_day(tmp_path):
    """Operations and visits have a time of day, the end of follow-up has none: the coarser one decides."""
    part = pbc_part()
    start = pd.Timestamp("2001-05-03 10:30")
    part.measurements["seen"] = [
        (start + pd.Timedelta(days=int(day), hours=2)).strftime("%Y-%m-%d %H:%M") for day in part.measurements["day"]
    ]
    last = part.measurements.groupby("id")["day"].max().reindex(part.patients["id"]).to_numpy()
    part.patients["futime"] = last  # the last visit is on the last day, after midnight
    part.patients["end"] = [(start + pd.Timedelta(days=int(day))).strftime("%Y-%m-%d") for day in last]
    part.patients["operation"] = start.strftime("%Y-%m-%d %H:%M")
    part.study["data"] |= {"time": "seen", "time_unit": "date", "time_zero": {"column": "operation"}}
    part.study["outcome"] |= {"time": "end", "time_unit": "date", "horizons": [2]}
    part.study["landmark"] = 1.0
    cohort = prepare_cohort(load_study(part.write(tmp_path)), tmp_path)
    assert not cohort.problems["message"].str.contains("after the end of follow-up").any()
    days = (cohort.patients["followup"] + 1.0) * 365.25
    assert days.to_numpy() == pytest.approx(np.round(days), abs=1e-6)
