"""Put the chunks of markers together; audit that no fit saw whom it scored, or a row after the landmark."""

from pathlib import Path

from slopewise.run.log import logger
from slopewise.run.preloaded import run_step


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
    batches: Path | None = None,
    batch_audit: Path | None = None,
) -> None:
    """Write slopes/*, growth/fits.csv and the leakage audit; `outputs` by the names of the rule's outputs."""
    import pandas as pd

    from slopewise.folds import audit
    from slopewise.slopes.dropout import dropout
    from slopewise.slopes.filters.study import filtered_markers
    from slopewise.slopes.inputs import GrowthInputs
    from slopewise.slopes.marker import growth_model
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
    removed = None if batches is None else tables.read("slopes/batch_parameters", batches)
    saw = None if batch_audit is None else tables.read("slopes/batch_audit", batch_audit)
    for name, table in (("batch_parameters", removed), ("batch_audit", saw)):
        empty = pd.DataFrame(columns=list(tables.TABLES[f"slopes/{name}"].columns))
        shown = empty if table is None else table[table["fold"] == 0] if name == "batch_parameters" else table
        tables.write(shown, f"slopes/{name}", outputs[name])
    reproduced = tables.read("cohort/agreement", agreement)
    filtered = filtered_markers(study, rows, cohort, assigned, scored, ledger, reproduced, after, removed)
    for name, table in vars(filtered).items():
        tables.write(table, f"slopes/{name}", outputs[name])
    prepared = GrowthInputs(study, rows, cohort, None, removed).markers()
    parted = dropout(growth_model(study), prepared, rows, published)
    for name, table in zip(("dropout", "dropout_pattern"), parted, strict=True):
        tables.write(table, f"slopes/{name}", outputs[name])
    leaks = int((checked["verdict"] == "leak").sum()) + int((filtered.filter_survival["verdict"] == "leak").sum())
    leaks += 0 if saw is None else int((saw["verdict"] == "leak").sum())
    logger.log(40 if leaks else 20, "leakage audit: %d of %d fits leak", leaks, len(checked))


if __name__ == "__main__":
    run_step(
        gather,
        snakemake,
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
        *(Path(path) if (path := snakemake.input.get(name)) else None for name in ("later", "batches", "batch_audit")),
    )
