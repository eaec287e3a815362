"""The PBC study written as each kind of file and database and read back: the same cohort, byte for byte."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyreadstat
import pytest
import yaml

from slopewise.cohort import Cohort, prepare_cohort
from slopewise.sources.readers import READERS
from slopewise.sources.snapshot import DATABASES, frozen
from slopewise.study.keys_of_databases import Database
from slopewise.study.model import Study
from slopewise.study.reading import load_study
from slopewise.tables import files as tables
from tests import servers
from tests.unit.cohort import omop
from tests.unit.sources.workbooks import write_workbook

TABLES = ("measurements", "later", "patients", "flow", "problems")


def typed(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with its columns of numbers as numbers, None where a text is missing."""
    found = frame.apply(lambda column: pd.to_numeric(column.replace("", None), errors="coerce"))
    texts = [name for name in frame.columns if found[name].isna().sum() > frame[name].eq("").sum()]
    return found.astype("float64").assign(**{name: frame[name].replace("", None) for name in texts})


def _workbook(frame: pd.DataFrame, path: Path) -> None:
    rows = typed(frame).astype(object).where(frame != "", None).to_numpy().tolist()
    write_workbook(path, {"cover": [], "data": [list(frame.columns), *rows]})


def _decimal_commas(frame: pd.DataFrame, path: Path) -> None:
    frame.apply(lambda column: column.str.replace(".", ",")).to_csv(path, index=False, sep="\t")


def _gzip(frame: pd.DataFrame, path: Path) -> None:
    path.write_bytes(gzip.compress(frame.to_csv(index=False, sep=";").encode("utf-16")))


def _zip(frame: pd.DataFrame, path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("export/table.csv", frame.to_csv(index=False))


def _dataset(frame: pd.DataFrame) -> tuple[dict[str, Any], list[list[Any]]]:
    """What a data set of CDISC Dataset-JSON says of itself, and its rows."""
    values = typed(frame)
    columns = [{"itemOID": f"IT.{name}", "name": name, "label": name, "dataType": "string"} for name in values.columns]
    rows = values.astype(object).where(values.notna(), None).to_numpy().tolist()
    return {"datasetJSONVersion": "1.1.0", "records": len(rows), "name": "PBC", "columns": columns}, rows


def _dataset_json(frame: pd.DataFrame, path: Path) -> None:
    described, rows = _dataset(frame)
    path.write_text(json.dumps(described | {"rows": rows}), encoding="utf-8")


def _dataset_ndjson(frame: pd.DataFrame, path: Path) -> None:
    described, rows = _dataset(frame)
    path.write_text("\n".join(json.dumps(line) for line in [described, *rows]), encoding="utf-8")


WRITERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    ".csv": lambda frame, path: frame.to_csv(path, index=False),
    ".tab": _decimal_commas,
    ".gz": _gzip,
    ".zip": _zip,
    ".parquet": lambda frame, path: typed(frame).to_parquet(path),
    ".feather": lambda frame, path: typed(frame).to_feather(path),
    ".xlsx": _workbook,
    ".ods": _workbook,
    ".sav": lambda frame, path: pyreadstat.write_sav(typed(frame), path),
    ".zsav": lambda frame, path: pyreadstat.write_sav(typed(frame), path, compress=True),
    ".dta": lambda frame, path: pyreadstat.write_dta(typed(frame), path),
    ".json": _dataset_json,
    ".ndjson": _dataset_ndjson,
    ".xpt": lambda frame, path: pyreadstat.write_xport(typed(frame), path, file_format_version=5),
}


def _sqlite(frame: pd.DataFrame, file: Path, table: str) -> None:
    with closing(sqlite3.connect(file)) as made:
        typed(frame).to_sql(table, made, index=False)


def _duckdb(frame: pd.DataFrame, file: Path, table: str) -> None:
    with closing(duckdb.connect(str(file))) as made:
        made.register("given", typed(frame))
        made.execute(f"CREATE TABLE {table} AS SELECT * FROM given")


def _postgresql(frame: pd.DataFrame, server: servers.Server, table: str) -> None:
    values = typed(frame)
    kinds = [("double precision" if dtype == "float64" else "text") for dtype in values.dtypes]
    columns = ", ".join(f'"{name}" {kind}' for name, kind in zip(values.columns, kinds, strict=True))
    with server.connect() as owner:
        owner.execute(f"CREATE TABLE {table} ({columns})")
        with owner.cursor().copy(f"COPY {table} FROM STDIN") as copy:
            for row in values.astype(object).where(values.notna(), None).itertuples(index=False):
                copy.write_row(row)


