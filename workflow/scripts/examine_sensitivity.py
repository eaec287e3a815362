"""Validate level and slope with slopes made in other ways, test the slope's gain by permutation, measure subgroups."""

from pathlib import Path

from slopewise import run


def examine(study_file: Path, inputs: dict[str, Path], outputs: dict[str, Path], threads: int) -> None:
    """Write ``outcome/sensitivity``, ``outcome/permutation`` and ``outcome/subgroups``."""
    from slopewise import tables
    from slopewise.study import load_study
    from slopewise.validate.sensitivity import sensitivity
    from slopewise.validate.subgroups import subgroups

    study = load_study(study_file)
    cohort = tables.read("cohort/patients", inputs["patients"])
    found = sensitivity(
        study,
        cohort,
        tables.read("folds", inputs["folds"]),
        tables.read("slopes/slopes", inputs["slopes"]),
        tables.read("slopes/crossfit", inputs["crossfit"]),
        tables.read("growth/fits", inputs["fits"]),
    )
    predictions = tables.read("outcome/predictions", inputs["predictions"])
    tables.write(found.sensitivity, "outcome/sensitivity", outputs["sensitivity"])
    tables.write(found.permutation, "outcome/permutation", outputs["permutation"])
    tables.write(subgroups(study, cohort, predictions, threads), "outcome/subgroups", outputs["subgroups"])


if __name__ == "__main__":
    with run.step(snakemake.log[0], snakemake.threads):
        examine(
            Path(snakemake.config["study_files"][snakemake.wildcards.study]),
            {name: Path(path) for name, path in snakemake.input.items()},
            {name: Path(path) for name, path in snakemake.output.items()},
            snakemake.threads,
        )
