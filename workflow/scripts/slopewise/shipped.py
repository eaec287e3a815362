"""The model that is shipped: what `model.json` holds, so that a new patient can be scored without any old one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slopewise import __version__
from slopewise.outcome.fit import OutcomeFit
from slopewise.slopes import MarkerData
from slopewise.study import Study

FORMAT = 1
"""Raised when a reader of older files could misread a newer one."""


def shipped_model(study: Study, markers: Sequence[MarkerData], outcome: OutcomeFit) -> dict[str, Any]:
    """Stage 1 on everybody and every step of the ladder on everybody's cross-fitted slopes, as plain JSON content.

    Parameters, recipes and baseline hazards only: no patient, no measurement, no date.
    """
    return {
        "format": FORMAT,
        "slopewise": __version__,
        "study": study.study,
        "landmark": study.landmark,
        "time": {
            "unit": study.data.time_unit,
            "analysis_unit": study.data.analysis_unit,
            "zero": study.model_dump(mode="json")["data"]["time_zero"],
        },
        "markers": {
            data.marker: {
                "column": study.markers[data.marker].column,
                "transform": study.markers[data.marker].transform,
                "growth": data.growth.fit_batch(data.everybody()).fit(0).to_dict(),
            }
            for data in markers
        },
        "outcome": {
            "kind": study.outcome.kind,
            "horizons": list(study.outcome.horizons),
            "steps": outcome.models,
        },
    }
