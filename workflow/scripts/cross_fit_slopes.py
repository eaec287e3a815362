"""Fit a chunk of markers on every training set of the fold table and score the patients who were left out."""

from pathlib import Path

from slopewise import run


def cross_fit_chunk(
    study_file: Path,
    chunk: int,
    measurements: Path,
    patients: Path,
    folds: Path,
    scores: Path,
    fits: Path,
    slopes: Path,
    threads: int,
) -> None:
    """Write scores (``slopes/crossfit``), fits (``growth/fits``) and slopes (``slopes/slopes``) of chunk 1, 2, ..."""
    import pandas as pd

    from slopewise import tables
    from slopewise.folds import fits as fold_fits
    from slopewise.run_progress import counted
    from slopewise.slopes import cross_fit, facts, growth_model, marker_data, published
    from slopewise.study import load_study

    study = load_study(study_file)
    rows = tables.read("cohort/measurements", measurements)
    cohort = tables.read("cohort/patients", patients)
    plan = list(fold_fits(tables.read("folds", folds), sorted(cohort["patient"])))
    all_scores, all_fits, all_slopes = [], [], []
    for marker in counted("markers", study.chunks()[chunk - 1]):
        data = marker_data(growth_model(study), marker, rows, cohort, study.landmark_time)
        scored, ledger, _ = cross_fit(data, plan, threads)
        logarithmic = study.markers[marker].transform == "log"
        own = facts(rows, cohort, marker, logarithmic, study.growth.slope_of)
        run.logger.info("%s: %d fits, %d singular", marker, len(ledger), int(ledger["singular"].sum()))
        all_scores.append(scored.drop(columns="slope_deviation"))
        all_fits.append(ledger)
        all_slopes.append(published(scored, own))
    tables.write(pd.concat(all_scores), "slopes/crossfit", scores)
    tables.write(pd.concat(all_fits), "growth/fits", fits)
    tables.write(pd.concat(all_slopes), "slopes/slopes", slopes)


if __name__ == "__main__":
    with run.step(snakemake.log[0], snakemake.threads):
        cross_fit_chunk(
            Path(snakemake.config["study_files"][snakemake.wildcards.study]),
            int(snakemake.wildcards.chunk),
            **{name: Path(path) for name, path in snakemake.input.items()},
            **{name: Path(path) for name, path in snakemake.output.items()},
            threads=snakemake.threads,
        )
