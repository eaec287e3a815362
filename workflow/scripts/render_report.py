"""Write the study's report, and the manifest of how it was analysed, from its tables."""

from pathlib import Path

from slopewise.run.files import write_json, write_text
from slopewise.run.log import logger
from slopewise.run.preloaded import run_step


def write(study_file: Path, report: Path, threads: int = 1) -> None:
    """Write ``report.html`` and ``rigour.json`` beside the tables that they are made from."""
    from slopewise.report.material.rigour import rigour
    from slopewise.report.pages.study import drawn
    from slopewise.report.words.findings import findings
    from slopewise.study.reading import load_study

    study = load_study(study_file)
    html, frames = drawn(study, report.parent, threads)
    write_json(report.with_name("rigour.json"), rigour(frames, study, findings(frames, study)))
    write_text(report, html)
    logger.info("the report has %d kB", len(html.encode()) // 1000)


if __name__ == "__main__":
    run_step(
        write,
        snakemake,
        Path(snakemake.config["study_files"][snakemake.wildcards.study]),
        Path(snakemake.output.report),
        snakemake.threads,
    )
