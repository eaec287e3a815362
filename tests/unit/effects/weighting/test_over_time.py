"""A study with `effects.treatment_over_time`: R's numbers on the shipped set, histories, strata, effects, the words."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import yaml

from slopewise.cohort import prepare_cohort
from slopewise.effects.inputs import EffectRows
from slopewise.effects.weighting.diagnostics import balance, histories, strata_of
from slopewise.effects.weighting.estimate import (
    ADJUSTED,
    RANDOM,
    WEIGHTED,
    Weighted,
    estimate_treatment_over_time,
)
from slopewise.effects.weighting.marginal import Marginal
from slopewise.effects.weighting.models import stabilised_weights
from slopewise.effects.weighting.prepared import default_horizons, prepared
from slopewise.growth.fitting import fit_everybody
from slopewise.growth.model import GrowthModel
from slopewise.report.material.frames import Frames
from slopewise.report.sections.effects import FIGURES, HEADLINES, SECTIONS
from slopewise.report.words.naming import Naming
from slopewise.run.errors import InputError
from slopewise.study.reading import load_study, parse_study
from tests.conftest import ROOT
from tests.unit.report.report_tables import SomeFrames

GOLDEN = ROOT / "tests" / "golden"


def source(frame: pd.DataFrame | None = None, markers: tuple[str, ...] = ("y",), **asked: Any) -> EffectRows:
    """Rows of the golden simulated set (drug, severity, age, y) as those of a study."""
    keys = {"column": "drug", "confounders": ["severity"], "baseline": ["age"], **asked}
    content = {
        "study": "followed",
        "seed": 1,
        "data": {"measurements": "m.csv", "patient": "id", "time": "t", "time_unit": "years", "analysis_unit": "years"},
        "markers": {name: {"column": name} for name in markers},
        "growth": {"fixed": "~ time", "random": "~ time", "bootstrap": 50},
        "landmark": "none",
        "outcome": {"kind": "none"},
        "effects": {"treatment_over_time": keys},
    }
    rows = pd.read_csv(GOLDEN / "weighting_rows.csv", dtype={"patient": object}) if frame is None else frame
    return EffectRows(parse_study(yaml.safe_dump(content).encode(), "followed.yaml"), rows)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return source().frame


@pytest.fixture(scope="module")
def made() -> dict[str, pd.DataFrame]:
    return estimate_treatment_over_time(source(horizons=[2.0]), "y", np.random.default_rng(5), 1)


@pytest.fixture(scope="module")
def shipped() -> tuple[EffectRows, dict[str, pd.DataFrame]]:
    """The shipped study, with 50 resamples."""
    study = load_study(ROOT / "config" / "studies" / "sciatica.yaml")
    study = study.model_copy(update={"growth": study.growth.model_copy(update={"bootstrap": 50})})
    cohort = prepare_cohort(study, ROOT)
    found = EffectRows.of(study, cohort.measurements, cohort.patients)
    return found, estimate_treatment_over_time(found, "leg_pain", np.random.default_rng(2), 1)


def test_the_shipped_study_has_the_numbers_of_r(shipped):
    golden = pd.read_csv(GOLDEN / "weighting.csv").query("case == 'sciatica'").set_index("name")["value"]
    ready = prepared(shipped[0])
    weights = ready.models().weights().truncated
    kind = golden.index.str.partition("_").get_level_values(0)
    np.testing.assert_allclose(weights, golden[kind == "weight"], rtol=1e-6)
    one = Weighted.of(shipped[0].study, "leg_pain", ready)
    fit = Marginal.learn(ready.rows, "leg_pain", one.fixed).fit(weights)
    np.testing.assert_allclose(fit.beta, golden[kind == "beta"], rtol=1e-6)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.robust)), golden[kind == "se"], rtol=1e-6)
    average = shipped[1]["average"].set_index("effect", drop=False)
    assert average.loc["level change", "estimate"] == pytest.approx(golden["beta_surgery"], rel=1e-6)
    analyses = shipped[1]["analyses"].set_index(["analysis", "effect"]).loc[(WEIGHTED, "slope change")]
    assert analyses["se_uncorrected"] == pytest.approx(golden["se_exposure"], rel=1e-6)
    assert average.loc["slope change", "se"] == analyses["se"] > analyses["se_uncorrected"]
    assert 2 < average.loc["slope change", "df"] < 218


def test_an_effect_at_a_time_is_level_and_slope_together(made):
    rows = made["analyses"].set_index(["analysis", "effect"])
    for analysis in dict.fromkeys(made["analyses"]["analysis"]):
        level, slope, both = (rows.loc[(analysis, effect), "estimate"]
                              for effect in ("level change", "slope change", "effect after 2"))  # fmt: skip
        assert both == pytest.approx(level + 2 * slope, rel=1e-9), analysis
    weighted = rows.loc[WEIGHTED]
    assert (weighted["ci_low_bootstrap"] < weighted["estimate"]).all()
    assert (weighted["estimate"] < weighted["ci_high_bootstrap"]).all()
    assert (weighted["resamples"] == 50).all()
    assert np.isnan(weighted.loc["slope change", "e_value"]) and weighted.loc["effect after 2", "e_value"] > 1


def test_beside_it_stand_the_mixed_models_of_the_same_terms(made, rows):
    ready = prepared(source())
    fixed = "~ time + age + treated + exposure"
    expected = fit_everybody(GrowthModel(fixed=fixed, random="~ time").data(ready.rows, "y")).fixed_effects
    found = made["analyses"].set_index(["analysis", "effect"])
    treated = expected.set_index("term").loc["treated"]
    for name in ("estimate", "se", "ci_low", "ci_high"):
        assert found.loc[(RANDOM, "level change"), name] == pytest.approx(treated[name], rel=1e-8)
    assert found.loc[(ADJUSTED, "level change"), "estimate"] != pytest.approx(treated["estimate"], rel=1e-3)


def test_the_same_seed_gives_the_same_tables_and_threads_change_nothing(made):
    again = estimate_treatment_over_time(source(horizons=[2.0]), "y", np.random.default_rng(5), 3)
    for name, table in made.items():
        pd.testing.assert_frame_equal(table, again[name], check_exact=True)


def test_a_change_of_level_alone_has_one_effect(rows):
    found = estimate_treatment_over_time(source(changes=["level"]), "y", np.random.default_rng(5), 1)
    assert list(found["analyses"]["effect"].unique()) == ["level change"]
    assert "exposure" not in found["design"]["formula"].iloc[0]


def test_levels_of_treatment_are_words_as_well(rows):
    words = rows.assign(drug=rows["drug"].map({0: "none", 1: "drug"}))
    ready, spoken = prepared(source(rows)), prepared(source(words, reference="none"))
    assert spoken.versus == "drug"
    np.testing.assert_array_equal(ready.rows["treated"], spoken.rows["treated"])
    turned = prepared(source(words, reference="drug"))
    np.testing.assert_array_equal(turned.rows["treated"], 1 - ready.rows["treated"])


def test_a_marker_that_was_not_measured_counts_as_it_was_last(rows):
    """Patient p001: y is missing at the second row, which then has the first one's; p002 has none at the first."""
    holes = rows.copy()
    first = holes.index[holes["patient"] == "p001"]
    second = holes.index[holes["patient"] == "p002"]
    holes.loc[[first[1], second[0]], "y"] = np.nan
    ready = prepared(source(holes, confounders=["y"]))
    own = ready.rows[ready.rows["patient"] == "p001"]
    assert own["confounder_1"].iloc[1] == own["confounder_1"].iloc[0] == rows.loc[first[0], "y"]
    assert np.isnan(own["y"].iloc[1])
    assert (ready.left_out, ready.carried) == (1, 1)
    assert (ready.rows["patient"] == "p002").sum() == len(second) - 1


