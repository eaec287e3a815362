"""Write the study's report from its tables."""

from pathlib import Path

from slopewise import run


def write(study_file: Path, report: Path) -> None:
    """Write ``report.html`` beside the tables that it is made from."""
    from slopewise.report import render
    from slopewise.study import load_study

    html = render(load_study(study_file), report.parent)
    run.write_text(report, html)
    run.logger.info("the report has %d kB", len(html.encode()) // 1000)


if __name__ == "__main__":
    with run.step(snakemake.log[0], snakemake.threads):
        write(Path(snakemake.config["study_files"][snakemake.wildcards.study]), Path(snakemake.output.report))
