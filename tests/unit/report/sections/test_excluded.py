"""Table 1 of those who left: what the table of the cohort says, and what small counts hide."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import yaml

from slopewise.cohort.excluded import characteristics_by_group
from slopewise.cohort.flow import State
from slopewise.report.material.frames import Frames
from slopewise.report.sections.excluded import excluded_table
from slopewise.report.words.naming import Naming
from slopewise.study.model import Study
from slopewise.study.reading import parse_study
from slopewise.tables import files as tables


def study(small_cells: int = 5) -> Study:
    content: dict[str, Any] = {
        "study": "s", "seed": 1,
        "data": {"measurements": "m.csv", "patients": "p.csv", "patient": "id", "time": "t", "time_unit": "years",
                 "analysis_unit": "years"},
        "markers": {"y": {"column": "y", "unit": "mg"}}, "landmark": 2,
        "outcome": {"kind": "survival", "time": "f", "time_unit": "years", "event": "e", "events": {1: "death"},
                    "covariates": ["age", "stage"], "horizons": [1]},
        "report": {"small_cells": small_cells},
    }  # fmt: skip
    return parse_study(yaml.safe_dump(content).encode(), "s.yaml")


def states(patients: int = 30, leaving: int = 10) -> tuple[State, State]:
    """The first `leaving` patients end before the landmark; they are 20 years older, half without a stage."""
    place = np.arange(patients)
    people = pd.DataFrame(
        {
            "patient": [f"p{k:02d}" for k in place],
            "age": 50.0 + place % 5 + 20.0 * (place < leaving),
            "stage": pd.Series(np.where(place % 3 == 0, "late", "early"), dtype=object).mask(
                (place < leaving) & (place % 2 == 0)
            ),
            "followup": np.where(place < leaving, 1.0, 5.0),
            "event": 1,
        }
    )
    rows = pd.DataFrame(
        [(f"p{k:02d}", time, 10.0 * (k < leaving) + time) for k in place for time in (0.0, 1.0, 3.0)],
        columns=["patient", "time", "y"],
    )
    kept = people["followup"] > 2
    return State(people, rows), State(people[kept], rows[rows["patient"].isin(people.loc[kept, "patient"])])


def made(asked: Study, before: State, cohort: State) -> pd.DataFrame:
    return tables.check(characteristics_by_group(asked, before, cohort), "cohort/excluded")


def test_each_group_has_its_means_counts_and_missing_values() -> None:
    found = made(study(), *states()).set_index(["kind", "characteristic", "level", "group"])
    assert found.loc[("covariate", "age", "", "excluded"), ["patients", "known", "mean"]].tolist() == [10, 10, 72.0]
    assert found.loc[("covariate", "age", "", "analysed"), "mean"] == 52.0
    stage = found.loc[("covariate", "stage", "late", "excluded")]
    assert (stage["patients"], stage["known"], stage["count"]) == (10, 5, 2)  # p03 and p09
    assert found.loc[("last", "y", "", "analysed"), "mean"] == 1.0  # not the value at 3, after the landmark
    assert found.loc[("last", "y", "", "excluded"), "mean"] == 11.0
    assert found.loc[("visits", "visits", "", "analysed"), "mean"] == 2.0


def test_rows_after_the_landmark_move_nothing() -> None:
    before, cohort = states()
    later = before.rows["time"] > 2
    moved = State(before.people, before.rows.assign(y=before.rows["y"] + 99.0 * later))
    pd.testing.assert_frame_equal(made(study(), moved, cohort), made(study(), before, cohort))


def shown(small_cells: int, before: State, cohort: State) -> Any:
    asked = study(small_cells)
    frames = cast(Frames, SimpleNamespace(further={"excluded": made(asked, before, cohort)}))
    return excluded_table(frames, Naming(asked))


def test_the_report_shows_both_groups_and_masks_small_counts() -> None:
    table = shown(5, *states())
    assert table.columns[1] == "analysed (20)" and table.columns[3] == "left out (10)"
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in table.cells}
    assert rows["age"] == ["52.0 (1.45)", "0", "72.0 (1.49)", "0"]
    assert rows["stage: late"] == ["6 (30%)", "0", "–", "5"]  # 2 of the excluded are late
    assert rows["stage: early"] == ["14 (70%)", "0", "–", "5"]
    assert {row[0].text: row[3].text for row in shown(1, *states()).cells}["stage: late"] == "2 (40%)"


def test_no_table_where_nobody_or_hardly_anybody_left() -> None:
    before, _ = states()
    assert not len(made(study(), before, before)) and shown(5, before, before) is None
    assert shown(5, *states(leaving=4)) is None


def test_markers_are_transformed_and_the_order_of_the_files_moves_nothing() -> None:
    before, cohort = states()
    asked = study()
    markers = {"y": asked.markers["y"].model_copy(update={"transform": "log"})}
    logged = asked.model_copy(update={"markers": markers})
    positive = State(before.people, before.rows.assign(y=before.rows["y"] + 1.0))
    twins = State(positive.people, pd.concat([positive.rows, positive.rows.assign(y=positive.rows["y"] * 2.0)]))
    turned = State(twins.people[::-1], twins.rows[::-1])
    found = made(logged, positive, cohort)
    of_last = found[(found["kind"] == "last") & (found["group"] == "analysed")]["mean"]
    assert np.allclose(of_last, np.log(2.0)) and len(of_last) == 1
    pd.testing.assert_frame_equal(made(logged, turned, cohort), made(logged, twins, cohort), check_exact=True)
