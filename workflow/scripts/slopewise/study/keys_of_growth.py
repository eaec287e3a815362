"""Keys of the growth model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from slopewise.study.base import Keys, Name

Formula = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class Growth(Keys):
    """The growth model of each marker."""

    fixed: Formula = "~ time"
    """Fixed effects. Names: `time`, columns of the measurements (time-varying covariates), columns of the patients.
    Example: `"~ time * sex + age"`"""
    random: Formula = "~ time"
    """Random effects of a patient, 1 to 4 columns. Example: `"~ time"`"""
    structure: Literal["correlated", "diagonal"] = "correlated"
    """Covariance of the random effects. `diagonal` depends on the time origin and keeps the study's.
    Example: `correlated`"""
    reml: bool = True
    """REML; false: maximum likelihood. Example: `true`"""
    engine: Literal["slopewise", "statsmodels", "bayes"] = "slopewise"
    """Who fits: our own engine; MixedLM of statsmodels, the independent (and slow) check; `bayes`, a posterior in place
    of the maximum (priors: `bayes`). Example: `slopewise`"""
    residual_by: Name | None = None
    """Column by whose values the residual variance differs. Example: `scanner`"""
    weights: Name | None = None
    """Column of prior weights: a row's residual variance is divided by its weight. Example: `replicates`"""
    rows: Literal["landmark", "all"] = "landmark"
    """`all`: rows of training patients after the landmark teach the growth model too; a patient's own level and slope
    rest on rows up to the landmark all the same. Example: `landmark`"""
    slope_of: Name = "time"
    """The predictor whose slope is wanted: `time`, or a column of numbers that changes within a patient, such as a
    treatment coded 0 and 1, whose slope is its effect in the patient. Levels are then those at 0 of it, with `time` at
    the landmark or the last visit. Example: `time`"""
    bootstrap: int = Field(default=1000, ge=0)
    """Most draws of the parametric bootstrap that tests the random slope; 0: none. Example: `1000`"""
