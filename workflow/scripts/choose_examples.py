"""Choose groups of similar patients and average them: the example patients of the report."""

from pathlib import Path

from slopewise.run.files import read_json
from slopewise.run.preloaded import run_step


def choose(study_file: Path, models: Path, inputs: dict[str, Path], examples: Path) -> None:
    """Write ``outcome/examples`` from the cohort, the cross-fitted slopes, the validated predictions and the models."""
    from slopewise.growth import GrowthFit
    from slopewise.study.reading import load_study
    from slopewise.tables import files as tables
    from slopewise.validate import examples as made

    study = load_study(study_file)
    names = ("cohort/measurements", "cohort/patients", "folds", "slopes/slopes", "slopes/crossfit", "growth/fits")
    read = tables.read_each(inputs, *names, "slopes/filters", "outcome/predictions")
    growth = {name: GrowthFit.from_dict(one["growth"]) for name, one in read_json(models)["markers"].items()}
    found = made.examples(study, made.ExampleInputs(*read, growth))
    tables.write(found, "outcome/examples", examples)


if __name__ == "__main__":
    run_step(
        choose,
        snakemake,
        Path(snakemake.config["study_files"][snakemake.wildcards.study]),
        Path(snakemake.input.models),
        {name: Path(path) for name, path in snakemake.input.items() if name != "models"},
        Path(snakemake.output.examples),
    )
