"""Split the cohort's patients into folds, once, for every later step to replay."""

from pathlib import Path

from slopewise import run


def make(study_file: Path, patients: Path, folds: Path) -> None:
    """Write ``folds.parquet`` for the patients at risk."""
    from slopewise import tables
    from slopewise.folds import FoldPlan, make_folds
    from slopewise.study import load_study

    study = load_study(study_file)
    plan = FoldPlan(
        crossfit_folds=study.crossfit.folds,
        crossfit_repeats=study.crossfit.repeats,
        validation_folds=study.validation.folds,
        validation_repeats=study.validation.repeats if study.has_outcome else 0,
        seed=study.seed,
    )
    cohort = tables.read("cohort/patients", patients)
    tables.write(make_folds(cohort, plan, study.data.centre), "folds", folds)


if __name__ == "__main__":
    with run.step(snakemake.log[0], snakemake.threads):
        make(
            Path(snakemake.config["study_files"][snakemake.wildcards.study]),
            Path(snakemake.input.patients),
            Path(snakemake.output.folds),
        )
