"""What the report warns of, and its groups of patients."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from slopewise.cohort.predictors import ASK
from slopewise.outcome.sample_size import judge, ladder_sizes
from slopewise.report.material.frames import Frames
from slopewise.report.sections.audit import audit_section
from slopewise.report.sections.care import sample_size_table
from slopewise.report.sections.careful import careful_section
from slopewise.report.sections.slopes import by_visits
from slopewise.report.words.cautions import cautions
from slopewise.report.words.naming import Naming
from slopewise.validate.risk_groups import risk_groups, round_times
from tests.unit.report.report_tables import Invented


def changed(frames: Frames, name: str, rows: str, **values: object) -> Frames:
    """The frames with `values` in the rows of table `name` that fulfil the query `rows`."""
    table = getattr(frames, name).copy()
    for column, value in values.items():
        table.loc[table.eval(rows), column] = value
    return replace(frames, **{name: table})


@pytest.fixture(scope="module")
def calm(tmp_path_factory) -> tuple[Frames, Naming]:
    """A study that gives no reason for a warning."""
    study = Invented(patients=600, keys={"outcome.events": {"1": "death"}})
    folder = study.write(tmp_path_factory.mktemp("calm"))
    frames = Frames.read(folder)
    frames = changed(frames, "reliability", "reliability < 1", reliability=0.7)
    frames = changed(frames, "slopes", "visits < 2", visits=2)
    frames = changed(frames, "judged", "singular == False", verdict="trend", against="")
    frames = changed(frames, "spread", "rows > 0", sd=1.0)
    frames = changed(frames, "normality", "number > 0", kurtosis=0.2, outside=0.03)
    frames = changed(frames, "visits", "p_value < 1", p_value=0.5)
    return replace(frames, problems=frames.problems.iloc[:0]), Naming(study.study())


def test_a_calm_study_gives_no_warning(calm):
    assert cautions(*calm) == []


@pytest.mark.parametrize(
    ("name", "rows", "values", "short", "part"),
    [
        ("audit", "fold == 1", {"verdict": "leak"}, "Leakage", "a leak in 5 of 18 fits"),
        ("fits", "marker == 'alpha' and fold == 1", {"converged": False}, "Convergence", "alpha 5 of 19"),
        ("fits", "marker == 'beta' and fold == 1", {"structure": "excluded"}, "No growth model", "beta 5 of 19"),
        ("fits", "marker == 'beta' and fold == 2", {"structure": "intercept"}, "No random slope", "beta 5 of 19"),
        ("fits", "marker == 'beta'", {"singular": True}, "Singular fits", "beta 19 of 19"),
        ("patients", "followup > 0.5", {"event": 0}, "Sample size", "events for each coefficient"),
        (
            "judged",
            "marker == 'beta'",
            {"verdict": "unclear", "against": "f_test serial"},
            "Patient-specific slopes are not established",
            "another explanation: beta (the F test disagrees, serially correlated residuals).",
        ),
        (
            "spread",
            "marker == 'alpha' and fitted > 1",
            {"sd": 2.4},
            "Unequal scatter",
            "alpha (2.40 times as large at high values",
        ),
        (
            "normality",
            "marker == 'beta' and what == 'residual'",
            {"kurtosis": 2.4},
            "Heavy tails",
            "beta (excess kurtosis 2.4, 1.2% beyond three",
        ),
        (
            "normality",
            "marker == 'beta' and what == 'slope'",
            {"outside": 0.4, "p_value": 0.0025},
            "Random effects not normal",
            "slopes of beta (40% outside the 95% band, p = 0.003",
        ),
        (
            "influence",
            "marker == 'alpha'",
            {"slope_change_se": 1.7, "p_value": 0.01},
            "Influential patients",
            "alpha (average slope by 1.70 standard errors",
        ),
        (
            "visits",
            "marker == 'alpha'",
            {"p_value": 0.004, "estimate": -0.0321},
            "Informative visits",
            "alpha (−0.0321 mg/l per year for each further visit, p = 0.004)",
        ),
        ("reliability", "marker == 'alpha'", {"reliability": 0.29}, "Low reliability", "alpha 0.29"),
        ("slopes", "marker == 'alpha' and visits == 2", {"visits": 1}, "Few visits", "alpha 300 (50%)"),
        (
            "performance",
            "metric == 'c_uno' and predictors == 'slope'",
            {"apparent": 0.9},
            "Optimism",
            "0.900 in the patients the model was fitted to",
        ),
        (
            "performance",
            "metric == 'calibration_slope' and horizon == 3",
            {"ci_high": 0.98},
            "Calibration",
            "at 3 years",
        ),
        ("coefficients", "term == 'beta.slope'", {"estimate": np.nan}, "Slopes left out", "the slope of beta"),
    ],
)
def test_each_reason_for_care_is_found(calm, name, rows, values, short, part):
    frames, naming = calm
    found = cautions(changed(frames, name, rows, **values), naming)
    assert [what for what, _ in found] == [short]
    assert part in found[0][1]


@pytest.mark.parametrize(
    ("keys", "short"),
    [
        ({"outcome.bootstrap": 0}, "No two-stage intervals"),
        ({"outcome.bootstrap": 20}, "Few resamples"),
        ({"validation": {"bootstrap": 0}}, "No intervals"),
        ({"validation": {"repeats": 1}}, "One split"),
        ({"outcome.events": {"1": "transplant", "2": "death"}}, "Composite event"),
    ],
)
def test_settings_that_ask_for_care(calm, keys, short):
    naming = Naming(Invented(keys={"outcome.events": {"1": "death"}, **keys}).study())
    assert [what for what, _ in cautions(calm[0], naming)] == [short]


def test_later_rows_are_no_part_of_a_cross_fitted_score_but_of_the_fit_on_everybody(frames):
    told = dict(cautions(frames, Naming(Invented(keys={"growth.rows": "all"}).study())))["Rows after the landmark"]
    assert "No cross-fitted or validated score of a patient uses that patient’s later rows" in told
    assert "the model fitted to all patients does; its parameters are those in model.json, and the apparent" in told


def test_thirds_of_the_mean_risk_and_kaplan_meier_by_hand():
    patients = pd.DataFrame(
        {"patient": list("abcdef"), "followup": [5.0, 4.0, 3.0, 2.0, 2.0, 1.0], "event": [0, 1, 0, 1, 1, 1]}
    )
    predictions = pd.DataFrame(
        [
            (name, "slope", repeat, horizon, risk + (0.1 if repeat == 1 else -0.1) + (0.5 if horizon == 1 else 0))
            for name, risk in zip("abcdef", (0.1, 0.2, 0.3, 0.4, 0.5, 0.6), strict=True)
            for repeat in (1, 2)
            for horizon in (1, 4)
        ],
        columns=["patient", "predictors", "repeat", "horizon", "risk"],
    )
    groups = risk_groups(patients, predictions, "slope", 4)
    assert dict(zip(groups.members["patient"], groups.members["group"], strict=True)) == {
        "a": "low", "b": "low", "c": "middle", "d": "middle", "e": "high", "f": "high",
    }  # fmt: skip
    assert groups.members["risk"].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert groups.at(3.0)["survival"].to_dict() == pytest.approx({"low": 1.0, "middle": 0.5, "high": 0.0})
    assert groups.at(4.0)["survival"]["low"] == pytest.approx(0.5)
    at_risk = groups.at_risk([0.0, 2.0, 3.0]).pivot(index="group", columns="time", values="n")
    assert at_risk.loc["low"].tolist() == [2, 2, 2] and at_risk.loc["high"].tolist() == [2, 1, 0]
    assert groups.curves.groupby("group")["time"].max().to_dict() == {"low": 4.0, "middle": 3.0, "high": 2.0}


def test_equal_risks_stay_together_and_competing_events_are_not_censored():
    patients = pd.DataFrame({"patient": list("abcd"), "followup": 1.0, "event": [0, 1, 0, 1]})
    predictions = pd.DataFrame({"patient": list("abcd"), "predictors": "slope", "horizon": 1, "risk": 0.2})
    assert risk_groups(patients, predictions, "slope", 1).members["group"].unique().tolist() == ["middle"]
    competed = risk_groups(patients.assign(event=[2, 1, 2, 1], followup=[0.2, 0.4, 0.6, 0.8]), predictions, "slope", 1)
    # Aalen–Johansen: half of the patients have the event in the end, where one minus Kaplan–Meier says everybody.
    assert competed.curves["survival"].iloc[-1] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("end", "times"),
    [(8, [0, 2, 4, 6, 8]), (1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (100, [0, 20, 40, 60, 80, 100]), (7, [0, 2, 4, 6])],
)
def test_round_times(end, times):
    assert round_times(end) == pytest.approx(times)


def test_groups_with_few_patients_have_no_means(frames, naming):
    groups = by_visits(frames, naming)
    assert groups["visits"].unique().tolist() == ["1", "2", "3", "4"]
    assert groups.loc[groups["patients"] == 15, "reliability"].notna().all()
    few = replace(frames, slopes=frames.slopes.assign(visits=[1] * 3 + [2] * (len(frames.slopes) - 3)))
    groups = by_visits(few, naming)
    assert (groups["patients"] < 5).any()
    assert groups.loc[groups["patients"] < 5, ["reliability", "sd", "sd_ols"]].isna().all().all()
    assert groups.loc[groups["patients"] >= 5, "reliability"].notna().all()


@pytest.mark.parametrize(
    ("often", "groups"),
    [
        ([5] * 6 + [4] * 6, ["2", "4", "5 or more"]),
        ([5] * 2 + [4] * 4, ["2", "4 or more"]),
        ([5] * 1 + [4] * 1 + [3] * 9, ["2", "3 or more"]),
        ([5] * 2, ["2 or more"]),
    ],
)
def test_a_last_group_of_few_patients_is_joined_with_the_one_before(frames, naming, often, groups):
    """Beside the cohort's size and the other groups a masked count could be found by subtraction."""
    visits = np.repeat([*often, *[2] * (60 - len(often))], 2)  # a row of alpha and one of beta for each patient
    joined = by_visits(replace(frames, slopes=frames.slopes.assign(visits=visits)), naming)
    own = joined[joined["marker"] == "alpha"]
    assert own["visits"].tolist() == groups
    assert own["patients"].sum() == 60


