"""Write the page of single patients, for a study that asks for it."""

from pathlib import Path

from slopewise.run.files import write_text
from slopewise.run.preloaded import run_step


def write(study_file: Path, report: Path) -> None:
    """Write ``report-patients.html`` beside the tables that it is made from."""
    from slopewise.report.pages.patients import render_patients
    from slopewise.study.reading import load_study

    write_text(report, render_patients(load_study(study_file), report.parent))


if __name__ == "__main__":
    run_step(
        write,
        snakemake,
        Path(snakemake.config["study_files"][snakemake.wildcards.study]),
        Path(snakemake.output.report),
    )
