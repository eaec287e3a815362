"""Write the model that is shipped: the fitted models, with the predictors that their validation recommends."""

from pathlib import Path

from slopewise import run


def ship(models: Path, performance: Path, model: Path) -> None:
    """Write ``model.json`` from the content that `fit_outcome` wrote and the table ``outcome/performance``."""
    from dataclasses import asdict

    from slopewise import tables
    from slopewise.validate.recommendation import recommended_step

    advice = recommended_step(tables.read("outcome/performance", performance))
    run.write_json(model, {**run.read_json(models), "recommended": asdict(advice)})
    run.logger.info("recommended for new patients: %s (%s)", advice.predictors, advice.reason)


if __name__ == "__main__":
    with run.step(snakemake.log[0], snakemake.threads):
        ship(Path(snakemake.input.models), Path(snakemake.input.performance), Path(snakemake.output.model))