DATABASE_WRITERS: dict[str, Callable[..., None]] = {"sqlite": _sqlite, "duckdb": _duckdb, "postgresql": _postgresql}


def _omop_duckdb(frame: pd.DataFrame, file: Path, table: str) -> None:
    with closing(duckdb.connect(str(file))) as made:
        made.register("given", frame)
        made.execute(f"CREATE TABLE {table} AS SELECT * FROM given")


def _omop_postgresql(frame: pd.DataFrame, server: servers.Server, table: str) -> None:
    kinds = {"i": "integer", "f": "double precision"}
    types = [
        "date" if str(name).endswith("_date") else kinds.get(dtype.kind, "text") for name, dtype in frame.dtypes.items()
    ]
    columns = ", ".join(f"{name} {kind}" for name, kind in zip(frame.columns, types, strict=True))
    with server.connect() as owner:
        owner.execute(f"CREATE TABLE {table} ({columns})")
        with owner.cursor().copy(f"COPY {table} FROM STDIN") as copy:
            for row in frame.astype(object).itertuples(index=False):
                copy.write_row(row)


OMOP_WRITERS: dict[str, Callable[..., None]] = {"duckdb": _omop_duckdb, "postgresql": _omop_postgresql}
QUERIES = Path(__file__).parents[3] / "config" / "queries"
SAME = {".tsv": ".tab", ".txt": ".csv", ".pq": ".parquet", ".xlsm": ".xlsx"}
"""Suffixes that are read by the reader of another one."""
NOT_WRITTEN = {".sas7bdat", ".snapshot"}
"""Kinds of file that only their own program writes, and what is made of a database."""


@pytest.fixture(scope="module")
def pbc(root: Path) -> Study:
    return load_study(root / "config" / "studies" / "pbc.yaml")


@pytest.fixture(scope="module")
def frames(pbc: Study, root: Path) -> dict[str, pd.DataFrame]:
    """Both tables as text, numbers with the 15 digits that a spreadsheet keeps."""
    files = {"measurements": pbc.data.measurements, "patients": str(pbc.data.patients)}
    read = {key: pd.read_csv(root / file, dtype=str, keep_default_na=False) for key, file in files.items()}
    return {
        key: frame.map(lambda cell: f"{float(cell):.15g}" if len(cell) > 15 else cell) for key, frame in read.items()
    }


