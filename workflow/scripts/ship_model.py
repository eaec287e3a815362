"""Write the model that is shipped: the fitted models, with the predictors that their validation recommends."""

from pathlib import Path

from slopewise.run.files import read_json, write_json
from slopewise.run.log import logger
from slopewise.run.step import step


def ship(models: Path, performance: Path, model: Path) -> None:
    """Write ``model.json`` from the content that `fit_outcome` wrote and the table ``outcome/performance``."""
    from dataclasses import asdict

    from slopewise.tables import files as tables
    from slopewise.validate.recommendation import recommended_step

    advice = recommended_step(tables.read("outcome/performance", performance))
    write_json(model, {**read_json(models), "recommended": asdict(advice)})
    logger.info("recommended for new patients: %s (%s)", advice.predictors, advice.reason)


if __name__ == "__main__":
    with step(snakemake.log[0], snakemake.threads):
        ship(Path(snakemake.input.models), Path(snakemake.input.performance), Path(snakemake.output.model))
