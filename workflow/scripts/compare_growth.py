"""Fit the growth models of every marker side by side: is a random slope needed, and what does each model say?

Of a study with several chunks of markers each is a job, whose tables gather_growth puts together.
"""

from pathlib import Path

from slopewise.run.preloaded import run_step


def compare(
    study_file: Path,
    measurements: Path,
    patients: Path,
    outputs: dict[str, Path],
    threads: int,
    later: Path | None = None,
    batches: Path | None = None,
) -> None:
    """Write the tables of ``growth/`` that need everybody; `outputs` by the names of the rule's outputs."""
    from slopewise.slopes.compared import compare_markers, together
    from slopewise.study.reading import load_study
    from slopewise.tables import files as tables

    study = load_study(study_file)
    everything = compare_markers(study, study.markers, measurements, patients, threads, later, batches)
    for name, frame in together([everything], outputs).items():
        tables.write(frame, f"growth/{name}", outputs[name])


def compare_chunk(
    study_file: Path,
    chunk: int,
    measurements: Path,
    patients: Path,
    part: Path,
    threads: int,
    later: Path | None = None,
    batches: Path | None = None,
) -> None:
    """Write the rows of chunk 1, 2, ... of the markers to `part`."""
    from slopewise.slopes.compared import compare_markers, write_chunk
    from slopewise.study.reading import load_study

    study = load_study(study_file)
    write_chunk(
        compare_markers(study, study.chunks()[chunk - 1], measurements, patients, threads, later, batches), part
    )


if __name__ == "__main__":
    study_file = Path(snakemake.config["study_files"][snakemake.wildcards.study])
    inputs = {name: Path(path) for name, path in snakemake.input.items()}
    outputs = {name: Path(path) for name, path in snakemake.output.items()}
    if snakemake.wildcards.get("chunk"):
        inputs |= {"chunk": int(snakemake.wildcards.chunk), "part": outputs["part"]}
        run_step(compare_chunk, snakemake, study_file, **inputs, threads=snakemake.threads)
    else:
        inputs |= {"outputs": outputs, "threads": snakemake.threads}
        run_step(compare, snakemake, study_file, **inputs)
