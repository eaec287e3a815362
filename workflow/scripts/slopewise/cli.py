"""The command `slopewise`: the way in. What it does lies in the modules cli_*, imported when they are asked for."""

from __future__ import annotations

from typing import Annotated

import typer

from slopewise import __version__
from slopewise.cli_predict import predict_command

app = typer.Typer(
    name="slopewise",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"slopewise {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """From repeated measurements of patients to cross-fitted slopes and an honest test of what they predict."""


app.command("predict")(predict_command)

if __name__ == "__main__":
    app()
