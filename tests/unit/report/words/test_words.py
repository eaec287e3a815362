"""What the report says: headlines, growth models, coefficients, ledger, methods, and how numbers are written."""

import math
import re
from dataclasses import replace

import pandas as pd
import pytest

from slopewise.report.material.gains import gain
from slopewise.report.sections.coefficients import coefficient_table, penalty_sentences
from slopewise.report.sections.courses import fixed_table, model_words
from slopewise.report.sections.summary import key_figures
from slopewise.report.words.ledger import readable, shipped_lines, validation_lines
from slopewise.report.words.methods import methods_section
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import figure_interval, figures, interval, number, p_value, signed
from slopewise.report.words.units import power_of_ten
from slopewise.report.words.wording import reliability_sentence
from slopewise.tables import files as tables
from slopewise.validate.verdict import Verdict
from tests.unit.report.report_tables import Invented


def test_fixed_effects_have_their_degrees_of_freedom_and_a_p_value_beside_the_interval(frames, naming):
    table = fixed_table(frames, naming)
    assert table.columns[-3:] == ["t", "df", "p"]
    assert [row[-3:] for row in table.rows[:2]] == [["30.85", "57.3", "<0.001"], ["2.36", "57.3", "0.022"]]
    assert table.mark(0) == {"marker": "alpha"} and table.mark(3) == {"marker": "beta"}
    assert [p_value(x) for x in (0.0, 0.00099, 0.001, 0.5, math.nan)] == ["<0.001", "<0.001", "0.001", "0.500", "–"]


def test_the_key_figure_of_reliability_is_of_slopes_in_the_model(frames, naming):
    shown = key_figures(frames, naming, Verdict.NO_GAIN, "c_uno")
    assert shown[-1] == ("0.31", "0.21 to 0.41", "reliability of the slopes of alpha")


def test_without_any_slope_no_reliability_is_told(frames, naming):
    nothing = replace(frames, reliability=frames.reliability.assign(reliability=math.nan))
    assert reliability_sentence(nothing, naming) == (
        "No slope could be estimated, so there is no reliability to report."
    )


def test_the_gain_is_read_from_the_right_row(frames):
    assert gain(frames, "slope", "c_uno").value == pytest.approx(0.811)
    assert gain(frames, "slope", "c_harrell").value == pytest.approx(0.824)
    assert gain(frames, "clinical", "c_uno").versus == ""


def test_the_growth_model_in_words(frames, naming):
    words = model_words(frames, naming, "alpha")
    for part in (
        "At time zero alpha averages 1.23 mg/l and rises by 0.0944 mg/l per year",
        "(95% interval of the slope 0.0500 to 0.139)",
        "of their slopes 0.275 mg/l per year",
        "higher values at time zero tend to rise faster (or fall more slowly): the correlation is 0.26 (95% interval",
        "with a standard deviation of 0.317 mg/l",
    ):
        assert part in words
    assert "singular" not in words and "geometric mean" not in words


def test_a_fit_at_the_boundary_says_so(frames, naming):
    words = model_words(frames, naming, "beta")
    assert "estimated at 1.00, the boundary of the possible range" in words
    assert "The fit is singular" in words and "is a valid fit and is kept" in words


def test_a_log_transformed_marker_is_also_told_in_per_cent(frames):
    naming = Naming(Invented(keys={"markers.alpha.transform": "log"}).study())
    assert "+9.9% per year" in model_words(frames, naming, "alpha")


def test_coefficients_are_ratios_and_what_was_left_out_says_so(frames, naming):
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in coefficient_table(frames, naming, "slope").cells}
    assert list(rows) == ["age", "sex: m against f", "alpha, level", "alpha, slope", "beta, level", "beta, slope"]
    assert rows["age"][:3] == ["1.22", "1.00 to 1.49", "0.908 to 1.64"]
    assert rows["sex: m against f"][:3] == ["–"] * 3 and rows["sex: m against f"][3] == "1.49", "no SD of a category"
    assert rows["beta, slope"] == ["left out", "–", "–"] * 2


