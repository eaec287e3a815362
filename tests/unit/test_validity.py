"""The simulations of docs/validity.md: estimators on known cases, the settings, resuming, what the page says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(autouse=True)
def _in_benchmarks(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(root / "benchmarks"))


def test_a_share_and_its_error_on_known_intervals() -> None:
    from parts.monte_carlo import mean, share

    rng = np.random.default_rng(1)
    draws = rng.normal(size=(4000, 25))
    centre, half = draws.mean(axis=1), 1.96 / 5.0
    covered = share("mean", np.abs(centre) <= half)  # intervals of a normal mean with known variance
    assert covered.sets == 4000
    assert abs(covered.value - 0.95) < 3 * covered.se
    assert covered.se == pytest.approx(np.sqrt(0.95 * 0.05 / 4000), rel=0.1)
    found = mean("mean", centre)
    assert found.value == pytest.approx(centre.mean()) and found.se == pytest.approx(0.2 / np.sqrt(4000), rel=0.05)


def test_pooled_draws_make_a_test_of_the_right_size_and_its_error_is_told() -> None:
    from parts.monte_carlo import pooled_test

    rng = np.random.default_rng(2)
    found = [pooled_test("t", rng.chisquare(2, 1000), rng.chisquare(2, 1000)) for _ in range(200)]
    values = np.array([one.value for one in found])
    assert values.mean() == pytest.approx(0.05, abs=0.003)
    assert values.std() == pytest.approx(np.sqrt(2 * 0.05 * 0.95 / 1000), rel=0.2)  # a plain share's would be 0.7 of it
    assert found[0].se == pytest.approx(np.sqrt(2 * found[0].value * (1 - found[0].value) / 1000))
    assert pooled_test("t", rng.chisquare(2, 1000) + 8.0, rng.chisquare(2, 1000)).value > 0.5


def test_the_searches_of_few_patients_and_a_missed_optimum_is_said_to_be_missed(tmp_path: Path) -> None:
    from parts import validity_starts as starts
    from parts.monte_carlo import Quantity, Store

    for slopes in (False, True):
        frame, _ = starts.data_set(4, slopes)
        assert 15 <= frame["patient"].nunique() <= 80 and {"time", "g", "y"} <= set(frame)
    found = {one.name: one for one in starts.searched(starts.Search("correlated", True), 5)}
    assert found["worst over starts"].value < 1e-6 and found["evaluations, more"].sets == 1
    store, known = Store(tmp_path), float("nan")
    for setting, excess in zip(starts.SETTINGS, (1e-9, 2e-9, 0.02, 3e-9), strict=True):
        rows = [Quantity("worst over starts", excess, known, 10), Quantity("evaluations, few", 40.0, known, 6),
                Quantity("evaluations, more", 30.0, known, 4)]  # fmt: skip
        if setting.structure == "diagonal":
            rows += [Quantity("worst over program", 1e-9, known, 10), Quantity("program above", 0.3, 0.1, 10)]
        store.add("starts", setting.name, 10, lambda rows=rows: rows)
    text = starts.starts_section(store)
    assert "40 data sets of 15 to 80" in text and "| 1e-09 | not installed | 40 | 30 |" in text
    assert "**missed** (diagonal, no slopes, over random starts: 2.0e-02)" in text
    assert "mixedlm in 3 of 10 (diagonal, no slopes)" in text


def test_data_sets_are_those_of_their_setting() -> None:
    from parts import validity_growth as growth

    setting = growth.Setting(300, False, 0.2, correlation=0.3)
    first, again = next(growth.data_sets(setting, 1)), next(growth.data_sets(setting, 1))
    assert np.array_equal(first.data.values, again.data.values)
    assert first.slopes.std() == pytest.approx(0.2, rel=0.1) and first.intercepts.std() == pytest.approx(1.0, rel=0.1)
    assert np.corrcoef(first.intercepts, first.slopes)[0, 1] == pytest.approx(0.3, abs=0.12)
    lagged = next(growth.data_sets(growth.Setting(2000, False, lag=0.6), 1))
    rest = lagged.data.values.reshape(2000, 6) - 2.0 - 0.1 * np.arange(6) - lagged.intercepts[:, None]
    assert rest.std() == pytest.approx(growth.SIGMA, rel=0.03)
    assert np.corrcoef(rest[:, 1], rest[:, 2])[0, 1] == pytest.approx(0.6, abs=0.05)
    assert np.corrcoef(rest[:, 1], rest[:, 3])[0, 1] == pytest.approx(0.36, abs=0.06)


def test_the_slopes_of_the_outcome_study_have_reliability_a_half_and_half_have_the_event() -> None:
    from parts import validity_outcome as outcome

    who, time = outcome.visits(400, np.random.default_rng(3))
    psi, found = np.diag([1.0, outcome.SLOPE_SD**2]), []
    for i in range(400):
        z = np.column_stack([np.ones((who == i).sum()), time[who == i]])
        v = z @ psi @ z.T + outcome.SIGMA**2 * np.eye(len(z))
        found.append((psi @ z.T @ np.linalg.solve(v, z) @ psi)[1, 1] / psi[1, 1])
    assert np.mean(found) == pytest.approx(0.5, abs=0.01)
    own = outcome.cohort(4000, 0)
    assert own.patients["event"].mean() == pytest.approx(0.5, abs=0.03)
    assert own.slopes.std() == pytest.approx(outcome.SLOPE_SD, rel=0.03)


def test_an_effect_is_found_through_both_stages() -> None:
    from parts import validity_outcome as outcome
    from parts.validity_page import effect_found

    row = outcome.two_stages(1500, 4, 0)
    assert row["estimate"] == pytest.approx(outcome.EFFECT, abs=0.25)  # two of its standard errors
    assert row["ci_low"] < row["estimate"] < row["ci_high"] and row["ci_low_bootstrap"] < row["ci_high_bootstrap"]
    rows = pd.DataFrame([row, row | {"estimate": 0.9, "ci_low": 0.6, "ci_high": 1.2, "ci_low_bootstrap": np.nan}])
    found = {one.name: one.value for one in effect_found(rows)}
    assert found["bias"] == pytest.approx((row["estimate"] + 0.9) / 2 - outcome.EFFECT)
    assert found["naive coverage"] == 0.5 and found["bootstrap coverage"] <= 0.5


def test_what_survives_is_a_part_of_what_was_cried() -> None:
    from parts import validity_growth as growth

    found = {one.name: one.value for one in growth.protection(growth.Setting(60, False, lag=0.6), 4)}
    assert found["mixture"] == 1.0 and found["and survives"] < 1.0


def test_permuting_outcomes_breaks_the_truth_that_was_there() -> None:
    from parts import validity_outcome as outcome

    whole = outcome.many_markers(2000, 0, permuted=True)
    again = outcome.many_markers(2000, 0, permuted=True)
    assert whole.patients.equals(again.patients)
    assert len(whole.study.markers) == outcome.NOISE
    assert abs(np.corrcoef(whole.slopes, whole.patients["followup"])[0, 1]) < 0.07


def test_the_verdict_goes_by_the_effect_that_is_there() -> None:
    from parts import validity_verdict as simulated

    found = [simulated.verdicts(150, 6.0, replicate) for replicate in range(2)]
    assert all(one["adds"] + one["adds little"] + one["associated"] == 1.0 for one in found)
    assert all(one["test: the likelihood ratio test"] == 1.0 for one in found)
    none = [simulated.verdicts(60, 1.0, replicate) for replicate in range(4)]
    assert sum(one["adds"] + one["no gain"] for one in none) == 0.0


def test_intervals_of_validated_figures_hold_the_truth_in_new_patients(monkeypatch: pytest.MonkeyPatch) -> None:
    from parts import validity_intervals as intervals

    monkeypatch.setattr(intervals, "REFITTED", 1)
    monkeypatch.setattr(intervals, "REFITS", 5)
    sets = pd.DataFrame([intervals.coverage(56, 0.0, 0.0, replicate) for replicate in range(8)])
    assert sets["c truth"].between(0.44, 0.56).all() and sets["gain truth"].between(-0.06, 0.06).all()
    for name in ("c", "gain"):
        assert (sets[f"{name} report low"] <= sets[f"{name} estimate"]).all()
        inside = (sets[f"{name} report low"] <= sets[f"{name} truth"]) & (
            sets[f"{name} truth"] <= sets[f"{name} report high"]
        )
        assert inside.sum() >= 7
        widths = {way: (sets[f"{name} {way} high"] - sets[f"{name} {way} low"]) for way in intervals.WAYS}
        assert (widths["report"] > widths["within"]).all() and (widths["within"] > widths["fixed"]).all()
        assert widths["repeated"].notna().sum() == 1
        spread = (sets[f"{name} estimate"] - sets[f"{name} truth"]).std()
        assert widths["fixed"].mean() < widths["report"].mean() and widths["report"].mean() > 2.5 * spread


def test_the_page_names_the_cells_in_which_intervals_miss_their_aim(tmp_path: Path) -> None:
    from parts.monte_carlo import Store
    from parts.validity_intervals import WAYS
    from parts.validity_intervals_page import interval_section

    row = {f"{name} {key}": 0.5 for name in ("c", "gain") for key in ("estimate", "truth")}
    ends = {
        f"{name} {way} {end}": at for name in ("c", "gain") for way in WAYS for end, at in (("low", 0.4), ("high", 0.6))
    }
    good = pd.DataFrame([{"setting": "a", "replicate": k, **row, **ends} for k in range(20)])
    good.loc[0, ["c truth", "gain truth"]] = 0.7  # 19 of 20 are held
    bad = good.assign(setting="b")
    bad.loc[:2, "c truth"] = 0.7
    store = Store(tmp_path)
    store.write("intervals", pd.concat([good, bad]))
    page = interval_section(store)
    assert "Reached in 3 of 4 cells. **Missed**: C of level and slope, b: 0.850 (0.080)" in page
    assert "| C of level and slope: a |" in page and "[0.200]" in page


def test_what_the_report_says_of_slopes_holds_where_the_truth_is_known() -> None:
    from parts import validity_trends as trends

    left = {one.name: one.value for one in trends.dropout(60, 0.2, 12)}
    assert left["difference"] == pytest.approx(trends.DIFFERENCE, abs=0.15) and left["coverage"] > 0.7
    assert left["of predicted slopes"] < 0.1, "shrinkage takes most of the difference away"
    fast = {one.name: one.value for one in trends.fast_share(50, 3)}
    assert abs(fast["share less truth"]) < 0.15 and 0.15 < fast["width"] < 0.45
    growing, slopes = trends.NOISES[1], trends.NOISES[6]
    said = {one.name: one.value for one in trends.claims(growing, 5)}
    assert said["bootstrap finds slopes"] > 0 and said["trend claimed"] == 0.0
    assert said["open"] == said["bootstrap finds slopes"]
    assert {one.name: one.value for one in trends.claims(slopes, 2)}["trend claimed"] == 1.0


def test_effects_of_a_treatment_are_those_of_their_setting() -> None:
    from parts import validity_effects as effects

    frame, truth = effects.rows(effects.Trial(400, 2, 0.5), np.random.default_rng(1))
    assert truth.mean() == pytest.approx(effects.MEAN, abs=0.08) and truth.std() == pytest.approx(0.5, rel=0.1)
    own = frame.groupby(["patient", effects.TREATED])["y"].std().unstack().pow(2).mean().pow(0.5)
    assert own.tolist() == pytest.approx(list(effects.RESIDUAL), rel=0.1)
    found = {one.name: one.value for one in effects.covered(effects.Trial(60, 4, 0.5), 6)}
    assert found["mean SD"] == pytest.approx(0.5, abs=0.1) and found["coverage, SD"] > 0.6
    tests = {one.name: one.value for one in effects.rejected(effects.Trial(60, 4, 1.0), 4)}
    assert tests == {"test, mixture": 1.0, "test, bootstrap": 1.0}


def test_effects_under_a_posterior_are_compared_with_the_truth() -> None:
    from parts import validity_effect_posterior as posterior
    from parts.validity_effects import Trial

    found = {one.name: one.value for one in posterior.covered_in_trial(Trial(60, 4, 0.5), 3)}
    assert min(found[f"coverage, {name}"] for name in posterior.QUANTITIES) > 0.3
    assert abs(found["share less truth"]) < 0.1 and found["REML at 0"] == 0.0


def test_the_page_names_the_settings_in_which_a_trend_is_claimed_that_is_not_there(tmp_path: Path) -> None:
    from parts.monte_carlo import Quantity, Store
    from parts.validity_page import page

    store = Store(tmp_path)
    for setting, claimed in (("100 patients, no slopes, a", 0.01), ("300 patients, no slopes, b", 0.15),
                             ("100 patients, slope SD 0.1, a", 0.4)):  # fmt: skip
        found = [Quantity("bootstrap finds slopes", 0.9, 0.03, 100), Quantity("trend claimed", claimed, 0.02, 100)]
        store.add("trend_claims", setting, 100, lambda found=found: found)
    text = page(store, "x")
    assert "reached in 1 of 2 cells. **Missed**: 300 patients, no slopes, b, trend claimed: 0.150" in text
    assert "a trend is claimed in 40% of data sets, though the bootstrap\n  finds slopes in 90%" in text


def test_a_stopped_program_goes_on(tmp_path: Path) -> None:
    from parts.monte_carlo import Quantity, Store

    store, runs = Store(tmp_path), []

    def run() -> list[Quantity]:
        runs.append(1)
        return [Quantity("a", 0.5, 0.1, 10), Quantity("b", 0.25, 0.1, 3)]

    assert store.add("part", "one", 10, run) and store.add("part", "two", 10, run)
    assert not store.add("part", "one", 10, run) and len(runs) == 2
    assert store.add("part", "one", 20, run)
    assert sorted(store.read("part")["setting"]) == ["one", "one", "two", "two"]
    asked = []

    def one(number: int) -> dict[str, float]:
        if number == 5 and len(asked) == 5:
            raise KeyboardInterrupt
        asked.append(number)
        return {"replicate": number, "value": 2.0 * number}

    with pytest.raises(KeyboardInterrupt):
        store.grow("sets", "one", 8, one, block=2)
    asked.append(-1)
    assert store.grow("sets", "one", 8, one, block=2) == 4
    assert store.read("sets")["replicate"].tolist() == list(range(8))


def test_the_program_runs_and_a_missed_aim_is_said_to_be_missed(root: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "benchmarks/validity.py",
        "--replicates",
        "2",
        "--out",
        str(tmp_path / "tables"),
        "--only",
    ]
    parts = ["type_one", "calibration"]
    done = subprocess.run([*command, *parts], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 6 + 13
    page = (tmp_path / "validity.md").read_text(encoding="utf-8")
    assert "4 data sets a row" in page and "Not run yet." in page and "no_slope.svg" in page
    path = tmp_path / "tables" / "type_one.csv"
    table = pd.read_csv(path)
    chosen = (table["quantity"] == "bootstrap") & (table["setting"] == "30 patients, ragged")
    table.loc[chosen, ["value", "se"]] = 0.085, 0.005
    table.loc[~chosen & (table["quantity"] == "bootstrap"), "value"] = 0.05
    table.to_csv(path, index=False)
    again = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    page = (tmp_path / "validity.md").read_text(encoding="utf-8")
    assert again.stdout == ""
    assert "reached in 5 of 6 cells. **Missed**: 30 patients, ragged, bootstrap: 0.085, 4.0 standard errors" in page


def test_cautions_and_the_printed_bootstrap_are_counted_in_data_from_the_model() -> None:
    from parts.validity_cautions import CAUTIONS, false_alarms
    from parts.validity_growth import REPORTED, Setting, sequential

    found = false_alarms(Setting(30, True, 0.2), 3)
    assert [one.name for one in found] == list(CAUTIONS) and all(0 <= one.value <= 1 for one in found)
    null, slopes = (sequential(Setting(30, True, sd), 4)[0] for sd in (0.0, 0.6))
    assert (null.name, null.sets) == (REPORTED, 4) and null.value < slopes.value == 1


def test_the_coverage_that_chance_explains_is_taken_off() -> None:
    from parts import validity_interruption as interruption

    names = {"coverage, level, serial": 0.915, "coverage, level, independent": 0.5}
    found = pd.DataFrame([{"setting": "a", "quantity": name, "value": value} for name, value in names.items()])
    exact = pd.DataFrame([{"setting": "a", "quantity": "coverage, level, known variances", "value": 0.935}])
    assert "0.930 (a)" in interruption.expected_words(found, exact)
    assert interruption.expected_words(found, exact[:0]) == "Not run yet."


def test_intervals_with_the_true_variances_hold_the_truth() -> None:
    from parts import validity_interruption as interruption

    few = interruption.Series(8, 9, 0.5)
    covered = {one.name: one for one in interruption.known(few, 200)}
    for what in ("level", "slope"):
        one = covered[f"coverage, {what}, known variances"]
        assert one.sets == 200 and abs(one.value - 0.95) < 3.5 * 0.0154


def test_ranks_of_a_posterior_are_uniform_and_those_of_a_narrow_one_are_not() -> None:
    """A normal mean with a known posterior, as it is and with half its SD, through the table of p-values."""
    from parts.validity_bayes import DRAWS, QUANTITIES, p_values, rank_of

    rng = np.random.default_rng(8)
    rows = []
    for width, name in ((1.0, "right"), (0.5, "narrow")):
        for _ in range(500):
            truth = rng.normal()
            seen = truth + rng.normal()
            draws = seen / 2 + width * np.sqrt(0.5) * rng.standard_normal(DRAWS)
            rows.append({"setting": name, **dict.fromkeys(QUANTITIES, float(rank_of(truth, draws, rng)))})
    found = p_values(pd.DataFrame(rows)).set_index(["setting", "quantity"])["value"]
    assert found["right", "p, time"] > 0.01 and found["narrow", "p, time"] < 1e-6
    assert found["right", "coverage, time"] == pytest.approx(0.95, abs=0.03)
    assert found["narrow", "coverage, time"] < 0.85
    assert {rank_of(0.0, np.zeros(3), rng) for _ in range(200)} == {0, 1, 2, 3}  # ties


def test_rows_of_the_priors_have_the_parameters_that_were_drawn() -> None:
    from parts import validity_bayes as bayes

    setting = bayes.Drawn(4000, 0.4)
    truth = bayes.draw(setting, np.random.default_rng(3))
    intercept, slope, level_sd, slope_sd, correlation, residual, _, fast = truth.values
    lines = np.polyfit(bayes.TIMES, truth.response.T, 1)
    assert lines[0].mean() == pytest.approx(slope, abs=5 * (slope_sd + residual / 3) / np.sqrt(4000))
    assert lines[1].mean() == pytest.approx(intercept, abs=5 * (level_sd + residual) / np.sqrt(4000))
    assert lines[0].var() == pytest.approx(slope_sd**2 + residual**2 / 10, rel=0.2)
    assert np.cov(lines)[0, 1] == pytest.approx(correlation * level_sd * slope_sd - 0.2 * residual**2, abs=0.2)
    assert 0 <= fast <= 1 and len(truth.frame) == 4000 * 5


def test_the_page_has_the_coverage_of_the_bootstrap_through_the_weights(tmp_path: Path) -> None:
    from parts.monte_carlo import Store
    from parts.validity_page import SAID
    from parts.validity_weighting import weighting_section

    tables = Path(__file__).resolve().parents[2] / "docs" / "validity"
    (tmp_path / "iptw.csv").write_bytes((tables / "iptw.csv").read_bytes())
    assert "bootstrap" not in weighting_section(Store(tmp_path), **SAID)
    drawn = pd.DataFrame({"setting": "400 patients, log odds 0.6", "level": [1, 1, 1, 0], "slope": [1, 1, 1, 1]})
    drawn.to_csv(tmp_path / "iptw_bootstrap.csv", index=False)
    text = weighting_section(Store(tmp_path), **SAID)
    assert "(200 resamples)" in text and "| 400 patients, log odds 0.6 | 0.750 (0.217) | 1.000 (0.000) |" in text
    assert "Coverage of the bootstrap: aim 0.9 to 0.98" in text


def test_selection_outside_the_folds_is_better_than_inside_where_nothing_matters(tmp_path: Path) -> None:
    from parts import validity_markers as markers
    from parts.monte_carlo import Store
    from parts.validity_page import page

    null = markers.one_set(markers.Many(80, 40, 0), 0)
    gain = null["selection outside"] - null["slope validated"]
    assert gain > 0.03 and null["stability of redundant"] < 0.9
    true = markers.one_set(markers.Many(80, 40, 2), 1)
    for step in ("level", "delta", "baseline"):
        difference = true["slope validated"] - true[f"{step} validated"]
        assert true[f"over {step}"] == pytest.approx(difference)
        assert true[f"over {step}, low"] < difference < true[f"over {step}, high"]
    sets = [{"setting": markers.SETTINGS[0].name, **null}] * 2
    sets += [{"setting": markers.SETTINGS[1].name, **true, "over level, low": end} for end in (-0.1, 0.1)]
    store = Store(tmp_path)
    store.write("markers", pd.DataFrame(sets))
    text = page(store, "x")
    assert f"adds {gain:+.3f} (standard error 0.000)" in text and "| 0.500 (0.354) |" in text


def test_score_statistics_are_those_of_a_cox_model() -> None:
    from parts.validity_markers import score_statistics

    rng = np.random.default_rng(4)
    x, followup = rng.normal(size=(60, 1)), np.round(rng.exponential(5.0, 60)) + 1.0
    event = rng.random(60) < 0.6
    score = information = 0.0
    for at in np.flatnonzero(event):
        risk = x[followup >= followup[at], 0]
        score += x[at, 0] - risk.mean()
        information += risk.var()
    assert score_statistics(x, followup, event)[0] == pytest.approx(score / np.sqrt(information))


def test_a_late_scanner_makes_no_slope_once_it_is_adjusted_for() -> None:
    from parts import validity_batches as batches

    found = batches.one_set(batches.SETTINGS[1], 2)
    assert found["average slope, not adjusted"] > 0.6
    for method in ("fixed", "combat"):
        assert found[f"average slope, {method}"] == pytest.approx(batches.SLOPE, abs=0.08)
        assert found[f"SD of slopes, {method}"] == pytest.approx(0.5, abs=0.08)
        related = found[f"correlation with true slopes, {method}"]
        assert related > found["correlation with true slopes, not adjusted"] + 0.05
