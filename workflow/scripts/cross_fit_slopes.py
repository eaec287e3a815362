"""Fit a chunk of markers on every training set of the fold table and score the patients who were left out."""

from pathlib import Path

from slopewise.run.log import logger
from slopewise.run.preloaded import run_step
from slopewise.run.seeds import generator


def cross_fit_chunk(
    study_file: Path,
    chunk: int,
    measurements: Path,
    patients: Path,
    folds: Path,
    scores: Path,
    fits: Path,
    slopes: Path,
    fast: Path,
    share: Path,
    threads: int,
    later: Path | None = None,
    batches: Path | None = None,
) -> None:
    """Write scores, fits, slopes (``slopes/crossfit``, ``growth/fits``, ``slopes/slopes``) of chunk 1, 2, ...

    And of markers with a limit fast and share (``slopes/fast_changers``, ``slopes/fast_share``).
    """
    import pandas as pd

    from slopewise.folds import CROSSFIT
    from slopewise.folds import fits as fold_fits
    from slopewise.run.progress import counted
    from slopewise.slopes.crossfit import cross_fit
    from slopewise.slopes.facts import RowFacts, published
    from slopewise.slopes.fast import fast_changers
    from slopewise.slopes.inputs import GrowthInputs
    from slopewise.study.reading import load_study
    from slopewise.tables import files as tables

    study = load_study(study_file)
    inputs = GrowthInputs.read(study, measurements, patients, later, batches)
    plan = list(fold_fits(tables.read("folds", folds), sorted(inputs.patients["patient"])))
    all_scores, all_fits, all_facts, all_fast, all_shares, repeats = [], [], [], [], [], []
    markers = study.chunks()[chunk - 1]
    known = RowFacts(inputs.rows, inputs.patients, study.growth.slope_of)
    for marker, data in zip(counted("markers", markers), inputs.markers(markers), strict=True):
        scored, ledger, batch = cross_fit(data, plan, threads)
        logarithmic = study.markers[marker].transform == "log"
        own = known.of(marker, logarithmic)
        logger.info("%s: %d fits, %d singular", marker, len(ledger), int(ledger["singular"].sum()))
        rng = generator(study.seed, "fast_change", marker)
        patients_fast, share_fast = fast_changers(data, plan, batch, own, study.markers[marker].fast_change, rng)
        all_fast.append(patients_fast.assign(marker=marker))
        all_shares.append(share_fast.assign(marker=marker))
        all_scores.append(scored.drop(columns="slope_deviation"))
        all_fits.append(ledger)
        repeats.append(scored[(scored["scheme"] == CROSSFIT) & (scored["repeat"] > 0)])
        all_facts.append(own)
    tables.write(pd.concat(all_scores), "slopes/crossfit", scores)
    tables.write(pd.concat(all_fits), "growth/fits", fits)
    tables.write(published(pd.concat(repeats), pd.concat(all_facts)), "slopes/slopes", slopes)
    for name, parts, path in (("slopes/fast_changers", all_fast, fast), ("slopes/fast_share", all_shares, share)):
        found = [part for part in parts if len(part)]
        empty = pd.DataFrame(columns=list(tables.TABLES[name].columns))
        tables.write(pd.concat(found) if found else empty, name, path)


if __name__ == "__main__":
    run_step(
        cross_fit_chunk,
        snakemake,
        Path(snakemake.config["study_files"][snakemake.wildcards.study]),
        int(snakemake.wildcards.chunk),
        **{name: Path(path) for name, path in snakemake.input.items()},
        **{name: Path(path) for name, path in snakemake.output.items()},
        threads=snakemake.threads,
    )
