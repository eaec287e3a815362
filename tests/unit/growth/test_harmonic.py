"""Seasons in growth formulas, `harmonic(time, period, k)`, against lme4 and nlme (tests/golden/harmonic.R)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slopewise.design.screen import screen
from slopewise.growth.fit import GrowthFit
from slopewise.growth.model import GrowthModel
from slopewise.growth.whitening import WhitenedRows, fit_serial
from slopewise.run.errors import InputError

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
FIXED = "~ time + harmonic(time, 12, 2)"
NAMES = {"(Intercept)": "Intercept", "time": "time"} | {
    wave: f"harmonic(time, 12, 2)[{wave}]" for wave in ("sin1", "cos1", "sin2", "cos2")
}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return pd.read_csv(GOLDEN / "harmonic_rows.csv").assign(time=lambda frame: frame["time"].astype(float))


def expected(case: str) -> dict[str, float]:
    table = pd.read_csv(GOLDEN / "harmonic.csv")
    return dict(table[table["case"] == case][["name", "value"]].itertuples(index=False))


def same_as_r(fit: GrowthFit, values: dict[str, float]) -> None:
    """Coefficients and standard errors of the fixed effects, relative 1e-4 (of the standard error, near 0)."""
    table = fit.fixed_effects.set_index("term")
    for in_r, name in NAMES.items():
        se = values[f"se_{in_r}"]
        assert table.loc[name, "estimate"] == pytest.approx(values[f"beta_{in_r}"], rel=1e-4, abs=1e-4 * se)
        assert table.loc[name, "se"] == pytest.approx(se, rel=1e-4)


def test_estimates_are_those_of_lme4(rows: pd.DataFrame) -> None:
    fit = GrowthModel(fixed=FIXED, random="~ time").fit(rows, "y", "unit")
    values = expected("independent")
    same_as_r(fit, values)
    assert fit.deviance == pytest.approx(values["deviance"], rel=1e-8)


def test_estimates_with_serial_residuals_are_those_of_nlme(rows: pd.DataFrame) -> None:
    data = GrowthModel(fixed=FIXED, random="~ time").data(rows, "y", "unit")
    found, values = fit_serial(WhitenedRows.of(data, True)), expected("serial")
    same_as_r(found.fit, values)
    assert found.phi == pytest.approx(values["phi"], abs=1e-4)
    assert found.deviance == pytest.approx(values["deviance"], rel=1e-7)


def test_the_slope_of_a_season_is_its_derivative(rows: pd.DataFrame) -> None:
    fit = GrowthModel(fixed=FIXED, random="~ time").fit(rows, "y", "unit")
    values, moments = expected("independent"), pd.DataFrame({"time": [0.0, 7.5]})
    slopes = fit.design.fixed.derivative(moments) @ fit.beta.to_numpy()
    assert slopes == pytest.approx([values["slope_0"], values["slope_7.5"]], rel=1e-4)


def test_a_season_returns_after_its_period_and_learns_nothing_from_rows(rows: pd.DataFrame) -> None:
    fit = GrowthModel(fixed=FIXED, random="~ 1").fit(rows, "y", "unit")
    moments = pd.DataFrame({"time": [1.0, 5.5]})
    now, later = (fit.design.fixed.matrix(moments.assign(time=moments["time"] + shift)) for shift in (0.0, 36.0))
    seasons = np.array([name.startswith("harmonic") for name in fit.design.fixed_names])
    assert seasons.sum() == 4 and later[:, seasons] == pytest.approx(now[:, seasons], abs=1e-12)
    assert (later[:, list(fit.design.fixed_names).index("time")] - now[:, 1]).tolist() == [36.0, 36.0]
    other = GrowthModel(fixed=FIXED, random="~ 1").fit(rows[rows["time"] < 20], "y", "unit")
    assert other.design.fixed.matrix(moments).tolist() == now.tolist()


@pytest.mark.parametrize(
    ("term", "words"),
    [
        ("harmonic(time)", "the period of harmonic must be a number above 0"),
        ("harmonic(time, 0)", "the period of harmonic must be a number above 0"),
        ("harmonic(time, -12)", "harmonic takes a column, its period and the number of harmonics"),
        ("harmonic(time, 12, 0)", "harmonic takes 1 to"),
        ("harmonic(time, 12, 99)", "harmonic takes 1 to"),
        ("harmonic(time, 12, 1.5)", "harmonic takes 1 to"),
        ("harmonic(time, 12, 2, 3)", "harmonic takes a column, its period"),
        ("harmonic(time, 12, period=12)", "harmonic takes a column, its period"),
        ("harmonic(time, period=True)", "harmonic takes a column, its period"),
        ("harmonic(time, 12, waves=2)", "harmonic takes a column, its period"),
        ("harmonic(time, column)", "harmonic takes a column, its period"),
    ],
)
def test_what_is_no_season_is_refused_with_a_way_out(term: str, words: str) -> None:
    with pytest.raises(InputError) as refused:
        screen(f"~ time + {term}")
    assert words in str(refused.value) and "write harmonic(time, 12, 2)" in str(refused.value)


@pytest.mark.parametrize("term", ["harmonic(time, 12, 2)", "harmonic(time, period=365.25)", "harmonic(time, 12, k=3)"])
def test_seasons_are_accepted_by_place_or_by_name(term: str) -> None:
    assert "harmonic" in screen(f"~ time + {term}").calls