def test_values_after_the_last_decision_change_no_weight_of_a_study(rows):
    last = ~rows.duplicated("patient", keep="last")
    changed = rows.assign(severity=rows["severity"].where(~last, 50.0), y=rows["y"].where(~last, -50.0))
    kept, found = (
        prepared(source(frame, confounders=["severity", "y"])).models().weights().truncated for frame in (rows, changed)
    )
    np.testing.assert_array_equal(kept, found)


def test_treatment_from_a_visit_on_is_decided_by_that_visit(rows):
    """The treatment of a row moved to the row before, where it was decided, gives the same histories."""
    moved = rows.groupby("patient")["drug"].shift(-1).fillna(0)
    since, later = prepared(source(rows)), prepared(source(rows.assign(drug=moved), given="from_this_visit"))
    np.testing.assert_array_equal(since.rows["treated"], later.rows["treated"])
    np.testing.assert_array_equal(since.models().weights().truncated, later.models().weights().truncated)


def test_strata_have_all_decisions_once(made, rows):
    ready = prepared(source())
    table = made["positivity"]
    assert set(table["column"]) == {"severity"}
    assert table["decisions"].sum() == ready.rows["decision"].sum()
    assert table["treated"].sum() == ready.rows.loc[ready.rows["decision"], "treated"].sum()
    assert ((table["lowest"] > 0) & (table["highest"] < 1) & (table["lowest"] <= table["highest"])).all()
    assert strata_of(pd.Series([1.0, 2.0, 2.0, 1.0])) == ["1", "2", "2", "1"]
    parts = strata_of(pd.Series([5.0, 1.0, 9.0, 3.0, 7.0, 8.0]))
    assert parts == ["above 3 to 7", "up to 3", "above 7", "up to 3", "above 3 to 7", "above 7"]


