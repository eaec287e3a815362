"""What is recommended for new patients follows from the verdict that the report gives on the same evidence."""

import json
import math
from dataclasses import fields

import numpy as np
import pytest

from slopewise.report.material.frames import Frames
from slopewise.report.sections.ladder import recommendation_sentence
from slopewise.report.words.naming import STEP_NAMES, Naming
from slopewise.tables import files as tables
from slopewise.tables.catalogue import entry
from slopewise.validate.evidence import NAMES, evidence
from slopewise.validate.recommendation import BY_VERDICT, recommended_step
from slopewise.validate.verdict import Verdict, verdict
from tests.unit.report.material.test_verdict import APART, ROOM, WIDE, known
from tests.unit.report.report_tables import Invented
from tests.workflow.running import script

LOSS, GAIN = (-0.012, -0.02, -0.004), (0.025, 0.010, 0.041)
SUPPORT = {"ratio": 0.01, "permuted": 0.01, "effect": APART}
FOUND = {
    Verdict.ADDS: known(gain=GAIN, **SUPPORT),
    Verdict.ADDS_LITTLE: known(gain=(0.004, 0.001, 0.007), **SUPPORT),
    Verdict.ASSOCIATED: known(gain=ROOM, **SUPPORT),
    Verdict.NO_GAIN: known(),
    Verdict.WORSE: known(gain=LOSS),
    Verdict.DISAGREE: known(gain=GAIN),
    Verdict.TOO_FEW: known(gain=ROOM, informative=25),
    Verdict.TOO_POOR: known(gain=ROOM, effect=WIDE, informative=120, reliability=0.25),
    Verdict.UNDECIDED: known(effect=WIDE),
    Verdict.NO_INTERVAL: known(gain=(0.01, math.nan, math.nan)),
    Verdict.DROPPED: known(kept=0),
}
"""Evidence that leads to each verdict."""


@pytest.mark.parametrize("given", Verdict)
def test_slopes_are_recommended_only_by_a_verdict_of_a_gain(given):
    assert verdict(FOUND[given]) is given
    advice = recommended_step(FOUND[given])
    assert advice.verdict == given.name
    assert advice.predictors == ("slope" if given in (Verdict.ADDS, Verdict.ADDS_LITTLE) else "level")
    assert set(BY_VERDICT) == set(Verdict)


def test_the_reason_gives_the_gain_that_the_verdict_rests_on():
    assert recommended_step(FOUND[Verdict.ADDS]).reason == (
        "the slopes gain over the levels in Uno's C: 0.025, 95% interval 0.010 to 0.041"
    )
    by_score = known(gain=ROOM, score=(0.02, 0.005, 0.035), **SUPPORT)
    assert "in the log score: 0.020, 95% interval 0.005 to 0.035" in recommended_step(by_score).reason
    conflicting = recommended_step(FOUND[Verdict.DISAGREE]).reason
    assert "conflicting" in conflicting and "0.025, 95% interval 0.010 to 0.041" in conflicting
    assert "interval" not in recommended_step(FOUND[Verdict.NO_INTERVAL]).reason


def test_a_digit_that_is_not_printed_decides_nothing():
    hidden, shown = known(gain=(0.004, 0.0004, 0.03), **SUPPORT), known(gain=(0.004, 0.0006, 0.03), **SUPPORT)
    assert [recommended_step(found).predictors for found in (hidden, shown)] == ["level", "slope"]


@pytest.mark.parametrize("raised", [0.0, 0.1])
def test_the_shipped_model_the_report_and_the_verdict_agree(tmp_path, raised):
    """The gain is raised above zero without support of the tests: a conflict, and no recommendation of slopes."""
    study = Invented().study()
    results = Invented().write(tmp_path)
    file = results / entry("outcome/performance").file
    lines = Frames.read(results).performance
    own = (lines["predictors"] == "slope") & (lines["versus"] == "level")
    ends = {f"difference{end}": np.where(own & (raised > 0), raised, lines[f"difference{end}"]) for end in ("", "_low")}
    ends["difference_high"] = np.where(own & (raised > 0), raised + 0.02, lines["difference_high"])
    lines.assign(**ends).to_csv(file, index=False)
    frames = Frames.read(results)
    given = verdict(evidence(frames, study))
    (tmp_path / "models.json").write_text("{}")
    paths = {name: results / entry(table).file for name, table in NAMES.items()}
    settings = tmp_path / "study.json"
    settings.write_text(json.dumps(study.model_dump(mode="json", exclude={"outcome": {"imputations"}})))
    made = tmp_path / "evidence.csv"
    script("ship_model").ship(settings, tmp_path / "models.json", paths, tmp_path / "model.json", made)
    written = tables.read("outcome/evidence", made).query("quantity == 'gain' and metric == 'c_uno'").iloc[0]
    columns = ["difference", "difference_low", "difference_high"]
    gain = Frames.read(results).performance.query("predictors == 'slope' and metric == 'c_uno'")[columns].iloc[0]
    assert written[["value", "low", "high"]].tolist() == gain.tolist()
    shipped = json.loads((tmp_path / "model.json").read_text())["recommended"]
    assert shipped["verdict"] == given.name and shipped["predictors"] == BY_VERDICT[given][0]
    assert STEP_NAMES[shipped["predictors"]] in recommendation_sentence(frames, Naming(study))
    assert {one.name for one in fields(frames)} >= set(NAMES)
