"""Complementary pairs: who is in a half, what halves keep, the stability index and the error bound."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

from slopewise.growth import GrowthModel
from slopewise.outcome.fit import ladder_data
from slopewise.run.seeds import generator
from slopewise.slopes.facts import facts
from slopewise.slopes.marker import marker_data
from slopewise.study.reading import parse_study
from slopewise.validate.bootstrap import BootstrapPlan
from slopewise.validate.stability import (
    disagreement,
    halves,
    kept_by_halves,
    nogueira,
    selection_table,
    stability,
    stability_table,
)

PLAN = BootstrapPlan(replicates=4, folds=3, repeats=1, seed=5)
PATIENTS, MARKERS = 100, ("real", "noise_a", "noise_b", "noise_c")
STUDY = """
study: simulated
seed: 5
data: {measurements: m.csv, patient: id, time: day, time_unit: years, analysis_unit: years}
markers: {real: {column: a}, noise_a: {column: b}, noise_b: {column: c}, noise_c: {column: d}}
landmark: 2
outcome:
  {kind: survival, time: end, time_unit: years, event: status, events: {1: death}, horizons: [2], penalty: elastic_net}
"""


@pytest.fixture(scope="module")
def simulated() -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Rows of each marker, and patients whose hazard rises with the level of the first one."""
    rng = generator(2, "stability test")
    names = np.array([f"p{i:03d}" for i in range(PATIENTS)])
    rows, b = {}, rng.multivariate_normal([0, 0.2], [[0.6, 0.1], [0.1, 0.3]], (len(MARKERS), PATIENTS))
    for marker, own in zip(MARKERS, b, strict=True):
        made = [
            (name, t, b0 + b1 * t + rng.normal(0, 0.3))
            for name, (b0, b1) in zip(names, own, strict=True)
            for t in np.sort(rng.uniform(0, 2.0, 4))
        ]
        rows[marker] = pd.DataFrame(made, columns=["patient", "time", marker])
    time = rng.exponential(1 / (0.3 * np.exp(1.2 * (b[0, :, 0] + 2 * b[0, :, 1]))))
    censored = rng.uniform(2, 8, PATIENTS)
    patients = pd.DataFrame(
        {"patient": names, "entry": np.nan, "followup": np.minimum(time, censored), "event": (time <= censored) * 1}
    )
    return rows, patients


def both(rows, patients, penalty="elastic_net"):
    study = parse_study(STUDY.replace("elastic_net", penalty).encode(), "study.yaml")
    markers = [marker_data(GrowthModel(), name, rows[name], patients, 2.0) for name in MARKERS]
    known = pd.concat([facts(rows[name], patients, name, logarithmic=False) for name in MARKERS])
    return ladder_data(study, patients, known.assign(level=0.0, slope=0.0)), markers


def test_halves_are_complementary_balanced_by_event_and_replayed(simulated):
    events = np.asarray(both(*simulated)[0].event, dtype=np.int64)
    one, other = halves(PLAN, 3, events)
    assert (one.counts + other.counts == 1).all() and abs(one.counts.sum() - other.counts.sum()) <= 1
    assert abs(events[one.counts > 0].sum() - events[other.counts > 0].sum()) <= 1
    for half in (one, other):
        assert ((half.fold[0] > 0) == (half.counts > 0)).all()
    again, different = halves(PLAN, 3, events), halves(PLAN, 2, events)
    assert np.array_equal(again[0].fold, one.fold) and not np.array_equal(different[0].counts, one.counts)


@pytest.fixture(scope="module")
def found(simulated):
    return kept_by_halves(PLAN, *both(*simulated))


def test_what_predicts_is_kept_and_everybody_has_a_risk_from_the_other_half(found, simulated):
    shares = dict(zip(found.terms["level"], found.kept["level"].mean(axis=0), strict=True))
    assert shares["real.level"] == 1.0
    assert np.mean([shares[f"{name}.level"] for name in MARKERS[1:]]) < 0.8
    assert found.kept["slope"].shape == (8, 8) and found.risk["slope"].shape == (4, PATIENTS)
    for risk in found.risk.values():
        assert ((risk > 0) & (risk <= 1)).all()
        died = simulated[1]["event"].to_numpy() == 1
        assert (risk[:, died].mean(axis=1) > risk[:, ~died].mean(axis=1)).all()


def test_the_threads_do_not_matter(found, simulated):
    other = kept_by_halves(replace(PLAN, replicates=1), *both(*simulated), threads=2)
    for step, kept in other.kept.items():
        assert np.array_equal(kept, found.kept[step][:2]) and np.array_equal(other.risk[step], found.risk[step][:1])