def test_a_difference_between_those_seen_short_and_long_is_a_caution(calm):
    frames, naming = calm
    part = pd.DataFrame(
        {
            "marker": "alpha", "part": [1, 3], "patients": 200, "last_from": [0.0, 1.5], "last_to": [1.0, 2.0],
            "slope": [0.3, 0.1], "slope_low": [0.2, 0.0], "slope_high": [0.4, 0.2], "difference": [0.2, 0.0],
            "difference_low": [0.05, np.nan], "difference_high": [0.35, np.nan], "reliability": 0.5,
        }
    )  # fmt: skip
    (found,) = cautions(replace(frames, dropout=part), naming)
    assert found[0] == "Drop-out" and "alpha (0.200 mg/l per year, 95% interval 0.0500 to 0.350)" in found[1]
    assert cautions(replace(frames, dropout=part.assign(difference_low=-0.05)), naming) == []


def test_warnings_of_a_kind_are_one_caution_the_gravest_first(calm):
    frames, naming = calm
    columns = ["severity", "file", "line", "patient", "column", "message", "action"]
    rows = [("warning", "m.csv", 9.0, "ZQ1", "month", "visits after the end of follow-up: 3", "check the dates")]
    rows += [
        ("warning", "m.csv", float(k), f"ZQ{k}", "bili", f"'{k}e9' is out of range", "check it") for k in range(150)
    ]
    rows += [("warning", "m.csv", np.nan, None, name, f"{name} has 30 values 999", "name it") for name in ("a", "b")]
    problems = pd.DataFrame(rows, columns=columns)
    found = cautions(replace(frames, problems=problems), naming)
    assert [what for what, _ in found] == ["Input files"] * 3
    assert found[0][1] == "A has 30 values 999 (2 such findings: columns a, b); name it."
    assert found[1][1] == "… is out of range (150 patients, column bili); check it."
    assert found[2][1] == "Visits after the end of follow-up: … (<5 patients, column month); check the dates."


