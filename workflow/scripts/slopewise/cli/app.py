"""The command `slopewise`: the way in. What it does lies in the modules cli_*, imported when it is asked for."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from slopewise import __version__
from slopewise.cli.errors import one_line_errors
from slopewise.cli.predict import predict_command
from slopewise.cli.run import demo_command, run_command
from slopewise.cli.simulate import simulate_app
from slopewise.run.code import package_digest
from slopewise.run.commit import commit
from slopewise.run.errors import InputError

HELP = """
From repeated measurements of patients to cross-fitted slopes and their validation as predictors of an outcome.

The way from tables to a report:

\b
  slopewise init visits.csv --patients patients.csv    proposes study.yaml: read it, change it
  slopewise check study.yaml                           reports problems before a run
  slopewise run study.yaml                             runs it: results/NAME/report.html
  slopewise tables results/NAME                        writes the report's tables for a paper
  slopewise figures results/NAME                       writes its figures: PDF and SVG of a column's width
  slopewise predict --model results/NAME/model.json    gives the risks of new patients
"""

app = typer.Typer(
    name="slopewise",
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


class TimeUnit(StrEnum):
    """Units of the column of time."""

    minutes = "minutes"
    hours = "hours"
    days = "days"
    weeks = "weeks"
    months = "months"
    years = "years"
    date = "date"


class EffectKind(StrEnum):
    """Kinds of effects for which a study is proposed."""

    crossover = "crossover"
    interruption = "interruption"
    iptw = "iptw"


class Decimal(StrEnum):
    """Decimal marks."""

    auto = "auto"
    point = "."
    comma = ","


class Form(StrEnum):
    """Forms in which tables are exported."""

    both = "both"
    csv = "csv"
    latex = "latex"
    docx = "docx"


Results = Annotated[
    Path, typer.Argument(metavar="RESULTS", help="The folder of a study's results, for example results/pbc.")
]


class Drawing(StrEnum):
    """Forms in which figures are exported."""

    both = "both"
    pdf = "pdf"
    svg = "svg"


def _printed_version() -> str:
    """The version, and the commit of a checkout."""
    checked_out = commit()
    return f"slopewise {__version__}" + (f" (commit {checked_out})" if checked_out else "")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(_printed_version())
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Options of the command as a whole; its help is `HELP`."""


@app.command(short_help="Print the version, or the digest of this checkout.")
def version(
    digest: Annotated[
        bool, typer.Option("--digest", help="Print the SHA-256 of the package's source files instead.")
    ] = False,
) -> None:
    """Print the version and the commit of a checkout; with --digest, the digest of the code that results name."""
    with one_line_errors():
        typer.echo(package_digest() if digest else _printed_version())


@app.command(name="compile", short_help="Compile the numerical code before the first study.")
def compile_command() -> None:
    """Compile the numerical code once, before jobs on many machines would each do it.

    The first study would compile it otherwise, which takes a minute or two of processor time. The code is kept beside
    the package, or in the folder that the variable NUMBA_CACHE_DIR names.
    """
    with one_line_errors():
        from slopewise.cli.ahead import compile_ahead

        compile_ahead()


