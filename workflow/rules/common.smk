# What every rule shares.
# needs  config["studies"]: names of files in config/studies; or config["study"]: the path of one study file
# makes  STUDIES, and the functions by which a rule asks for a study's input files, its settings and the digest of its code
import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

if workflow.current_basedir.is_local:
    # The package's files as they lie: one copy, whose compiled code numba keeps beside it.
    SCRIPTS = Path(workflow.current_basedir.join("../scripts").get_path_or_uri(secret_free=True)).resolve()
else:
    # A workflow that was loaded from a repository: fetch the files that the package consists of.
    with open(workflow.source_path("../package.txt")) as listing:
        fetched = [workflow.source_path(f"../scripts/{line.strip()}") for line in listing if line.strip()]
    SCRIPTS = Path(fetched[0]).resolve().parent.parent

sys.path.insert(0, str(SCRIPTS))
os.environ["PYTHONPATH"] = os.pathsep.join(
    [
        str(SCRIPTS),
        *(part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part and part != str(SCRIPTS)),
    ]
)

from slopewise import run
from slopewise.study import load_study


def studies_to_run():
    """The study files to run: the one of --config study=PATH, else those named in config/config.yaml."""
    if "study" in config:
        return [Path(str(config["study"]))]
    return [Path(workflow.source_path(f"../../config/studies/{name}.yaml")) for name in config.get("studies", [])]


try:
    STUDY_FILES = {study.study: (file, study) for file in studies_to_run() for study in [load_study(file)]}
except run.InputError as error:
    raise WorkflowError(str(error)) from None

if not STUDY_FILES:
    raise WorkflowError("No study to run: name one in config/config.yaml (studies: [pbc]) or with --config study=PATH.")

STUDIES = sorted(STUDY_FILES)


def folder_of(study):
    """Where a study's paths start: the working directory; for a study by name whose data are not there, the workflow."""
    beside = SCRIPTS.parent.parent
    if "study" not in config and not os.path.exists(study.data.measurements):
        if (beside / study.data.measurements).exists():
            return beside
    return Path()


# Scripts read the whole study file by its path; what of it a rule depends on stands in the rule's params.
config["study_files"] = {name: str(file.resolve()) for name, (file, _) in STUDY_FILES.items()}
config["study_folders"] = {name: str(folder_of(study)) for name, (_, study) in STUDY_FILES.items()}
config["cores"] = workflow.cores


wildcard_constraints:
    study="[A-Za-z0-9_-]+",
    chunk="[0-9]+",


def study_of(wildcards):
    return STUDY_FILES[wildcards.study][1]


def data_files(wildcards):
    """The study's input files."""
    study = study_of(wildcards)
    files = {"table": study.data.measurements, "people": study.data.patients}
    return {name: str(folder_of(study) / path) for name, path in files.items() if path}


def settings(step):
    """The part of the study file that a step depends on: a change elsewhere in the file does not run it again."""
    return lambda wildcards: study_of(wildcards).subset(step)


def code(script):
    """A digest of the package files that a script imports: a change elsewhere in the package does not run it again."""
    return run.code_digest(SCRIPTS / script, SCRIPTS / "slopewise")


def chunks(wildcards):
    """Numbers of the jobs over which the study's markers are spread, so that a job is worth its start-up."""
    study = study_of(wildcards)
    return range(1, len(study.chunks()) + 1)
