# What every rule shares.
# needs  config["study"]: the path of one study file; or config["studies"]: names of files in config/studies
# makes  STUDIES (the runs, by their folder below results/), GRIDS (studies with a list of landmarks), and the functions by which a rule asks for a study's input files, its settings and the digest of its code
import os
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

HERE = Path(workflow.current_basedir.get_path_or_uri(secret_free=True))
if HERE.is_dir():
    # The files as they lie: one copy, whose compiled code numba keeps beside it. Those of a wheel are in the package, and
    # Python finds that by itself.
    SCRIPTS = HERE.parent.resolve() / "scripts"
else:
    # A workflow that was loaded from a repository: the files that the package consists of, laid out as they lie there.
    SCRIPTS = Path(".snakemake/slopewise/scripts").resolve()
    with open(workflow.source_path("../package.txt")) as listing:
        for name in listing.read().split():
            content = Path(workflow.source_path(f"../scripts/{name}")).read_bytes()
            target = SCRIPTS / name
            if not target.exists() or target.read_bytes() != content:
                target.parent.mkdir(parents=True, exist_ok=True)
                waiting = target.with_name(f".{target.name}.{os.getpid():024x}.tmp")
                waiting.write_bytes(content)
                waiting.replace(target)

sys.path.insert(0, str(SCRIPTS))
search = [str(SCRIPTS), *filter(None, os.getenv("PYTHONPATH", "").split(os.pathsep))]
os.environ.update(PYTHONPATH=os.pathsep.join(dict.fromkeys(search)))

from slopewise.run import provenance
from slopewise.run.code import code_digests, package_digest
from slopewise.run.errors import InputError
from slopewise.run.files import file_digest
from slopewise.run.folders import check_writable, sweep_below
from slopewise.run.person import name_user
from slopewise.run.place import PACKAGE
from slopewise.study import demands
from slopewise.study.files import asked_studies, check_inputs, every_file_of, fitting_files, not_in_this_run
from slopewise.study.runs import Expand, runs_of
from slopewise.study.steps import subset
from slopewise.tables import catalogue

name_user()  # Snakemake asks for the user's name, and a user of a container may have none
IS_MAIN = workflow.modifier.is_main_snakefile()


def studies_to_run():
    """The study files to run: the one of --config study=PATH, else those of --config studies or config/config.yaml."""
    beside = SCRIPTS.parent.parent
    at_home = Path("workflow").exists() and Path("workflow").resolve() == (beside / "workflow").resolve()
    given = workflow.config_settings.overwrite_config
    if not IS_MAIN:  # the keys of the workflow that loads this one are its own
        given = {key: config[key] for key in ("study", "studies") if key in config}
    path, names = asked_studies(given, config.get("studies"), at_home)
    return [Path(path)] if path else [shipped_study(f"config/studies/{name}.yaml") for name in names]


def shipped_study(name):
    """A study file that lies beside the workflow."""
    if HERE.is_dir():
        return SCRIPTS.parent.parent / name
    return Path(workflow.source_path(f"../../{name}"))


def refuse(error):
    """End with the one line that the user needs; a workflow that loads this one may make the file by another rule."""
    if IS_MAIN:
        raise SystemExit(f"slopewise: {error}")
    raise WorkflowError(str(error)) from None


def folder_of(study):
    """Where a study's paths start: the working directory; for a study by name whose data are not there, the workflow."""
    beside = SCRIPTS.parent.parent
    table = study.data.measurements
    if "study" not in config and isinstance(table, str) and not os.path.exists(table):
        if (beside / table).exists():
            return beside
    return Path()


def with_markers(study, folder):
    """A study with patterns of columns, with a marker for each column that matches."""
    from slopewise.sources.features import expanded  # NumPy and pandas, which other studies need not wait for

    return expanded(study, folder)


def with_tables(study, folder):
    """A study with databases, with the files that their tables are read into; jobs take those of the run."""
    from slopewise.sources.snapshot import SNAPSHOTS, frozen

    is_first = workflow.is_main_process
    say = lambda line: is_first and print(f"slopewise: {line}", file=sys.stderr)
    return frozen(study, folder, SNAPSHOTS, tell=say)


