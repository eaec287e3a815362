"""Fit the growth models of every marker side by side: is a random slope needed, and what does each model say?"""

from pathlib import Path

from slopewise.run.log import logger
from slopewise.run.seeds import generator
from slopewise.run.step import step


def compare(
    study_file: Path,
    measurements: Path,
    patients: Path,
    outputs: dict[str, Path],
    threads: int,
    later: Path | None = None,
) -> None:  # fmt: skip
    """Write the tables of ``growth/`` that need everybody; `outputs` by the names of the rule's outputs."""
    from dataclasses import replace

    import pandas as pd

    from slopewise.growth.bayes.tables import posterior_tables
    from slopewise.growth.evidence.compare import q_values
    from slopewise.growth.evidence.judgement import verdicts
    from slopewise.growth.evidence.tables import compare_marker
    from slopewise.growth.fit import GrowthFit
    from slopewise.growth.fitting import fit_batch
    from slopewise.run.progress import counted
    from slopewise.slopes.facts import population_course
    from slopewise.slopes.inputs import GrowthInputs
    from slopewise.slopes.marker import by_likelihood, growth_model
    from slopewise.slopes.strata import describe
    from slopewise.study.reading import load_study
    from slopewise.tables import files as tables

    study = load_study(study_file)
    asked = growth_model(study)
    study = by_likelihood(study)  # tests, bootstrap and profile intervals are of a maximum, whatever the engine
    inputs = GrowthInputs.read(study, measurements, patients, later)
    model = growth_model(study)
    found: dict[str, list[pd.DataFrame]] = {name: [] for name in outputs}
    for marker, data in zip(counted("markers", study.markers), inputs.markers(), strict=True):
        rng = generator(study.seed, "compare_growth", marker)
        batch = fit_batch(data.trained_on, data.everybody())
        fit = GrowthFit.from_batch(batch, 0)
        evidence = compare_marker(model, fit, study.growth.bootstrap, rng, study.is_in_time, threads)
        shape = describe(model, data, batch)
        evidence |= posterior_tables(replace(data.trained_on, specification=asked.specification()), study.seed, threads)
        for name, frame in {
            **evidence,
            **shape,
            "population": population_course(data, batch, inputs.rows),
        }.items():
            found[name].append(frame.assign(marker=marker))
        logger.info("%s: %s", marker, fit.message or "converged")
    whole = {}
    for name in outputs:
        parts = [part for part in found[name] if len(part)]
        whole[name] = pd.concat(parts) if parts else pd.DataFrame(columns=list(tables.TABLES[f"growth/{name}"].columns))
    by_model = whole["comparison"].groupby("model")["p_value"]
    whole["comparison"]["q_value"] = by_model.transform(lambda p: q_values(p.to_numpy(dtype=float)))
    if len(whole["verdict"]):
        whole["verdict"] = verdicts(whole["verdict"], whole["comparison"])
    for name, path in outputs.items():
        tables.write(whole[name], f"growth/{name}", path)


if __name__ == "__main__":
    with step(snakemake.log[0], snakemake.threads):
        compare(
            Path(snakemake.config["study_files"][snakemake.wildcards.study]),
            Path(snakemake.input.measurements),
            Path(snakemake.input.patients),
            {name: Path(path) for name, path in snakemake.output.items()},
            snakemake.threads,
            Path(snakemake.input.later) if snakemake.input.get("later") else None,
        )