def test_histories_have_all_patients_and_rows_once():
    frame = pd.DataFrame(
        {
            "patient": list("aaabbbccdddd"),
            "treated": [0, 0, 0, 0, 1, 1, 1, 1, 0, 1, 0, 1],
        }
    )
    found = histories(frame).set_index("history")
    assert found.loc["never treated"].tolist() == [1, 3, 0]
    assert found.loc["starts and stays"].tolist() == [1, 3, 2]
    assert found.loc["treated throughout"].tolist() == [1, 2, 2]
    assert found.loc["changes several times"].tolist() == [1, 4, 2]


def test_a_confounder_of_words_is_balanced_level_by_level(rows):
    words = rows.assign(severity=np.where(rows["severity"] > 0, "high", "low"))
    ready = prepared(source(words))
    found = balance(ready.rows, ready.confounders, ready.models().weights())
    assert found["column"].map(ready.shown).tolist() == ["severity: high", "severity: low"]
    assert found["before"].iloc[0] == pytest.approx(-found["before"].iloc[1])
    assert found["after"].abs().max() < found["before"].abs().max() / 3


def test_default_horizon_is_the_median_time_under_treatment():
    frame = pd.DataFrame({"patient": list("aabbcc"), "exposure": [0, 2.0, 0, 4.004, 0, 0]})
    assert default_horizons(frame) == (3.0,)
    assert default_horizons(frame.assign(exposure=0.0)) == ()


def test_an_error_of_the_models_has_the_name_that_the_study_has(rows):
    after = rows.groupby("patient")["drug"].shift(-1).fillna(0.0)
    with pytest.raises(InputError, match=r"effects\.treatment_over_time, y: .*no positivity"):
        estimate_treatment_over_time(source(rows.assign(severity=after)), "y", np.random.default_rng(1), 1)
    with pytest.raises(InputError, match="the term 'severity' has one value"):
        estimate_treatment_over_time(source(rows.assign(severity=1.0)), "y", np.random.default_rng(1), 1)


