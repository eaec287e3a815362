"""Effects under the posterior of a study with `growth.engine: bayes`: beside REML, at its boundary, and in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from slopewise.effects.inputs import EffectRows
from slopewise.effects.kinds import ESTIMATORS
from slopewise.effects.posterior import summary
from slopewise.effects.series import estimate
from slopewise.report.material.frames import Frames
from slopewise.report.sections.effects import SECTIONS
from slopewise.report.words.effect_posterior import posterior_spread_words
from slopewise.report.words.naming import Naming
from slopewise.study.model import Study
from slopewise.tables.files import TABLES, read, write
from tests.unit.effects.effect_studies import study, trial
from tests.unit.effects.series import interrupted
from tests.unit.report.report_tables import SomeFrames

Tables = dict[str, pd.DataFrame]


def by_bayes(rows: EffectRows, **priors: Any) -> EffectRows:
    """The same rows of a study with the engine bayes."""
    content = rows.study.model_dump(mode="json", exclude_defaults=True)
    content["growth"] = {**content.get("growth", {}), "engine": "bayes"}
    if priors:
        content["bayes"] = {"priors": {"y": priors}}
    return EffectRows(Study.model_validate_json(json.dumps(content)), rows.frame)


def estimated(rows: EffectRows, seed: int = 1) -> Tables:
    return ESTIMATORS[rows.study.effects.kind](rows, "y", np.random.default_rng(seed), 1)


@pytest.fixture(scope="module")
def within() -> tuple[Tables, Tables]:
    """A trial with much data, by REML and by the posterior."""
    frame, _ = trial(np.random.default_rng(3), patients=100, each=4, residual=(1.0, 0.5))
    rows = EffectRows(study("placebo", "~ 1", meaningful=1.5), frame)
    return estimated(rows), estimated(by_bayes(rows))


@pytest.fixture(scope="module")
def series() -> tuple[Tables, Tables]:
    """An interrupted series, by REML and by the posterior; without what is of REML alone and takes long."""
    rows = interrupted.rows_of(interrupted.series(units=40, times=16, controls=4, unit_sd=2.0), horizons=[4.0])
    growth = rows.study.growth.model_copy(update={"random": "~ 1"})
    rows = EffectRows(rows.study.model_copy(update={"growth": growth}), rows.frame)
    with pytest.MonkeyPatch.context() as patched:
        for name in ("spread_rows", "sensitivity_rows", "characteristic_rows", "serial_rows"):
            patched.setattr(estimate, name, lambda *_: pd.DataFrame())
        return estimated(rows), estimated(by_bayes(rows))


def test_with_much_data_the_posterior_is_near_the_maximum(within: tuple[Tables, Tables]) -> None:
    reml, bayes = within
    for name in ("design", "average", "checks", "spread", "residuals"):
        pd.testing.assert_frame_equal(reml[name], bayes[name])
    one, other = reml["shares"], bayes["shares"]
    assert one["what"].tolist() == other["what"].tolist() == ["opposite", "meaningful"]
    np.testing.assert_allclose(other["share"], one["share"], atol=0.01)
    np.testing.assert_allclose(other[["ci_low", "ci_high"]], one[["ci_low", "ci_high"]], atol=0.04)
    one, other = reml["patients"], bayes["patients"]
    assert (one[["patient", "rows", "own"]] == other[["patient", "rows", "own"]]).all().all()
    assert np.abs(one["estimate"] - other["estimate"]).max() < 0.1 * one["se"].min()
    np.testing.assert_allclose(other["se"], one["se"], rtol=0.06)
    np.testing.assert_allclose(other["reliability"], one["reliability"], atol=0.03)
    posterior = bayes["posterior"].set_index("what")
    average, spread = reml["average"].iloc[0], reml["spread"].iloc[0]
    assert posterior.loc["average", "mean"] == pytest.approx(average["estimate"], abs=0.1 * average["se"])
    assert posterior.loc["average", "sd"] == pytest.approx(average["se"], rel=0.08)
    assert posterior.loc["spread", "median"] == pytest.approx(spread["sd"], rel=0.05)
    ends = ["ci_low", "ci_high"]
    np.testing.assert_allclose(posterior.loc["spread", ends].astype(float), spread[ends].astype(float), rtol=0.06)
    ratio = reml["residuals"].dropna(subset=["ci_low"]).iloc[0]
    np.testing.assert_allclose(posterior.loc["residuals", ends].astype(float), ratio[ends].astype(float), rtol=0.03)


def test_an_interruption_is_near_the_maximum_as_well(series: tuple[Tables, Tables]) -> None:
    reml, bayes = series
    for name in ("design", "average", "course", "curves"):
        pd.testing.assert_frame_equal(reml[name], bayes[name])
    one, other = reml["shares"], bayes["shares"]
    assert one["effect"].tolist() == other["effect"].tolist() == ["level change", "slope change", "effect after 4"]
    np.testing.assert_allclose(other["share"], one["share"], atol=0.05)
    assert one["ci_low"].isna().all()  # growth.bootstrap is 0: REML has no interval of a share
    assert ((other["ci_low"] <= other["share"]) & (other["share"] <= other["ci_high"])).all()
    posterior = bayes["posterior"].set_index(["effect", "what"])
    for _, row in reml["average"][reml["average"]["effect"] != "course"].iterrows():
        found = posterior.loc[(row["effect"], "average")]
        assert found["mean"] == pytest.approx(row["estimate"], abs=0.2 * row["se"]), row["effect"]
        assert found["sd"] == pytest.approx(row["se"], rel=0.15), row["effect"]
    found = posterior.loc[("correlation of neighbouring residuals", "residuals")]
    assert found["ci_low"] < 0.5 < found["ci_high"]  # the true one


def test_tables_have_their_schemas(
    within: tuple[Tables, Tables], series: tuple[Tables, Tables], tmp_path: Path
) -> None:
    for tables in (within[1], series[1]):
        for name in ("patients", "shares", "posterior"):
            write(tables[name].assign(marker="y"), f"effects/{name}", tmp_path / f"{name}.csv")
            assert len(read(f"effects/{name}", tmp_path / f"{name}.csv")) == len(tables[name])


def section_of(tables: Tables, rows: EffectRows, posterior_of: str = "y") -> tuple[dict[str, str], Any]:
    """The answers of the report's section by their questions, and the section."""
    naming = Naming(rows.study)
    further = {
        name.replace("/", "_"): tables.get(name.removeprefix("effects/"), pd.DataFrame())
        .assign(marker="y")
        .reindex(columns=list(schema.columns))
        for name, schema in TABLES.items()
        if name.startswith("effects/")
    }
    further["effects_posterior"] = further["effects_posterior"].assign(marker=posterior_of)
    section = SECTIONS[rows.study.effects.kind](cast(Frames, SomeFrames(further=further)), naming)
    (part,) = section.context["parts"]
    return {question: " ".join(answers) for question, answers in part.asked}, section


