"""Values in the wrong place are named, each by a change of one clean study, which has none."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

import numpy as np
import pandas as pd
import pytest

from slopewise.cohort.findings import Findings
from slopewise.cohort.levels import refuse_spellings
from slopewise.cohort.misplaced import medians_of_others, tell_misplaced
from tests.unit.cohort.small_study import study_of

PATIENTS, VISITS = 60, 5
STUDY = study_of(
    markers={"crp": {"column": "crp", "transform": "log"}, "sbp": {"column": "sbp"}, "dbp": {"column": "dbp"}},
    data__time="time",
    outcome__covariates=["height", "weight", "age", "sex", "arm"],
)
Frames = tuple[pd.DataFrame, pd.DataFrame]


def tables(seed: int = 6, heavy: bool = False) -> Frames:
    """Visits of three markers with `sex` and `arm` beside them, and their patients; the index is the line."""
    random = np.random.default_rng(seed)

    def noise(sd: float, size: int) -> np.ndarray:
        return sd * (random.standard_t(4, size) if heavy else random.normal(size=size))

    n, who = PATIENTS * VISITS, np.repeat(np.arange(PATIENTS), VISITS)
    names = np.array([f"P{place:02d}" for place in range(PATIENTS)])
    rows = pd.DataFrame({"patient": names[who], "time": np.tile(np.arange(VISITS) * 90.0, PATIENTS)})
    rows["crp"] = np.exp(noise(0.8, PATIENTS)[who] + noise(0.3, n)).round(3)
    rows["sbp"] = (135 + noise(12, PATIENTS)[who] + noise(7, n)).round()
    rows["dbp"] = (0.6 * rows["sbp"] + noise(5, n)).round()
    rows["sex"], rows["arm"] = np.array(["f", "m"])[who % 2], np.array(["a", "b", "c"])[who % 3]
    people = pd.DataFrame({"patient": names, "height": noise(9, PATIENTS).round() + 170})
    people["weight"] = (people["height"] - 95 + noise(9, PATIENTS)).round()
    people["age"] = noise(8, PATIENTS).round() + 60
    return rows.set_index(rows.index + 2), people.set_index(people.index + 2)


def told(
    change: Callable[[pd.DataFrame, pd.DataFrame], object] = lambda rows, people: None, **asked: object
) -> pd.DataFrame:
    rows, people = tables(**asked)  # type: ignore[arg-type]
    changed = change(rows, people)
    findings = Findings()
    tell_misplaced(
        STUDY, rows if not isinstance(changed, pd.DataFrame) else changed, people, ("m.csv", "p.csv"), findings
    )
    return findings.frame()


def exchange(frame: pd.DataFrame, one: str, other: str, lines: list[int]) -> None:
    frame.loc[lines, [one, other]] = frame.loc[lines, [other, one]].to_numpy()


def entered_again(rows: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    again = rows[rows["patient"] == "P07"].assign(patient="P99")
    return pd.concat([rows, again.set_index(again.index + 1000)])


def visit_again(rows: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([rows, rows.loc[[9]].assign(time=rows["time"][9] + 1).set_index(pd.Index([400]))])


SLIPS: dict[str, tuple[Callable[[pd.DataFrame, pd.DataFrame], object], str, int, str]] = {
    "pressures exchanged in a row": (
        lambda rows, people: exchange(rows, "sbp", "dbp", [40]), "sbp", 40,
        "in 1 row the values of sbp and dbp agree with the other rows only when they are exchanged",
    ),
    "pressures exchanged in rows": (
        lambda rows, people: exchange(rows, "sbp", "dbp", [12, 40, 99]), "sbp", 12,
        "in 3 rows the values of sbp and dbp",
    ),
    "height and weight exchanged": (
        lambda rows, people: exchange(people, "height", "weight", [9, 30]), "height", 9,
        "in 2 rows the values of height",
    ),
    "a column a row too low": (
        lambda rows, people: rows.update(pd.Series(np.roll(rows["crp"], 1), rows.index, name="crp")), "crp", 7,
        "as if the column were one row too low",
    ),
    "a column a row too high": (
        lambda rows, people: rows.update(pd.Series(np.roll(rows["sbp"], -1), rows.index, name="sbp")), "sbp", 6,
        "as if the column were one row too high",
    ),
    "a column sorted alone": (
        lambda rows, people: rows.update(pd.Series(np.sort(rows["crp"]), rows.index, name="crp")), "crp", 2,
        "the values ascend from the first row to the last",
    ),
    "a patient under two ids": (
        entered_again, "id", 1037, "the patients 'P07' and 'P99' have the same values at every visit",
    ),
    "a visit entered twice": (
        visit_again, "time", 400, "1 row has the values of the patient's previous row in every marker",
    ),
    "a negative weight": (
        lambda rows, people: people.update(pd.Series([-78.0], [17], name="weight")), "weight", 17,
        "1 value is negative, such as -78",
    ),
    "a negative age": (
        lambda rows, people: people.update(pd.Series([-5.0], [8], name="age")), "age", 8,
        "1 value is negative, such as -5",
    ),
    "a sex that changes": (
        lambda rows, people: rows.update(pd.Series(["m"], [5], name="sex")), "sex", 5,
        "it changes within 1 of 60 patients, such as from 'f' to 'm'; the last value up to the landmark is taken",
    ),
    "an arm that changes in one patient": (
        lambda rows, people: rows.update(pd.Series(["b"], [5], name="arm")), "arm", 5,
        "it changes within 1 of 60 patients",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_is_the_one_warning(name: str) -> None:
    change, column, line, message = SLIPS[name]
    (row,) = told(change).to_dict("records")
    assert message in row["message"] and (row["severity"], row["column"], row["line"]) == ("warning", column, line)
    assert row["file"] == ("p.csv" if column in ("height", "weight", "age") else "m.csv")


@pytest.mark.parametrize("heavy", [False, True])
def test_clean_studies_hardly_ever_have_a_warning(heavy: bool) -> None:
    found = [told(seed=seed, heavy=heavy)["message"].tolist() for seed in range(6, 18)]
    assert sum(map(len, found)) <= (1 if heavy else 0), found


@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        ({}, "; the last value up to the landmark is taken"),
        ({"landmark": "none"}, "; the last value is taken"),
        ({"growth__fixed": "~ time + arm"}, "; the last value up to the landmark is taken, and models of the "
         "measurements take that of each visit"),
        ({"growth__fixed": "~ time + arm", "outcome__covariates": ["age"]}, "; models of the measurements take that "
         "of each visit"),
    ],
)  # fmt: skip
def test_a_changing_characteristic_is_named_with_the_values_that_are_taken(
    asked: dict[str, object], taken: str
) -> None:
    markers, landmark = {"crp": {"column": "crp"}}, asked.get("landmark")
    keys = {"markers": markers, "data__time": "time", "outcome__covariates": ["arm"], **asked}
    study = study_of(**{key: value for key, value in keys.items() if key != "landmark"})
    study = study.model_copy(update={"landmark": landmark}) if landmark else study  # of survival it is refused
    rows, people = tables()
    rows.loc[5, "arm"] = "b"
    findings = Findings()
    tell_misplaced(study, rows, people, ("m.csv", "p.csv"), findings)
    (row,) = findings.frame().to_dict("records")
    assert row["message"].endswith(taken)


def test_what_changes_by_its_nature_is_no_slip() -> None:
    def visits(rows: pd.DataFrame, people: pd.DataFrame) -> None:
        rows["arm"] = np.where(np.arange(len(rows)) % 3 == 0, "b", "a")  # a treatment over time
        people["weight"] -= people["weight"].median()  # centred

    assert told(visits).empty


def test_tails_that_are_heavy_on_all_sides_are_no_exchange() -> None:
    """Percentages that add up to a constant jump together; as many jumps lead away from an exchange as to it."""

    def cells(rows: pd.DataFrame, people: pd.DataFrame) -> None:
        jump = np.zeros(len(rows))
        jump[::25] = np.where(np.arange(len(jump[::25])) % 2 == 0, 30, -30)
        rows["sbp"], rows["dbp"] = 60 - jump + rows["sbp"] % 7, 30 + jump + rows["dbp"] % 7

    def one_way(rows: pd.DataFrame, people: pd.DataFrame) -> None:
        cells(rows, people)
        exchange(rows, "sbp", "dbp", rows.index[rows["sbp"] > 80].tolist())
        rows.loc[rows["dbp"] > 80, ["sbp", "dbp"]] = [30.0, 60.0]

    assert not told(cells)["message"].str.contains("exchanged").any()
    assert told(one_way)["message"].str.contains("exchanged").any()


def test_the_median_of_the_others_is_that_of_its_definition() -> None:
    random = np.random.default_rng(2)
    codes, values = random.integers(0, 9, 60), random.integers(0, 12, 60).astype(float)
    values[random.random(60) < 0.2] = np.nan
    for place, found in enumerate(medians_of_others(values, codes)):
        others = [v for n, v in enumerate(values) if n != place and codes[n] == codes[place] and np.isfinite(v)]
        known = np.isfinite(values[place]) and len(others) >= 2
        assert found == median(others) if known else np.isnan(found)


def test_a_spreadsheets_error_is_no_level() -> None:
    findings = Findings()
    refuse_spellings(pd.Series(["a", "#REF!", "b", "#REF!"], index=[2, 3, 4, 5], name="site"), "p.csv", findings)
    (row,) = findings.frame().to_dict("records")
    assert "'#REF!' is what a spreadsheet writes where a formula failed (2 of 4 cells)" in row["message"]
    assert (row["severity"], row["line"]) == ("error", 3)
