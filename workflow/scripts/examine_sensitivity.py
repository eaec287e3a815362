"""Slopes made in other ways, the slope's gain against permutations, subgroups, and each centre left out."""

from pathlib import Path

from slopewise.run.preloaded import run_step


def examine(study_file: Path, inputs: dict[str, Path], outputs: dict[str, Path], threads: int) -> None:
    """Write ``outcome/sensitivity``, ``censoring``, ``permutation``, ``subgroups`` and ``centres``."""
    from slopewise.folds import CENTRE
    from slopewise.study.reading import load_study
    from slopewise.tables import files as tables
    from slopewise.validate.censoring import censoring_table
    from slopewise.validate.nested import nested
    from slopewise.validate.question import cohorts
    from slopewise.validate.sensitivity import sensitivity
    from slopewise.validate.subgroups import left_out, no_centres, subgroups

    study = load_study(study_file)
    cohort = tables.read("cohort/patients", inputs["patients"])
    made = tables.read_each(inputs, "folds", "slopes/slopes", "slopes/crossfit", "growth/fits", "slopes/filters")
    predictions, apparent = tables.read_each(inputs, "outcome/predictions", "outcome/apparent")
    *others, filters = made
    found = sensitivity(study, cohort, *others, apparent, filters, threads)
    tables.write(found.sensitivity, "outcome/sensitivity", outputs["sensitivity"])
    tables.write(
        censoring_table(found.data, cohorts(study, cohort), found.nested, predictions),
        "outcome/censoring",
        outputs["censoring"],
    )
    tables.write(found.permutation, "outcome/permutation", outputs["permutation"])
    tables.write(subgroups(study, cohort, predictions, threads), "outcome/subgroups", outputs["subgroups"])
    centres = no_centres()
    if study.data.centre is not None:
        centres = left_out(study, cohort, nested(study, cohort, *made, scheme=CENTRE).predictions, threads)
    tables.write(centres, "outcome/centres", outputs["centres"])


if __name__ == "__main__":
    run_step(
        examine,
        snakemake,
        Path(snakemake.config["study_files"][snakemake.wildcards.study]),
        {name: Path(path) for name, path in snakemake.input.items()},
        {name: Path(path) for name, path in snakemake.output.items()},
        snakemake.threads,
    )