def test_a_half_learns_nothing_from_the_other(found, simulated):
    rows, patients = simulated
    one, _ = halves(PLAN, 0, np.asarray(both(*simulated)[0].event, dtype=np.int64))
    outside = set(patients["patient"][one.counts == 0])
    changed = {
        name: frame.assign(**{name: np.where(frame["patient"].isin(outside), 3 * frame[name] - 7, frame[name])})
        for name, frame in rows.items()
    }
    away = patients.assign(followup=np.where(one.counts == 0, patients["followup"] * 0.5, patients["followup"]))
    other = kept_by_halves(replace(PLAN, replicates=1), *both(changed, away))
    for step in ("level", "slope"):
        assert np.array_equal(other.kept[step][0], found.kept[step][0])
        same = one.counts == 0  # scored by the first half, from rows that are no longer theirs
        assert not np.allclose(other.risk[step][0, same], found.risk[step][0, same])


def test_tables_hold_frequencies_bound_and_index(found):
    selection = selection_table(found.terms, found.kept, "death").set_index(["predictors", "term"])
    kept = found.kept["slope"][:, found.terms["slope"].index("real.level")]
    row = selection.loc[("slope", "real.level")]
    assert row["frequency"] == kept.mean() and row["both_halves"] == (kept[::2] & kept[1::2]).mean()
    table = stability_table(found.kept, found.risk, "death").set_index(["predictors", "measure"])["value"]
    average = found.kept["slope"].sum(axis=1).mean()
    assert table["slope", "bound"] == pytest.approx(average**2 / (0.5 * 8)) and table["slope", "kept"] == average
    assert table["slope", "stable"] == selection.loc["slope", "stable"].sum()
    assert 0 <= table["slope", "group_changes"] < 2 / 3


def test_nothing_without_pairs_or_without_a_penalty(simulated):
    ladder, markers = both(*simulated)
    plain, _ = both(*simulated, penalty="none")
    for plan, data in ((replace(PLAN, replicates=0), ladder), (PLAN, plain)):
        selection, alike = stability(plan, data, markers)
        assert selection.empty and alike.empty and "frequency" in selection and "measure" in alike


def test_the_index_is_fleiss_kappa_of_the_sets():
    kept = np.random.default_rng(4).random((12, 30)) < np.linspace(0.05, 0.9, 30)
    index, low, high = nogueira(kept)
    table, _ = aggregate_raters(kept.T.astype(int))
    assert index == pytest.approx(fleiss_kappa(table), abs=1e-12)
    assert low < index < high
    assert nogueira(np.tile(kept[:1], (5, 1)))[0] == pytest.approx(1.0)
    assert np.isnan(nogueira(np.ones((4, 6), dtype=bool))).all() and np.isnan(nogueira(kept[:1])).all()


DRAWN = """
1111000000 0001011100 0100011100 1100101000 0110110000 0111001000 1001000011 0001011100 0011110000 0000100111
"""
"""Z3 of the demonstration of the authors' package `stability` (github.com/nogueirs/JMLR2018, python/stabilityDemo)."""


@pytest.mark.parametrize(
    ("sets", "index", "variance"),
    [
        ("110 110 110", 1.0, 0.0),
        ("110 011 101", -0.5, 0.0),
        (DRAWN, -0.037037037037, 0.00516666666667),
    ],
)
def test_the_index_is_that_of_its_authors(sets: str, index: float, variance: float):
    """The digits that the demonstration prints, of its matrices Z1, Z2 and Z3; it prints no variance of Z1 and Z2."""
    kept = np.array([[letter == "1" for letter in row] for row in sets.split()])
    found, low, _ = nogueira(kept)
    assert found == pytest.approx(index, abs=1e-12)
    assert ((found - low) / 1.959963984540054) ** 2 == pytest.approx(variance, abs=1e-14)


def test_the_index_interval_covers():
    """Sets of a half's independent draws: the index of very many is the truth."""
    rng, share = np.random.default_rng(7), np.linspace(0.02, 0.9, 40)
    truth = nogueira(rng.random((20_000, 40)) < share)[0]
    ends = np.array([nogueira(rng.random((60, 40)) < share) for _ in range(400)])
    covered = ((ends[:, 1] <= truth) & (truth <= ends[:, 2])).mean()
    assert 0.92 <= covered <= 0.98 and ends[:, 0].mean() == pytest.approx(truth, abs=0.01)


def test_models_without_a_relation_change_two_groups_in_three():
    rng = np.random.default_rng(1)
    assert disagreement(rng.random((200, 300))) == pytest.approx(2 / 3, abs=0.01)
    assert disagreement(np.tile(rng.random(300), (5, 1))) == pytest.approx(0.0, abs=1e-12)
    assert np.isnan(disagreement(rng.random((1, 300))))


def test_the_bound_holds_for_noise():
    """Selections of 60 noise terms: the mean number of stable ones lies below the bound."""
    rng, counts, bounds = np.random.default_rng(3), [], []
    for _ in range(200):
        kept = rng.random((40, 60)) < 0.15
        table = stability_table({"slope": kept}, {"slope": rng.random((20, 50))}, "death").set_index("measure")["value"]
        counts.append(table["stable"])
        bounds.append(table["bound"])
    assert np.mean(counts) <= np.mean(bounds) and np.mean(bounds) == pytest.approx(9**2 / (0.5 * 60), rel=0.1)
