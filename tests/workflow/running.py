"""A cut-down PBC study, and two ways to run it: through Snakemake, or step by step in this process."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
import yaml

from slopewise.figures.canvas import without_drawing
from slopewise.study.reading import load_study
from slopewise.tables import catalogue
from slopewise.validate.evidence import NAMES
from tests.workflow import copied

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "workflow" / "scripts"
PATIENTS = 150

STUDY: dict[str, Any] = {
    "study": "small",
    "title": "A part of the PBC trial",
    "seed": 7,
    "data": {
        "measurements": "measurements.csv",
        "patients": "patients.csv",
        "patient": "id",
        "time": "day",
        "time_unit": "days",
        "analysis_unit": "years",
        "duplicates": "first",  # a row that a test gives to another patient may meet one of the same day
    },
    "markers": {
        "log_bilirubin": {"column": "bili", "transform": "log", "unit": "log mg/dl"},
        "albumin": {"column": "albumin", "unit": "g/dl"},
    },
    "landmark": 2.25,
    "outcome": {
        "kind": "survival",
        "time": "futime",
        "time_unit": "days",
        "event": "status",
        "events": {1: "transplant", 2: "death"},
        "covariates": ["age", "sex"],
        "horizons": [3, 5],
        "bootstrap": 20,
    },
    "crossfit": {"folds": 3, "repeats": 2},
    "validation": {"folds": 3, "repeats": 2, "bootstrap": 50},
    "growth": {"bootstrap": 40},
}

OF_ONE_RUN = ("prepare_cohort", "make_folds", "compare_growth", "gather_slopes", "fit_outcome", "validate_outcome")
OF_ONE_RUN += ("examine_sensitivity", "choose_examples", "ship_model")
PROMISED = [file for step in OF_ONE_RUN for entry in catalogue.written_by(step) for file in entry.files.values()]
PROMISED += ["outcome/models.json", "model.json", "provenance.json", "report.html", "rigour.json"]
"""Every file of a study but run.json, the only one that may differ from run to run."""

RECORDS = ("provenance.json", "report.html", "rigour.json")
"""Hold the digests of the study file and of every file that was there, which other ways to run a study change."""

ELSEWHERE = {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "LANG": "tr_TR.UTF-8", "PYTHONHASHSEED": "4711"}
"""Another time zone and locale, and texts that are hashed by another seed; nothing of it may reach a byte."""

BEFORE_LANDMARK = [name for name in PROMISED if name.split("/")[0] in {"folds.parquet", "growth", "slopes", "outcome"}]
BEFORE_LANDMARK += ["cohort/patients.parquet", "cohort/measurements.parquet", "model.json"]
"""What rows after the landmark must not touch."""


@dataclass
class Tables:
    """The two raw tables of a study and its settings, to be changed by a test and written to a folder."""

    measurements: pd.DataFrame
    patients: pd.DataFrame
    study: dict[str, Any]

    def write(self, folder: Path) -> Path:
        """Write measurements.csv, patients.csv and study.yaml; the path of the study file comes back."""
        folder.mkdir(parents=True, exist_ok=True)
        self.measurements.to_csv(folder / "measurements.csv", index=False)
        self.patients.to_csv(folder / "patients.csv", index=False)
        (folder / "study.yaml").write_text(yaml.safe_dump(self.study, sort_keys=False))
        return folder / "study.yaml"


def pbc_part() -> Tables:
    measurements = pd.read_csv(ROOT / "data/pbcseq/measurements.csv")
    patients = pd.read_csv(ROOT / "data/pbcseq/patients.csv")
    kept = patients["id"].isin(sorted(patients["id"])[:PATIENTS])
    columns = ["id", "day", "bili", "albumin"]
    return Tables(
        measurements.loc[measurements["id"].isin(patients.loc[kept, "id"]), columns].reset_index(drop=True),
        patients[kept].reset_index(drop=True),
        yaml.safe_load(yaml.safe_dump(STUDY)),
    )


def run_plain(folder: Path) -> Path:
    """The cut-down study as it is, run step by step into ``results`` of a folder."""
    return run_steps(pbc_part().write(folder), folder / "results", until="report", drawn=True)


def run_pbc(folder: Path) -> Path:
    """The shipped study with its own seed, folds and repeats; fewer resamples, and thresholds: no estimate moves."""
    study = yaml.safe_load((ROOT / "config/studies/pbc.yaml").read_text(encoding="utf-8"))
    study["outcome"]["bootstrap"] = 0
    study["outcome"]["thresholds"] = [0.2, 0.4]
    study["validation"]["bootstrap"] = 100
    (folder / "study.yaml").write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
    return run_steps(folder / "study.yaml", folder / "results", until="report", folder=ROOT, drawn=True)


def run_hostile(folder: Path) -> Path:
    """The study with hostile texts, run step by step into ``results`` of a folder."""
    return run_steps(hostile().write(folder), folder / "results", until="report", drawn=True)


KINDS = ("survival", "competing", "binary", "continuous", "none")


def of_kind(kind: str) -> Tables:
    """The cut-down study with another kind of outcome, made of the same columns; few resamples."""
    part = pbc_part()
    outcome = part.study["outcome"]
    outcome["bootstrap"] = 5
    if kind == "competing":
        outcome |= {"events": {2: "death"}, "competing": {1: "transplant"}}
    elif kind != "survival":
        part.patients["died"] = ["yes" if status == 2 else "no" for status in part.patients["status"]]
        part.patients["years"] = part.patients["futime"] / 365.25
        own = {"binary": {"column": "died", "positive": "yes"}, "continuous": {"column": "years"}, "none": {}}[kind]
        part.study["outcome"] = {"kind": kind, "bootstrap": 5, **own}
        if kind == "none":
            del part.study["validation"]
        else:
            part.study["outcome"] |= {"after_measurements": True, "covariates": ["age", "sex"]}
    part.study["growth"] = {"fixed": "~ time", "random": "~ time", "bootstrap": 20}
    return part


HOSTILE_IDS = ("<script>alert(1)</script>", "=1+1", "-2", "'quoted'", "@SUM(A1)")
LONG = "<i>" + "x" * 197
"""A column's name of 200 characters, the most that a study file may have."""


