"""Learn the effect of each batch on each marker in every training set of the fold table, and audit whom each saw."""

from pathlib import Path

from slopewise.run.preloaded import run_step


def learn(
    study_file: Path, measurements: Path, patients: Path, folds: Path, parameters: Path, audit: Path, threads: int
) -> None:
    """Write ``slopes/batch_parameters`` of all fits to `parameters`, and ``slopes/batch_audit`` to `audit`."""
    from slopewise.folds import fits
    from slopewise.run.progress import counted
    from slopewise.slopes.batches.effects import marker_batches
    from slopewise.slopes.batches.learn import audited, learn_batches
    from slopewise.study.reading import load_study
    from slopewise.tables import files as tables

    study = load_study(study_file)
    rows, cohort = tables.read("cohort/measurements", measurements), tables.read("cohort/patients", patients)
    plan = list(fits(tables.read("folds", folds), sorted(cohort["patient"])))
    markers = list(study.markers)
    prepared = (
        own for _, own in zip(counted("markers", markers), marker_batches(study, rows, cohort, markers), strict=True)
    )
    learned = learn_batches(prepared, plan, rows["time"].to_numpy(dtype=float), study.landmark_time, threads)
    tables.write(learned.parameters, "slopes/batch_parameters", parameters)
    tables.write(audited(learned, plan, [fit.scored for fit in plan]), "slopes/batch_audit", audit)


if __name__ == "__main__":
    run_step(
        learn,
        snakemake,
        Path(snakemake.config["study_files"][snakemake.wildcards.study]),
        **{name: Path(path) for name, path in snakemake.input.items()},
        **{name: Path(path) for name, path in snakemake.output.items()},
        threads=snakemake.threads,
    )
