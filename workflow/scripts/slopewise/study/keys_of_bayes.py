"""Keys of the posterior: how it is sampled, and its priors."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from slopewise.study.base import Keys

Scale = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class Prior(Keys):
    """The priors of one marker's growth model, in the units of the marker (after its transform) and of the terms."""

    sd: dict[str, Scale] = Field(default_factory=dict)
    """Scale of the half-t prior of a random effect's SD, by term (`Intercept`, `time`, of effects `treated`, `after`,
    `since`); a term that is not named has SD(marker) / SD(column), that of the intercept SD(marker).
    Example: `{Intercept: 1, time: 0.3}`"""
    residual: Scale | None = None
    """Scale of the half-t prior of the residual SD; without it SD(marker). Example: `0.5`"""
    df: Scale = 3.0
    """Degrees of freedom of the half-t priors. Example: `3`"""
    correlation: Scale = 2.0
    """Shape of the LKJ prior of the random effects' correlations; 1: every correlation is equally likely, larger: those
    near 0 are likelier. Example: `2`"""
    fixed: dict[str, Annotated[tuple[Number, Scale], Field(strict=False)]] = Field(default_factory=dict)
    """Mean and SD of the normal prior of a fixed effect, by term; the intercept is taken at the means of the columns. A
    term that is not named has mean 0 (the intercept the marker's mean) and an SD of ten times SD(marker) / SD(column).
    Example: `{time: [0, 0.5]}`"""


class Bayes(Keys):
    """How the posterior of `growth.engine: bayes` is sampled, and its priors."""

    chains: int = Field(default=4, ge=2, le=64)
    """Chains of the posterior on everybody. Example: `4`"""
    draws: int = Field(default=1000, ge=100)
    """Draws that each chain keeps. A run ends where R-hat is above 1.01 or an effective sample size below 400.
    Example: `1000`"""
    warmup: int = Field(default=500, ge=100)
    """Draws before them, from which a chain learns its directions and which are not kept. Example: `500`"""
    priors: dict[str, Prior] = Field(default_factory=dict)
    """Priors by marker; a marker that is not named has the defaults, which follow from the training patients of each
    fit. Example: `{albumin: {residual: 0.3}}`"""
