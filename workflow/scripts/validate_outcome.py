"""Validate every step of the ladder by nested cross-validation and measure it beside its apparent performance."""

from pathlib import Path

from slopewise.run.preloaded import run_step


def validate(study_file: Path, inputs: dict[str, Path], outputs: dict[str, Path], threads: int) -> None:
    """Write out-of-fold predictions, thirds of them, performance with intervals, calibration and decision curves."""
    import pandas as pd

    from slopewise.study.reading import load_study
    from slopewise.tables import files as tables
    from slopewise.validate.batch_check import batch_check
    from slopewise.validate.nested import nested
    from slopewise.validate.performance import performance
    from slopewise.validate.risk_groups import risk_groups_table

    study = load_study(study_file)
    cohort, folds = tables.read_each(inputs, "cohort/patients", "folds")
    stage_1 = tables.read_each(inputs, "slopes/slopes", "slopes/crossfit", "growth/fits", "slopes/filters")
    apparent = tables.read("outcome/apparent", inputs["apparent"])
    validated = nested(study, cohort, folds, *stage_1)
    measured = performance(study, cohort, validated.predictions, apparent, threads)
    tables.write(validated.predictions, "outcome/predictions", outputs["predictions"])
    tables.write(risk_groups_table(study, cohort, validated.predictions), "outcome/risk_groups", outputs["risk_groups"])
    tables.write(measured.performance, "outcome/performance", outputs["performance"])
    tables.write(measured.calibration, "outcome/calibration", outputs["calibration"])
    tables.write(measured.decision_curve, "outcome/decision_curve", outputs["decision_curve"])
    checked = pd.DataFrame(columns=list(tables.TABLES["outcome/batch_check"].columns))
    if study.removes_batches:
        rows = tables.read("cohort/measurements", inputs["measurements"])
        removed = tables.read("slopes/batch_parameters", inputs["batches"])
        checked = batch_check(study, rows, cohort, folds, removed)
    tables.write(validated.imputations, "outcome/imputation_audit", outputs["imputation_audit"])
    tables.write(checked, "outcome/batch_check", outputs["batch_check"])
    tables.write(pd.concat([validated.ledger, measured.ledger]), "outcome/ledger", outputs["ledger"])


if __name__ == "__main__":
    run_step(
        validate,
        snakemake,
        Path(snakemake.config["study_files"][snakemake.wildcards.study]),
        {name: Path(path) for name, path in snakemake.input.items()},
        {name: Path(path) for name, path in snakemake.output.items()},
        snakemake.threads,
    )
