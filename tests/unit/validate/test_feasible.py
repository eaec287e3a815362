"""Whether a study can run is known before it does: folds, outcome and every growth design on the cohort's rows."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from slopewise.design.screen import screen
from slopewise.folds import fits, fold_plan, make_folds
from slopewise.run.errors import InputError
from slopewise.slopes.crossfit import cross_fit
from slopewise.slopes.marker import growth_model, marker_data
from slopewise.study.model import Study
from slopewise.validate.feasible import Feasibility, feasibility, refuse_infeasible
from tests.unit.cohort.small_study import study_of


@cache
def frames() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows up to the landmark 2 and patients, as the tables of ``cohort/`` have them."""
    rng = np.random.default_rng(5)
    rows = []
    for i in range(40):
        for time in (0.0, *np.sort(rng.uniform(0.2, 1.9, 3))):
            rows.append((f"P{i:02}", time, rng.normal() + time, rng.normal(), float(rng.integers(1, 9)), "ab"[i % 2]))
    measurements = pd.DataFrame(rows, columns=["patient", "time", "log_bilirubin", "albumin", "dose", "arm"])
    patients = pd.DataFrame({"patient": sorted({row[0] for row in rows})})
    return measurements, patients.assign(
        age=rng.normal(60, 9, 40), sex=["f", "m"] * 20, entry=np.nan, followup=rng.exponential(4, 40) + 0.1,
        event=(np.arange(40) % 3 > 0).astype(np.int64),
    )  # fmt: skip


def of(changes: dict[str, object], **patients: object) -> tuple[Study, Feasibility]:
    measurements, people = frames()
    study = study_of(crossfit={"folds": 3, "repeats": 1}, validation={"folds": 3, "repeats": 1}, **changes)
    return study, feasibility(study, measurements, people.assign(**patients))


UNFIT = {
    "no fixed effect": ("~ 0", "~ time", r"growth\.fixed: '~ 0' leaves no fixed effect"),
    "no random effect": ("~ time", "~ 0", r"growth\.random: '~ 0' makes 0 random effects a patient, and .* has 1 to 4"),
    "too many": ("~ time", "~ bs(time, df=6)", r"growth\.random: '.*' makes 7 random effects"),
    "no logarithm": (
        "~ log(-time)",
        "~ time",
        r"growth\.fixed: .*'log\(-time\)' is not a finite number",
    ),
    "overflow": ("~ exp(time*900)", "~ time", r"growth\.fixed: .*is not a finite number where time = "),
    "no slope": ("~ sqrt(2 - time)", "~ time", r"growth\.fixed: .* \(around the landmark, where slopes are taken\)"),
    "not at zero": ("~ log(dose) + log(time + 0*dose)", "~ time", r"growth\.fixed: .*log\(time"),
    "knots": ("~ cr(time, df=2, knots=[0.1, 0.2, 0.3])", "~ time", r"growth\.fixed: formula"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_a_growth_model_that_cannot_be_built_is_a_stop(name: str) -> None:
    fixed, random, message = UNFIT[name]
    study, found = of({"growth": {"fixed": fixed, "random": random}})
    assert len(found.stops) == 1
    with pytest.raises(InputError, match=message):
        refuse_infeasible(study, *frames())


FIT = ["~ time", "~ time - 1", "~ sqrt(time)", "~ poly(time, 3)", "~ bs(time, df=4)", "~ cr(time, df=3) * sex",
       "~ time + C(dose)", "~ time * arm", "~ I(time**1.5)", "~ (time + age)**2", "~ log(time + 1)"]  # fmt: skip


@pytest.mark.parametrize("fixed", FIT)
def test_what_passes_can_be_fitted_and_scored(fixed: str) -> None:
    study, found = of({"growth": {"fixed": fixed, "random": "~ time"}})
    assert found.stops == ()
    measurements, people = frames()
    data = marker_data(growth_model(study), "albumin", measurements, people, study.landmark_time)
    folds = make_folds(people, fold_plan(study))
    scores, _, _ = cross_fit(data, list(fits(folds, data.patients)))
    assert scores["slope"].notna().all()


def test_columns_that_add_nothing_are_a_warning() -> None:
    _, found = of({"growth": {"fixed": "~ time + I(3*time)", "random": "~ time"}})
    assert found.stops == () and len(found.warnings) == 1
    assert "growth.fixed: I(3 * time) is a linear combination of the columns before it" in found.warnings[0]


def test_rows_at_one_time_have_no_slope() -> None:
    measurements, people = frames()
    study = study_of()
    found = feasibility(study, measurements.assign(time=0.5), people)
    assert found.stops == (
        "landmark: all rows of log_bilirubin, albumin up to the landmark lie at time 0.5, so there is no slope to "
        "estimate; choose a later landmark, or leave the marker out",
    )


def test_horizons_are_judged_together() -> None:
    _, found = of({"outcome__horizons": [1, 3, 900, 950]})
    assert len(found.stops) == 1
    assert found.stops[0].startswith("outcome.horizons: 900, 950 cannot be evaluated: the largest supported one is 3. ")


@pytest.mark.parametrize(("events", "words"), [(1, "1 of 40 patients has"), (0, "0 of 40 patients have")])
def test_too_few_events_are_named_as_such(events: int, words: str) -> None:
    _, found = of({}, event=[1] * events + [0] * (40 - events))
    assert len(found.stops) == 1 and f"outcome.events: {words} the event after the landmark" in found.stops[0]
    assert "so there must be two or more" in found.stops[0] and "stratum" not in found.stops[0]


def test_a_stratum_without_events_is_a_stop() -> None:
    sex = frames()[1]["sex"]
    _, found = of({"outcome__strata": ["sex"], "outcome__covariates": ["age"]}, event=(sex == "m").astype(np.int64))
    assert any("no training patient of sex f has the event" in stop for stop in found.stops)


def test_an_outcome_that_hardly_varies_is_a_stop() -> None:
    gone = dict.fromkeys(("time", "time_unit", "event", "events", "horizons"))
    changes = {f"outcome__{key}": value for key, value in gone.items()} | {"outcome__kind": "binary"}
    changes |= {"outcome__column": "y", "outcome__positive": 1, "outcome__after_measurements": True}
    _, found = of(changes, outcome=[1.0] + [0.0] * 39, event=[1] + [0] * 39)
    assert any("the outcome is the same for all training patients of a fold" in stop for stop in found.stops)
    assert of(changes, outcome=[1.0, 0.0] * 20, event=[1, 0] * 20)[1].stops == ()


def test_a_power_between_terms_is_told_from_a_power_of_a_column() -> None:
    with pytest.raises(InputError, match=r"'time \*\* 2\.5' is no term; .* a power is I\(time\*\*2\.5\)"):
        screen("~ time ** 2.5")
    with pytest.raises(InputError, match=r"df of bs is '1000000000\.0'; write a whole number of 1 to 20"):
        screen("~ bs(time, df=1e9)")
    assert replace(screen("~ time ** 2"), text="") == replace(screen("~ time ** 1"), text="")
