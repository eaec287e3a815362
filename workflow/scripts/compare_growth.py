"""Fit the study's growth model of every marker on everybody at risk: fixed effects and covariance with intervals."""

from pathlib import Path

from slopewise import run


def compare(
    study_file: Path, measurements: Path, patients: Path, fixed_effects: Path, covariance: Path, population: Path
) -> None:
    """Write ``growth/fixed_effects``, ``growth/covariance`` and the population's course under the study's model."""
    import pandas as pd

    from slopewise import tables
    from slopewise.growth.compare import variance_components
    from slopewise.slopes import growth_model, marker_data, population_course
    from slopewise.study import load_study

    study = load_study(study_file)
    rows = tables.read("cohort/measurements", measurements)
    cohort = tables.read("cohort/patients", patients)
    effects, components, courses = [], [], []
    for marker in study.markers:
        data = marker_data(growth_model(study), marker, rows, cohort, study.landmark_time)
        batch = data.growth.fit_batch(data.everybody())
        fit = batch.fit(0)
        effects.append(fit.fixed_effects.assign(marker=marker, model="study"))
        components.append(variance_components(fit).assign(marker=marker, model="study"))
        courses.append(population_course(data, batch, rows))
        run.logger.info("%s: %s", marker, fit.message or "converged")
    tables.write(pd.concat(effects), "growth/fixed_effects", fixed_effects)
    tables.write(pd.concat(components), "growth/covariance", covariance)
    tables.write(pd.concat(courses), "growth/population", population)


if __name__ == "__main__":
    with run.step(snakemake.log[0], snakemake.threads):
        compare(
            Path(snakemake.config["study_files"][snakemake.wildcards.study]),
            **{name: Path(path) for name, path in snakemake.input.items()},
            **{name: Path(path) for name, path in snakemake.output.items()},
        )
