"""The command `slopewise simulate`: studies whose truth is known."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from slopewise.cli.errors import one_line_errors

simulate_app = typer.Typer(name="simulate", help="Write a simulated study whose truth is known.", no_args_is_help=True)


@simulate_app.callback()
def main() -> None:
    """Write a simulated study whose truth is known."""


@simulate_app.command(short_help="Many imaging features at several scans.")
def radiomics(
    to: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder to write to; it is made.")],
    patients: Annotated[int, typer.Option(metavar="NUMBER", help="Patients, at least 20.")] = 300,
    features: Annotated[int, typer.Option(metavar="NUMBER", help="Features.")] = 1000,
    seed: Annotated[int, typer.Option(metavar="NUMBER", min=0, help="Equal seeds give equal files.")] = 1,
    dropout: Annotated[
        bool, typer.Option("--dropout", help="Scans end early, the earlier the higher the patient's risk.")
    ] = False,
    null: Annotated[bool, typer.Option("--null", help="No feature has anything to do with the outcome.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
) -> None:
    """Simulate a delta-radiomics study: correlated features at 3 to 7 scans, and a time to an event.

    The slopes of a few features drive the hazard (log hazard ratio 0.4 per SD of the true slope); three scanners shift
    and scale half of the features. Names are those of PyRadiomics, with its `diagnostics_*` columns. The truth is
    written beside the tables, and a study file that runs from this folder.

    Example:

      slopewise simulate radiomics --patients 300 --features 1000 --seed 1 --to simulated
    """
    with one_line_errors():
        from slopewise.simulate.radiomics import simulate
        from slopewise.simulate.writing import STUDY, write_study

        made = simulate(patients, features, seed, dropout, 0 if null else None)
        name = re.sub(r"[^A-Za-z0-9_-]", "_", to.resolve().name)[:64] or "radiomics"
        written = write_study(made, to, name, seed, force)
        typer.echo(f"{len(made.measurements)} scans of {patients} patients, {features} features:")
        for path in written:
            typer.echo(f"  {path}")
        typer.echo(f"snakemake --cores all --config study={to / STUDY}")