def test_weights_of_a_study_are_those_of_the_library(rows):
    ready = prepared(source(truncation=0.02, followed_until=5.0))
    kept = ready.models().weights(0.02).truncated
    library = stabilised_weights(ready.rows, ["severity"], ["age"], 0.02, 5.0).truncated
    np.testing.assert_allclose(kept, library, rtol=1e-12)


def naming_of(study: Any) -> Naming:
    return Naming(study)


def frames_of(tables: dict[str, pd.DataFrame], marker: str) -> Frames:
    further = {f"effects_{name}": table.assign(marker=marker) for name, table in tables.items()}
    return cast(Frames, SomeFrames(further=further))


def test_the_section_says_what_the_tables_have(shipped):
    found, tables = shipped
    naming, frames = naming_of(found.study), frames_of(tables, "leg_pain")
    section = SECTIONS["treatment_over_time"](frames, naming)
    (part,) = section.context["parts"]
    said = {question: " ".join(answers) for question, answers in part["asked"]}
    effects = said["What does the weighted model estimate?"]
    assert "at the start of treatment is not shown: −6.74 mm (95% interval −16.7 to 3.20, p = 0.14; by the" in effects
    assert "A change of the slope of leg pain is not shown: +5.67 mm per year (95% interval −2.46 to 13.8" in effects
    differ = said["Does a model without weights differ, and why?"]
    assert "After 1 year under treatment the model with random slopes and no weights estimates −12.7 mm" in differ
    weights = said["What do the weights achieve?"]
    assert "by up to 0.98 standard deviations (recovery)" in weights and "do not balance" in weights
    assert "The 1327 rows count as 845." in weights
    assert "almost none: there the effect rests on the model" in said["Could treatment have gone either way?"]
    rests = said["What does the result rest on?"]
    assert "leg pain, disability and recovery" in rests and "drop-out does not depend on the state" in rests
    assert "The data cannot show that." in rests and "E-value" in rests
    names = [table.name for table in section.context["tables"]]
    assert names == ["weighting-analyses", "weighting-positivity", "weighting-weights", "weighting-models"]
    (start, _, what), (later, _, when) = FIGURES["treatment_over_time"](frames, naming)
    assert (start, what) == ("−6.74", "effect on leg pain at the start of treatment (mm)")
    assert (later, when) == ("−1.07", "effect on leg pain after 1 year under treatment (mm)")
    assert HEADLINES["treatment_over_time"](frames, naming).startswith("What surgery does to leg pain")


def test_small_numbers_of_decisions_cannot_be_subtracted(shipped):
    found, tables = shipped
    section = SECTIONS["treatment_over_time"](frames_of(tables, "leg_pain"), naming_of(found.study))
    table = next(table for table in section.context["tables"] if table.name == "weighting-positivity")
    treated = [cell.text for _, column, _, _, _, cell, _ in table.cells if column.text == "leg pain"]
    assert treated == ["<5", "≥5", "36"]  # 56 in all: 4 could be told from 16 and 36


def test_strata_in_which_everything_went_one_way_are_named(shipped):
    from slopewise.report.words.weighting import positivity_words

    found, tables = shipped
    none = tables["positivity"].assign(treated=[0, *tables["positivity"]["treated"].iloc[1:]])
    said = positivity_words(none, naming_of(found.study))
    assert "In some strata all decisions went one way (leg pain up to 9), so nothing is compared there." in said


def test_weights_of_staying_are_stated_as_an_assumption(rows):
    from slopewise.report.words.weighting import assumption_words, weight_words

    study = source(followed_until=5.0, truncation=0.01).study
    assert "drop-out depends on the same" in assumption_words(naming_of(study))
    tables = estimate_treatment_over_time(source(followed_until=5.0, truncation=0.01), "y", np.random.default_rng(1), 1)
    assert "truncated at 1% and 99%" in weight_words(tables["weights"], naming_of(study))
    assert {"staying, numerator", "staying, denominator"} <= set(tables["models"]["model"])
