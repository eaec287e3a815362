"""How reliable the cross-fitted slopes of a study without an outcome are, with a patient bootstrap."""

from pathlib import Path

from slopewise.run.preloaded import run_step


def rate(
    study_file: Path, measurements: Path, patients: Path, slopes: Path, reliability: Path, threads: int,
    later: Path | None = None, batches: Path | None = None,
) -> None:  # fmt: skip
    """Write ``slopes/reliability``."""
    from slopewise.slopes.inputs import GrowthInputs
    from slopewise.study.reading import load_study
    from slopewise.tables import files as tables
    from slopewise.validate.bootstrap import BootstrapPlan, bootstrap_reliability, reliability_table

    study = load_study(study_file)
    inputs = GrowthInputs.read(study, measurements, patients, later, batches)
    plan = BootstrapPlan(study.outcome.bootstrap, study.crossfit.folds, study.crossfit.repeats, study.seed)
    drawn = bootstrap_reliability(plan, len(inputs.patients), list(inputs.markers()), threads)
    table = reliability_table(drawn, tables.read("slopes/slopes", slopes), list(study.markers))
    tables.write(table, "slopes/reliability", reliability)


if __name__ == "__main__":
    run_step(
        rate,
        snakemake,
        Path(snakemake.config["study_files"][snakemake.wildcards.study]),
        **{name: Path(path) for name, path in snakemake.input.items()},
        reliability=Path(snakemake.output.reliability),
        threads=snakemake.threads,
    )
