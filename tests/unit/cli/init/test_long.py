"""`slopewise init` on long tables whose columns have any names, and on dates of birth."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from slopewise.cli.init.draft import Dialect
from slopewise.cli.init.guess import Named
from slopewise.cli.init.long import by_rows
from slopewise.cli.init.write import told_lines, write_study
from slopewise.cohort import prepare_cohort
from slopewise.cohort.measured_units import unit_factor
from slopewise.sources.readers import read_table
from slopewise.study.keys import Data
from slopewise.study.reading import load_study

DATA = Data.model_validate(
    {"measurements": "m.csv", "patient": "?", "time": "??", "time_unit": "days", "analysis_unit": "days"}
)
UNITS = {"bili": "mg/dl", "albumin": "g/dl", "protime": "s"}
ENGLISH = {"Test": "Test", "Result": "Result", "Unit": "Unit", "Day": "Day", "Patient": "Patient"}
GERMAN = {"Test": "Kürzel", "Result": "Ergebnis", "Unit": "Einheit", "Day": "Datum", "Patient": "Fall"}


@pytest.fixture(scope="module")
def tables(root: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Patients of the PBC study with dates: a row for each patient, day and test, with the limits of the test."""
    rows, people = (
        pd.read_csv(root / f"data/pbcseq/{name}.csv").query("id % 5 == 0") for name in ("measurements", "patients")
    )
    start = dict(zip(people["id"], pd.Timestamp("1975-01-01") + pd.to_timedelta(people["id"] * 7, "D"), strict=True))
    first = rows["id"].map(start)
    rows = rows.assign(Day=(first + pd.to_timedelta(rows["day"], "D")).dt.strftime("%Y-%m-%d"), Patient=rows["id"])
    long = rows.melt(["Patient", "Day"], list(UNITS), "Test", "Result").dropna().assign(Lower=1.0)
    long = long.assign(Unit=long["Test"].map(UNITS), Upper=long["Test"].map({"bili": 1.1, "albumin": 5, "protime": 12}))
    first = people["id"].map(start)
    born = first - pd.to_timedelta((people["age"] * 365.25).round(), "D")
    end = first + pd.to_timedelta(people["futime"], "D")
    who = pd.DataFrame({"Patient": people["id"], "Birth date": born.dt.strftime("%Y-%m-%d"), "sex": people["sex"]})
    return long.sample(frac=1, random_state=1), who.assign(
        end_date=end.dt.strftime("%Y-%m-%d"), died=(people["status"] == 2) * 1
    )


