"""The growth models of markers side by side, in chunks that jobs work through by themselves, and all of them together.

A marker's rows do not depend on the chunk it is in: its random numbers are its own, and what several markers decide
together (q-values, verdicts) is decided when the chunks are put together.
"""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from slopewise.growth.bayes.tables import posterior_tables
from slopewise.growth.evidence.compare import q_values
from slopewise.growth.evidence.judgement import verdicts
from slopewise.growth.evidence.tables import compare_marker
from slopewise.growth.fit import GrowthFit
from slopewise.growth.fitting import fit_batch
from slopewise.run.errors import InputError
from slopewise.run.files import atomic
from slopewise.run.log import logger
from slopewise.run.progress import counted
from slopewise.run.seeds import generator
from slopewise.slopes.facts import population_course
from slopewise.slopes.inputs import GrowthInputs
from slopewise.slopes.marker import by_likelihood, growth_model
from slopewise.slopes.strata import describe
from slopewise.study.model import Study
from slopewise.tables import files as tables

Frames = dict[str, pd.DataFrame]


def compare_markers(
    study: Study, markers: Collection[str], measurements: Path, patients: Path, threads: int, later: Path | None = None,
    batches: Path | None = None,
) -> Frames:  # fmt: skip
    """The rows of these markers in the tables of ``growth/``, by the table's name below it; q-values are missing.

    `batches`: ``slopes/batch_parameters``, where batch effects are removed.
    """
    asked = growth_model(study)
    study = by_likelihood(study)  # tests, bootstrap and profile intervals are of a maximum, whatever the engine
    inputs = GrowthInputs.read(study, measurements, patients, later, batches)
    model = growth_model(study)
    found: dict[str, list[pd.DataFrame]] = {}
    for marker, data in zip(counted("markers", markers), inputs.markers(markers), strict=True):
        rng = generator(study.seed, "compare_growth", marker)
        batch = fit_batch(data.trained_on, data.everybody())
        fit = GrowthFit.from_batch(batch, 0)
        evidence = compare_marker(
            model, fit, study.growth.bootstrap, rng, study.is_in_time, threads, len(study.markers)
        )
        evidence |= describe(model, data, batch)
        evidence |= posterior_tables(replace(data.trained_on, specification=asked.specification()), study.seed, threads)
        evidence["population"] = population_course(data, batch, inputs.rows)
        for name, frame in evidence.items():
            found.setdefault(name, []).append(frame.assign(marker=marker))
        logger.info("%s: %s", marker, fit.message or "converged")
    return {name: joined(frames) for name, frames in found.items()}


def joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The frames that have rows below each other."""
    parts = [frame for frame in frames if len(frame)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def together(chunks: Sequence[Frames], names: Collection[str]) -> Frames:
    """The tables `names` of all markers, from their chunks; the q-values are over all markers."""
    whole = {}
    for name in names:
        frame = joined([chunk[name] for chunk in chunks if name in chunk])
        whole[name] = frame if len(frame) else pd.DataFrame(columns=list(tables.TABLES[f"growth/{name}"].columns))
    by_model = whole["comparison"].groupby("model")["p_value"]
    whole["comparison"]["q_value"] = by_model.transform(lambda p: q_values(p.to_numpy(dtype=float)))
    if len(whole["verdict"]):
        whole["verdict"] = verdicts(whole["verdict"], whole["comparison"])
    return whole


def write_chunk(frames: Frames, path: Path) -> None:
    """One file for the frames of a chunk: a Parquet file for each that has rows, in an archive."""
    with atomic(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, frame in frames.items():
            if len(frame):
                archive.writestr(zipfile.ZipInfo(name), frame.to_parquet(index=False))


def read_chunk(path: Path) -> Frames:
    """What `write_chunk` wrote; `InputError` where the file is not that."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            frames = {}
            for name in names:
                with archive.open(name) as stream:
                    frames[name] = pd.read_parquet(stream)
            return frames
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: {error}. Delete it and run the workflow again.") from error
