"""Put the chunks of markers together whose growth models were compared; q-values are over all markers."""

from pathlib import Path

from slopewise.run.preloaded import run_step


def gather(parts: list[Path], outputs: dict[str, Path]) -> None:
    """Write the tables of ``growth/`` that need everybody; `outputs` by the names of the rule's outputs."""
    from slopewise.slopes.compared import read_chunk, together
    from slopewise.tables import files as tables

    for name, frame in together([read_chunk(part) for part in parts], outputs).items():
        tables.write(frame, f"growth/{name}", outputs[name])


if __name__ == "__main__":
    run_step(
        gather,
        snakemake,
        [Path(path) for path in snakemake.input.parts],
        {name: Path(path) for name, path in snakemake.output.items()},
    )
