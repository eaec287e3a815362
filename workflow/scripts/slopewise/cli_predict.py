"""The command `slopewise predict`: risks of new patients from a model.json."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from slopewise.cli_errors import one_line_errors
from slopewise.run import InputError


def predict_command(
    model: Annotated[Path, typer.Option(help="The model.json of a study's results.")],
    measurements: Annotated[str, typer.Option(help="Table with a row per patient and visit, as the study's own.")],
    out: Annotated[Path, typer.Option(help="The CSV file to write: a row per patient, cause and horizon.")],
    patients: Annotated[
        str, typer.Option(help="Table with a row per patient; else covariates stand beside visits.")
    ] = "",
    predictors: Annotated[str, typer.Option(help="Step of the ladder: slope, level, last, baseline, ...")] = "slope",
    unit: Annotated[
        list[str] | None,
        typer.Option(help='A unit of your files to compare with the model\'s: "albumin=g/dl", "time=days"; repeat it.'),
    ] = None,
    draws: Annotated[int, typer.Option(min=0, help="Draws behind the interval of a risk; 0: no interval.")] = 1000,
    delimiter: Annotated[str, typer.Option(help="What separates cells; else detected from the file.")] = "auto",
    decimal: Annotated[str, typer.Option(help="Decimal mark, . or , ; else detected from the file.")] = "auto",
    encoding: Annotated[str, typer.Option(help="Encoding; else detected from the file.")] = "auto",
) -> None:
    """Risks of new patients: level, slope, reliability and risk at each horizon (or the value), with an interval.

    The files have the columns, units and codes of the study that made the model, up to its landmark: a later row is
    refused. Whom the model does not know by id is no matter. A patient with one visit, or without a marker, is
    predicted and told. The interval tells how far the patient's own level and slope are known; `slope_share` is the
    part of that uncertainty that comes from the slope. `outside` names what lies beyond the training range.

    Example:

      slopewise predict --model results/pbc/model.json --measurements new.csv --patients people.csv --out risks.csv
    """
    with one_line_errors():
        _predict(model, measurements, patients, out, predictors, unit or [], draws, (delimiter, decimal, encoding))


def _predict(
    model: Path, measurements: str, patients: str, out: Path, predictors: str, unit: list[str], draws: int,
    dialect: tuple[str, str, str],
) -> None:  # fmt: skip
    from slopewise import tables
    from slopewise.predict import Request, predict

    told = dict(_unit(text) for text in unit)
    known = {"delimiter": (",", ";", "\t", "|", "auto"), "decimal": (".", ",", "auto")}
    chosen = dict(zip(("delimiter", "decimal", "encoding"), dialect, strict=True))
    chosen["delimiter"] = chosen["delimiter"].replace("\\t", "\t")
    for key, allowed in known.items():
        if chosen[key] not in allowed:
            raise InputError(f"--{key} {chosen[key]!r}: one of {' '.join(repr(one) for one in allowed)}")
    if out.suffix != ".csv":
        raise InputError(f"--out {out}: the table is written as CSV; give it a name that ends in .csv")
    request = Request(model, measurements, patients or None, predictors, draws, told, chosen)
    risks = predict(request, Path())
    tables.write(risks.table, "risks", out)
    for line in [*risks.told, f"written to {out}"]:
        typer.echo(line)


def _unit(text: str) -> tuple[str, str]:
    name, equals, unit = text.partition("=")
    if not equals or not name.strip() or not unit.strip():
        raise InputError(f"--unit {text}: write it as NAME=UNIT, for example albumin=g/dl")
    return name.strip(), unit.strip()
