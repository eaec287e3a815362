"""What the report says of patient-specific slopes, for each outcome of the judgement: no more than tests show."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from slopewise.report.material.frames import Frames
from slopewise.report.sections.evidence import marker_words
from slopewise.report.words.growth_cautions import growth_checks
from slopewise.report.words.naming import Naming

UNEXAMINED = "Other explanations of slopes not examined"
CLAIM = "This supports a patient-specific trend"
FOUND = {
    "verdict": "trend", "against": "", "arbiter": "bootstrap", "p_value": 0.003, "q_value": math.nan,
    "p_f": 0.03, "p_serial": 0.02, "p_time": 0.007, "p_fitted": 0.01, "singular": False,
}  # fmt: skip


def words(frames: Frames, naming: Naming, **changes: object) -> str:
    """The sentences on one marker whose judgement is a trend but for `changes`."""
    judged = frames.judged.copy()
    for name, value in (FOUND | changes).items():
        judged[name] = judged[name].astype(object)
        judged.loc[judged["marker"] == "alpha", name] = value
    return marker_words(replace(frames, judged=judged), naming, "alpha")


def test_a_trend_is_claimed_with_the_p_of_every_test(frames: Frames, naming: Naming) -> None:
    said = words(frames, naming)
    assert said.endswith(f"{CLAIM}.") and "(p = 0.003 from the parametric bootstrap)" in said
    assert "Parallel lines do not describe the courses" in said and "All tests agree" in said
    assert [p for p in ("0.03", "0.02", "0.007", "0.01") if f"(p = {p})" not in said] == []


def test_without_a_comparator_no_trend_is_claimed_and_a_caution_says_so(frames: Frames, naming: Naming) -> None:
    missing = {"p_f": math.nan, "p_serial": math.nan, "p_time": math.nan, "p_fitted": math.nan}
    said = words(frames, naming, **missing)
    assert "could be examined as another explanation: a patient-specific trend is not established" in said
    assert CLAIM not in said and "All tests agree" not in said
    judged = frames.judged.assign(verdict="trend", against="", **missing)
    texts = dict(growth_checks(replace(frames, judged=judged), naming))
    assert "growth.residual_by and growth.weights do not allow: alpha" in texts[UNEXAMINED]
    for name in ("p_serial", "p_time", "p_fitted"):
        assert UNEXAMINED not in dict(growth_checks(replace(frames, judged=judged.assign(**{name: 0.01})), naming))
    assert UNEXAMINED not in dict(growth_checks(replace(frames, judged=judged.assign(verdict="none")), naming))


@pytest.mark.parametrize(
    ("against", "reasons"),
    [
        ({"p_f": 0.8}, {"f_test": "the exact F test of equal slopes does not find them (p = 0.80)"}),
        ({"p_serial": 0.43}, {"serial": "serially correlated residuals would explain the courses as well (p = 0.43)"}),
        ({"p_time": 0.2}, {"time": "changes with the predictor would explain them as well (p = 0.20)"}),
        ({"p_fitted": 0.06}, {"fitted": "changes with the expected value would explain them as well (p = 0.06)"}),
        ({"singular": True}, {"singular": "the fit is singular"}),
        ({"p_f": 0.18, "p_time": 0.2}, {"f_test": "not find them (p = 0.18) and a residual", "time": "(p = 0.20)"}),
    ],
)
def test_what_speaks_against_a_trend_is_said_and_none_claimed(
    frames: Frames, naming: Naming, against: dict[str, object], reasons: dict[str, str]
) -> None:
    said = words(frames, naming, **against, verdict="unclear", against=" ".join(reasons))
    assert "It remains uncertain whether patients’ slopes differ: " in said
    assert CLAIM not in said and "All tests agree" not in said
    assert all(reason in said for reason in reasons.values())


def test_slopes_that_are_not_shown_are_not_denied_and_a_disagreeing_f_test_is_named(
    frames: Frames, naming: Naming
) -> None:
    said = words(frames, naming, verdict="none", p_value=0.3, p_f=0.4)
    assert "The data do not show that patients’ slopes differ" in said and "does not prove" in said
    assert CLAIM not in said and "Parallel lines" not in said and "disagree" not in said
    said = words(frames, naming, verdict="none", p_value=0.3, p_f=0.03)
    assert said.endswith("The F test of equal slopes disagrees (p = 0.03): the tests disagree.")


def test_the_p_that_decides_is_named(frames: Frames, naming: Naming) -> None:
    slope = (frames.comparison["marker"] == "alpha") & (frames.comparison["model"] == "random_slope")
    differs = frames.comparison.assign(p_value=frames.comparison["p_value"].mask(slope, 0.2))
    said = words(replace(frames, comparison=differs), naming)
    assert "p = 0.003 from the parametric bootstrap, which decides; p = 0.20 from the boundary mixture" in said
    said = words(frames, naming, arbiter="mixture", q_value=0.008)
    assert "from the boundary mixture; no bootstrap was requested; q across markers 0.008" in said


def test_without_a_test_beside_the_likelihood_ratio_nothing_is_said_to_agree(frames: Frames, naming: Naming) -> None:
    said = words(frames, naming, p_f=math.nan, p_serial=math.nan, p_time=math.nan, p_fitted=math.nan)
    assert said.endswith("a patient-specific trend is not established.") and CLAIM not in said
