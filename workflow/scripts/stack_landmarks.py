"""Fit one model to all landmarks of a study, stacked, with a patient bootstrap through both stages."""

from pathlib import Path

from slopewise.run.preloaded import run_step


def fit_stacked(
    study_files: list[Path],
    measurements: list[Path],
    patients: list[Path],
    later: list[Path],
    batches: list[Path],
    table: Path,
    threads: int,
) -> None:
    """Write ``supermodel.csv``; the lists follow each other, one entry a landmark (`later`, `batches` may be empty)."""
    from slopewise.landmarks.supermodel import Landmark, supermodel
    from slopewise.slopes.inputs import GrowthInputs
    from slopewise.study.reading import load_study
    from slopewise.tables import files as tables

    landmarks = []
    none = [None] * len(study_files)
    files = zip(study_files, measurements, patients, later or none, batches or none, strict=True)
    for file, *read_files in files:
        study = load_study(file)
        inputs = GrowthInputs.read(study, *read_files)
        landmarks.append(Landmark(study.landmark_time, inputs.patients, tuple(inputs.markers())))
    tables.write(supermodel(study, landmarks, threads), "supermodel", table)


if __name__ == "__main__":
    run_step(
        fit_stacked,
        snakemake,
        [Path(snakemake.config["study_files"][name]) for name in snakemake.params.runs],
        *([Path(path) for path in snakemake.input[name]] for name in ("measurements", "patients")),
        *([Path(path) for path in snakemake.input.get(name, [])] for name in ("later", "batches")),
        Path(snakemake.output.table),
        snakemake.threads,
    )
