"""`model.json` read back: a shipped model with all that scoring a new patient needs, checked when it is opened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slopewise.cohort.newcomers import Covariate
from slopewise.growth.draws import ParameterDraws
from slopewise.growth.fit import GrowthFit
from slopewise.outcome.fit import StepModel
from slopewise.run.errors import InputError
from slopewise.shipped import batches
from slopewise.shipped.batches import BatchModel
from slopewise.shipped.writing import FORMAT
from slopewise.study.kinds import KINDS, Kind
from slopewise.study.model import Study

Range = tuple[float, float]


@dataclass(frozen=True)
class MarkerModel:
    """One marker's growth model: the fit on everybody, draws of its parameters, unit, ranges of the training data."""

    name: str
    fit: GrowthFit
    draws: ParameterDraws
    unit: str
    values: Range | None
    level: Range | None
    slope: Range | None
    batch: BatchModel | None = None


@dataclass(frozen=True)
class ShippedModel:
    """A model.json: `study` says how files are read (paths are placeholders), the rest is what was learnt.

    `causes`: the event, then competing ones. `horizons`: one that is missing where the outcome has no time.
    `recommended`: the step of the ladder that the study's report recommends, with its `reason`; None in older models.
    """

    study: Study
    seed: int
    markers: tuple[MarkerModel, ...]
    covariates: Mapping[str, Covariate]
    ranges: Mapping[str, Range]
    times: Range | None
    kind: Kind
    causes: tuple[str, ...]
    horizons: tuple[float, ...]
    steps: Mapping[str, StepModel]
    recommended: str | None
    reason: str

    @property
    def landmark(self) -> float:
        """The moment at which the model predicts, in the analysis unit."""
        return self.study.landmark_time


MODEL = "name the model.json in the results of a study"


def read_model(path: Path) -> ShippedModel:
    """Open a model.json; `InputError` when it is none, is of another format, or was changed."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: the model cannot be read: {error.strerror or error}; {MODEL}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: this is not a model.json of slopewise (it is not JSON); {MODEL}") from error
    if not isinstance(content, dict) or "format" not in content or "slopewise" not in content:
        raise InputError(f"{path}: this is not a model.json of slopewise; {MODEL}")
    if content["format"] != FORMAT:
        raise InputError(
            f"{path}: the model has format {content['format']}, this version of slopewise reads format {FORMAT}; "
            "run the study again"
        )
    try:
        return _model(content)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: the model is damaged ({type(error).__name__}: {str(error)[:80]})") from error


def _model(content: Mapping[str, Any]) -> ShippedModel:
    return ShippedModel(
        study=_study(content),
        seed=int(content["seed"]),
        markers=tuple(_marker(name, content["markers"][name]) for name in content["reading"]["markers"]),
        covariates={
            name: Covariate(None if known["levels"] is None else tuple(known["levels"]), known["varies"])
            for name, known in content["covariates"].items()
        },
        ranges={name: found for name, known in content["covariates"].items() if (found := _range(known["range"]))},
        times=_range(content["times"]),
        kind=KINDS[content["outcome"]["kind"]],
        causes=tuple(content["outcome"]["causes"]),
        horizons=tuple(float(horizon) for horizon in content["outcome"]["horizons"]) or (float("nan"),),
        steps={name: StepModel.from_dict(step) for name, step in content["outcome"]["steps"].items()},
        recommended=content.get("recommended", {}).get("predictors"),
        reason=content.get("recommended", {}).get("reason", ""),
    )


def _study(content: Mapping[str, Any]) -> Study:
    """The study as far as reading needs it; whoever reads puts the paths of the new files in."""
    reading = content["reading"]
    data = {**reading["data"], "measurements": "measurements.csv"}
    whole = {**reading, "data": data} | {key: content[key] for key in ("study", "seed", "landmark")}
    return Study.model_validate_json(json.dumps(whole))


def _marker(name: str, content: Mapping[str, Any]) -> MarkerModel:
    fit = GrowthFit.from_dict(content["growth"])
    return MarkerModel(
        name=name,
        fit=fit,
        draws=ParameterDraws.from_dict(content["draws"], len(fit.design.random_names)),
        unit=content["unit"],
        values=_range(content["values"]),
        level=_range(content["level"]),
        slope=_range(content["slope"]),
        batch=batches.read(content.get("batch")),
    )


def _range(content: Any) -> Range | None:
    return None if content is None else (float(content[0]), float(content[1]))
