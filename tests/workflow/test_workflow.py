"""The workflow as users run it: from elsewhere, with any number of cores, as a module, and with mistakes."""

import functools
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from slopewise.run.code import imported_modules
from slopewise.run.errors import InputError
from slopewise.run.files import file_digest
from slopewise.run.place import PACKAGE
from slopewise.run.provenance import file_digests
from slopewise.study.files import files_of
from slopewise.study.reading import load_study
from slopewise.tables import files as tables
from tests.workflow.running import (
    ELSEWHERE,
    OF_ONE_RUN,
    PROMISED,
    RECORDS,
    ROOT,
    Tables,
    changed,
    pbc_part,
    script,
    snakemake,
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cut-down study run by Snakemake from another folder on two cores."""
    folder = tmp_path_factory.mktemp("elsewhere")
    study = pbc_part()
    study.study["report"] = {"patients": True}
    study.write(folder)
    ended = run_from(folder, "--cores", "2")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder


def run_from(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return snakemake(
        *("-s", str(ROOT / "Snakefile"), "--directory", str(folder), *arguments, "--config", "study=study.yaml"),
        cwd=folder,
    )


MAY_BE_EMPTY = {
    *(f"growth/{name}" for name in ("posterior", "posterior_check", "posterior_draws", "prior_sensitivity")),
    "outcome/ledger",
    "cohort/problems",
    "growth/lines",
    "growth/residuals",
    "slopes/fast_changers",
    "slopes/fast_share",
    "outcome/centres",
    "outcome/selection",
    "outcome/stability",
    "outcome/imputation_audit",
    "cohort/agreement",
    *("slopes/batch_parameters", "slopes/batch_audit", "outcome/batch_check"),
    "slopes/filters",
    "slopes/filter_survival",
    "slopes/filter_stability",
}
"""Nothing amiss; more than six groups; no strata of the residual variance, fast change, centre, halves, filters,
or covariates to impute."""


def test_every_promised_file_is_there_and_passes_its_schema(finished: Path):
    results = finished / "results/small"
    for name in [*PROMISED, "run.json", "report-patients.html"]:
        assert (results / name).is_file(), name
    named = {name: str(Path(name).with_suffix("")).replace("validation_ledger", "ledger") for name in PROMISED}
    read = {table: tables.read(table, results / name) for name, table in named.items() if table in tables.TABLES}
    assert {table for table, frame in read.items() if frame.empty} <= MAY_BE_EMPTY
    assert not (results / "work").exists() or not any((results / "work").iterdir())


def test_every_rule_left_its_log_and_its_time(finished: Path):
    results = finished / "results/small"
    logs = {path.stem.split(".")[0] for path in (results / "logs").glob("*.log")}
    timings = {path.stem.split(".")[0] for path in (results / "timings").glob("*.tsv")}
    assert logs == timings and len(logs) == 13
    seconds = json.loads((results / "run.json").read_text())["seconds"]
    assert {name.split(".")[0] for name in seconds} >= logs - {"render_report", "render_patients", "record_run"}


@pytest.mark.skipif(sys.platform != "linux", reason="processes are copied on Linux alone")
def test_jobs_are_copies_of_one_process(finished: Path):
    """The script of a job imports neither NumPy nor pandas then: it takes a tenth of the memory."""
    table = pd.read_csv(finished / "results/small/timings/render_report.tsv", sep="\t")
    assert table["max_rss"].max() < 100


def test_a_report_of_two_markers_is_small(finished: Path):
    assert (finished / "results/small/report.html").stat().st_size < 2_000_000


def comment(folder: Path, workflow: Path) -> None:
    with (folder / "study.yaml").open("a") as stream:
        stream.write("# a remark\n")


def style(folder: Path, workflow: Path) -> None:
    with (workflow / "scripts/slopewise/report/page.css").open("a") as stream:
        stream.write("p { color: black }\n")


def words(folder: Path, workflow: Path) -> None:
    """A docstring that every step imports, and the logging of every step."""
    for name, old, new in (
        ("run/seeds.py", '"""Random generators', '"""Generators'),
        ("run/log.py", "%(message)s", "- %(message)s"),
    ):
        file = workflow / "scripts/slopewise" / name
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))


def older_data(folder: Path, workflow: Path) -> None:
    """White space alone, in a file that is older than the results: as when a corrected archive is unpacked."""
    data = folder / "measurements.csv"
    data.write_text(data.read_text().replace("\n", " \n", 1))
    os.utime(data, (1, 1))


def nothing(folder: Path, workflow: Path) -> None:
    pass


def template(folder: Path, workflow: Path) -> None:
    with (workflow / "scripts/slopewise/report/templates/page.html.j2").open("a") as stream:
        stream.write("<!-- -->\n")


def label(folder: Path, workflow: Path) -> None:
    """How a marker is called in the report."""
    replaced(folder / "study.yaml", "unit: g/dl", "unit: g/dl\n    label: Serum albumin")


def unit(folder: Path, workflow: Path) -> None:
    """A marker's unit, which model.json tells whoever predicts with it."""
    replaced(folder / "study.yaml", "unit: g/dl", "unit: g/100 ml")


def outcome(folder: Path, workflow: Path) -> None:
    """A key of the outcome on which no growth model depends."""
    replaced(folder / "study.yaml", "  bootstrap: 20\n", "  bootstrap: 21\n")


def module(folder: Path, workflow: Path) -> None:
    """A module that the validation imports and the growth models do not."""
    replaced(workflow / "scripts/slopewise" / CHANGED_MODULE, "KNOTS = (0.1,", "KNOTS = (0.05,")


CHANGED_MODULE = "metrics/calibration.py"
GROWTH = {"prepare_cohort", "make_folds", "compare_growth", "cross_fit_slopes", "gather_slopes"}
REPORT = {"record_run", "render_report", "render_patients"}


def replaced(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("edit", "first"),
    [
        (nothing, None),
        (comment, "record_run"),
        (style, "record_run"),
        (words, "record_run"),
        (older_data, "prepare_cohort"),
        (template, "record_run"),
        (label, "record_run"),
        (unit, "fit_outcome"),
        (outcome, "fit_outcome"),
        (module, "validate_outcome"),
    ],
)
def test_what_provenance_states_is_stated_anew_when_it_changes(finished: Path, tmp_path: Path, edit, first):
    """The digests of study file, code and input files print in the report: each of them is a trigger."""
    shutil.copytree(finished, tmp_path / "run", symlinks=True)
    for name in ("workflow", "config", "profiles"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.nb?"))
    shutil.copy2(ROOT / "Snakefile", tmp_path / "Snakefile")
    edit(tmp_path / "run", tmp_path / "workflow")
    asked = ("-s", str(tmp_path / "Snakefile"), "--dry-run", "--config", "study=study.yaml")
    ended = snakemake(*asked, cwd=tmp_path / "run")
    assert ended.returncode == 0, ended.stderr
    planned = set(re.findall(r"^(\w+) +1$", ended.stdout, flags=re.MULTILINE)) - {"all", "total"}
    if first is None:
        assert planned == set()
    elif first == "record_run":
        assert planned == REPORT
    elif first == "prepare_cohort":
        assert planned >= {*GROWTH - {"make_folds"}, "fit_outcome", *REPORT}
    else:
        assert planned >= {first, *REPORT} and not planned & GROWTH
        if edit is module:
            assert planned >= users_of(CHANGED_MODULE) and not users_of(CHANGED_MODULE) & GROWTH


def users_of(module: str) -> set[str]:
    """The rules of one run whose script needs a module of the package, without the growth half's own."""
    scripts = [ROOT / "workflow/scripts" / f"{rule}.py" for rule in (*GROWTH, *OF_ONE_RUN, *REPORT)]
    return {script.stem for script in scripts if PACKAGE / module in imported_modules(script)}


def test_provenance_refuses_a_study_file_or_data_that_changed_during_the_run(finished: Path, tmp_path: Path):
    made = finished / "results/small"
    named = [made / name for name in PROMISED if name not in RECORDS]
    now = {"study": {"study.yaml": file_digest(finished / "study.yaml")}, "inputs": {}}
    for changed_ in ({"study": {"study.yaml": "0"}}, {"inputs": {"measurements.csv": "0", "patients.csv": "0"}}):
        with pytest.raises(InputError, match="was changed while the study ran; run it again"):
            script("record_run").record(
                finished / "study.yaml", finished, named, made / "other.json", tmp_path / "run.json", 1,
                at_start={**now, **changed_},
            )  # fmt: skip
    assert not (made / "other.json").exists()


def test_provenance_takes_the_tables_of_filters_that_did_not_change(finished: Path, tmp_path: Path):
    repeated, file = tmp_path / "repeated.csv", tmp_path / "study.yaml"
    repeated.write_text("id,day,bili,albumin\n1,0,1.1,3.2\n")
    file.write_text(f"{(finished / 'study.yaml').read_text()}filters: {{icc: 0.75, retest: {repeated}}}\n")
    inputs = file_digests(finished, files_of(load_study(file)).values())
    made = tmp_path / "provenance.json"
    at_start = {"study": {"study.yaml": file_digest(file)}, "inputs": inputs}
    script("record_run").record(file, finished, [], made, tmp_path / "run.json", 1, at_start=at_start)
    assert json.loads(made.read_text())["inputs"] == inputs and str(repeated) in inputs


def test_the_record_and_the_report_are_the_same_bytes_elsewhere(finished: Path, tmp_path: Path):
    """In another folder, on one core, in another time zone and locale, with texts hashed by another seed."""
    copy = tmp_path / "ein Ordner für Ärzte"
    shutil.copytree(finished, copy, symlinks=True)
    arguments = ("-s", str(ROOT / "Snakefile"), "--cores", "1", "--forcerun", "record_run", "--config")
    ended = snakemake(*arguments, "study=study.yaml", cwd=copy, **ELSEWHERE)
    assert ended.returncode == 0, ended.stderr
    stamps = [(folder / "results/small/report.html").stat().st_mtime_ns for folder in (finished, copy)]
    assert stamps[0] != stamps[1], "it was written again"
    names = [*RECORDS, "report-patients.html"]
    assert changed(finished / "results/small", copy / "results/small", names) == []


def test_steps_called_by_hand_give_the_same_bytes(finished: Path, plain: Path):
    names = [name for name in PROMISED if name not in RECORDS]
    assert changed(finished / "results/small", plain, names) == []


def test_a_second_run_has_nothing_to_do(finished: Path):
    ended = run_from(finished, "--cores", "1")
    assert ended.returncode == 0
    assert "Nothing to be done" in ended.stdout + ended.stderr


def test_another_title_runs_the_report_again_and_no_statistics(finished: Path):
    text = (finished / "study.yaml").read_text()
    (finished / "study.yaml").write_text(text.replace("A part of the PBC trial", "Another title"))
    planned = run_from(finished, "--cores", "1", "--dry-run")
    (finished / "study.yaml").write_text(text)
    rules = set(re.findall(r"^(\w+) +1$", planned.stdout, flags=re.MULTILINE)) - {"total"}
    assert rules == {"record_run", "render_report", "render_patients", "all"}


def test_no_absolute_path_and_no_clock_in_what_is_shared(finished: Path):
    results = finished / "results/small"
    for name in ("report.html", "provenance.json", "model.json"):
        text = (results / name).read_text(encoding="utf-8")
        assert str(finished) not in text and str(ROOT) not in text


def test_snakemakes_own_report_is_made_offline_and_holds_no_patient(finished: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    ended = run_from(finished, "--report", "report.zip")
    assert ended.returncode == 0, ended.stderr
    with zipfile.ZipFile(finished / "report.zip") as archive:
        names = {Path(name).name: archive.read(name).decode() for name in archive.namelist() if "/data/raw/" in name}
        page = archive.read("report/report.html").decode()
    wanted = {"fixed_effects", "leakage_audit", "reliability", "coefficients", "performance"}
    assert set(names) == {"report.html", *(f"{name}.csv" for name in wanted)}
    assert not [
        name for name, text in names.items() if name.endswith(".csv") and "patient" in text.split("\n")[0].split(",")
    ]
    for words in ("neither stage had seen", "Whom each fit saw", "names no patient"):
        assert words in page, "the captions are in the page"


def test_another_workflow_loads_this_one_as_a_module(tmp_path: Path):
    pbc_part().write(tmp_path)
    (tmp_path / "Snakefile").write_text(
        f"module slopewise:\n    snakefile: {str(ROOT / 'workflow/Snakefile')!r}\n"
        '    config: {"study": "study.yaml"}\n\n'
        "use rule * from slopewise as slopewise_*\n\n"
        'rule mine:\n    input: "results/small/folds.parquet"\n    output: "copy"\n    shell: "cp {input} {output}"\n'
    )
    ended = snakemake("--cores", "1", "mine", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "copy").read_bytes() == (tmp_path / "results/small/folds.parquet").read_bytes()


def test_it_runs_from_an_address_without_a_copy_on_disk(tmp_path: Path):
    handler = functools.partial(SilentHandler, directory=str(ROOT))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        pbc_part().write(tmp_path)
        ended = snakemake(
            *("-s", f"http://127.0.0.1:{server.server_port}/workflow/Snakefile", "--cores", "1"),
            *("results/small/folds.parquet", "--config", "study=study.yaml"),
            cwd=tmp_path,
        )
        server.shutdown()
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "results/small/folds.parquet").is_file()


class SilentHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_mistake_in_the_data_is_one_line_and_leaves_nothing(pbc: Tables, tmp_path: Path):
    pbc.measurements["bili"] = pbc.measurements["bili"].astype(object)
    pbc.measurements.loc[5, "bili"] = "n/a?"
    pbc.write(tmp_path)
    ended = run_from(tmp_path, "--cores", "1")
    assert ended.returncode != 0
    said = [line for line in ended.stderr.splitlines() if line.startswith("slopewise: ")]
    assert len(said) == 1
    assert ended.stderr.splitlines()[-1] == said[0], "the reason is what one reads last"
    assert "measurements.csv" in said[0] and "line 7" in said[0] and "bili" in said[0] and "n/a?" in said[0]
    assert "Traceback" not in ended.stderr
    left = [path.name for path in (tmp_path / "results").rglob("*") if path.is_file() and path.suffix != ".log"]
    assert left == []


def test_a_mistake_in_the_study_file_is_told_before_anything_runs(pbc: Tables, tmp_path: Path):
    pbc.study["landmrk"] = pbc.study.pop("landmark")
    pbc.write(tmp_path)
    ended = run_from(tmp_path, "--cores", "1")
    assert ended.returncode != 0
    last = ended.stderr.splitlines()[-1]
    assert last.endswith("study.yaml: line 44: landmrk: unknown key; did you mean `landmark`?"), ended.stderr
    assert last.startswith("slopewise: ") and "File " not in ended.stderr
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("config", [[], ["--config", "stdy=study.yaml"], ["--config", "study="]])
def test_a_run_without_a_study_of_its_own_does_not_run_those_that_ship(pbc: Tables, tmp_path: Path, config: list[str]):
    pbc.write(tmp_path)
    ended = snakemake("-s", str(ROOT / "Snakefile"), "--cores", "1", *config, cwd=tmp_path)
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("slopewise: ") and "--config study=PATH" in last
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("results/smal/report.html", "there is no study smal in this run; did you mean small?"),
        ("results/small/landmarks.html", "the study small has one landmark"),
        ("results/btheb/report.html", "--config study=config/studies/btheb.yaml"),
        ("results/small/report.html", "measurement.csv: there is no such file (data.measurements"),
    ],
)
def test_a_target_that_cannot_be_made_is_one_line(pbc: Tables, tmp_path: Path, target: str, words: str):
    if words.startswith("measurement.csv"):
        pbc.study["data"]["measurements"] = "measurement.csv"
    pbc.write(tmp_path)
    ended = run_from(tmp_path, "--cores", "1", target)
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("slopewise: ") and words in last, ended.stderr
    assert "Exception" not in ended.stderr and "Traceback" not in ended.stderr