def test_the_section_of_a_treatment_says_what_is_posterior(within: tuple[Tables, Tables]) -> None:
    rows = EffectRows(study("placebo", "~ 1", meaningful=1.5), pd.DataFrame())
    answers, section = section_of(within[1], by_bayes(rows))
    assert "95% credible interval" in answers["For whom?"]
    assert (
        "the probability that the average effect is positive is more than 99%"
        in answers["What is the effect on average?"]
    )
    assert "The posterior of the standard deviation of the effect between patients" in answers[
        "Does it differ between patients?"
    ]  # fmt: skip
    assert "intervals are 95% credible intervals" in section.context["note"]
    assert "treatment-posterior" in [table.name for table in section.context["tables"]]
    plain, section = section_of(within[0], rows)
    assert not any("credible" in words or "posterior" in words for words in (*plain.values(), section.context["note"]))
    assert "treatment-posterior" not in [table.name for table in section.context["tables"]]


def test_a_marker_whose_design_has_no_posterior_stands_beside_one_that_has(within: tuple[Tables, Tables]) -> None:
    frame, _ = trial(np.random.default_rng(2), each=1)
    rows = by_bayes(EffectRows(study("placebo", "~ 1"), frame))
    tables = {**estimated(rows), "posterior": within[1]["posterior"]}
    both = {**rows.study.markers, "another": rows.study.markers["y"]}
    rows = EffectRows(rows.study.model_copy(update={"markers": both}), frame)
    answers, _ = section_of(tables, rows, posterior_of="another")
    assert answers and not any("posterior" in words for words in answers.values())