@app.command(short_help="Propose a study file from your tables.")
def init(
    measurements: Annotated[
        str,
        typer.Argument(metavar="MEASUREMENTS", help="Table with a row per patient and visit: CSV, Excel, Parquet ..."),
    ],
    patients: Annotated[str, typer.Option(metavar="FILE", help="Table with a row per patient (optional).")] = "",
    out: Annotated[Path, typer.Option(metavar="FILE", help="The study file to write.")] = Path("study.yaml"),
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Name of the study (default: the name of the study file).")
    ] = "",
    patient: Annotated[str, typer.Option(metavar="COLUMN", help="Column of the patient.")] = "",
    time: Annotated[str, typer.Option(metavar="COLUMN", help="Column with the time of measurement of a row.")] = "",
    time_unit: Annotated[TimeUnit | None, typer.Option(help="Its unit.")] = None,
    date_format: Annotated[
        str, typer.Option(metavar="FORMAT", help='How dates are written, e.g. "%d/%m/%Y" for day first.')
    ] = "",
    patients_date_format: Annotated[
        str, typer.Option(metavar="FORMAT", help="The same for the table of patients, if it differs there.")
    ] = "",
    marker: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="A column that is a marker; repeat it. Else all that fit."),
    ] = None,
    followup: Annotated[str, typer.Option(metavar="COLUMN", help="Column with the end of a patient's follow-up.")] = "",
    followup_unit: Annotated[
        TimeUnit | None, typer.Option(help="Its unit (default: by its name, or as it fits the visits).")
    ] = None,
    event: Annotated[str, typer.Option(metavar="COLUMN", help="Column with the code of what ended it.")] = "",
    event_code: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE=LABEL", help='A code that is the event, with a label: "2=death"; repeat it.'),
    ] = None,
    competing_code: Annotated[
        list[str] | None, typer.Option(metavar="CODE=LABEL", help='A code that is a competing event: "3=accident".')
    ] = None,
    kind: Annotated[
        EffectKind | None,
        typer.Option(help="The effect of a treatment, in a crossover trial or by weights; nothing is predicted."),
    ] = None,
    no_outcome: Annotated[bool, typer.Option("--no-outcome", help="Describe the courses; predict nothing.")] = False,
    landmark: Annotated[
        float | None,
        typer.Option(metavar="NUMBER", help="The landmark, from which one predicts, in the analysis unit."),
    ] = None,
    delimiter: Annotated[
        str, typer.Option(metavar="MARK", help="Delimiter of cells (default: detected from the file).")
    ] = "auto",
    decimal: Annotated[Decimal, typer.Option(help="Decimal mark (default: detected from the file).")] = Decimal.auto,
    encoding: Annotated[str, typer.Option(metavar="NAME", help="Encoding (default: detected from the file).")] = "auto",
    sheet: Annotated[str, typer.Option(metavar="NAME", help="Sheet of MEASUREMENTS; else the only one.")] = "",
    patients_sheet: Annotated[
        str, typer.Option(metavar="NAME", help="Sheet of the table of patients, which may be in the same workbook.")
    ] = "",
    subjects: Annotated[
        str, typer.Option(metavar="FILE", help="A third table with a row per patient, such as ADSL of a trial.")
    ] = "",
    subjects_sheet: Annotated[str, typer.Option(metavar="NAME", help="Sheet of that table.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing study file.")] = False,
) -> None:
    """Look at your tables and write a study file that says what was found and why.

    Nothing needs to be told. What you do tell (a column, a unit) is taken as it is, and the rest is found around it.
    Paths are written as you give them: run slopewise and snakemake from the same folder.

    \b
    Examples:
      slopewise init visits.csv
      slopewise init visits.csv --patients patients.csv --event status --event-code 2=death
      slopewise init trial.xlsx --sheet visits --patients trial.xlsx --patients-sheet patients
      slopewise init adlb.xpt --patients adtte.xpt --subjects adsl.xpt
      slopewise init trial.csv --kind crossover
      slopewise init states.csv --kind interruption
      slopewise init visits.csv --kind iptw
      slopewise init visits.csv --time date --date-format "%d/%m/%Y" --marker crp --marker albumin
    """
    with one_line_errors():
        from slopewise.cli.init.draft import Dialect
        from slopewise.cli.init.guess import Named
        from slopewise.cli.init.write import told_lines, write_study

        said = Named(
            patient=patient, time=time, time_unit=time_unit or "", date_format=date_format, followup=followup,
            patients_date_format=patients_date_format, followup_unit=followup_unit or "",
            event=event, events=tuple(event_code or ()), competing=tuple(competing_code or ()),
            markers=tuple(marker or ()), landmark=landmark, outcome=not (no_outcome or kind), kind=kind or "",
        )  # fmt: skip
        dialect = Dialect(
            delimiter.replace("\\t", "\t"), decimal.value, encoding, sheet, patients_sheet, subjects_sheet
        )
        draft = write_study(measurements, patients or None, out, name, dialect, said, force, subjects)
        for line in told_lines(draft, out):
            typer.echo(line)


