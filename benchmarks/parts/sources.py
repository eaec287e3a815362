"""From a file or a database with many patients to the growth models: seconds and memory of each step."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

VISITS, EVENTS = 5, 0.4
SEED = 20261127
TABLES = ("measurements", "patients")
ADDRESS = "BENCHMARK_DATABASE"
Numbers = dict[str, float]
SUFFIXES = {"csv": ".csv", "parquet": ".parquet"}


def tables(patients: int) -> dict[str, pd.DataFrame]:
    """Visits in the first two years (id, day, crp), and each patient's follow-up, event, age and sex."""
    random = np.random.default_rng([SEED, patients])
    names = np.array([f"P{i:07d}" for i in range(patients)], dtype=object)
    who = np.repeat(np.arange(patients), VISITS)
    day = np.sort(random.integers(1, 180, (patients, VISITS)), axis=1)
    day = (day + 120 * np.arange(VISITS)).ravel() - day[:, :1].repeat(VISITS, axis=1).ravel()
    level, slope = random.normal(1, 0.5, patients), random.normal(0.1, 0.3, patients)
    log = level[who] + slope[who] * day / 365.25 + random.normal(0, 0.4, len(who))
    followup = np.minimum(800 + random.exponential(1500, patients), 3000).round()
    event = (random.random(patients) < EVENTS).astype(int)
    age, sex = random.normal(55, 10, patients).round(1), np.array(["f", "m"], dtype=object)
    return {
        "measurements": pd.DataFrame({"id": names[who], "day": day, "crp": np.exp(log).round(3)}),
        "patients": pd.DataFrame(
            {"id": names, "futime": followup, "status": event, "age": age, "sex": sex[random.integers(0, 2, patients)]}
        ),
    }


def study_of(kind: str) -> dict[str, Any]:
    """The study file: one marker, a survival outcome, two covariates."""
    data: dict[str, Any] = {"patient": "id", "time": "day", "time_unit": "days", "time_zero": 0}
    for name in TABLES:
        query = {"database": kind, "url_env": ADDRESS, "query": f"{name}.sql", "timeout": 600}
        data[name] = f"{name}{SUFFIXES[kind]}" if kind in SUFFIXES else query
    return {
        "study": "many",
        "seed": SEED,
        "data": {**data, "analysis_unit": "years"},
        "markers": {"crp": {"column": "crp", "transform": "log"}},
        "growth": {"fixed": "~ time", "random": "~ time"},
        "landmark": 2,
        "outcome": {
            "kind": "survival", "time": "futime", "time_unit": "days", "event": "status", "events": {1: "event"},
            "covariates": ["age", "sex"], "horizons": [2],
        },
    }  # fmt: skip


def write(patients: int, kind: str, folder: Path) -> None:
    """Write the tables in `folder` as files of one kind, or load them into the database at the address."""
    from slopewise.run.files import write_text

    write_text(folder / "study.yaml", json.dumps(study_of(kind)))
    for name, frame in tables(patients).items():
        if kind in SUFFIXES:
            path = folder / f"{name}{SUFFIXES[kind]}"
            frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path, index=False)
            continue
        write_text(folder / f"{name}.sql", f"SELECT * FROM {name}\n")
        _load(frame, name)


def _load(frame: pd.DataFrame, name: str) -> None:
    """A table of PostgreSQL with the columns of the frame, by COPY."""
    import io

    import psycopg

    kinds = {"i": "integer", "f": "double precision", "O": "text"}
    columns = ", ".join(f"{column} {kinds[dtype.kind]}" for column, dtype in frame.dtypes.items())
    with psycopg.connect(os.environ[ADDRESS], autocommit=True) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {name}")
        connection.execute(f"CREATE TABLE {name} ({columns})")
        with connection.cursor().copy(f"COPY {name} FROM STDIN (FORMAT csv)") as copy:
            for start in range(0, len(frame), 100_000):
                text = io.StringIO()
                frame.iloc[start : start + 100_000].to_csv(text, index=False, header=False)
                copy.write(text.getvalue())


def snapshot(folder: Path) -> Numbers:
    """Read the tables of a database into files, as a run does before it is planned."""
    return _measured(lambda: _frozen(folder))


def prepare(folder: Path) -> Numbers:
    """The step prepare_cohort on the tables in `folder`."""
    import prepare_cohort

    outputs = ("measurements", "later", "patients", "flow", "excluded", "problems", "agreement")
    made = {name: folder / f"{name}.{'parquet' if name in outputs[:3] else 'csv'}" for name in outputs}
    made = {name: folder / "cohort" / path.name for name, path in made.items()}
    study = _frozen(folder)
    return _measured(lambda: prepare_cohort.prepare(study, folder, **made))


def fit(folder: Path) -> Numbers:
    """The growth model of every patient, from the files of the cohort that `prepare` wrote."""
    return _measured(lambda: _fitted(folder))


def _fitted(folder: Path) -> None:
    from slopewise.growth.fitting import fit_batch
    from slopewise.slopes.inputs import GrowthInputs
    from slopewise.study.reading import load_study

    study = load_study(folder / ("frozen.yaml" if (folder / "frozen.yaml").is_file() else "study.yaml"))
    cohort = folder / "cohort"
    inputs = GrowthInputs.read(study, cohort / "measurements.parquet", cohort / "patients.parquet", None)
    for data in inputs.markers():
        assert fit_batch(data.trained_on, data.everybody()).converged.all()


def _frozen(folder: Path) -> Path:
    """The path of the study file, with snapshots in place of a database's tables."""
    from slopewise.run.files import write_text
    from slopewise.sources.snapshot import frozen
    from slopewise.study.reading import load_study

    study = load_study(folder / "study.yaml")
    if not study.data.databases:
        return folder / "study.yaml"
    study = frozen(study, folder, folder / "snapshots")
    write_text(folder / "frozen.yaml", study.model_dump_json(exclude_defaults=True))
    return folder / "frozen.yaml"


def _measured(work: Callable[[], object]) -> Numbers:
    """Seconds of the wall clock and of the processor, over all threads and since the process began; GiB at most."""
    from parts.clocks import Stopwatch, peak_memory

    watch = Stopwatch()
    work()
    return {"wall": watch.wall(), "processor": time.process_time(), "peak": peak_memory()}
