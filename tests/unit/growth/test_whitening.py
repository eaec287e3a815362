"""Growth models with serially correlated residuals against nlme and lme4 (tests/golden/interruption.R)."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slopewise.growth.inference import satterthwaite
from slopewise.growth.model import GrowthModel
from slopewise.growth.whitening import SerialGrowthFit, WhitenedRows, fit_at, fit_serial
from slopewise.run.errors import InputError

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "tests" / "golden"
TERMS = "~ time + after + since"


def belts() -> pd.DataFrame:
    """Log deaths per mile of 51 states, 1983 to 1997, with the terms of their first seat-belt law."""
    folder = ROOT / "data" / "usseatbelts"
    frame = pd.read_csv(folder / "measurements.csv").merge(pd.read_csv(folder / "states.csv"), on="state")
    frame = frame.assign(unit=frame["state"], time=frame["year"] - 1983.0, moment=frame["law"] - 1983.0)
    frame["after"] = (frame["time"] >= frame["moment"]).astype(float)
    frame["since"] = (frame["time"] - frame["moment"]).where(frame["after"] > 0, 0.0)
    return frame.assign(y=np.log(frame["fatalities"]))


def golden_rows(which: str) -> pd.DataFrame:
    frame = pd.read_csv(GOLDEN / "interruption_rows.csv")
    frame = frame[frame["set"] == which].reset_index(drop=True)
    return frame.assign(s=np.sin(np.pi * frame["time"]), c=np.cos(np.pi * frame["time"]))


def expected(case: str) -> dict[str, float]:
    table = pd.read_csv(GOLDEN / "interruption.csv")
    return dict(table[table["case"] == case][["name", "value"]].itertuples(index=False))


def fitted(
    frame: pd.DataFrame, fixed: str, random: str, weights: str | None = None, serial: bool = True
) -> SerialGrowthFit:
    data = GrowthModel(fixed=fixed, random=random).data(frame, "y", "unit", weights)
    return fit_serial(WhitenedRows.of(data, serial))


CASES = {
    "belts_independent": (belts, TERMS, TERMS, "miles", False),
    "belts_ar1": (belts, TERMS, "~ time", None, True),
    "belts_ar1_change": (belts, TERMS, "~ since", None, True),
    "belts_ar1_weights": (belts, TERMS, "~ 1", "miles", True),
    "rats_ar1": (lambda: golden_rows("rats"), TERMS, "~ time", None, True),
    "made_ou": (lambda: golden_rows("made"), f"{TERMS} + s + c", "~ after", None, True),
}


@pytest.mark.parametrize("case", CASES)
def test_estimates_are_those_of_r(case):
    rows, fixed, random, weights, serial = CASES[case]
    found, values = fitted(rows(), fixed, random, weights, serial), expected(case)
    fit = found.fit
    assert found.deviance == pytest.approx(values["deviance"], abs=2e-4)
    assert fit.sigma == pytest.approx(values["sigma"], rel=1e-4)
    table = fit.fixed_effects.set_index("term")
    for term in table.index:
        name = "(Intercept)" if term == "Intercept" else term
        scale = values[f"se_{name}"]
        assert table.loc[term, "estimate"] == pytest.approx(values[f"beta_{name}"], rel=1e-4, abs=1e-4 * scale)
        assert table.loc[term, "se"] == pytest.approx(scale, rel=1e-4)
    for k, term in enumerate(fit.design.random_names):
        name = "(Intercept)" if term == "Intercept" else term
        assert np.sqrt(fit.covariance.iloc[k, k]) == pytest.approx(values[f"sd_{name}"], rel=1e-4)
    if serial:
        per_unit = found.phi ** (1.0 / found.step)
        assert per_unit == pytest.approx(values["phi"], rel=1e-4)


def test_a_contrast_has_satterthwaites_degrees_of_freedom_as_lmertest():
    found, values = fitted(belts(), TERMS, TERMS, "miles", False), expected("belts_independent")
    five = np.array([[0.0, 0.0, 1.0, 5.0]])
    assert satterthwaite(found.batch, 0, five)[0] == pytest.approx(values["df_after_5"], rel=2e-3)
    variance = five @ found.fit.beta_covariance.to_numpy() @ five.T
    assert np.sqrt(variance.item()) == pytest.approx(values["se_after_5"], rel=1e-4)


def test_without_correlation_the_deviance_is_the_engines_own():
    data = GrowthModel(fixed=TERMS, random="~ time").data(belts(), "y", "unit", "miles")
    plain = GrowthModel(fixed=TERMS, random="~ time").fit(belts(), "y", "unit", "miles")
    assert fit_at(WhitenedRows.of(data), 0.0).deviance == pytest.approx(plain.deviance, abs=1e-8)


def test_whitened_rows_have_the_inverse_of_the_correlation():
    frame = golden_rows("made")
    rows = WhitenedRows.of(GrowthModel(fixed="~ time", random="~ 1").data(frame, "y", "unit"))
    first = slice(0, 16)
    time = frame["time"].to_numpy()[first]
    correlation = 0.7 ** (np.abs(time[:, None] - time[None, :]) / rows.spacing.step)
    # Columns 0 to 15 are the unit matrix of the first unit's rows, so that C^-1 stands in them.
    unit = np.zeros((len(frame), 16))
    unit[first] = np.eye(16)
    inverse = rows.whitened(unit, 0.7)[first]
    np.testing.assert_allclose(inverse @ correlation @ inverse.T, np.eye(16), atol=1e-10)
    whole = sum(
        np.linalg.slogdet(0.7 ** (np.abs(np.subtract.outer(t, t)) / rows.spacing.step))[1]
        for t in (part["time"].to_numpy() for _, part in frame.groupby("unit"))
    )
    assert rows.log_determinant(0.7) == pytest.approx(whole, rel=1e-10)


def test_the_interval_of_phi_ends_where_the_profile_has_risen():
    found = fitted(golden_rows("rats"), TERMS, "~ time")
    low, high = found.interval()
    assert low < found.phi < high
    for end in (low, high):
        risen = fit_at(found.rows, end, found.fit.structure).deviance - found.deviance
        assert risen == pytest.approx(3.8414588, abs=1e-3)


def test_negative_correlation_is_found_where_rows_are_evenly_spaced():
    rng = np.random.default_rng(3)
    parts = []
    for unit in range(60):
        e = rng.standard_normal(20)
        for j in range(1, 20):
            e[j] = -0.5 * e[j - 1] + np.sqrt(0.75) * e[j]
        parts.append(pd.DataFrame({"unit": f"u{unit:02d}", "time": np.arange(20.0), "y": e + rng.standard_normal()}))
    assert fitted(pd.concat(parts), "~ time", "~ 1").phi == pytest.approx(-0.5, abs=0.06)


@pytest.mark.parametrize(
    ("change", "fixed", "message"),
    [
        (lambda frame: pd.concat([frame, frame.iloc[[5]]]), "~ time", "u01: two rows at"),
        (lambda frame: frame, "~ cr(time, df=3)", "cannot be combined with bs, cr or poly"),
    ],
)
def test_what_cannot_be_whitened_is_refused(change, fixed, message):
    data = GrowthModel(fixed=fixed, random="~ 1").data(change(golden_rows("made")), "y", "unit")
    with pytest.raises(InputError, match=message):
        WhitenedRows.of(data)