@app.command(short_help="Report what can be known before running.")
def check(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="The study file.")],
) -> None:
    """Tell on one page what can be known of a study before it runs.

    Columns and units as they were read, the flow to the landmark, visits per patient, whether a slope of the
    patient's own can be told, events per coefficient, whether the horizons are supported, how long the run will take.
    Paths in the study file are taken from the folder in which you run this. The status is 0 when the study can run
    (there may be warnings) and 1 when it cannot.
    """
    with one_line_errors():
        from slopewise.cli.check.examine import examine
        from slopewise.cli.check.page import show, show_errors
        from slopewise.cohort import CohortError

        try:
            findings = examine(study)
        except CohortError as error:
            raise InputError(show_errors(error.problems)) from None
        show(findings)
        if findings.stops:
            several = f"the study cannot run, for the {len(findings.stops)} reasons above"
            raise InputError(f"{study}: {findings.stops[0] if len(findings.stops) == 1 else several}")


@app.command(short_help="Write the report's tables for a paper.")
def tables(
    results: Results,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder to write to (default: tables/ in the folder of results)."),
    ] = None,
    form: Annotated[
        Form, typer.Option("--format", help="CSV and LaTeX (both), one of the two, or one Word document (docx).")
    ] = Form.both,
    paper: Annotated[
        bool, typer.Option("--paper", help="Four tables for a paper: patients, performance, effects, growth.")
    ] = False,
    docx: Annotated[bool, typer.Option("--docx", help="The same as --format docx.")] = False,
) -> None:
    """Write the report's tables for a paper: one CSV and one LaTeX file each, or one Word document.

    The CSV files open in Excel, LibreOffice and Word with a double click: UTF-8 with a mark, numbers as numbers,
    intervals in columns of their own, and no cell that a spreadsheet would take for a formula. The LaTeX files hold a
    `tabular` with booktabs' rules, escaped, for \\input. The Word document has the tables with their captions, the
    methods text and its references. With --paper there are four tables of at most seven columns, and intervals are in
    the cells: "1.42 (1.10 to 1.83)". Small counts are masked as in the report.
    """
    with one_line_errors():
        from slopewise.cli.tables import export

        form = Form.docx if docx else form
        csv, latex = form in (Form.both, Form.csv), form in (Form.both, Form.latex)
        folder = out or results / "tables"
        written = export(results, folder, csv=csv, latex=latex, docx=form == Form.docx, paper=paper)
        typer.echo(f"{len(written)} file{'s' * (len(written) != 1)} written to {folder}:")
        for path in written:
            typer.echo(f"  {path.name}")


@app.command(short_help="Write the report's figures for a paper.")
def figures(
    results: Results,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder to write to (default: figures/ in the folder of results)."),
    ] = None,
    width: Annotated[float, typer.Option(metavar="MM", help="Width in millimetres, as of a journal's column.")] = 85.0,
    form: Annotated[Drawing, typer.Option("--format", help="PDF and SVG (both), or one of the two.")] = Drawing.both,
) -> None:
    """Write the report's figures for a paper: one PDF and one SVG file each, with their letters inside.

    They are the report's figures, scaled to the width. figures.txt has a line for each: its name and what it shows.
    """
    with one_line_errors():
        from slopewise.cli.figures import export_figures

        folder = out or results / "figures"
        forms = ("pdf", "svg") if form == Drawing.both else (form.value,)
        written = export_figures(results, folder, width, forms)
        typer.echo(f"{len(written)} files written to {folder}; figures.txt says what each figure shows.")


app.command("predict")(predict_command)
app.command("run", short_help="Run a study, from its tables to the report.")(run_command)
app.command("demo", short_help="Run the PBC trial, whose data ship with slopewise.")(demo_command)
app.add_typer(simulate_app, name="simulate")

if __name__ == "__main__":
    app()
