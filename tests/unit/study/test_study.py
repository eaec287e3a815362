"""The study file: what is read, what is refused, and how the refusal reads."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slopewise.run.errors import InputError
from slopewise.study.formulas import RESERVED
from slopewise.study.keys import Data, Keys, Marker, Outcome
from slopewise.study.model import Study, formula_names
from slopewise.study.reading import load_study, parse_study
from slopewise.study.steps import DEPENDS_ON, STEPS, subset
from slopewise.study.strict_yaml import StrictYamlError, read_document

ROOT = Path(__file__).resolve().parents[3]
PBC = ROOT / "config" / "studies" / "pbc.yaml"
TEXT = PBC.read_text(encoding="utf-8")


def refusal(text: str | bytes) -> str:
    """The message with which a study file is refused."""
    with pytest.raises(InputError) as caught:
        parse_study(text if isinstance(text, bytes) else text.encode(), "my.yaml")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def changed(old: str, new: str) -> str:
    """The PBC study with one place changed."""
    assert TEXT.count(old) == 1, old
    return TEXT.replace(old, new)


def test_the_pbc_study_is_read_as_printed() -> None:
    study = load_study(PBC)
    assert study.study == "pbc"
    assert study.seed == 20261122
    assert study.data.patients == "data/pbcseq/patients.csv"
    assert study.data.time_zero == 0.0
    assert list(study.markers) == ["log_bilirubin", "albumin", "log_prothrombin"]
    assert study.markers["log_bilirubin"].transform == "log"
    assert study.markers["albumin"].transform == "none"
    assert study.growth.fixed == study.growth.random == "~ time"
    assert study.landmark == study.landmark_time == 2.0
    assert study.outcome.events == {"1": "transplant", "2": "death"}
    assert study.outcome.horizons == (3.0, 5.0, 8.0)


def test_defaults_are_those_of_the_documents() -> None:
    study = load_study(PBC)
    assert study.outcome.bootstrap == 200
    assert study.outcome.censored == ("0",)
    assert (study.outcome.penalty, study.outcome.one_visit, study.outcome.missing_marker) == (
        "auto",
        "population",
        "population",
    )
    assert (study.growth.structure, study.growth.reml, study.growth.engine) == ("correlated", True, "slopewise")
    assert (study.growth.rows, study.growth.slope_of, study.growth.bootstrap) == ("landmark", "time", 1000)
    assert (study.data.duplicates, study.data.delimiter, study.data.date_format) == ("error", "auto", "auto")
    assert (study.report.patients, study.report.small_cells, study.chunk_size) == (False, 5, "auto")
    short = re.sub(r"^(crossfit|validation):.*\n", "", TEXT, flags=re.M)
    study = parse_study(short.encode(), "my.yaml")
    assert (study.crossfit.folds, study.crossfit.repeats) == (5, 5)
    assert (study.validation.folds, study.validation.repeats, study.validation.bootstrap) == (5, 5, 1000)


def test_a_study_cannot_be_changed() -> None:
    study = load_study(PBC)
    with pytest.raises(ValueError, match="frozen"):
        study.seed = 1  # type: ignore[misc]
    with pytest.raises(ValueError, match="frozen"):
        study.data.patient = "x"  # type: ignore[misc]


REFUSALS = {
    "unknown key": (
        "time_unit: days\n  analysis",
        "time_unt: days\n  analysis",
        r"line 9: data\.time_unt: unknown key; did you mean `time_unit`\?",
    ),
    "key of another place": (
        "landmark: 2",
        "landmark: 2\ncovariates: [age]",
        r"covariates: unknown key; did you mean `outcome\.covariates`\?",
    ),
    "unknown key of a marker": (
        "{column: albumin,",
        "{colunm: albumin,",
        r"line 14: markers\.albumin\.colunm: unknown key; did you mean `column`\?",
    ),
    "unlike any key": ("landmark: 2", "landmark: 2\nzzz: 1", r"line 18: zzz: unknown key; known here: study, title, "),
    "duplicate key": (
        "seed: 20261122",
        "seed: 20261122\nseed: 5",
        r"^my\.yaml: line 4: seed: the key `seed` appears twice \(first on line 3\)$",
    ),
    "duplicate code": (
        "{1: transplant, 2: death}",
        "{1: transplant, '1': death}",
        r"outcome\.events\.1: the key `1` appears twice",
    ),
    "yes as a code": (
        "{1: transplant, 2: death}",
        "{yes: death}",
        r"line 23: outcome\.events\.yes: `yes` without quotes is read as true by some programs: write true, or 'yes'",
    ),
    "no as a value": (
        "horizons: [3, 5, 8]",
        "horizons: [3, 5, 8]\n  censored: No",
        r"line 26: outcome\.censored: `No` without quotes",
    ),
    "on as a value": (
        '{fixed: "~ time", random: "~ time"}',
        "{reml: on}",
        r"growth\.reml: `on` without quotes is read as true",
    ),
    "true as a code": (
        "{1: transplant, 2: death}",
        "{true: death}",
        r"outcome\.events: `true` without quotes is not taken as a code",
    ),
    "octal": ("seed: 20261122", "seed: 0123", r"line 3: seed: `0123` is read differently by different programs"),
    "sexagesimal": ("seed: 20261122", "seed: 12:30", r"line 3: seed: `12:30` is read differently"),
    "not finite": ("landmark: 2", "landmark: .inf", r"line 17: landmark: `\.inf` is not a finite number"),
    "overflow": (
        "landmark: 2",
        "landmark: 1e999",
        r"line 17: landmark: must be a number, a list of numbers or none, not inf",
    ),
    "anchor": ("seed: 20261122", "seed: &here 20261122", r"line 3: `here` is an anchor or alias"),
    "tag": ("seed: 20261122", "seed: !!int 20261122", r"line 3: the tag `tag:yaml.org,2002:int` is not accepted"),
    "missing key": ("  patient: id\n", "", r"line 4: data\.patient: is missing"),
    "missing part": ("seed: 20261122\n", "", r"seed: is missing"),
    "empty value": ("  patient: id", "  patient:", r"line 7: data\.patient: has no value"),
    "text for number": ("seed: 20261122", "seed: '5'", r"line 3: seed: must be a whole number, not '5'"),
    "fraction for whole number": (
        "repeats: 5, bootstrap",
        "repeats: 5.5, bootstrap",
        r"validation\.repeats: must be a whole number, not 5\.5",
    ),
    "number for text": ("  patient: id", "  patient: 7", r"data\.patient: must be text, not 7; write it in quotes"),
    "text for boolean": (
        '{fixed: "~ time", random: "~ time"}',
        "{reml: maybe}",
        r"growth\.reml: must be true or false, not 'maybe'",
    ),
    "text for a list": (
        "covariates: [age, sex]",
        "covariates: age",
        r"line 24: outcome\.covariates: must be a list in brackets, not 'age'",
    ),
    "list for a map": ("{1: transplant, 2: death}", "[1, 2]", r"outcome\.events: must be a map"),
    "wrong word": (
        "analysis_unit: years",
        "analysis_unit: yeers",
        r"line 10: data\.analysis_unit: must be 'minutes', .*, not 'yeers'; did you mean 'years'\?",
    ),
    "too few folds": (
        "crossfit: {folds: 5,",
        "crossfit: {folds: 1,",
        r"line 26: crossfit\.folds: must be at least 2, not 1",
    ),
    "bad name": ("study: pbc", "study: ../pbc", r"line 1: study: '\.\./pbc' does not fit: letters"),
    "long name": ("study: pbc", f"study: {'a' * 65}", r"line 1: study: .* does not fit"),
    "time zero": (
        "time_zero: 0",
        "time_zero: start",
        r"line 11: data\.time_zero: must be a number, \{column: NAME\} or first_visit, not 'start'",
    ),
    "chunk size": (
        "landmark: 2",
        "landmark: 2\nchunk_size: 0",
        r"chunk_size: must be auto or a whole number from 1, not 0",
    ),
    "no markers": (
        TEXT[TEXT.index("markers:") : TEXT.index("growth:")],
        "markers: {}\n",
        r"markers: must not be empty",
    ),
    "reserved marker": (
        "albumin: {column: albumin",
        "time: {column: albumin",
        r"line 14: markers\.time: the name `time` is reserved: it is the time since time zero",
    ),
    "odd marker": (
        "albumin: {column: albumin",
        "1st: {column: albumin",
        r"markers\.1st: a marker's name starts with a letter",
    ),
    "marker of the clock": (
        "{column: albumin,",
        "{column: day,",
        r"markers\.albumin\.column: column 'day' is data\.time",
    ),
    "reserved covariate": (
        "[age, sex]",
        "[age, visit]",
        r"line 24: outcome\.covariates: the name `visit` is reserved: it is the number of a visit",
    ),
    "covariate is the outcome": (
        "[age, sex]",
        "[age, status]",
        r"outcome\.covariates: `status` is outcome\.event, which is not a covariate",
    ),
    "covariate twice": ("[age, sex]", "[age, age]", r"outcome\.covariates: `age` appears twice"),
    "covariate is a marker": ("[age, sex]", "[albumin]", r"outcome\.covariates: `albumin` is also a marker's name"),
    "formula without tilde": (
        '{fixed: "~ time"',
        '{fixed: "time"',
        r"line 16: growth\.fixed: a formula starts with `~`",
    ),
    "empty formula": ('{fixed: "~ time"', '{fixed: "~ "', r"growth\.fixed: the formula ends after `~`"),
    "unreadable formula": (
        '{fixed: "~ time"',
        '{fixed: "~ time +* sex"',
        r"growth\.fixed: the formula `~ time \+\* sex` cannot be read",
    ),
    "formula of the outcome": (
        '{fixed: "~ time"',
        '{fixed: "~ time + futime"',
        r"growth\.fixed: `futime` is outcome\.time",
    ),
    "formula of a marker": ('{fixed: "~ time"', '{fixed: "~ time + albumin"', r"growth\.fixed: `albumin` is a marker"),
    "formula of the raw time": (
        '{fixed: "~ time"',
        '{fixed: "~ day"',
        r"growth\.fixed: `day` is data\.time; in a formula it is called `time`",
    ),
    "formula too long": (
        '{fixed: "~ time"',
        '{fixed: "~ ' + "time + " * 100 + '1"',
        r"growth\.fixed: is too long: at most 500 characters",
    ),
    "horizons fall": ("[3, 5, 8]", "[5, 3]", r"line 25: outcome\.horizons: the horizons must be in increasing order"),
    "horizon at the landmark": ("[3, 5, 8]", "[0, 3]", r"outcome\.horizons: a horizon counts from the landmark"),
    "no horizons": (
        "  horizons: [3, 5, 8]\n",
        "",
        r"line 18: outcome\.horizons: is missing; `kind: survival` needs it",
    ),
    "code twice": (
        "horizons: [3, 5, 8]",
        "horizons: [3, 5, 8]\n  censored: [0, 1]",
        r"outcome\.censored: the code 1 appears twice: in outcome\.events and in outcome\.censored",
    ),
    "label twice": (
        "{1: transplant, 2: death}",
        "{1: death, 2: death}",
        r"outcome\.events: the label 'death' is empty or stands for two codes",
    ),
    "one date": (
        "time_unit: days\n  event",
        "time_unit: date\n  event",
        r"line 21: outcome\.time_unit: dates beside visits in days need the date of time zero.*\{column: NAME\}",
    ),
    "date from a number": (
        "time_unit: days\n  analysis",
        "time_unit: date\n  analysis",
        r"data\.time_zero: with data\.time_unit: date the time zero must be",
    ),
    "format without dates": (
        "time_zero: 0",
        "time_zero: 0\n  date_format: '%d.%m.%Y'",
        r"data\.date_format: is only used with data\.time_unit: date",
    ),
    "encoding": ("time_zero: 0", "time_zero: 0\n  encoding: utf-88", r"data\.encoding: unknown encoding 'utf-88'"),
    "comma twice": (
        "time_zero: 0",
        "time_zero: 0\n  delimiter: ','\n  decimal: ','",
        r"data\.decimal: the comma cannot be both",
    ),
    "format without a year": (
        "time_unit: days\n  analysis_unit: years\n  time_zero: 0",
        "time_unit: date\n  analysis_unit: years\n  time_zero: first_visit\n  date_format: '%d/%m'",
        r"line 12: data\.date_format: '%d/%m' is no strptime format of a whole date",
    ),
    "outcome of another kind": (
        "event: status",
        "event: status\n  positive: 1",
        r"outcome\.positive: is for other kinds than survival",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_mistake_is_refused_with_its_line_and_key(name: str) -> None:
    old, new, pattern = REFUSALS[name]
    assert re.search(pattern, refusal(changed(old, new))), refusal(changed(old, new))


def test_slopes_of_another_predictor_may_predict_an_outcome() -> None:
    with_dose = '"~ dose", random: "~ dose", slope_of: dose}'
    study = parse_study(changed('"~ time", random: "~ time"}', with_dose).encode(), "my.yaml")
    assert study.kind.predicts and study.growth.slope_of == "dose"
    message = refusal(changed('random: "~ time"}', 'random: "~ time", slope_of: dose}'))
    assert "growth.slope_of: `dose` must be in growth.fixed and growth.random: its slope is wanted" in message
    assert re.search(r"my\.yaml: line \d+: ", message)


def test_later_rows_need_a_formula_without_splines() -> None:
    study = parse_study(changed('random: "~ time"}', 'random: "~ time", rows: all}').encode(), "my.yaml")
    assert study.growth.rows == "all"
    bent = 'fixed: "~ bs(time, df=4)", random: "~ time", rows: all}'
    assert ": growth.fixed: a spline ends at the landmark" in refusal(
        changed('fixed: "~ time", random: "~ time"}', bent)
    )


COMPETING = ("{1: transplant, 2: death}", "{2: death}\n  competing: {1: transplant}")


@pytest.mark.parametrize("new", ["landmark: [1, 2]", "landmark: 2\nreport: {patients: true}"])
@pytest.mark.parametrize(
    "other", [COMPETING, *(("event: status", f"event: status\n  {own}") for own in ("strata: [site]", "entry: start"))]
)
def test_lists_of_landmarks_and_the_page_of_patients_are_for_every_outcome(new: str, other: tuple[str, str]) -> None:
    text = changed(*other)
    assert "landmark: 2" in text
    assert parse_study(text.replace("landmark: 2", new).encode(), "my.yaml").kind.predicts


CENTRE = ("time_zero: 0", "time_zero: 0\n  centre: {}")
SUBGROUPS = ("bootstrap: 1000}", "bootstrap: 1000, subgroups: [{}]}}")


@pytest.mark.parametrize(
    ("place", "name", "said"),
    [
        (CENTRE, "sex", "data.centre: `sex` is in outcome.covariates too: its effect cannot be estimated"),
        (CENTRE, "id", "data.centre: `id` is data.patient, which does not define groups of patients"),
        (CENTRE, "status", "data.centre: `status` is outcome.event"),
        (SUBGROUPS, "futime", "validation.subgroups: `futime` is outcome.time"),
        (SUBGROUPS, "albumin", "validation.subgroups: `albumin` is also a marker's name"),
        (SUBGROUPS, "event", "validation.subgroups: the name `event` is reserved"),
    ],
)
def test_a_column_that_makes_no_groups_is_refused(place: tuple[str, str], name: str, said: str) -> None:
    assert said in refusal(changed(place[0], place[1].format(name)))


def test_a_centre_that_is_a_stratum_is_refused_before_anything_runs() -> None:
    text = changed(CENTRE[0], CENTRE[1].format("site"))
    said = refusal(text.replace("outcome:\n", "outcome:\n  strata: [site]\n", 1))
    assert "data.centre: `site` is in outcome.strata too: its effect cannot be estimated" in said
    assert "leave it out of one of the two" in said


def test_a_centre_needs_an_outcome() -> None:
    text = GROWTH.replace("time_zero: 0", "time_zero: 0\n  centre: hospital")
    assert "there is no outcome model to validate in each centre" in refusal(text)


GROWTH = TEXT[: TEXT.index("outcome:")] + "outcome: {kind: none}\n"


def grown(old: str, new: str) -> str:
    """The PBC study without an outcome, with one place changed."""
    assert GROWTH.count(old) == 1, old
    return GROWTH.replace(old, new)


def test_a_study_without_an_outcome() -> None:
    study = parse_study(GROWTH.encode(), "my.yaml")
    assert not study.kind.predicts and study.landmark_time == 2
    assert parse_study(grown("landmark: 2", "landmark: none").encode(), "my.yaml").landmark_time == math.inf


def test_slopes_of_a_predictor_that_is_not_time() -> None:
    text = grown("landmark: 2", "landmark: none").replace('"~ time", random: "~ time"', '"~ ses", random: "~ ses"')
    study = parse_study(text.replace('random: "~ ses"', 'random: "~ ses", slope_of: ses').encode(), "my.yaml")
    assert (study.growth.slope_of, study.growth_columns) == ("ses", ("ses",))
    assert "growth.slope_of: `dose` must be in growth.fixed and growth.random" in refusal(
        text.replace('random: "~ ses"', 'random: "~ ses", slope_of: dose')
    )
    with_landmark = text.replace("landmark: none", "landmark: 2").replace(
        'random: "~ ses"', 'random: "~ ses", slope_of: ses'
    )
    assert "landmark: must be none with growth.slope_of" in refusal(with_landmark)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kind: none", "kind: none, event: status", "outcome.event: is for a study with an outcome"),
        ("kind: none}", "kind: none}\nvalidation: {folds: 3}", "validation: there is no outcome model to validate"),
        ("time_unit: days", "time_unit: none", "data.analysis_unit: data.time_unit and data.analysis_unit must both"),
    ],
)
def test_keys_of_an_outcome_are_refused_where_there_is_none(old: str, new: str, message: str) -> None:
    assert message in refusal(grown(old, new))


AVAILABLE = {
    "chunk size": ("landmark: 2", "landmark: 2\nchunk_size: 50"),
    "penalty": ("event: status", "event: status\n  penalty: none"),
    "time zero column": ("time_zero: 0", "time_zero: {column: start}"),
    "first visit": ("time_zero: 0", "time_zero: first_visit"),
    "tab": ("time_zero: 0", 'time_zero: 0\n  delimiter: "\\t"'),
    "diagonal": ('random: "~ time"}', 'random: "~ time", structure: diagonal, reml: false, engine: statsmodels}'),
    "empty competing": ("event: status", "event: status\n  competing: {}"),
    "quoted yes": ("{1: transplant, 2: death}", '{"yes": death}'),
    "plain tilde": ('{fixed: "~ time", random: "~ time"}', "\n  fixed: ~ time * sex\n  random: ~ 1"),
    "dates": (
        "time_unit: days\n  analysis_unit: years\n  time_zero: 0",
        'time_unit: date\n  date_format: "%d/%m/%Y"\n  analysis_unit: years\n  time_zero: first_visit',
    ),
}


@pytest.mark.parametrize("name", [name for name in AVAILABLE if name != "dates"])
def test_everything_else_is_taken(name: str) -> None:
    assert isinstance(parse_study(changed(*AVAILABLE[name]).encode(), "my.yaml"), Study)


def test_dates_are_taken_on_both_clocks() -> None:
    text = changed(*AVAILABLE["dates"]).replace("time_unit: days", "time_unit: date")
    study = parse_study(text.encode(), "my.yaml")
    assert study.data.time_unit == study.outcome.time_unit == "date"


@pytest.mark.parametrize("name", RESERVED)
def test_reserved_names_are_refused_with_a_reason(name: str) -> None:
    for text in (changed("albumin: {column", f"{name}: {{column"), changed("[age, sex]", f"[{name}]")):
        assert f"the name `{name}` is reserved: it is {RESERVED[name]}" in refusal(text)


def test_several_findings_are_told_in_the_order_of_lines() -> None:
    text = changed("time_unit: days\n  analysis", "time_unt: days\n  analysis").replace("kind: survival", "kind: cox")
    message = refusal(text)
    assert message == (
        "my.yaml: line 9: data.time_unt: unknown key; did you mean `time_unit`? (and 1 more: line 19, outcome.kind)"
    )


def test_what_was_meant_is_found_in_upper_and_lower_case() -> None:
    assert "did you mean `landmark`?" in refusal(changed("landmark:", "LANDMARK:"))
    assert "did you mean 'survival'?" in refusal(changed("kind: survival", "kind: Survival"))


def test_one_number_where_a_list_belongs_is_shown_as_a_list() -> None:
    assert "outcome.horizons: must be a list in brackets, not 12; write [12]" in refusal(changed("[3, 5, 8]", "12"))


@pytest.mark.parametrize("formula", ["~ time | id", "~ (time | id)", "~ (time || id)"])
def test_a_formula_in_the_manner_of_lme4_names_what_to_write(formula: str) -> None:
    message = refusal(changed('random: "~ time"', f'random: "{formula}"'))
    assert "random effects are always by patient" in message and "`~ time`" in message


def test_a_formula_with_a_left_side_names_what_to_write() -> None:
    assert "write `~ time`" in refusal(changed('fixed: "~ time"', 'fixed: "bili ~ time"'))


def test_a_long_list_of_unknown_keys_is_cut() -> None:
    message = refusal(TEXT + "".join(f"key_{number}: 1\n" for number in range(3000)))
    assert "key_0: unknown key" in message and "and 2999 more" in message and len(message) < 1000


def test_a_study_file_of_more_than_a_megabyte_is_refused(tmp_path: Path) -> None:
    assert "is larger than 1 MB" in refusal("# comment\n" * 100_001)
    (tmp_path / "table.yaml").write_bytes(b"# comment\n" * 100_001)
    with pytest.raises(InputError, match="is larger than 1 MB"):
        load_study(tmp_path / "table.yaml")


def test_codes_are_compared_as_text() -> None:
    text = changed("{1: transplant, 2: death}", "{1: a, '02': b, 3.0: c, D: d}\n  censored: [0, alive]")
    study = parse_study(text.encode(), "my.yaml")
    assert study.outcome.events == {"1": "a", "02": "b", "3": "c", "D": "d"}
    assert study.outcome.censored == ("0", "alive")


@pytest.mark.parametrize(
    ("data", "pattern"),
    [
        (b"", r"^my\.yaml: is empty$"),
        (b"- a\n- b\n", r"^my\.yaml: line 1: must be a map of keys"),
        (b"a: [1,\nb: 2\n", r"^my\.yaml: line 1: \[ \.\.\. \]: a comma .* or the closing bracket is missing"),
        (b"study: a\n\tseed: 1\n", r"line 2: is indented with a tab; indent with spaces"),
        (b"study: a\ndata:\n  time: day\n\tpatient: id\n", r"line 4: is indented with a tab"),
        (b"data:\n  time:\tday\n", r"line 2: holds a tab where YAML allows only spaces"),
        (b"study: a\nseed 1\ndata: {a: 1}\n", r"line 2: `seed 1` has no colon .* write `seed: 1`"),
        (b"study: a\nseed:1\ndata: {a: 1}\n", r"line 2: `seed:1` has no colon .* write `seed: 1`"),
        (b"data:\n  measurements v.csv\n  patient: id\n", r"line 2: .* write `measurements: v\.csv`"),
        (b"title: A: B\n", r"line 1: has a second `: ` on the line"),
        (b'title: "A\nseed: 1\n', r"line 1: a quotation mark is opened and not closed"),
        (b"a: {b: 1, c: 2\nd: 3\n", r"line 1: \{ \.\.\. \}: a comma .* is missing"),
        (b"a: 1\n---\nb: 2\n", r"is not valid YAML"),
        (b"a: caf\xe9\n", r"^my\.yaml: line 1: is not UTF-8 text; save the file as UTF-8$"),
        (b"a: 1\nb: \x01\n", r"^my\.yaml: line 2: contains a control character"),
        (b"? [a]\n: 1\n", r"line 1: a key must be a word or a number"),
        (b"a: &x [*x]\n", r"line 1: `x` is an anchor or alias"),
    ],
)
def test_what_is_no_yaml_of_ours_is_refused(data: bytes, pattern: str) -> None:
    assert re.search(pattern, refusal(data)), refusal(data)


def test_a_missing_study_file_is_an_error_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.yaml: the study file cannot be read: No such file"):
        load_study(tmp_path / "nowhere.yaml")


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter() -> None:
    assert parse_study(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode(), "my.yaml") == load_study(PBC)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_either_read_or_refused(text: str) -> None:
    try:
        read_document(text.encode())
    except StrictYamlError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("formula", "names"),
    [
        ("~ time", {"time"}),
        ("~ time * sex + log(dose)", {"time", "sex", "dose"}),
        ("~ time:sex + C(stage)", {"time", "sex", "stage"}),
        ("~ 0 + poly(time, 2) + bs(age, df=4)", {"time", "age"}),
        ("~ 1", set()),
        ("~ (time + sex)**2 - sex", {"time", "sex"}),
        ("~ time * `dose mg`", {"time", "dose mg"}),
        ("~ log(`a.b`):`a-b` + time", {"a.b", "a-b", "time"}),
    ],
)
def test_names_in_formulas(formula: str, names: set[str]) -> None:
    assert formula_names(formula) == names


def test_growth_columns_are_the_names_without_time() -> None:
    text = changed('{fixed: "~ time", random: "~ time"}', '{fixed: "~ time * sex + age", random: "~ time + dose"}')
    assert parse_study(text.encode(), "my.yaml").growth_columns == ("age", "dose", "sex")


# What a change of a key must run again, and what not.
DEPENDENCE = [
    (("title:", "title: My"), {"report"}),
    (
        ("seed: 20261122", "seed: 1"),
        {"folds", "compare_growth", "effects", "crossfit", "gather", "outcome", "validate", "report"},
    ),
    (("{column: albumin,", "{column: albumin, fast_change: {below: -0.2},"), {"crossfit", "gather", "report"}),
    (("analysis_unit: years", "analysis_unit: days"), {"cohort", "outcome", "report"}),
    (("transform: log, unit: log mg/dl", "transform: log, unit: mg"), {"outcome", "report"}),
    (
        ("transform: log, unit: log mg/dl", "unit: log mg/dl"),
        {"cohort", "crossfit", "gather", "outcome", "examples", "report"},
    ),
    (
        ("transform: log, unit: log mg/dl", "transform: log, below: half, unit: log mg/dl"),
        {"cohort", "outcome", "report"},
    ),
    (("event: status", "event: status\n  where: {sex: f}"), {"cohort", "report"}),
    (("  time: day", "  time: day\n  where: {day: 0}"), {"cohort", "outcome", "report"}),
    (("horizons: [3, 5, 8]", "horizons: [3, 5, 8]\n  thresholds: [0.1, 0.3]"), {"report"}),
    (('random: "~ time"', 'random: "~ 1"'), {"compare_growth", "effects", "crossfit", "gather", "outcome", "report"}),
    (
        ('fixed: "~ time"', 'fixed: "~ time + trt"'),
        {"cohort", "compare_growth", "effects", "crossfit", "gather", "outcome", "report"},
    ),
    (
        ("landmark: 2", "landmark: 3"),
        {"cohort", "compare_growth", "effects", "crossfit", "gather", "outcome", "examples", "report"},
    ),
    (("[3, 5, 8]", "[3, 5]"), {"outcome", "validate", "examples", "ship", "report"}),
    (("event: status", "event: status\n  bootstrap: 10"), {"outcome", "report"}),
    (("bootstrap: 1000", "bootstrap: 10"), {"validate", "report"}),
    (("crossfit: {folds: 5", "crossfit: {folds: 4"), {"folds", "outcome", "report"}),
    (("landmark: 2", "landmark: 2\nchunk_size: 7"), set()),
    (("landmark: 2", "landmark: 2\nreport: {small_cells: 3}"), {"examples", "ship", "report"}),
    (("landmark: 2", "landmark: 2\nfilters: {missing: 0.2}"), {"gather", "report"}),
    (
        ("landmark: 2", "landmark: 2\neffects: {treatment: {column: trt, reference: placebo}}"),
        {"cohort", "effects", "report"},
    ),
]


@pytest.mark.parametrize(("change", "steps"), DEPENDENCE)
def test_a_step_depends_on_its_parts_and_no_more(change: tuple[str, str], steps: set[str]) -> None:
    before, after = load_study(PBC), parse_study(changed(*change).encode(), "my.yaml")
    assert {step for step in STEPS if json.dumps(subset(before, step)) != json.dumps(subset(after, step))} == steps


NOT_READ = {
    Marker: {"unit", "label", "family", "fast_change"},
    Outcome: {"margin", "thresholds", "terms", "penalty", "bootstrap", "stability", "horizons", "imputations"},
    Data: set(),
}
"""Keys that change nothing of the cohort: words, and what is done with it afterwards."""


@pytest.mark.parametrize(("model", "place"), [(Marker, "markers.*"), (Outcome, "outcome"), (Data, "data")])
def test_every_key_that_says_how_the_data_are_read_makes_the_cohort_anew(model: type[Keys], place: str) -> None:
    known = set(DEPENDS_ON["cohort"])
    for name in model.model_fields:
        read = place in known or f"{place}.{name}" in known
        assert read != (name in NOT_READ[model]), f"{place}.{name}"


def test_markers_go_into_chunks() -> None:
    study = load_study(PBC)
    assert study.chunks() == [["log_bilirubin", "albumin", "log_prothrombin"]]
    two = study.model_copy(update={"chunk_size": 2})
    assert two.chunks() == [["log_bilirubin", "albumin"], ["log_prothrombin"]]


def test_an_unknown_step_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown step"):
        subset(load_study(PBC), "cohorts")


def test_importing_the_study_loads_no_scientific_library() -> None:
    code = "import sys, slopewise.study.model; print(sorted({'numpy', 'pandas', 'scipy', 'numba'} & set(sys.modules)))"
    path = str(ROOT / "workflow" / "scripts")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=path, check=True)
    assert done.stdout.strip() == "[]"
