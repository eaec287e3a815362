"""A fit as plain JSON and back, with a checksum over everything in it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import pandas as pd

from slopewise.design.products import Matrix
from slopewise.design.recipe import Recipe
from slopewise.design.screen import screen
from slopewise.growth.engine.layout import Design, Specification
from slopewise.growth.engine.many import Results, empty_results
from slopewise.run.errors import InputError
from slopewise.run.files import content_digest

VERSION = 1


class Recordable(Protocol):
    """What of a `GrowthFit` is recorded."""

    @property
    def specification(self) -> Specification: ...
    @property
    def response(self) -> str: ...
    @property
    def patient(self) -> str: ...
    @property
    def design(self) -> Design: ...
    @property
    def results(self) -> Results: ...
    @property
    def ratios(self) -> Matrix: ...
    @property
    def stratum_names(self) -> tuple[str, ...]: ...
    @property
    def degrees_of_freedom(self) -> tuple[float, ...]: ...
    @property
    def optimiser(self) -> dict[str, Any]: ...
    @property
    def beta(self) -> pd.Series: ...
    @property
    def covariance(self) -> pd.DataFrame: ...
    @property
    def sigma(self) -> float: ...


def to_dict(fit: Recordable) -> dict[str, Any]:
    """Version, recipe, parameters (standardised, with centre and scale), optimiser record, checksum."""
    spec = fit.specification
    content: dict[str, Any] = {
        "version": VERSION,
        "response": fit.response,
        "patient": fit.patient,
        "specification": {
            "fixed": spec.fixed.text,
            "random": spec.random.text,
            "structure": spec.structure,
            "reml": spec.reml,
            "residual_by": spec.residual_by,
            "time": spec.time,
            "bounds": list(spec.bounds) if spec.bounds else None,
            "engine": spec.engine,
            "weights": spec.weights,
        },
        "recipe": {"fixed": fit.design.fixed.to_dict(), "random": fit.design.random.to_dict()},
        "columns": {"fixed": fit.design.x_columns.tolist(), "random": fit.design.z_columns.tolist()},
        "parameters": {name: _numbers(value[0]) for name, value in fit.results._asdict().items()},
        "ratios": _numbers(fit.ratios),
        "strata": list(fit.stratum_names),
        "degrees_of_freedom": _numbers(np.array(fit.degrees_of_freedom)),
        "optimiser": fit.optimiser,
        "reading": {  # for people; `fields_of` works from the parameters
            "fixed_effects": {name: float(value) for name, value in fit.beta.items()},
            "covariance": fit.covariance.to_numpy().tolist(),
            "residual_sd": _numbers(fit.sigma * np.sqrt(fit.ratios)),
        },
    }
    return {**content, "checksum": content_digest(content)}


def fields_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a `GrowthFit` without data: it can score and predict new rows but not simulate its own."""
    body = {key: value for key, value in content.items() if key != "checksum"}
    if content.get("checksum") != content_digest(body):
        raise InputError("a stored growth fit does not match its checksum: the file was changed; fit it again")
    if content["version"] != VERSION:
        raise InputError(f"a stored growth fit has version {content['version']}, not {VERSION}: fit it again")
    spec = content["specification"]
    parameters = content["parameters"]
    x_columns = np.array(content["columns"]["fixed"], dtype=np.int64)
    z_columns = np.array(content["columns"]["random"], dtype=np.int64)
    room = empty_results(1, len(x_columns), len(z_columns), len(parameters["centre_x"]))
    for name, target in room._asdict().items():
        target[0] = _restored(parameters[name])
    return {
        "specification": Specification(
            fixed=screen(spec["fixed"]),
            random=screen(spec["random"]),
            structure=spec["structure"],
            reml=spec["reml"],
            residual_by=spec["residual_by"],
            time=spec["time"],
            bounds=(spec["bounds"][0], spec["bounds"][1]) if spec["bounds"] else None,
            engine=spec["engine"],
            weights=spec["weights"],
        ),
        "response": content["response"],
        "patient": content["patient"],
        "design": Design(
            fixed=Recipe.from_dict(content["recipe"]["fixed"]),
            random=Recipe.from_dict(content["recipe"]["random"]),
            x_columns=x_columns,
            z_columns=z_columns,
        ),
        "results": Results(*room),
        "ratios": np.asarray(_restored(content["ratios"]), dtype=np.float64),
        "stratum_names": tuple(content["strata"]),
        "degrees": tuple(float(value) for value in _restored(content["degrees_of_freedom"])),
    }


def _numbers(value: Any) -> Any:
    """Nested lists; a number that is not finite becomes None, as JSON has none."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list):
        return [_numbers(element) for element in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return np.array([_restored(element) for element in value])
    return math.nan if value is None else value