def test_the_first_layer_is_calm_only_where_nothing_was_found(calm, tmp_path):
    frames, naming = calm
    assert careful_section(frames, naming).context["cautions"] == []
    loud = changed(frames, "visits", "marker == 'alpha'", p_value=0.001)
    assert careful_section(loud, naming).context["cautions"] == ["Informative visits"]


@pytest.mark.parametrize(
    "message",
    ["age: separates those with the event from the others; without the penalty the coefficient would grow without end",
     "the likelihood rises without end as the coefficient of age grows"],
)  # fmt: skip
def test_a_predictor_that_separates_the_outcome_is_a_caution_beside_the_audit(calm, message):
    frames, naming = calm
    assert "Outcome among the predictors" not in dict(cautions(frames, naming))
    assert "folds and times found no leak" in audit_section(frames, naming).context["verdict"]
    row = {"predictors": "slope", "repeat": 0, "held_out": 0, "marker": None, "message": message}
    told = replace(frames, ledger=pd.DataFrame([row]))
    assert "separates the outcome" in dict(cautions(told, naming))["Outcome among the predictors"]
    section = audit_section(told, naming)
    assert not section.context["clean"]
    assert "separates the outcome" in section.context["detail"]


def test_a_column_that_describes_the_outcome_is_named_beside_the_audit(calm):
    frames, naming = calm
    row = {"severity": "warning", "file": "p.csv", "line": None, "patient": None, "column": "reason",
           "message": "the column says 'DEATH' for patients with the event", "action": f"{ASK} of markers"}  # fmt: skip
    told = replace(frames, problems=pd.DataFrame([row]))
    assert "the data check warns of reason" in audit_section(told, naming).context["detail"]


def test_the_criteria_of_sample_size_are_a_table_with_their_numbers(calm):
    table = sample_size_table(*calm)
    frames, naming = calm
    size = judge(naming.study, frames.patients, ladder_sizes(naming.study, frames.patients))
    assert table is not None and size is not None
    first, second, third = ([cell.text for cell in row] for row in table.cells)
    assert first[1:] == [f"{size.for_shrinkage} patients", "600 patients"]
    assert second[1:] == [f"{size.for_optimism} patients", "600 patients"]
    assert third[2] == f"±{size.margin:.3f}" and f"({size.parameters} coefficients)" in table.caption
