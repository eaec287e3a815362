"""The calculator: a form for one patient's visits, computed in the browser from the shipped model."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from slopewise.design.plain import OutOfReach
from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Section
from slopewise.report.words.naming import Naming
from slopewise.shipped.calculator import calculator
from slopewise.shipped.reading import ShippedModel, read_model
from slopewise.validate.examples import reference_horizon

MOST = 8
"""Up to so many markers in the model ``report.calculator: auto`` makes a form."""
MODEL = "model.json"


def has_calculator(frames: Frames, naming: Naming) -> bool:
    """Whether the report has the section: what the study asks for, where there is a model for new patients."""
    asked = naming.study.report.calculator
    if asked is False or not naming.kind.predicts or not (frames.folder / MODEL).is_file():
        return False
    return asked is True or len(read_model(frames.folder / MODEL).markers) <= MOST


def calculator_section(frames: Frames, naming: Naming) -> Section:
    """The form with the model as JSON; where the model has what the form cannot compute, the reason instead."""
    model = read_model(frames.folder / MODEL)
    context: dict[str, Any] = {"study": naming.study.study, "reason": "", "moment": naming.moment}
    try:
        content = calculator(model)
    except OutOfReach as reason:
        return Section("calculator", "A patient of your own", "calculator.html.j2", {**context, "reason": str(reason)})
    context |= {
        "content": json.dumps(worded(content, naming), ensure_ascii=False, separators=(",", ":"), allow_nan=False),
        "time": time_label(model, naming),
        "markers": [_label(naming, marker["name"], marker["unit"]) for marker in content["markers"]],
        "covariates": content["covariates"],
        "strata": content["strata"],
        "what": "prediction" if naming.kind.numeric else "risk",
        "landmark": naming.up_to if naming.has_landmark else "",
    }
    return Section("calculator", "A patient of your own", "calculator.html.j2", context)


def worded(content: dict[str, Any], naming: Naming) -> dict[str, Any]:
    """The calculator's content with the report's names of markers, times and moments."""
    unit = naming.study.data.analysis_unit
    markers = [
        {**marker, "label": naming.marker(marker["name"]), "slope_unit": slope_unit(marker, naming.unit)}
        for marker in content["markers"]
    ]
    clock = {**content["time"], "label": "time", "words": "" if unit == "none" else unit}
    durations = [naming.at(math.nan if horizon is None else horizon) for horizon in content["horizons"]]
    reference = 0 if None in content["horizons"] else content["horizons"].index(reference_horizon(content["horizons"]))
    names = {"durations": durations, "moment": naming.moment, "reference": reference}
    return {**content, **names, "markers": markers, "time": clock}


def slope_unit(marker: Mapping[str, Any], time: str) -> str:
    """In which unit a slope is shown: ``% per year`` of a logarithm, else that of the model, ``g/dl per year``."""
    own = "%" if marker["transform"] == "log" else marker["model_unit"]
    return f"{own} per {time}".strip()


def _label(naming: Naming, name: str, unit: str) -> str:
    return f"{naming.marker(name)}, {unit}" if unit else naming.marker(name)


def time_label(model: ShippedModel, naming: Naming) -> str:
    """What is entered as the time of a visit: ``days since time zero``."""
    data = model.study.data
    unit = data.analysis_unit if data.time_unit == "date" else data.time_unit
    if data.time_zero == "first_visit":
        return f"time, {unit}"
    return "time since time zero" if unit == "none" else f"{unit} since time zero"
