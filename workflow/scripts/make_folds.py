"""Split the cohort's patients into folds, once, for every later step to replay."""

from pathlib import Path

from slopewise.run.preloaded import run_step


def make(study_file: Path, patients: Path, folds: Path) -> None:
    """Write ``folds.parquet`` for the patients at risk."""
    from slopewise.folds import fold_plan, make_folds
    from slopewise.study.reading import load_study
    from slopewise.tables import files as tables

    study = load_study(study_file)
    cohort = tables.read("cohort/patients", patients)
    tables.write(make_folds(cohort, fold_plan(study), study.data.centre), "folds", folds)


if __name__ == "__main__":
    run_step(
        make,
        snakemake,
        Path(snakemake.config["study_files"][snakemake.wildcards.study]),
        Path(snakemake.input.patients),
        Path(snakemake.output.folds),
    )
