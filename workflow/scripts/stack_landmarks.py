"""Fit one model to all landmarks of a study, stacked, with a patient bootstrap through both stages."""

from pathlib import Path

from slopewise.run.step import step


def fit_stacked(
    study_files: list[Path],
    measurements: list[Path],
    patients: list[Path],
    later: list[Path],
    table: Path,
    threads: int,
) -> None:
    """Write ``supermodel.csv``; the lists follow each other, one entry a landmark (`later` may be empty)."""
    from slopewise.landmarks.supermodel import Landmark, supermodel
    from slopewise.slopes.marker import all_markers, growth_model
    from slopewise.study.reading import load_study
    from slopewise.tables import files as tables

    landmarks = []
    rows_later = [tables.read("cohort/later", path) for path in later] or [None] * len(study_files)
    for file, rows_file, cohort_file, after in zip(study_files, measurements, patients, rows_later, strict=True):
        study = load_study(file)
        rows, cohort = tables.read("cohort/measurements", rows_file), tables.read("cohort/patients", cohort_file)
        markers = tuple(all_markers(growth_model(study), study.markers, rows, cohort, study.landmark_time, after))
        landmarks.append(Landmark(study.landmark_time, cohort, markers))
    tables.write(supermodel(study, landmarks, threads), "supermodel", table)


if __name__ == "__main__":
    with step(snakemake.log[0], snakemake.threads):
        fit_stacked(
            [Path(snakemake.config["study_files"][name]) for name in snakemake.params.runs],
            *([Path(path) for path in snakemake.input[name]] for name in ("measurements", "patients")),
            [Path(path) for path in snakemake.input.get("later", [])],
            Path(snakemake.output.table),
            snakemake.threads,
        )