def hostile() -> Tables:
    """The cut-down study with texts that would run or break something, were they not taken for text."""
    part = pbc_part()
    names = dict(zip(sorted(part.patients["id"])[:5], HOSTILE_IDS, strict=True))
    for table in (part.measurements, part.patients):
        table["id"] = [names.get(patient, str(patient)) for patient in table["id"]]
    part.measurements = part.measurements.rename(columns={"albumin": LONG, "bili": "=1+1"})
    part.patients["sex"] = part.patients["sex"].map({"f": "=2+2", "m": '<b>"m"</b>'})
    part.patients = part.patients.rename(columns={"age": LONG, "sex": "+sex"})
    part.study["title"] = "\"Slopes\" & 'levels' 😀 </title><script>alert(2)</script>"
    part.study["description"] = "</main><img src=x onerror=alert(3)>"
    part.study["markers"] = {
        "log_bilirubin": {"column": "=1+1", "transform": "log", "label": "=1+1"},
        "albumin": {"column": LONG, "unit": "<u>g/dl</u>"},
    }
    part.study["outcome"]["events"] = {1: "</style>transplant", 2: "death 😀"}
    part.study["outcome"]["covariates"] = [LONG, "+sex"]
    part.study["outcome"]["bootstrap"] = 0
    return part


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder `name`, filled by `make` for whichever process of this test run asks first; the others wait for it.

    Nobody may change what is in it: a test that does works on a copy.
    """
    base = factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "made-once"
    shared.mkdir(exist_ok=True)
    folder, done = shared / name, shared / f"{name}.done"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


def snakemake(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake as a user would, without colours; `environment` changes variables."""
    other = [one for one in arguments if one.endswith("Snakefile") and one != str(ROOT / "Snakefile")]
    if sys.platform == "linux" and not environment and not other and str(ROOT / "Snakefile") in arguments:
        return copied.snakemake(arguments, cwd)
    return subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments],
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def script(name: str) -> ModuleType:
    """A rule's script as a module, its guard not run."""
    specification = importlib.util.spec_from_file_location(f"rule_{name}", SCRIPTS / f"{name}.py")
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def run_steps(
    study_file: Path, results: Path, until: str = "validate", folder: Path | None = None, drawn: bool = False
) -> Path:
    """Call the functions behind the rules one after the other, as Snakemake would; the folder of results comes back.

    The paths in the study file start at `folder`, or beside the study file. A report has figures if it is `drawn`.
    """
    folder = folder or study_file.parent

    cohort = outputs_of("prepare_cohort", results)
    script("prepare_cohort").prepare(study_file, folder, **cohort)
    folds = results / "folds.parquet"
    script("make_folds").make(study_file, cohort["patients"], folds)
    tables = {"measurements": cohort["measurements"], "patients": cohort["patients"]}
    study, batches = load_study(study_file), {}
    if study.removes_batches:
        audit = {"parameters": results / "work/batches.parquet", "audit": results / "work/batch_audit.parquet"}
        script("learn_batches").learn(study_file, **tables, folds=folds, **audit, threads=1)
        tables["batches"], batches = audit["parameters"], {"batch_audit": audit["audit"]}
    script("compare_growth").compare(study_file, **tables, outputs=outputs_of("compare_growth", results), threads=1)
    names = ("scores", "fits", "slopes", "fast", "share")
    chunk = {name: results / f"work/{name}.parquet" for name in names}
    script("cross_fit_slopes").cross_fit_chunk(study_file, 1, **tables, folds=folds, **chunk, threads=1)
    slopes = outputs_of("gather_slopes", results)
    parts = {name: [path] for name, path in chunk.items()}
    own = {**tables, **batches, "agreement": cohort["agreement"]}
    script("gather_slopes").gather(study_file, **own, folds=folds, **parts, outputs=slopes)
    if until == "slopes":
        return results
    if study.effects.kind:
        effects = outputs_of("estimate_effects", results)
        script("estimate_effects").estimate(study_file, **tables, outputs=effects, threads=1)
    if study.kind.predicts:
        _run_outcome(study_file, results, {**tables, "folds": folds, **slopes})
    else:
        reliability = results / "slopes/reliability.csv"
        script("rate_slopes").rate(study_file, **tables, slopes=slopes["slopes"], reliability=reliability, threads=1)
    if until == "report":
        made = [path for path in results.rglob("*") if path.suffix in {".parquet", ".csv", ".json"}]
        script("record_run").record(study_file, folder, made, results / "provenance.json", results / "run.json", 1)
        with nullcontext() if drawn else without_drawing():
            script("render_report").write(study_file, results / "report.html")
            if study.report.patients:
                script("render_patients").write(study_file, results / "report-patients.html")
    return results


