"""Split the cohort's patients into folds, once, for every later step to replay."""

from pathlib import Path

from slopewise import run


def make(study_file: Path, patients: Path, folds: Path) -> None:
    """Write ``folds.parquet`` for the patients at risk."""
    from slopewise import tables
    from slopewise.folds import fold_plan, make_folds
    from slopewise.study import load_study

    study = load_study(study_file)
    cohort = tables.read("cohort/patients", patients)
    tables.write(make_folds(cohort, fold_plan(study), study.data.centre), "folds", folds)


if __name__ == "__main__":
    with run.step(snakemake.log[0], snakemake.threads):
        make(
            Path(snakemake.config["study_files"][snakemake.wildcards.study]),
            Path(snakemake.input.patients),
            Path(snakemake.output.folds),
        )
