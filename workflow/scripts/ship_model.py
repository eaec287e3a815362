"""Write the model that is shipped, with the predictors that the verdict recommends, and the evidence behind it."""

from pathlib import Path

from slopewise.run.files import read_json, write_json
from slopewise.run.log import logger
from slopewise.run.preloaded import run_step


def ship(study_file: Path, models: Path, inputs: dict[str, Path], model: Path, table: Path) -> None:
    """Write ``model.json`` from the content that `fit_outcome` wrote and the tables of the evidence, by the names of
    `slopewise.validate.evidence.NAMES`; and ``outcome/evidence``."""
    from dataclasses import asdict

    from slopewise.study.reading import load_study
    from slopewise.tables import files as tables
    from slopewise.validate.evidence import NAMES, EvidenceTables, evidence, evidence_table
    from slopewise.validate.recommendation import recommended_step

    study = load_study(study_file)
    read = {name: tables.read(kind, inputs[name]) for name, kind in NAMES.items()}
    found = evidence(EvidenceTables.of(read, study), study)
    tables.write(evidence_table(found), "outcome/evidence", table)
    advice = recommended_step(found)
    write_json(model, {**read_json(models), "recommended": asdict(advice)})
    logger.info("recommended for new patients: %s (%s)", advice.predictors, advice.reason)


if __name__ == "__main__":
    run_step(
        ship,
        snakemake,
        Path(snakemake.config["study_files"][snakemake.wildcards.study]),
        Path(snakemake.input.models),
        {name: Path(path) for name, path in snakemake.input.items() if name != "models"},
        Path(snakemake.output.model),
        Path(snakemake.output.evidence),
    )