def test_a_coefficient_is_shown_in_a_unit_in_which_its_predictor_varies(frames, naming):
    table = frames.coefficients.copy()
    chosen = (table["term"] == "alpha.slope") & (table["scale"] == "unit")
    table.loc[chosen, ["estimate", "ci_low", "ci_high", "ci_low_bootstrap", "ci_high_bootstrap"]] *= 50  # SD 0.02
    narrow = coefficient_table(replace(frames, coefficients=table), naming, "slope")
    term, *cells = next(row for row in narrow.cells if row[0].text == "alpha, slope")
    assert term.note == "per 0.01 mg/l per year"
    per_sd, per_unit = float(cells[0].text), float(cells[3].text)
    assert per_unit == pytest.approx(per_sd**0.5, abs=0.01) and not any(">1000" in cell.text for cell in cells)
    assert narrow.columns[1] == "ratio per SD" and narrow.columns[4] == "ratio per unit shown"
    binary = frames.patients.assign(age=[0.0, 1.0] * (len(frames.patients) // 2))
    age = coefficient_table(replace(frames, patients=binary), naming, "slope").cells[0]
    assert [cell.text for cell in age[1:4]] == ["–"] * 3 and age[4].text == "1.22"


@pytest.mark.parametrize(
    ("sd", "unit"), [(0.02, 0.01), (0.01, 0.01), (0.099, 0.01), (0.25, 0.1), (0.3, 1), (10, 1), (45, 10), (300, 100)]
)
def test_units_are_powers_of_ten_below_the_standard_deviation(sd, unit):
    assert power_of_ten(sd) == pytest.approx(unit)
    assert power_of_ten(math.nan) == power_of_ten(0.0) == 1.0


def test_a_ratio_beyond_a_thousandfold_is_not_printed_in_full(frames, naming):
    table = frames.coefficients.copy()
    chosen = (table["predictors"] == "level") & (table["term"] == "alpha.level")
    table.loc[chosen, ["ci_low", "ci_high_bootstrap"]] = [-16.4, 14.2]
    rows = coefficient_table(replace(frames, coefficients=table), naming, "level").cells
    shown = next([cell.text for cell in row] for row in rows if row[0].text == "alpha, level")
    assert shown[2].startswith("<0.001 to ") and shown[3].endswith(" to >1000")


def test_the_ledger_in_words(frames, naming):
    lines = {text: steps for steps, text in shipped_lines(frames, naming)}
    assert (
        lines["alpha’s and beta’s change: missing for <5 of 60 patients and replaced by the training patients’ mean"]
        == "first value and change"
    )
    assert any(
        text.startswith("beta’s slope left out, beta’s level stays: the random effects have rank one") for text in lines
    )
    told = validation_lines(frames, naming)
    assert told[0] == "net_benefit of every step at horizon 1 is at the threshold 0.20, the cohort’s risk."
    assert told[1].startswith("level and slope: alpha’s slope left out") and told[1].endswith(
        "in 2 of 3 training sets of the validation."
    )
    assert "0.99 in training" not in told[1] and "above 0.99" in told[1]


def test_penalised_models_are_told(frames, naming):
    assert penalty_sentences(frames, naming) == []
    shrunk = frames.coefficients.assign(penalty=0.1, selected=0.875, ci_low=math.nan, ci_high=math.nan)
    lines = [
        (name, 1, k, "", f"elastic net, penalty {0.01 * k} (half lasso, half ridge) chosen by 5 folds of the training "
                         f"patients: {k} of 6 coefficients are not 0")
        for name in ("level", "slope") for k in (1, 2, 3)
    ]  # fmt: skip
    ledger = tables.check(pd.DataFrame(lines, columns=frames.validation_ledger.columns), "outcome/ledger")
    penalised = replace(frames, coefficients=shrunk, validation_ledger=ledger)
    kept, first, second, third = penalty_sentences(penalised, naming)
    assert kept.startswith("The model of level and slope keeps ")
    assert "ties by Breslow’s method, because there are fewer than 10 events" in first
    assert "not an estimate of an effect" in second and "“kept” is the share" in third
    table = coefficient_table(penalised, naming, "slope")
    assert "95% naive" not in table.columns and table.columns[-1] == "kept" and table.rows[0][-1] == "88%"
    assert {len(row) for row in table.rows} == {len(table.columns)}
    assert validation_lines(penalised, naming)[1] == (
        "level and slope: elastic net in 3 of 3 training sets of the validation, each with a separate penalty (0.01 "
        "to 0.03): 1 to 3 of 6 coefficients are not 0."
    )
    paragraphs = " ".join(methods_section(penalised, naming).context["paragraphs"])
    assert "without its penalty" not in paragraphs and "Breslow’s method" in paragraphs
    assert "decided once, on the whole cohort" in first, "the same kind in every training set"


@pytest.mark.parametrize("own", [True, False])
def test_a_penalty_of_one_cause_is_told_of_that_cause_alone(frames, naming, own):
    shrunk = replace(frames, coefficients=frames.coefficients.assign(penalty=0.1, selected=0.875))
    both = replace(shrunk, competing={"relapse": frames}) if own else replace(frames, competing={"relapse": shrunk})
    having, lacking = (naming.cause, "relapse") if own else ("relapse", naming.cause)
    said = penalty_sentences(both, naming)
    first = said[-3 if said[-1].startswith("The bootstrap interval") else -2]
    assert any(" terms." in sentence for sentence in said) is both.penalised
    assert first.startswith(f"The models of {having} are penalised")
    assert f"Those of {lacking} have no penalty, and ties by Efron’s method." in first
    paragraphs = " ".join(methods_section(both, naming).context["paragraphs"])
    assert f"ties by Breslow’s method for {having}, by Efron’s for {lacking}" in paragraphs
    assert f"The models of {having} (not those of {lacking}) were penalised" in paragraphs
    assert f"its penalty for {having} alone" in paragraphs


def test_names_of_markers_are_replaced_whole():
    naming = Naming(Invented(markers=("a", "b.c".replace(".", "-")), keys={"markers.a.label": "A"}).study())
    assert readable("a.slope and b-c.level, not da.slope", naming) == "A’s slope and b-c’s level, not da.slope"


def test_methods_cite_what_the_references_list(frames, naming):
    context = methods_section(frames, naming).context
    cited = {
        int(n)
        for text in context["paragraphs"]
        for group in re.findall(r"\[([\d,]+)\]", text)
        for n in group.split(",")
    }
    assert cited == set(range(1, len(context["references"]) + 1))
    text = " ".join(context["paragraphs"])
    smith = next(place for place, (work, _) in enumerate(context["references"], 1) if work.startswith("Winkler"))
    assert f"covariates do not explain (Smith’s scheme [{smith}])" in text
    for part in (
        "60 patients still at risk",
        "(30 events)",
        "5 folds",
        "1000 bootstrap resamples",
        "; this applied to beta.",
        "at 1 and 3 years",
    ):
        assert part in text, part


def test_imputed_covariates_are_in_the_methods_where_any_was_imputed(frames):
    study = Invented(keys={"outcome.missing_covariate": "impute"}).study()
    none = str(methods_section(frames, Naming(study)).context)
    assert "Rubin’s rules" not in none
    imputed = replace(frames, coefficients=frames.coefficients.assign(missing_information=0.2))
    section = str(methods_section(imputed, Naming(study)).context)
    assert "(age and sex) were imputed 20 times by chained equations" in section
    assert "Nelson–Aalen" in section and "White IR" in section and "Barnard J" in section and "Hoogland J" in section


def test_the_ends_of_an_interval_never_look_alike():
    assert figure_interval(0.0401, 0.149) == "0.0401 to 0.149"
    assert figure_interval(169.918, 170.252) == "169.92 to 170.25"
    assert figure_interval(-0.0913, -0.00042) == "−0.0913 to −0.000420"
    assert figure_interval(2.3411, 2.3649) == "2.34 to 2.36"
    assert figure_interval(1e6, 1e6 + 1e-9).count("1000000") == 2


def test_numbers_are_written_with_true_signs_and_enough_digits():
    assert number(-0.0004, 3) == "0.000" and number(-0.002, 3) == "−0.002" and number(math.nan) == "–"
    assert signed(0.0001) == "0.000" and signed(0.002) == "+0.002" and signed(-1.5, 1) == "−1.5"
    shown = [figures(x) for x in (0.403903, 0.094378, -12.345, 845.2, 0.99999, 0.0, 1234567, 3e-7, 99999.4, 1e9)]
    assert shown == ["0.404", "0.0944", "−12.3", "845", "1.00", "0", "1230000", "3.00e−07", "100000", "1.00e+09"]
    assert interval(-0.1, 0.2) == "−0.100 to 0.200" and interval(math.nan, 1) == "–"