try:
    for folder in (Path(".snakemake"), Path("results")):
        check_writable(folder)
    EXPAND = Expand(folder_of, with_markers, with_tables)
    RUNS = [runs_of(file, Path(".snakemake/slopewise/studies"), EXPAND) for file in studies_to_run()]
except InputError as error:
    refuse(error)

SOURCES = {one.folder: one.source for runs in RUNS for one in runs}
STUDY_FILES = {one.folder: (one.file, one.study) for runs in RUNS for one in runs}
STUDIES = sorted(STUDY_FILES)
GRIDS = {runs[0].study.study: [one.folder for one in runs] for runs in RUNS if "/" in runs[0].folder}


def named(is_chosen):
    """A pattern of the studies of which something holds; it matches nothing where there are none."""
    chosen = [re.escape(name) for name in STUDIES if is_chosen(STUDY_FILES[name][1])]
    return "|".join(chosen) or "(?!)"


PRIVATE = [name for name, (_, study) in STUDY_FILES.items() if study.private]
if PRIVATE:  # each job reads this file, too
    os.umask(0o077)

# Scripts read the whole study file by its path; what of it a rule depends on stands in the rule's params.
config["study_files"] = {name: str(file.resolve()) for name, (file, _) in STUDY_FILES.items()}
config["study_sources"] = {name: str(file.resolve()) for name, file in SOURCES.items()}
config["study_folders"] = {name: str(folder_of(study)) for name, (_, study) in STUDY_FILES.items()}
config["cores"] = workflow.resource_settings.cores  # None on a cluster, where each job has cores of its own


wildcard_constraints:
    study="[A-Za-z0-9_-]+(/landmark-[0-9.e+-]+)?",
    chunk="[0-9]+",


def study_of(wildcards):
    return of_this_run(STUDY_FILES, wildcards.study)[1]


def of_this_run(studies, name):
    """The entry of a study, of which a target may name one that is not in this run."""
    if name in STUDY_FILES and name not in studies:
        refuse(f"the study {name} has one landmark; landmarks.csv and landmarks.html need a list of them")
    if name not in studies:
        shipped = [file.stem for file in (SCRIPTS.parent.parent / "config/studies").glob("*.yaml")]
        refuse(not_in_this_run(name, sorted(studies), shipped))
    return studies[name]


def data_files(wildcards):
    """The study's input files."""
    study = study_of(wildcards)
    if IS_MAIN:
        try:
            check_inputs(study, folder_of(study))
        except InputError as error:
            refuse(error)
    files = dict(zip(("table", "people", "subjects"), study.data.files.values()))
    files |= dict(zip(("retest",), study.filters.files.values()))
    folder = folder_of(study)
    return {name: [str(folder / one) for one in fitting_files(folder, path)] for name, path in files.items() if path}


def later_rows(wildcards):
    """The rows after the landmark, for a study whose growth models learn from them (`growth.rows: all`)."""
    return {"later": f"results/{wildcards.study}/cohort/later.parquet"} if learns_later(wildcards.study) else {}


def later_rows_of_each(wildcards):
    """The same for each landmark of a list."""
    runs = [run for run in GRIDS[wildcards.study] if learns_later(run)]
    return {"later": [f"results/{run}/cohort/later.parquet" for run in runs]} if runs else {}


def batch_effects(wildcards):
    """What was learned of batches, for a study whose values are freed of them (`data.batch`, combat)."""
    removes = STUDY_FILES[wildcards.study][1].removes_batches
    return {"batches": f"results/{wildcards.study}/work/batch_parameters.parquet"} if removes else {}


def batch_tables(wildcards):
    """The same, with the audit of whom it was learned from."""
    audit = {"batch_audit": f"results/{wildcards.study}/work/batch_audit.parquet"}
    found = batch_effects(wildcards)
    return found | audit if found else {}


def rows_in_batches(wildcards):
    """What the check of batch effects reads besides."""
    found = batch_effects(wildcards)
    return {**found, "measurements": f"results/{wildcards.study}/cohort/measurements.parquet"} if found else {}


