"""A cut-down PBC study, and two ways to run it: through Snakemake, or step by step in this process."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import yaml

from slopewise.study.reading import load_study
from slopewise.tables.of_growth import OF_GROWTH, OF_SLOPES

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
}

PROMISED = [
    "cohort/measurements.parquet",
    "cohort/later.parquet",
    "cohort/patients.parquet",
    "cohort/flow.csv",
    "cohort/problems.csv",
    "folds.parquet",
    "growth/fixed_effects.csv",
    "growth/covariance.csv",
    "growth/population.csv",
    "growth/comparison.csv",
    "growth/serial.csv",
    "growth/trends.csv",
    "growth/variogram.csv",
    "growth/implied.csv",
    *(f"{name}.csv" for name in OF_GROWTH),
    "growth/fits.csv",
    "slopes/slopes.parquet",
    "slopes/slopes.csv",
    "slopes/crossfit.parquet",
    "slopes/leakage_audit.csv",
    *(f"{name}.csv" for name in OF_SLOPES),
    "slopes/reliability.csv",
    "outcome/coefficients.csv",
    "outcome/ledger.csv",
    "outcome/proportional_hazards.csv",
    "outcome/schoenfeld.csv",
    "outcome/likelihood_ratio.csv",
    "outcome/performance.csv",
    "outcome/calibration.csv",
    "outcome/decision_curve.csv",
    "outcome/validation_ledger.csv",
    "outcome/apparent.parquet",
    "outcome/predictions.parquet",
    "outcome/sensitivity.csv",
    "outcome/permutation.csv",
    "outcome/subgroups.csv",
    "outcome/centres.csv",
    "outcome/models.json",
    "model.json",
    "provenance.json",
    "report.html",
]
"""Every file of a study but run.json, the only one that may differ from run to run."""

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


def snakemake(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run Snakemake as a user would, without colours."""
    return subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments],
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1"},
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


def run_steps(study_file: Path, results: Path, until: str = "validate", folder: Path | None = None) -> Path:
    """Call the functions behind the rules one after the other, as Snakemake would; the folder of results comes back.

    The paths in the study file start at `folder`, or beside the study file.
    """
    folder = folder or study_file.parent

    def at(*names: str) -> dict[str, Path]:
        return {Path(name).stem: results / name for name in names}

    cohort = at("cohort/measurements.parquet", "cohort/later.parquet", "cohort/patients.parquet", "cohort/flow.csv")
    script("prepare_cohort").prepare(study_file, folder, **cohort, problems=results / "cohort/problems.csv")
    folds = results / "folds.parquet"
    script("make_folds").make(study_file, cohort["patients"], folds)
    tables = {"measurements": cohort["measurements"], "patients": cohort["patients"]}
    names = ("fixed_effects", "covariance", "population", "comparison", "serial", "trends", "variogram", "implied")
    growth = at(*(f"growth/{name}.csv" for name in names), *(f"{name}.csv" for name in OF_GROWTH))
    script("compare_growth").compare(study_file, **tables, outputs=growth, threads=1)
    chunk = at(*(f"work/{name}.parquet" for name in ("scores", "fits", "slopes", "fast", "share")))
    script("cross_fit_slopes").cross_fit_chunk(study_file, 1, **tables, folds=folds, **chunk, threads=1)
    slopes = at("slopes/slopes.parquet", "slopes/crossfit.parquet", "growth/fits.csv")
    slopes |= at(*(f"{name}.csv" for name in OF_SLOPES))
    slopes |= {"slopes_csv": results / "slopes/slopes.csv", "audit": results / "slopes/leakage_audit.csv"}
    parts = {name: [path] for name, path in chunk.items()}
    script("gather_slopes").gather(study_file, **tables, folds=folds, **parts, outputs=slopes)
    if until == "slopes":
        return results
    study = load_study(study_file)
    if study.kind.predicts:
        _run_outcome(study_file, results, {**tables, "folds": folds, **slopes})
    else:
        reliability = results / "slopes/reliability.csv"
        script("rate_slopes").rate(study_file, **tables, slopes=slopes["slopes"], reliability=reliability, threads=1)
    if until == "report":
        made = [path for path in results.rglob("*") if path.suffix in {".parquet", ".csv", ".json"}]
        script("record_run").record(study_file, folder, made, results / "provenance.json", results / "run.json", 1)
        script("render_report").write(study_file, results / "report.html")
    return results


def _run_outcome(study_file: Path, results: Path, tables: dict[str, Path]) -> None:
    """The steps of the outcome half."""

    def at(*names: str) -> dict[str, Path]:
        return {Path(name).stem: results / name for name in names}

    names = ("measurements", "patients", "folds", "slopes", "crossfit", "fits")
    inputs = {name: tables[name] for name in names}
    model = at("outcome/coefficients.csv", "outcome/ledger.csv", "slopes/reliability.csv", "outcome/models.json")
    model |= at(*(f"outcome/{name}.csv" for name in ("proportional_hazards", "schoenfeld", "likelihood_ratio")))
    model |= {"apparent": results / "outcome/apparent.parquet"}
    script("fit_outcome").fit(study_file, inputs, model, threads=1)
    inputs |= {"apparent": model["apparent"]}
    measured = at("outcome/performance.csv", "outcome/calibration.csv", "outcome/decision_curve.csv")
    measured |= {"predictions": results / "outcome/predictions.parquet"}
    measured |= {"ledger": results / "outcome/validation_ledger.csv"}
    script("validate_outcome").validate(study_file, inputs, measured, threads=1)
    script("ship_model").ship(model["models"], measured["performance"], results / "model.json")
    examined = at(*(f"outcome/{name}.csv" for name in ("sensitivity", "permutation", "subgroups", "centres")))
    inputs |= {"predictions": measured["predictions"]}
    script("examine_sensitivity").examine(study_file, inputs, examined, threads=1)


def changed(first: Path, second: Path, names: list[str]) -> list[str]:
    """Those of the named files that differ in any byte."""
    return [name for name in names if (first / name).read_bytes() != (second / name).read_bytes()]