def _run_outcome(study_file: Path, results: Path, tables: dict[str, Path]) -> None:
    """The steps of the outcome half."""
    names = ("measurements", "patients", "folds", "slopes", "crossfit", "fits", "filters")
    inputs = {name: tables[name] for name in (*names, "batches") if name in tables}
    models = results / "outcome/models.json"
    fitted = {**outputs_of("fit_outcome", results), "models": models}
    script("fit_outcome").fit(study_file, inputs, fitted, threads=1)
    inputs |= {"apparent": fitted["apparent"]}
    measured = outputs_of("validate_outcome", results)
    script("validate_outcome").validate(study_file, inputs, measured, threads=1)
    inputs |= {"predictions": measured["predictions"]}
    script("examine_sensitivity").examine(study_file, inputs, outputs_of("examine_sensitivity", results), threads=1)
    script("choose_examples").choose(study_file, models, inputs, outputs_of("choose_examples", results)["examples"])
    of_evidence = {name: results / catalogue.entry(table).file for name, table in NAMES.items()}
    made = outputs_of("ship_model", results)["evidence"]
    script("ship_model").ship(study_file, models, of_evidence, results / "model.json", made)


def outputs_of(step: str, results: Path) -> dict[str, Path]:
    """The tables that a rule writes, by the names that its script gives them."""
    return {name: results / file for entry in catalogue.written_by(step) for name, file in entry.files.items()}


def changed(first: Path, second: Path, names: list[str]) -> list[str]:
    """Those of the named files that differ in any byte."""
    return [name for name in names if (first / name).read_bytes() != (second / name).read_bytes()]
