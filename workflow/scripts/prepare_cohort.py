"""Read the raw tables, put every patient on one clock, apply the landmark and write the cohort."""

from pathlib import Path

from slopewise.run.log import logger
from slopewise.run.preloaded import run_step


def prepare(
    study_file: Path,
    folder: Path,
    measurements: Path,
    later: Path,
    patients: Path,
    flow: Path,
    excluded: Path,
    problems: Path,
    agreement: Path,
) -> None:
    """Write the seven tables under ``cohort/``; the paths in the study file are taken from `folder`."""
    from slopewise.study.reading import load_study
    from slopewise.tables import files as tables
    from slopewise.validate.feasible import prepare_checked, refuse_infeasible

    study = load_study(study_file)
    cohort = prepare_checked(study, folder)
    refuse_infeasible(study, cohort.measurements, cohort.patients, cohort.later)
    tables.write(cohort.measurements, "cohort/measurements", measurements)
    tables.write(cohort.later, "cohort/later", later)
    tables.write(cohort.patients, "cohort/patients", patients)
    tables.write(cohort.flow, "cohort/flow", flow)
    tables.write(cohort.excluded, "cohort/excluded", excluded)
    tables.write(cohort.problems, "cohort/problems", problems)
    tables.write(cohort.agreement, "cohort/agreement", agreement)
    first, last = cohort.flow.iloc[0], cohort.flow.iloc[-1]
    logger.info("%d patients in the file, %d at risk at the landmark", first.patients_left, last.patients_left)


if __name__ == "__main__":
    run_step(
        prepare,
        snakemake,
        Path(snakemake.config["study_files"][snakemake.wildcards.study]),
        Path(snakemake.config["study_folders"][snakemake.wildcards.study]),
        **{name: Path(path) for name, path in snakemake.output.items()},
    )