@pytest.mark.parametrize("names", [ENGLISH, GERMAN])
def test_a_long_table_of_any_names_is_proposed_as_a_layout(
    names: dict[str, str], tables: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    long, _ = tables
    again = long[::3].assign(Result=long["Result"] * 1.1, State="preliminary")
    both = pd.concat([long.assign(State="final"), again]).rename(columns=names)
    both.to_csv("m.csv", index=False)
    draft = write_study("m.csv", None, Path("s.yaml"), "", Dialect(), Named(outcome=False), force=True)
    study = load_study("s.yaml")
    layout = study.data.layout
    assert layout is not None
    assert (layout.parameter, layout.value, layout.unit) == (names["Test"], names["Result"], names["Unit"])
    assert (study.data.patient, study.data.time, study.data.time_unit) == (names["Patient"], names["Day"], "date")
    assert dict(study.data.where) == {"State": ("final",)}
    units = {marker.column: marker.unit.removeprefix("log ") for marker in study.markers.values()}
    assert units == UNITS and study.markers["bili"].unit == "log mg/dl"
    said = "\n".join(told_lines(draft, Path("s.yaml")))
    assert f"layout:  {names['Result']} by {names['Test']} ({names['Test']} has 3 codes, which tell apart the" in said
    assert "rows:    State final: A GUESS: with this level of State a patient has one row for each time and p" in said
    assert f"preliminary in {len(again)} rows" in said and "where: A GUESS" in Path("s.yaml").read_text()
    rows = prepare_cohort(study, Path()).measurements
    assert len(rows) == len(long[["Patient", "Day"]].drop_duplicates())


def test_a_parameter_in_several_units_is_proposed_with_its_factors(
    tables: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bilirubin in µmol/l and albumin in g/l in some rows; units whose values contradict the factor are left out."""
    monkeypatch.chdir(tmp_path)
    long, _ = tables
    long.to_csv("m.csv", index=False)
    write_study("m.csv", None, Path("known.yaml"), "", Dialect(), Named(outcome=False), force=True)
    known = prepare_cohort(load_study("known.yaml"), Path()).measurements
    rows = long.copy()
    third = pd.Series(range(len(rows)), index=rows.index) % 3 == 0
    for test, unit, factor in (("bili", "µmol/L", 17.104), ("albumin", "g/L", 10.0), ("protime", "g", 1.0)):
        chosen = third & (rows["Test"] == test)
        rows.loc[chosen, "Result"] *= factor
        rows.loc[chosen, "Unit"] = unit
    rows["Unit"] = rows["Unit"].replace("s", "mg")
    rows.to_csv("m.csv", index=False)
    draft = write_study("m.csv", None, Path("s.yaml"), "", Dialect(), Named(outcome=False), force=True)
    study = load_study("s.yaml")
    found = {marker.column: dict(marker.units) for marker in study.markers.values()}
    assert found == {"bili": {"mg/dl": 1, "µmol/L": 0.05846585594}, "albumin": {"g/dl": 1, "g/L": 0.1}}
    said = "\n".join(told_lines(draft, Path("s.yaml")))
    assert "bili: in mg/dl; values in µmol/L times 0.0584659" in said
    assert "left out: protime: it has several units (g, mg), which need factors in markers.NAME.units: write " in said
    assert "{column: protime, units: {g: 1, mg: FACTOR}}" in said
    read = prepare_cohort(study, Path()).measurements
    same = known[read.columns].dropna(subset=list(study.markers), how="all").reset_index(drop=True)
    pd.testing.assert_frame_equal(read, same, rtol=1e-9)


@pytest.mark.parametrize(
    ("given", "wanted", "parameter", "factor"),
    [
        ("mg/dL", "mg/l", "CRP", 10.0),
        ("mg/l", "mg/dl", "CRP", 0.1),
        ("µg/ml", "mg/L", "CRP", 1.0),
        ("g", "mg", "URINE", 1000.0),
        ("mmol/l", "μmol/L", "anything", 1000.0),
        ("mIU/L", "uIU/mL", "TSH", 1.0),
        ("mg/dl", "µmol/l", "CREAT", 88.42),
        ("umol/L", "mg/dL", "Kreatinin", 1 / 88.42),
        ("mmol/l", "mg/dl", "GLUC", 18.016),
        ("g/l", "mmol/l", "LDL cholesterol", 100 / 38.67),
        ("mg/dl", "µmol/l", "CRP", None),  # whose molar mass is not known here
        ("mg/dl", "mg", "CRP", None),
        ("mg/dl", "U/l", "ALT", None),
        ("%", "mmol/mol", "HBA1C", None),
        ("ms", "s", "PT", None),
    ],
)
def test_factors_between_units(given: str, wanted: str, parameter: str, factor: float | None) -> None:
    assert unit_factor(given, wanted, parameter) == (None if factor is None else pytest.approx(factor, rel=1e-9))


def test_a_date_of_birth_becomes_the_age(
    tables: tuple[pd.DataFrame, pd.DataFrame], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    long, people = tables
    long[long["Test"] != "protime"].to_csv("m.csv", index=False)
    people.to_csv("p.csv", index=False)
    draft = write_study("m.csv", "p.csv", Path("s.yaml"), "", Dialect(), Named(), force=True)
    study = load_study("s.yaml")
    known = pd.read_csv(root / "data/pbcseq/patients.csv").set_index("id")["age"]
    low, high = (round(known[people["Patient"]].agg(one)) for one in ("min", "max"))
    assert study.data.birth_date == "Birth date" and study.outcome.covariates == ("sex", "age")
    why = f"# birth_date: the age at time zero, {low} to {high} years, becomes the column age"
    assert why in Path("s.yaml").read_text()
    assert "covariates: sex, age (age from Birth date)" in told_lines(draft, Path("s.yaml"))
    found = prepare_cohort(study, Path()).patients.set_index("patient")["age"].astype(float)
    assert (found - known.reindex(found.index.astype(int)).to_numpy()).abs().max() < 2 / 365.25


@pytest.mark.parametrize(
    ("born", "reason"),
    [
        ("1990-01-01", "Birth date is no date of birth: ages at time zero would lie outside 0 to 125"),
        ("01.02.1930", "Birth date is written in another way than the other dates; write them alike"),
    ],
)
def test_a_date_of_birth_that_cannot_serve_is_named_with_the_reason(
    born: str, reason: str, tables: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    long, people = tables
    long[long["Test"] == "albumin"].to_csv("m.csv", index=False)
    people.assign(**{"Birth date": born}).to_csv("p.csv", index=False)
    write_study("m.csv", "p.csv", Path("s.yaml"), "", Dialect(), Named(), force=True)
    assert load_study("s.yaml").data.birth_date is None
    assert reason in " ".join(Path("s.yaml").read_text().replace("# ", "").split())


ROWS = [f"p{i},{t},{{}}" for i in range(8) for t in (0, 3, 6)]
OTHERS = {
    "a row per visit": ("id,day,test,crp", [row.format(f"a,{place}") for place, row in enumerate(ROWS)]),
    "two lesions at each visit, alike": (
        "id,day,lesion,size",
        [row.format(f"{one},{place % 7 + 0.5}") for place, row in enumerate(ROWS) for one in ("left", "right")],
    ),
    "no time": ("id,x,test,crp", [f"p{i},1,{one},{i}.5" for i in range(8) for one in "ab"]),
    "limits alone": (
        "id,day,test,lower",
        [row.format(f"{one},{1.5 if one == 'a' else 2}") for row in ROWS for one in "ab"],
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_tables_stay_as_they_are(name: str, tmp_path: Path) -> None:
    head, rows = OTHERS[name]
    (tmp_path / "m.csv").write_text("\n".join([head, *rows]) + "\n")
    assert by_rows(read_table(tmp_path, "m.csv", "MEASUREMENTS", DATA), DATA, None, Named()) is None
