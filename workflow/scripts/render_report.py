"""Write the study's report from its tables."""

from pathlib import Path

from slopewise.run.files import write_text
from slopewise.run.log import logger
from slopewise.run.step import step


def write(study_file: Path, report: Path) -> None:
    """Write ``report.html`` beside the tables that it is made from."""
    from slopewise.report.pages.study import render
    from slopewise.study.reading import load_study

    html = render(load_study(study_file), report.parent)
    write_text(report, html)
    logger.info("the report has %d kB", len(html.encode()) // 1000)


if __name__ == "__main__":
    with step(snakemake.log[0], snakemake.threads):
        write(Path(snakemake.config["study_files"][snakemake.wildcards.study]), Path(snakemake.output.report))
