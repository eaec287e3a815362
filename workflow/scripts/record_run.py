"""Record how the run came about: provenance.json (the same for the same input) and run.json (clock, host, cores)."""

from pathlib import Path
from typing import Any

from slopewise import __version__
from slopewise.run.code import package_digest
from slopewise.run.files import file_digest, write_json
from slopewise.run.preloaded import run_step
from slopewise.run.provenance import check_unchanged, file_digests, machine, versions
from slopewise.study.model import Study


def record(
    study_file: Path,
    folder: Path,
    tables: list[Path],
    provenance: Path,
    run_file: Path,
    cores: int | None,
    source: Path | None = None,
    at_start: dict[str, dict[str, str]] | None = None,
) -> None:
    """Write both files; the study's input files lie below `folder`, `tables` are what the steps made of them.

    `source` is the study file as the user wrote it, where `study_file` was derived from it (a list of landmarks).
    `at_start` has the digests of the study file (`study`) and of the input files (`inputs`, none where another workflow
    makes them) when the run started, by name; `InputError` where one of them has changed since.
    """
    from slopewise.cohort.people import event_labels
    from slopewise.study.files import every_file_of
    from slopewise.study.reading import load_study

    study, source = load_study(study_file), source or study_file
    results = provenance.parent
    written = {source.name: file_digest(source)}
    inputs = file_digests(folder, every_file_of(study, folder))
    if at_start:
        check_unchanged("the study file", at_start["study"], written)
        check_unchanged("an input file", at_start["inputs"] or inputs, inputs)
    write_json(
        provenance,
        {
            "study": study.model_dump(mode="json"),
            "order": {
                "markers": list(study.markers),
                "events": list(study.outcome.events),
                "competing": list(study.outcome.competing),
            },
            "study_file_sha256": written[source.name],
            "seed": study.seed,
            "inputs": inputs,
            **queries_of(study, folder),
            "event_labels": {str(code): label for code, label in event_labels(study.outcome).items()},
            "code_digest": package_digest(),
            "versions": {"slopewise": __version__, **versions()},
            "tables": {path.relative_to(results).as_posix(): file_digest(path) for path in sorted(tables)},
        },
    )
    write_json(run_file, machine(results / "timings", cores))


def queries_of(study: Study, folder: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """The query behind each table that a database holds, with the digest of its result; nothing for other studies."""
    from slopewise.sources.snapshot import SUFFIX, facts_of

    snapshots = {key: folder / name for key, name in study.data.files.items() if name.endswith(SUFFIX)}
    return {"queries": {key: facts_of(path) for key, path in snapshots.items()}} if snapshots else {}


if __name__ == "__main__":
    run_step(
        record,
        snakemake,
        Path(snakemake.config["study_files"][snakemake.wildcards.study]),
        Path(snakemake.config["study_folders"][snakemake.wildcards.study]),
        [Path(path) for path in [*snakemake.input.tables, *snakemake.input.outcome, *snakemake.input.effects]],
        Path(snakemake.output.provenance),
        Path(snakemake.output.run),
        snakemake.config["cores"],
        Path(snakemake.config["study_sources"][snakemake.wildcards.study]),
        {"study": snakemake.params.study_file, "inputs": snakemake.params.inputs},
    )
