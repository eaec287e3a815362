"""Estimate an effect that may differ between patients: its average, its spread, and each patient's."""

from pathlib import Path

from slopewise.run.log import logger
from slopewise.run.preloaded import run_step
from slopewise.run.seeds import generator


def estimate(study_file: Path, measurements: Path, patients: Path, outputs: dict[str, Path], threads: int) -> None:
    """Write the tables of ``effects/``; `outputs` by the names of the rule's outputs."""
    import pandas as pd

    from slopewise.effects.kinds import ESTIMATORS, EffectRows
    from slopewise.run.progress import counted
    from slopewise.study.reading import load_study
    from slopewise.tables import files as tables

    study = load_study(study_file)
    rows = EffectRows.read(study, measurements, patients)
    found: dict[str, list[pd.DataFrame]] = {name: [] for name in outputs}
    for marker in counted("markers", study.markers):
        rng = generator(study.seed, "estimate_effects", marker)
        for name, frame in ESTIMATORS[study.effects.kind](rows, marker, rng, threads).items():
            found[name].append(frame.assign(marker=marker))
        logger.info("%s: the effect of %s", marker, study.effects.kind)
    for name, path in outputs.items():
        parts = [part for part in found[name] if len(part)]
        empty = pd.DataFrame(columns=list(tables.TABLES[f"effects/{name}"].columns))
        tables.write(pd.concat(parts) if parts else empty, f"effects/{name}", path)


if __name__ == "__main__":
    run_step(
        estimate,
        snakemake,
        Path(snakemake.config["study_files"][snakemake.wildcards.study]),
        Path(snakemake.input.measurements),
        Path(snakemake.input.patients),
        {name: Path(path) for name, path in snakemake.output.items()},
        snakemake.threads,
    )
