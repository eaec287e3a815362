"""Delta-adjusted visits after the last one: exact for a straight line, nothing at δ = 0, and read in the report."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from slopewise.growth import GrowthModel
from slopewise.growth.fitting import fit_everybody
from slopewise.outcome.choices import cohort_growth
from slopewise.outcome.fit import fit_outcome
from slopewise.report.sections.dropout import delta_of, delta_sentences
from slopewise.slopes.marker import marker_data
from slopewise.tables import files as tables
from slopewise.validate.delta import DELTAS, delta_table, missed_visits, shift, slope_variance
from tests.unit.outcome.ladder_tables import MARKERS, simulate

LANDMARK = 2.0


def visits(names, stay, marker, seed=2):
    """Half-yearly visits up to `stay` (n,) of a marker with random levels and slopes."""
    rng = np.random.default_rng(seed)
    level, slope = rng.normal(size=(2, len(names)))
    times = np.arange(0.0, LANDMARK + 0.1, 0.5)
    rows = [
        (name, time, level[i] + 0.8 * slope[i] * time + 0.4 * rng.normal())
        for i, name in enumerate(names)
        for time in times[times <= stay[i]]
    ]
    return pd.DataFrame(rows, columns=["patient", "time", marker])


@pytest.fixture(scope="module")
def data():
    names = [f"p{i:02d}" for i in range(60)]
    rows = visits(names, np.where(np.arange(60) % 3 == 0, 1.0, LANDMARK), "alpha")
    return marker_data(GrowthModel(), "alpha", rows, pd.DataFrame({"patient": names}), LANDMARK)


def test_visits_are_missed_after_the_last_one_up_to_the_landmark(data):
    found = missed_visits(data)
    assert set(found["patient"]) == {f"p{i:02d}" for i in range(0, 60, 3)}
    one = found[found["patient"] == "p00"]
    assert one["time"].tolist() == [1.5, 2.0] and one["since_last_"].tolist() == [0.5, 1.0]


def test_the_shift_is_that_of_the_prediction_by_matrices(data):
    fit = fit_everybody(data.growth)
    level, slope, dropped = shift(data)
    assert dropped.tolist() == [i % 3 == 0 for i in range(60)]
    assert not level[~dropped].any() and not slope[~dropped].any()
    psi, sd = fit.covariance.to_numpy(), np.sqrt(slope_variance(fit, data))
    assert sd == pytest.approx(np.sqrt(psi[1, 1]))
    times = np.array([0.0, 0.5, 1.0, 1.5, 2.0])
    z = np.column_stack([np.ones(5), times])
    moved = sd * np.maximum(times - 1.0, 0.0)
    effect = psi @ z.T @ np.linalg.solve(z @ psi @ z.T + fit.sigma**2 * np.eye(5), moved)
    assert slope[dropped] == pytest.approx(np.full(20, effect[1]), rel=1e-6)
    assert level[dropped] == pytest.approx(np.full(20, effect @ [1.0, LANDMARK]), rel=1e-6)
    assert 0.0 < slope[0] < sd and 0.0 < level[0] < sd


@pytest.fixture(scope="module")
def table():
    made = simulate()
    outcome = fit_outcome(*made.outcome)
    names = list(outcome.data.patients)
    stay = np.where(made.patients.set_index("patient")["event"].reindex(names) == 1, 1.0, LANDMARK)
    people = pd.DataFrame({"patient": names})
    markers = [
        marker_data(GrowthModel(), marker, visits(names, stay, marker, seed), people, LANDMARK)
        for seed, marker in enumerate(MARKERS)
    ]
    flags = cohort_growth(outcome.data, made.crossfit, made.fits)
    found = delta_table(made.study, outcome, markers, flags[:2], flags[2])
    everybody = visits(names, np.full(len(names), LANDMARK), "beta", 1)
    whole = [markers[0], marker_data(GrowthModel(), "beta", everybody, people, LANDMARK)]
    alone = delta_table(made.study, outcome, whole, flags[:2], flags[2])
    assert set(alone["term"]) == {"alpha.slope"}
    none = delta_table(made.study.model_copy(update={"landmark": "none"}), outcome, markers, flags[:2], flags[2])
    assert tables.check(none, "outcome/delta").empty
    return outcome, tables.check(found, "outcome/delta")


def test_without_a_shift_the_coefficients_are_those_of_the_study(table):
    outcome, found = table
    assert found["delta"].unique().tolist() == list(DELTAS) and len(found) == 10
    own = outcome.coefficients
    own = own[(own["predictors"] == "slope") & (own["scale"] == "unit")].set_index("term")["estimate"]
    for place, marker in enumerate(outcome.data.markers):
        row = found[(found["delta"] == 0) & (found["term"] == f"{marker}.slope")].iloc[0]
        spread = outcome.slope[:, place].std(ddof=1)
        assert row["estimate"] == pytest.approx(spread * own[f"{marker}.slope"], rel=1e-8)


def test_a_rise_after_drop_out_before_the_event_raises_the_coefficient(table):
    """Those who had the event were last seen early, so that a steeper course of theirs goes with the event."""
    _, found = table
    alpha = found[found["term"] == "alpha.slope"].sort_values("delta")
    assert (np.diff(alpha["estimate"]) > 0).all()
    assert (found["dropped"] > 0).all() and (found["dropped"] < found["patients"]).all()


def test_the_report_says_what_the_table_has(frames, naming):
    sentence = delta_sentences(frames, naming)[0]
    assert "1.22 to 1.49 (1.35 as analysed)" in sentence and "excludes 1 in 2 of 5" in sentence
    shown = delta_of(frames, naming)
    assert len(shown.rows) == len(frames.delta) and shown.rows[0][1] == "−1.0 SD"
    nobody = replace(frames, delta=frames.delta.assign(dropped=0))
    assert delta_sentences(nobody, naming) == []