@pytest.fixture(scope="module")
def known(pbc: Study, frames: dict[str, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("known")
    return written(prepare_cohort(moved(pbc, frames, folder, ".csv"), folder), folder)


def written(cohort: Cohort, folder: Path) -> dict[str, bytes]:
    """The bytes of each file of ``cohort/``."""
    for name in TABLES:
        tables.write(getattr(cohort, name), f"cohort/{name}", folder / name)
    return {name: (folder / name).read_bytes() for name in TABLES}


def moved(pbc: Study, frames: dict[str, pd.DataFrame], folder: Path, suffix: str) -> Study:
    """The study with its tables written into `folder` as files of one kind."""
    files = {key: f"{key}{suffix}" for key in frames}
    for key, frame in frames.items():
        WRITERS[suffix](frame, folder / files[key])
    return pbc.model_copy(update={"data": pbc.data.model_copy(update=files)})


def melted(frame: pd.DataFrame, markers: list[str]) -> pd.DataFrame:
    """A long table of lab parameters with their units, those of bilirubin mixed; rows in no order of time."""
    long = frame.melt(["id", "day"], markers, "PARAMCD", "AVAL")
    long = long[long["AVAL"] != ""].sample(frac=1, random_state=1)
    where = (long["PARAMCD"] == "bili") & (long["day"].astype(int) % 2 == 1)
    doubled = [
        repr(float(value) * 2) if is_other else value for value, is_other in zip(long["AVAL"], where, strict=True)
    ]
    return long.assign(AVAL=doubled, AVALU=where.map({True: "half", False: "mg/dl"}), ANL01FL="Y")


def test_a_long_table_gives_the_same_cohort(
    pbc: Study, known: dict[str, bytes], frames: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    long = melted(frames["measurements"], ["bili", "albumin", "protime", "platelet"])
    other = long.head(50).assign(AVAL="77", ANL01FL="N")  # rows that the study does not ask for
    pd.concat([other, long]).to_csv(tmp_path / "adlb.csv", index=False)
    people = frames["patients"]
    twice = pd.concat([people.assign(PARAMCD="PFS", status="9"), people.assign(PARAMCD="OS")])
    twice.to_csv(tmp_path / "adtte.csv", index=False)
    content = yaml.safe_load(pbc.model_dump_json(exclude_defaults=True))
    content["data"] |= {"measurements": "adlb.csv", "patients": "adtte.csv", "where": {"ANL01FL": "Y"}}
    content["data"]["layout"] = {"parameter": "PARAMCD", "value": "AVAL", "unit": "AVALU"}
    content["outcome"]["where"] = {"PARAMCD": "OS"}
    content["markers"]["log_bilirubin"]["units"] = {"mg/dl": 1, "half": 0.5}
    study = Study.model_validate_json(json.dumps(content))
    cohort = prepare_cohort(study, tmp_path)
    found = written(cohort, tmp_path)
    assert {name for name in TABLES if found[name] != known[name]} == {"problems"}  # which has the rows' selection
    notes = cohort.problems.set_index("message")["action"].to_dict()
    assert notes[f"{len(long)} of {len(long) + 50} rows were selected by ANL01FL"] == "as given in data.where"
    assert notes["312 of 624 rows were selected by PARAMCD"] == "as given in outcome.where"


def test_adam_data_sets_give_the_same_cohort(
    pbc: Study, known: dict[str, bytes], frames: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    """ADLB by line and ADTTE as transport file: relative days count from 1, and CNSR is 0 for an event."""
    rows, people = frames["measurements"], frames["patients"]
    adlb = rows.melt(["id", "day"], ["bili", "albumin", "protime"], "PARAMCD", "AVAL").query("AVAL != ''")
    adlb = adlb.assign(ADY=(adlb["day"].astype(int) + 1).astype(str), PARAMCD=adlb["PARAMCD"].str.upper())
    _dataset_ndjson(adlb.drop(columns="day").rename(columns={"id": "USUBJID"}), tmp_path / "adlb.ndjson")
    names = {"id": "SUBJ", "age": "age", "sex": "sex"}
    adtte = people.rename(columns=names)[[*names.values()]].assign(
        AVAL=(people["futime"].astype(int) + 1).astype(str), CNSR=people["status"].eq("0").astype(int).astype(str)
    )
    both = pd.concat([adtte.assign(PARAMCD="OS"), adtte.assign(PARAMCD="PFS", AVAL="3")])
    pyreadstat.write_xport(typed(both), tmp_path / "adtte.xpt", file_format_version=5)
    content = yaml.safe_load(pbc.model_dump_json(exclude_defaults=True))
    content["data"] |= {"measurements": "adlb.ndjson", "patients": "adtte.xpt", "patient": "USUBJID", "time": "ADY"}
    content["data"] |= {"patients_patient": "SUBJ", "time_zero": 1}
    content["data"]["layout"] = {"parameter": "PARAMCD", "value": "AVAL"}
    for marker in content["markers"].values():
        marker["column"] = marker["column"].upper()
    content["outcome"] |= {"where": {"PARAMCD": "OS"}, "time": "AVAL", "event": "CNSR"}
    content["outcome"] |= {"events": {"0": "transplant or death"}, "censored": ["1"]}
    found = written(prepare_cohort(Study.model_validate_json(json.dumps(content)), tmp_path), tmp_path)
    assert {name for name in ("measurements", "later", "patients") if found[name] != known[name]} == set()


def dated(frames: dict[str, pd.DataFrame], sexes: dict[str, str]) -> dict[str, pd.DataFrame]:
    """The study's tables with what records of care hold: days as dates, birth dates for ages, every event a death."""
    rows, people = frames["measurements"], frames["patients"]

    def day(patient: str, days: float) -> str:
        return (omop.entry(patient) + timedelta(days=days)).isoformat()

    time = [day(one, int(days)) for one, days in zip(rows["id"], rows["day"], strict=True)]
    born = [day(one, -round(float(age) * 365.25)) for one, age in zip(people["id"], people["age"], strict=True)]
    end = [day(one, int(days)) for one, days in zip(people["id"], people["futime"], strict=True)]
    died = people["status"].ne("0").astype(int).astype(str)
    kept = people[["id"]].assign(sex=people["sex"].map(sexes), birth_date=born, end_date=end, died=died)
    return {"measurements": rows.assign(time=time).drop(columns="day"), "patients": kept}


def of_records(pbc: Study) -> dict[str, Any]:
    """The content of the study file for tables of `dated`."""
    content = yaml.safe_load(pbc.model_dump_json(exclude_defaults=True))
    content["data"] |= {"time": "time", "time_unit": "date", "time_zero": "first_visit", "birth_date": "birth_date"}
    content["outcome"] |= {"time": "end_date", "time_unit": "date", "event": "died", "events": {"1": "death"}}
    return content


def bytes_of_records(
    pbc: Study, frames: dict[str, pd.DataFrame], sexes: dict[str, str], folder: Path
) -> dict[str, bytes]:
    """The cohort of the study's tables as `dated` has them, in CSV files."""
    (folder / "known").mkdir()
    study = Study.model_validate_json(json.dumps(of_records(pbc)))
    study = moved(study, dated(frames, sexes), folder / "known", ".csv")
    return written(prepare_cohort(study, folder / "known"), folder / "known")


LOINC = {"bili": "1975-2", "albumin": "1751-7", "protime": "5902-2"}
UCUM = {"bili": "mg/dL", "albumin": "g/dL", "protime": "s"}


def _fhir(frames: dict[str, pd.DataFrame], folder: Path) -> None:
    """Both tables as a bulk export: times in another zone, a status that does not count, a panel with components."""
    lines = []
    for patient, group in frames["measurements"].groupby("id", sort=False):
        for row in group.to_dict("records"):
            day = (omop.entry(str(patient)) + timedelta(days=int(row["day"]))).isoformat()
            parts = [
                {
                    "code": {
                        "coding": [{"system": "urn:own", "code": name}, {"system": "http://loinc.org", "code": code}]
                    },
                    "valueQuantity": {"value": float(row[name]), "unit": "of the laboratory", "code": UCUM[name]},
                }
                for name, code in LOINC.items()
                if row[name]
            ]
            shared = {"resourceType": "Observation", "subject": {"reference": f"Patient/{patient}"}}
            shared |= {"effectiveDateTime": f"{day}T23:30:00-08:00", "status": "final"}
            lines += [shared | parts[0], {**shared, "code": {"text": "panel"}, "component": parts[1:]}]
            lines.append(shared | parts[0] | {"status": "entered-in-error"})
    (folder / "Observation.ndjson").write_text("\n".join(map(json.dumps, lines)))
    tables = omop.omop(frames["measurements"], frames["patients"])
    person, death = tables["person"], tables["death"].set_index("person_id")["death_date"]
    last = tables["observation_period"].groupby("person_id")["observation_period_end_date"].max()
    people = [
        {
            "resourceType": "Patient",
            "id": str(one.person_id),
            "gender": {8507: "male", 8532: "female"}[one.gender_concept_id],
            "birthDate": f"{one.year_of_birth}-{one.month_of_birth:02}-{one.day_of_birth:02}",
            "meta": {"lastUpdated": f"{last[one.person_id]}T12:00:00.000Z"},
            **({"deceasedDateTime": death[one.person_id].isoformat()} if one.person_id in death.index else {}),
        }
        for one in person.itertuples()
    ]
    (folder / "Patient.ndjson").write_text("\n".join(map(json.dumps, people)))


def test_a_bulk_export_of_fhir_gives_the_same_cohort(
    pbc: Study, known: dict[str, bytes], frames: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    _fhir(frames, tmp_path)
    content = of_records(pbc)
    content["data"] |= {"measurements": "Observation.ndjson", "patients": "Patient.ndjson", "patient": "patient"}
    content["data"]["layout"] = {"parameter": "code", "value": "value", "unit": "unit"}
    for marker in content["markers"].values():
        marker["column"] = LOINC[marker["column"]]
    cohort = prepare_cohort(Study.model_validate_json(json.dumps(content)), tmp_path)
    found = written(cohort, tmp_path)
    records = bytes_of_records(pbc, frames, {"m": "male", "f": "female"}, tmp_path)
    assert {name for name in TABLES if found[name] != records[name]} == {"problems"}  # which has what was left out
    assert found["measurements"] == known["measurements"] and found["later"] == known["later"]
    count = len(frames["measurements"])
    assert f"{count} records were left out: their status is 'entered-in-error'" in set(cohort.problems["message"])


def test_every_kind_of_file_is_written_here() -> None:
    assert set(WRITERS) | set(SAME) | NOT_WRITTEN == set(READERS)
    assert set(DATABASE_WRITERS) == set(DATABASES)
    assert all(READERS[one] == READERS[other] for one, other in SAME.items())


@pytest.mark.parametrize("suffix", [suffix for suffix in WRITERS if suffix != ".csv"])
def test_the_cohort_is_the_same_whatever_the_kind_of_file(
    suffix: str, pbc: Study, known: dict[str, bytes], frames: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    check_same(moved(pbc, frames, tmp_path, suffix), known, tmp_path)


@pytest.mark.parametrize("kind", DATABASE_WRITERS)
def test_the_cohort_is_the_same_from_every_kind_of_database(
    kind: str,
    pbc: Study,
    known: dict[str, bytes],
    frames: dict[str, pd.DataFrame],
    tmp_path: Path,
    monkeypatch: Any,
    request: pytest.FixtureRequest,
) -> None:
    server = request.getfixturevalue("postgresql") if kind == "postgresql" else None
    for key, frame in frames.items():
        DATABASE_WRITERS[kind](frame, server or tmp_path / "pbc.db", key)
        (tmp_path / f"{key}.sql").write_text(f"SELECT * FROM {key}")
    monkeypatch.setenv("PBC_DATABASE", server.url() if server else f"{kind}:///{tmp_path / 'pbc.db'}")
    tables = {key: Database(database=kind, url_env="PBC_DATABASE", query=f"{key}.sql") for key in frames}  # type: ignore[arg-type]
    study = pbc.model_copy(update={"data": pbc.data.model_copy(update=tables)})
    study = frozen(study, tmp_path, tmp_path / "snapshots")
    check_same(study, known, tmp_path)
    if kind != "sqlite":
        check_omop(kind, server or tmp_path / "pbc.db", frames, known, pbc, tmp_path)


def check_omop(
    kind: str, place: Any, frames: dict[str, pd.DataFrame], known: dict[str, bytes], pbc: Study, folder: Path
) -> None:
    """The templates that ship, on a small OMOP in the database: the bytes of the PBC study, ages from birth dates."""
    for name, frame in omop.omop(frames["measurements"], frames["patients"]).items():
        OMOP_WRITERS[kind](frame, place, name)
    study = with_omop(kind, folder, "omop_death.sql", {"event": "died", "events": {"1": "death"}})
    found = written(prepare_cohort(study, folder), folder)
    records = bytes_of_records(pbc, frames, {"m": "m", "f": "f"}, folder)
    assert {name for name in TABLES if found[name] != records[name]} <= {"problems"}
    assert found["measurements"] == known["measurements"] and found["later"] == known["later"]
    asked = {"event": "status", "events": {"1": "cirrhosis"}, "competing": {"2": "death"}}
    ill = prepare_cohort(with_omop(kind, folder, "omop_condition.sql", asked), folder).patients
    tenth = ill["patient"].astype(int) % 10 == 0
    assert set(ill["event"][tenth]) == {1} and set(ill["event"][~tenth]) == {0, 2}
    assert ill["followup"][tenth].round(9).unique().tolist() == [round(900 / 365.25 - 2, 9)]


def with_omop(kind: str, folder: Path, people: str, outcome: dict[str, Any]) -> Study:
    queries = {"measurements": str(QUERIES / "omop_measurements.sql"), "patients": str(QUERIES / people)}
    tables = {key: {"database": kind, "url_env": "PBC_DATABASE", "query": query} for key, query in queries.items()}
    columns = {"bili": "log_bilirubin", "albumin": "albumin", "protime": "log_prothrombin"}
    content = yaml.safe_load((QUERIES.parent / "studies" / "pbc.yaml").read_text())
    content["data"] |= {"patient": "person_id", "time": "measurement_date", "time_unit": "date"} | tables
    content["data"] |= {"time_zero": "first_visit", "birth_date": "birth_date"}
    content["data"]["layout"] = {"parameter": "concept", "value": "value", "unit": "unit"}
    for column, name in columns.items():
        content["markers"][name]["column"] = str(omop.CONCEPTS[column])
    content["outcome"] |= {"time": "end_date", "time_unit": "date", **outcome}
    study = Study.model_validate_json(json.dumps(content))
    return frozen(study, folder, folder / "snapshots")


def check_same(study: Study, known: dict[str, bytes], tmp_path: Path) -> None:
    found = written(prepare_cohort(study, tmp_path), tmp_path)
    assert {name for name in TABLES if found[name] != known[name]} <= {"problems"}  # which names the files
    assert findings_of(found) == findings_of(known)


def findings_of(cohort: dict[str, bytes]) -> list[tuple[str, ...]]:
    """The findings without the name of the file, which is all that the cohort has of it: no later step reads the files
    (test_end_of_sources.py), so that the report is the same."""
    frame = pd.read_csv(io.BytesIO(cohort["problems"]), dtype=str, keep_default_na=False).drop(columns="file")
    return sorted(map(tuple, frame.to_numpy().tolist()))
