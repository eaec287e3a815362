"""Put the landmarks of a study side by side: a table, and a page with a picture and links to the reports."""

from pathlib import Path

from slopewise.run.files import read_json, write_text
from slopewise.run.preloaded import run_step


def gather(
    study_files: list[Path], performance: list[Path], coefficients: list[Path], patients: list[Path],
    models: list[Path], supermodel: Path, table: Path, page: Path,
) -> None:  # fmt: skip
    """Write ``landmarks.csv`` and ``landmarks.html``; the lists follow each other, one entry a landmark."""
    from slopewise.landmarks.side_by_side import AtLandmark, side_by_side
    from slopewise.report.pages.landmarks import render_landmarks
    from slopewise.study.reading import load_study
    from slopewise.tables import files as tables
    from slopewise.validate.verdict import Verdict

    found = [
        AtLandmark(
            study=load_study(file),
            performance=tables.read("outcome/performance", measured),
            coefficients=tables.read("outcome/coefficients", fitted),
            patients=tables.read("cohort/patients", cohort),
        )
        for file, measured, fitted, cohort in zip(study_files, performance, coefficients, patients, strict=True)
    ]
    written = tables.write(side_by_side(found), "landmarks", table)
    stacked = tables.read("supermodel", supermodel)
    reports = [f"{path.parent.parent.name}/report.html" for path in performance]
    verdicts = [Verdict[read_json(model)["recommended"]["verdict"]] for model in models]
    write_text(page, render_landmarks(found[0].study, written, reports, verdicts, stacked, found[0].patients))


if __name__ == "__main__":
    run_step(
        gather,
        snakemake,
        [Path(snakemake.config["study_files"][name]) for name in snakemake.params.runs],
        *(
            [Path(path) for path in snakemake.input[name]]
            for name in ("performance", "coefficients", "patients", "models")
        ),
        Path(snakemake.input.supermodel),
        Path(snakemake.output.table),
        Path(snakemake.output.page),
    )