def test_the_section_of_an_interruption_says_what_is_posterior(series: tuple[Tables, Tables]) -> None:
    rows = interrupted.rows_of(pd.DataFrame(), horizons=[4.0])
    effects = ["level change", "slope change", "effect after 4", "both changes"]
    spread = pd.DataFrame({"effect": effects, "sd": [1.0, 0.1, 1.0, np.nan]})
    serial = pd.DataFrame({"residuals": ["independent"], "residual_sd": [0.5]})
    tables = {**series[1], "spread": spread, "serial": serial}
    answers, section = section_of(tables, by_bayes(rows))
    assert "95% credible interval" in answers["In how many patients did it go the other way?"]
    changed = answers["What changed on average?"]
    assert "the probability that the average slope change is positive is" in changed
    assert "the average effect 4 years after the interruption is negative" in changed
    assert "The posterior of the correlation of neighbouring residuals has the median 0." in answers[
        "What does the result rest on?"
    ]  # fmt: skip
    assert "interruption-posterior" in [table.name for table in section.context["tables"]]


def test_a_spread_that_reml_puts_at_zero_is_called_that() -> None:
    row = pd.Series({"effect": "treatment", "median": 0.2, "ci_low": 0.01, "ci_high": 0.5})
    naming = Naming(study("placebo"))
    assert posterior_spread_words(row, 0.0, naming, "y").endswith(
        "REML estimates it as 0, the limit of what a standard deviation can be."
    )
    assert "REML" not in posterior_spread_words(row, 0.1, naming, "y")


def test_where_reml_is_at_its_boundary_the_posterior_has_an_interval() -> None:
    for seed in range(20):
        frame, _ = trial(np.random.default_rng(seed), patients=30, each=2, mean=0.5, sd=0.0)
        rows = EffectRows(study("placebo", "~ 1"), frame)
        reml = estimated(rows)
        if reml["spread"]["singular"].iloc[0] and reml["spread"]["sd"].iloc[0] < 0.02:
            break
    assert reml["spread"]["sd"].iloc[0] < 0.02
    found = estimated(by_bayes(rows))
    spread = found["posterior"].set_index("what").loc["spread"]
    assert 0 < spread["ci_low"] < spread["median"] < spread["ci_high"] < 2
    share = found["shares"].iloc[0]
    assert share["ci_low"] == 0 and 0 < share["share"] < share["ci_high"] < 1
    patients = found["patients"]
    assert (patients["se"] > reml["patients"]["se"]).all() and patients["estimate"].std() > 0


def test_a_prior_of_the_effect_reaches_the_effect_and_no_growth_model() -> None:
    from slopewise.slopes.marker import growth_model

    frame, _ = trial(np.random.default_rng(5), patients=15, each=2)
    rows = by_bayes(EffectRows(study("placebo", "~ 1"), frame), sd={"treated": 2.0}, fixed={"treated": [5.0, 0.01]})
    posterior = estimated(rows)["posterior"].set_index("what")
    assert posterior.loc["average", "mean"] == pytest.approx(5.0, abs=0.05)
    settings = growth_model(rows.study).bayes
    assert settings is not None and not settings.prior_of("y").sd and not settings.prior_of("y").fixed


@pytest.mark.parametrize("each", [1])
def test_designs_without_a_share_are_what_they_are_by_reml(each: int) -> None:
    frame, _ = trial(np.random.default_rng(2), each=each)
    single = EffectRows(study("placebo", "~ 1"), frame)
    arms = EffectRows(study("placebo"), parallel())
    for rows in (single, arms):
        one, other = estimated(rows), estimated(by_bayes(rows))
        assert one.keys() == other.keys() and "shares" not in one
        for name in one:
            pd.testing.assert_frame_equal(one[name], other[name])


def parallel() -> pd.DataFrame:
    """Each patient under one treatment, with several visits."""
    frame, _ = trial(np.random.default_rng(2), patients=40, each=3)
    odd = frame["patient"].str[-1].isin(list("13579"))
    return frame[(frame["treatment"] == "drug") == odd].reset_index(drop=True)


def test_the_same_seed_gives_the_same_numbers() -> None:
    frame, _ = trial(np.random.default_rng(5), patients=20, each=2)
    rows = by_bayes(EffectRows(study("placebo", "~ 1"), frame))
    one, other = estimated(rows), estimated(rows)
    for name in ("patients", "shares", "posterior"):
        pd.testing.assert_frame_equal(one[name], other[name], check_exact=True)


def test_a_summary_has_its_quantiles() -> None:
    grid = np.linspace(0.0, 1.0, 4001)
    for weights in (None, np.full(4001, 1 / 4001)):
        found = summary(grid, weights)
        assert [found[key] for key in ("ci_low", "median", "ci_high")] == pytest.approx([0.025, 0.5, 0.975], abs=1e-3)
        assert found["mean"] == pytest.approx(0.5) and found["sd"] == pytest.approx(np.sqrt(1 / 12), rel=1e-3)
