"""Put the chunks of markers together; audit that no fit saw whom it scored, or a row after the landmark."""

from pathlib import Path

from slopewise.run.log import logger
from slopewise.run.step import step


def gather(
    study_file: Path,
    measurements: Path,
    patients: Path,
    folds: Path,
    scores: list[Path],
    fits: list[Path],
    slopes: list[Path],
    fast: list[Path],
    share: list[Path],
    outputs: dict[str, Path],
    agreement: Path,
    later: Path | None = None,
) -> None:
    """Write slopes/*, growth/fits.csv and the leakage audit; `outputs` by the names of the rule's outputs."""
    import pandas as pd

    from slopewise.folds import audit
    from slopewise.slopes.dropout import dropout
    from slopewise.slopes.filters.study import filtered_markers
    from slopewise.slopes.marker import all_markers, growth_model
    from slopewise.study.reading import load_study
    from slopewise.tables import files as tables

    study = load_study(study_file)
    scored = pd.concat([tables.read("slopes/crossfit", path) for path in scores])
    ledger = pd.concat([tables.read("growth/fits", path) for path in fits])
    published = pd.concat([tables.read("slopes/slopes", path) for path in slopes])
    rows = tables.read("cohort/measurements", measurements)
    after = None if later is None else tables.read("cohort/later", later)
    assigned = tables.read("folds", folds)
    checked = audit(
        folds=assigned,
        measurements=rows,
        markers=list(study.markers),
        scores=scored,
        ledger=ledger,
        landmark=study.landmark_time,
        later=after,
    )
    tables.write(published, "slopes/slopes", outputs["slopes"], outputs["slopes_csv"])
    tables.write(scored, "slopes/crossfit", outputs["crossfit"])
    tables.write(ledger, "growth/fits", outputs["fits"])
    tables.write(checked, "slopes/leakage_audit", outputs["audit"])
    for name, parts in (("fast_changers", fast), ("fast_share", share)):
        whole = pd.concat([tables.read(f"slopes/{name}", path) for path in parts])
        tables.write(whole, f"slopes/{name}", outputs[name])
    cohort = tables.read("cohort/patients", patients)
    model = growth_model(study)
    prepared = all_markers(model, study.markers, rows, cohort, study.landmark_time)
    reproduced = tables.read("cohort/agreement", agreement)
    filtered = filtered_markers(study, rows, cohort, assigned, scored, ledger, reproduced, after)
    for name, table in vars(filtered).items():
        tables.write(table, f"slopes/{name}", outputs[name])
    parted = dropout(model, prepared, rows, published)
    for name, table in zip(("dropout", "dropout_pattern"), parted, strict=True):
        tables.write(table, f"slopes/{name}", outputs[name])
    leaks = int((checked["verdict"] == "leak").sum()) + int((filtered.filter_survival["verdict"] == "leak").sum())
    logger.log(40 if leaks else 20, "leakage audit: %d of %d fits leak", leaks, len(checked))


if __name__ == "__main__":
    with step(snakemake.log[0], snakemake.threads):
        gather(
            Path(snakemake.config["study_files"][snakemake.wildcards.study]),
            Path(snakemake.input.measurements),
            Path(snakemake.input.patients),
            Path(snakemake.input.folds),
            [Path(path) for path in snakemake.input.scores],
            [Path(path) for path in snakemake.input.fits],
            [Path(path) for path in snakemake.input.slopes],
            [Path(path) for path in snakemake.input.fast],
            [Path(path) for path in snakemake.input.share],
            {name: Path(path) for name, path in snakemake.output.items()},
            Path(snakemake.input.agreement),
            Path(snakemake.input.later) if snakemake.input.get("later") else None,
        )
