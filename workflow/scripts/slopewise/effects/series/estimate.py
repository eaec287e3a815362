"""Everything that is reported of an interruption, as rows of the tables of ``effects/``."""

from __future__ import annotations

import numpy as np
import pandas as pd

from slopewise.effects.inputs import EffectRows
from slopewise.effects.series.average import average_rows, course_rows, serial_rows, spread_rows
from slopewise.effects.series.checks import characteristic_rows, sensitivity_rows
from slopewise.effects.series.draws import bootstrap_p
from slopewise.effects.series.model import AFTER, MOMENT, SINCE, SeriesFit, fit_series, series_model, with_terms
from slopewise.effects.series.posterior import posterior_rows
from slopewise.effects.series.units import curve_rows, share_rows, unit_rows
from slopewise.slopes.marker import by_likelihood, effect_priors, growth_model
from slopewise.study.model import Study

DRAWS, TESTED = 100, 200
"""Most draws of the parameters behind the interval of a share, and most of the test of the spread."""


def estimate_interruption(
    rows: EffectRows, marker: str, rng: np.random.Generator, threads: int
) -> dict[str, pd.DataFrame]:
    """The marker's rows of the tables of ``effects/``, for a study with `effects.interruption`.

    Raises `InputError` where the model cannot be fitted.
    """
    study = rows.study
    asked = study.effects.interruption
    assert asked is not None
    frame = with_terms(rows.of_marker(marker))
    fit = fit_series(series_model(growth_model(by_likelihood(study))), frame, marker, asked.correlation != "none")
    horizons = tuple(asked.horizons) or default_horizons(frame)
    lrt, p_value = bootstrap_p(fit, min(TESTED, study.growth.bootstrap), rng, threads)
    return {
        "design": design_rows(fit),
        "average": average_rows(fit, horizons),
        "spread": pd.concat([spread_rows(fit, horizons), joint_row(fit, lrt, p_value)], ignore_index=True),
        **of_units(study, fit, horizons, rng, threads),
        "serial": serial_rows(fit),
        "course": course_rows(fit, float(frame[SINCE].max())),
        "curves": curve_rows(fit),
        "sensitivity": sensitivity_rows(fit),
        "characteristics": characteristic_rows(fit, asked.characteristics),
    }


def of_units(
    study: Study, fit: SeriesFit, horizons: tuple[float, ...], rng: np.random.Generator, threads: int
) -> dict[str, pd.DataFrame]:
    """``patients`` and ``shares``, by the engine of the study; with `bayes` the posterior of the effects as well."""
    if study.growth.engine == "bayes":
        return posterior_rows(fit, horizons, effect_priors(study, fit.marker), rng)
    draws = min(DRAWS, study.growth.bootstrap)
    return {"patients": unit_rows(fit, horizons), "shares": share_rows(fit, horizons, draws, rng, threads)}


def default_horizons(frame: pd.DataFrame) -> tuple[float, ...]:
    """The median of how long the units are followed after their moment, where the study names no other."""
    last = frame[frame[AFTER] > 0].groupby("patient")[SINCE].max()
    middle = float(np.median(last)) if len(last) else 0.0
    return (float(f"{middle:.3g}"),) if middle > 0 else ()


def design_rows(fit: SeriesFit) -> pd.DataFrame:
    """The marker's row of ``effects/design``: units, those with an interruption, their rows, the formulas."""
    frame = fit.frame
    late = frame[AFTER] > 0
    units = frame[late]["patient"].nunique()
    row = {
        "design": "interruption",
        "reference": "before",
        "versus": "after",
        "patients": frame["patient"].nunique(),
        "patients_both": units,
        "rows": len(frame),
        "rows_reference": int((~late & frame[MOMENT].notna()).sum()),
        "rows_versus": int(late.sum()),
        "replicated": units,
        "residual": "one",
        "formula": f"{fit.model.fixed}; by unit {fit.model.random}",
    }
    return pd.DataFrame([row])


def joint_row(fit: SeriesFit, lrt: float, p_value: float) -> pd.DataFrame:
    """Do the changes differ between units at all? The row `both changes` of ``effects/spread``."""
    row = {"effect": "both changes", "lrt": lrt, "p_value_bootstrap": p_value, "singular": fit.serial.fit.singular}
    return pd.DataFrame([row])
