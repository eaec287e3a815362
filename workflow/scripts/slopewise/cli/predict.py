"""The command `slopewise predict`: risks of new patients from a model.json."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slopewise.cli.errors import one_line_errors
from slopewise.run.errors import InputError

if TYPE_CHECKING:
    from slopewise.shipped.risks import Request


def predict_command(
    model: Annotated[Path, typer.Option(help="The model.json of a study's results.")],
    measurements: Annotated[str, typer.Option(help="Table with a row per patient and visit, as in the study.")],
    out: Annotated[Path, typer.Option(help="The CSV file to write: a row per patient, cause and horizon.")],
    patients: Annotated[
        str, typer.Option(help="Table with a row per patient; else covariates stand beside visits.")
    ] = "",
    predictors: Annotated[
        str,
        typer.Option(
            help="Step of the ladder: slope, level, last, baseline, ...; by default what the report recommends."
        ),
    ] = "",
    unit: Annotated[
        list[str] | None,
        typer.Option(
            help='A unit of your files to compare with the model\'s: "albumin=g/dl", "time=days", "age=model"; '
            "repeat it."
        ),
    ] = None,
    draws: Annotated[int, typer.Option(min=0, help="Draws behind the interval of a risk; 0: no interval.")] = 1000,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse everything when one patient cannot be predicted.")
    ] = False,
    delimiter: Annotated[str, typer.Option(help="Delimiter of cells (default: detected from the file).")] = "auto",
    decimal: Annotated[str, typer.Option(help="Decimal mark, . or , (default: detected from the file).")] = "auto",
    encoding: Annotated[str, typer.Option(help="Encoding (default: detected from the file).")] = "auto",
    sheet: Annotated[str, typer.Option(help="Sheet of --measurements; else the only one.")] = "",
    patients_sheet: Annotated[str, typer.Option(help="Sheet of --patients; else the only one.")] = "",
) -> None:
    """Risks of new patients: level, slope, reliability and risk at each horizon (or the value), with an interval.

    The files have the columns, units and codes of the study that made the model, up to its landmark; ids may be any,
    and a table of patients may hold more people than were measured. Risks count from the landmark and have 6
    significant digits. The interval says how well the patient's own level and slope are known; `slope_share` is the
    part of that uncertainty that comes from the slope. `outside` names what lies beyond the training range; a value
    that only another unit explains (albumin in g/l where the model has g/dl) is refused. A patient who cannot be
    predicted (such a value, a row after the landmark, an unknown level) has a row without a risk and the reason in
    `refused`; the others are predicted, and the status is 0. With --strict such a patient is an error.

    Example:

      slopewise predict --model results/pbc/model.json --measurements new.csv --patients people.csv --out risks.csv
    """
    with one_line_errors():
        request = _request(
            model, measurements, patients, predictors, unit or [], draws, (delimiter, decimal, encoding), strict
        )
        sheets = {"sheet": sheet or None, "patients_sheet": patients_sheet or None}
        request = replace(request, dialect={**(request.dialect or {}), **sheets})
        _predict(request, out)


def _request(
    model: Path, measurements: str, patients: str, predictors: str, unit: list[str], draws: int,
    dialect: tuple[str, str, str], strict: bool,
) -> Request:  # fmt: skip
    from slopewise.cli.dialect import check_dialect
    from slopewise.shipped.risks import Request

    told = dict(_unit(text) for text in unit)
    chosen = dict(zip(("delimiter", "decimal", "encoding"), dialect, strict=True))
    chosen["delimiter"] = chosen["delimiter"].replace("\\t", "\t")
    check_dialect(**chosen)
    return Request(model, measurements, patients or None, predictors or None, draws, told, chosen, strict)


def _predict(request: Request, out: Path) -> None:
    from slopewise.shipped.risks import predict, rounded
    from slopewise.tables import files as tables

    if out.suffix != ".csv":
        raise InputError(f"--out {out}: the table is written as CSV; give it a name that ends in .csv")
    risks = predict(request, Path())
    tables.write(rounded(risks.table), "risks", out)
    for line in [*risks.told, f"written to {out}"]:
        typer.echo(line)
    if risks.refused:
        patient, reason = next(iter(risks.refused.items()))
        count = len(risks.refused)
        told = f"{count} of {risks.table['patient'].nunique()} patients {'has' if count == 1 else 'have'} no risk"
        typer.echo(f"slopewise: {told} (column refused); the first, {patient}: {reason}", err=True)


def _unit(text: str) -> tuple[str, str]:
    name, equals, unit = text.partition("=")
    if not equals or not name.strip() or not unit.strip():
        raise InputError(f"--unit {text}: write it as NAME=UNIT, for example albumin=g/dl")
    return name.strip(), unit.strip()