def batch_effects_of_each(wildcards):
    """What was learned of batches at each landmark of a list."""
    runs = [run for run in GRIDS[wildcards.study] if STUDY_FILES[run][1].removes_batches]
    return {"batches": [f"results/{run}/work/batch_parameters.parquet" for run in runs]} if runs else {}


def learns_later(run):
    return STUDY_FILES[run][1].growth.rows == "all"


def settings(step):
    """The part of the study file that a step depends on: a change elsewhere in the file does not run it again."""
    return lambda wildcards: subset(study_of(wildcards), step)


CODE = code_digests(SCRIPTS.glob("*.py"), PACKAGE, kept=Path(".snakemake/slopewise/code.json"))
LIBRARIES = " ".join(f"{name} {version}" for name, version in provenance.versions().items())


def code(script):
    """What a script's results depend on besides its input: a digest of it and of the package files that it imports
    (neither a change elsewhere in the package nor one of docstrings, comments or logging runs it again), and the
    versions of the libraries, which provenance.json states for every table."""
    return f"{CODE[script]}, {LIBRARIES}"


def source_digest(wildcards):
    """The digest of the study file as the user wrote it, comments included, by the file's name."""
    study_of(wildcards)
    source = SOURCES[wildcards.study]
    return {source.name: file_digest(source)}


def input_digests(wildcards):
    """The digests of the study's input files: a file that was put back with an older date counts as changed, too.

    None for a workflow that loads this one, which may not have made them yet.
    """
    study = study_of(wildcards)
    if not IS_MAIN or not data_files(wildcards):
        return {}
    return provenance.file_digests(folder_of(study), every_file_of(study, folder_of(study)))


def chunks(wildcards):
    """Numbers of the jobs over which the study's markers are spread, so that a job is worth its start-up."""
    study = study_of(wildcards)
    return range(1, len(study.chunks()) + 1)


def memory_of(step):
    """What a rule may take of memory, by the size of the study; more at a second attempt."""
    return lambda wildcards, attempt: demands.memory(step, *size_of(wildcards.study), attempt)


def minutes_of(step):
    """What a rule may take of time, likewise."""
    return lambda wildcards, attempt: demands.minutes(step, *size_of(wildcards.study), attempt)


def size_of(name):
    """A run and how many patients it has at the landmark, or can have; of several landmarks the first, all together."""
    runs = GRIDS.get(name, [name])
    study = of_this_run(STUDY_FILES, runs[0])[1]
    folder = folder_of(study)
    tables = [folder / one for one in fitting_files(folder, study.data.files["data.measurements"])]
    return study, sum(demands.patients_of(Path(f"results/{run}/cohort/flow.csv"), tables) for run in runs)


def results(*names):
    """Files of a study, as patterns."""
    return [f"results/{{study}}/{name}" for name in names]


def at_each_landmark(name):
    """A file of each run of a study with a list of landmarks."""
    return lambda wildcards: collect(f"results/{{run}}/{name}", run=of_this_run(GRIDS, wildcards.study))


def below_results(entries):
    """The files of tables of the catalogue, as patterns."""
    return results(*(entry.file for entry in entries))


def tables_of(step):
    """The outputs of a rule that are tables of the catalogue, by their names; those with a label are in Snakemake's report."""
    outputs = {}
    for entry in catalogue.written_by(step):
        for output, file in entry.files.items():
            outputs[output] = path = f"results/{{study}}/{file}"
            if entry.label and entry.step == step:
                caption = f"../report/{entry.last}.rst"
                outputs[output] = report(path, caption=caption, category="{study}", labels={"what": entry.label})
    return outputs


def outcome_tables(wildcards):
    """The tables of the outcome that the report reads, and the model; a study without an outcome has none."""
    return of_outcome(wildcards, catalogue.read_by_report("outcome"))


def recorded_outcome(wildcards):
    """The tables of the outcome whose digests provenance.json holds, and the model."""
    return of_outcome(wildcards, catalogue.in_provenance("outcome"))


def effects_of(listed):
    """The tables of effects that `listed` (a function of the catalogue) names, for a study that has any."""
    return lambda wildcards: below_results(listed("effects")) if study_of(wildcards).effects.kind else []


def of_outcome(wildcards, entries):
    return below_results(entries) + results("model.json") if study_of(wildcards).kind.predicts else []