def test_the_page_of_single_patients_is_made_for_a_study_that_asks_for_it(pbc: Tables, tmp_path: Path):
    pbc.write(tmp_path)
    assert "render_patients" not in run_from(tmp_path, "--dry-run").stdout
    pbc.study["report"] = {"patients": True}
    pbc.write(tmp_path)
    assert re.search(r"^render_patients +1$", run_from(tmp_path, "--dry-run").stdout, flags=re.MULTILINE)


def test_a_file_that_is_added_to_a_pattern_runs_the_cohort_again(tmp_path: Path):
    study = pbc_part()
    study.study["data"]["measurements"] = "visits_*.csv"
    study.write(tmp_path)
    half = len(study.measurements) // 2
    study.measurements[:half].to_csv(tmp_path / "visits_1.csv", index=False)
    study.measurements[half:-1].to_csv(tmp_path / "visits_2.csv", index=False)
    cohort = f"results/{study.study['study']}/cohort/flow.csv"
    made = run_from(tmp_path, "--cores", "1", cohort)
    assert made.returncode == 0, made.stdout + made.stderr
    study.measurements[-1:].to_csv(tmp_path / "visits_3.csv", index=False)
    planned = run_from(tmp_path, "--dry-run", cohort)
    assert re.search(r"updated input files:\s+prepare_cohort", planned.stdout), planned.stdout
