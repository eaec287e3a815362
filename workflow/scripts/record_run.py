"""Record how the run came about: provenance.json (the same for the same input) and run.json (clock, host, cores)."""

from pathlib import Path

from slopewise import __version__, run

LIBRARIES = (
    "snakemake",
    "numpy",
    "scipy",
    "pandas",
    "numba",
    "formulaic",
    "statsmodels",
    "scikit-learn",
    "lifelines",
    "pyarrow",
    "matplotlib",
)


def record(
    study_file: Path, folder: Path, tables: list[Path], provenance: Path, run_file: Path, cores: int | None
) -> None:
    """Write both files; the study's input files lie below `folder`, `tables` are what the steps made of them."""
    from slopewise.cohort.people import event_labels
    from slopewise.study import load_study

    study = load_study(study_file)
    results = provenance.parent
    inputs = [name for name in (study.data.measurements, study.data.patients) if name is not None]
    run.write_json(
        provenance,
        {
            "study": study.model_dump(mode="json"),
            "order": {
                "markers": list(study.markers),
                "events": list(study.outcome.events),
                "competing": list(study.outcome.competing),
            },
            "study_file_sha256": run.file_digest(study_file),
            "seed": study.seed,
            "inputs": {name: run.file_digest(folder / name) for name in inputs},
            "event_labels": {str(code): label for code, label in event_labels(study.outcome).items()},
            "code_digest": run.package_digest(),
            "versions": {"slopewise": __version__, **run.versions(LIBRARIES)},
            "tables": {path.relative_to(results).as_posix(): run.file_digest(path) for path in sorted(tables)},
        },
    )
    run.write_json(run_file, run.machine(results / "timings", cores))


if __name__ == "__main__":
    with run.step(snakemake.log[0], snakemake.threads):
        record(
            Path(snakemake.config["study_files"][snakemake.wildcards.study]),
            Path(snakemake.config["study_folders"][snakemake.wildcards.study]),
            [Path(path) for path in [*snakemake.input.tables, *snakemake.input.outcome]],
            Path(snakemake.output.provenance),
            Path(snakemake.output.run),
            snakemake.config["cores"],
        )
