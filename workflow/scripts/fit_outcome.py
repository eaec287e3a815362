"""Fit every step of the ladder on everybody's cross-fitted slopes, with a patient bootstrap through both stages."""

from dataclasses import replace
from pathlib import Path

from slopewise.run.files import write_json
from slopewise.run.preloaded import run_step


def fit(study_file: Path, inputs: dict[str, Path], outputs: dict[str, Path], threads: int) -> None:
    """Write coefficients, ledger, the check of proportional hazards, apparent predictions, and the models to ship."""
    import pandas as pd

    from slopewise.outcome.associations import associations
    from slopewise.outcome.choices import cohort_growth
    from slopewise.outcome.fit import bootstrap_intervals, fit_outcome
    from slopewise.outcome.likelihood_ratio import likelihood_ratios
    from slopewise.shipped.writing import shipped_model
    from slopewise.slopes.inputs import GrowthInputs
    from slopewise.study.model import BCA_FROM
    from slopewise.study.reading import load_study
    from slopewise.tables import files as tables
    from slopewise.validate.bootstrap import BootstrapPlan, bootstrap_ladder, jackknife_ladder, reliability_table
    from slopewise.validate.delta import delta_table
    from slopewise.validate.examples import reference_horizon
    from slopewise.validate.instability import Instability
    from slopewise.validate.optimism import Optimism
    from slopewise.validate.question import THRESHOLDS, cohorts
    from slopewise.validate.slow_fast import SlowFast
    from slopewise.validate.stability import stability

    study = load_study(study_file)
    growth = GrowthInputs.read(
        study, inputs["measurements"], inputs["patients"], inputs.get("later"), inputs.get("batches")
    )
    cohort = growth.patients
    names = ("slopes/slopes", "slopes/crossfit", "growth/fits", "slopes/filters")
    slopes, crossfit, fits, filters = tables.read_each(inputs, *names)
    outcome = fit_outcome(study, cohort, slopes, crossfit, fits, filters)
    markers = list(growth.markers(outcome.data.markers))
    plan = BootstrapPlan(study.outcome.bootstrap, study.crossfit.folds, study.crossfit.repeats, study.seed)
    analysed = cohorts(study, cohort)
    horizon = reference_horizon(study.horizons)
    unstable = Instability(outcome.data, horizon, () if study.kind.numeric else tuple(THRESHOLDS.tolist()))
    optimism = Optimism(outcome.data, analysed, outcome.apparent)
    paces = SlowFast(outcome)
    watching = (unstable, optimism, paces)
    boot = bootstrap_ladder(
        plan, outcome.data, markers, threads, watch=lambda *made: [one.of_resample(*made) for one in watching]
    )
    for found in boot.watched:
        for one, own in zip(watching, found, strict=True):
            one.add(own)
    tables.write(unstable.table(outcome.apparent), "outcome/instability", outputs["instability"])
    tables.write(unstable.sides(outcome.apparent), "outcome/classification", outputs["classification"])
    tables.write(paces.table(), "outcome/slow_fast", outputs["slow_fast"])
    tables.write(optimism.table(), "outcome/optimism", outputs["optimism"])
    tables.write(optimism.curves(), "outcome/calibration_instability", outputs["calibration_instability"])
    without = None
    if study.outcome.bootstrap >= BCA_FROM:
        left_out = jackknife_ladder(plan, outcome.data, markers, threads)
        without = (left_out.estimates_unit, left_out.estimates_sd)
    coefficients, lines = bootstrap_intervals(
        outcome.coefficients, boot.estimates_unit, boot.estimates_sd, outcome.data, without
    )
    tables.write(coefficients, "outcome/coefficients", outputs["coefficients"])
    tables.write(pd.concat([outcome.ledger, lines]), "outcome/ledger", outputs["ledger"])
    tables.write(
        reliability_table(boot.reliability, slopes, outcome.data.markers), "slopes/reliability", outputs["reliability"]
    )
    pairs = replace(plan, replicates=study.outcome.stability, repeats=1)
    selection, alike = stability(pairs, outcome.data, markers, threads)
    tables.write(selection, "outcome/selection", outputs["selection"])
    tables.write(alike, "outcome/stability", outputs["stability"])
    flags = cohort_growth(outcome.data, crossfit, fits)
    tables.write(delta_table(study, outcome, markers, flags[:2], flags[2]), "outcome/delta", outputs["delta"])
    tables.write(likelihood_ratios(outcome), "outcome/likelihood_ratio", outputs["likelihood_ratio"])
    tables.write(associations(outcome), "outcome/associations", outputs["associations"])
    tables.write(outcome.apparent, "outcome/apparent", outputs["apparent"])
    hazards = outcome.hazards()
    tables.write(hazards.tests, "outcome/proportional_hazards", outputs["proportional_hazards"])
    tables.write(hazards.residuals, "outcome/schoenfeld", outputs["schoenfeld"])
    write_json(outputs["models"], shipped_model(study, markers, outcome, growth.rows, cohort))


if __name__ == "__main__":
    run_step(
        fit,
        snakemake,
        Path(snakemake.config["study_files"][snakemake.wildcards.study]),
        {name: Path(path) for name, path in snakemake.input.items()},
        {name: Path(path) for name, path in snakemake.output.items()},
        snakemake.threads,
    )
