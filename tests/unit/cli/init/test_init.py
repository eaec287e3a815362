"""`slopewise init`: what it proposes for real and invented tables, what it refuses, and that `check` accepts it."""

import shutil
import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slopewise.cli.columns import named, readable, scalar
from slopewise.cli.init.markers import marker_name
from slopewise.cohort.named_units import vocabulary, words
from slopewise.study.reading import load_study
from slopewise.study.rules import MARKER_NAME
from slopewise.study.strict_yaml import read_document
from tests.lengths import of_length
from tests.unit.cli.cli_files import Names, Written, call, files_in, flat, invent

GERMAN = Names("Patient", "Datum", "Letzter Kontakt", "Verstorben", "Alter", ("CRP (mg/l)", "Hämoglobin [g/dl]"))
EXCEL = Written(";", ",", "latin-1", "%d.%m.%Y")


@pytest.fixture
def pbc(tmp_path: Path, root: Path) -> Path:
    for name in ("measurements.csv", "patients.csv"):
        shutil.copy(root / "data/pbcseq" / name, tmp_path / name)
    return tmp_path


def bring(folder: Path, names: Names | None = None, written: Written | None = None, patients: int = 60) -> None:
    written = written or Written()
    rows, people = invent(patients, names=names, written=written)
    written.save(rows, folder / "visits.csv")
    written.save(people, folder / "patients.csv")


def test_the_pbc_trial_is_understood(pbc):
    ended = call("init", "measurements.csv", "--patients", "patients.csv", folder=pbc)
    assert ended.exit_code == 0, ended.output
    study = load_study(pbc / "study.yaml")
    assert (study.data.patient, study.data.time, study.data.time_unit) == ("id", "day", "days")
    assert (study.data.analysis_unit, study.data.time_zero) == ("years", 0.0)
    logged = {name for name, marker in study.markers.items() if marker.transform == "log"}
    assert set(study.markers) == {"bili", "chol", "albumin", "alk_phos", "ast", "platelet", "protime"}
    assert {"bili", "alk_phos", "protime"} <= logged and not {"albumin", "platelet"} & logged
    outcome = study.outcome
    assert (outcome.kind, outcome.time, outcome.time_unit, outcome.event) == ("survival", "futime", "days", "status")
    assert set(outcome.events) == {"1", "2"} and outcome.censored == ("0",) and outcome.covariates == ("age", "sex")
    page = call("check", "study.yaml", folder=pbc)
    assert page.exit_code == 0, page.output
    assert "splits a visit" not in page.output  # 2 years would
    text = (pbc / "study.yaml").read_text(encoding="utf-8")
    assert "# - stage: 4 different values look like a grade" in text
    assert "42% missing" in text


def test_what_the_user_names_is_taken(pbc):
    ended = call(
        *("init", "measurements.csv", "--patients", "patients.csv", "--out", "mine.yaml", "--name", "liver"),
        *("--marker", "stage", "--event-code", "2=death", "--landmark", "3"),
        folder=pbc,
    )
    assert ended.exit_code == 0, ended.output
    study = load_study(pbc / "mine.yaml")
    assert (study.study, list(study.markers), study.landmark) == ("liver", ["stage"], 3.0)
    assert study.outcome.events == {"2": "death"} and study.outcome.censored == ("0", "1")
    assert "not named with --marker" in (pbc / "mine.yaml").read_text(encoding="utf-8")


def test_a_file_as_excel_saves_it_elsewhere(tmp_path):
    bring(tmp_path, GERMAN, EXCEL)
    ended = call("init", "visits.csv", "--patients", "patients.csv", folder=tmp_path)
    assert ended.exit_code == 0, ended.output
    study = load_study(tmp_path / "study.yaml")
    assert (study.data.time_unit, study.data.date_format) == ("date", "%d.%m.%Y")
    assert study.data.time_zero == "first_visit"
    assert [marker.column for marker in study.markers.values()] == list(GERMAN.markers)
    assert [marker.unit for marker in study.markers.values()] == ["log mg/l", "g/dl"]
    assert study.markers["Hamoglobin"].label == "Hämoglobin"
    assert (study.outcome.time, study.outcome.event) == ("Letzter Kontakt", "Verstorben")
    assert study.outcome.covariates == ("Alter",)
    page = call("check", "study.yaml", folder=tmp_path)
    assert page.exit_code == 0, page.output
    assert "was read as Latin-1" in flat(page.output)


def test_one_table_with_everything(tmp_path):
    rows, people = invent()
    Written().save(rows.merge(people, on="id"), tmp_path / "all.csv")
    assert call("init", "all.csv", folder=tmp_path).exit_code == 0
    study = load_study(tmp_path / "study.yaml")
    assert study.data.patients is None and list(study.markers) == ["crp", "albumin"]
    assert (study.outcome.time, study.outcome.event, study.outcome.covariates) == ("futime", "status", ("age",))
    assert call("check", "study.yaml", folder=tmp_path).exit_code == 0


def test_the_landmark_is_put_past_a_planned_visit(tmp_path):
    bring(tmp_path)  # half-yearly visits: the 1.5 years at which most have been seen three times are one of them
    assert call("init", "visits.csv", "--patients", "patients.csv", folder=tmp_path).exit_code == 0
    assert 1.5 < load_study(tmp_path / "study.yaml").landmark_time < 1.8
    assert "splits a visit" not in call("check", "study.yaml", folder=tmp_path).output
    again = ("init", "visits.csv", "--patients", "patients.csv", "--force", "--landmark", "1.5")
    assert call(*again, folder=tmp_path).exit_code == 0  # what the user tells is taken
    assert "splits a visit" in flat(call("check", "study.yaml", folder=tmp_path).output)


def test_other_clocks_and_grades_are_no_markers(tmp_path):
    rows, people = invent()
    rows["visit"] = rows.groupby("id").cumcount() + 1
    rows["age_now"] = 50 + rows["day"] / 365.25
    rows["sex"] = [int(name[1:]) % 2 for name in rows["id"]]
    rows["below"] = ["<5" if place % 9 == 0 else str(place % 83) for place in range(len(rows))]
    Written().save(rows, tmp_path / "visits.csv")
    Written().save(people, tmp_path / "patients.csv")
    assert call("init", "visits.csv", "--patients", "patients.csv", folder=tmp_path).exit_code == 0
    study = load_study(tmp_path / "study.yaml")
    assert study.data.time == "day" and list(study.markers) == ["crp", "albumin"]
    text = flat((tmp_path / "study.yaml").read_text(encoding="utf-8"))
    assert "- age_now: goes up with day" in text
    assert "- sex: does not change within a patient" in text
    assert "- below: 44 × '<5', no numbers (first at line 2)" in text


def test_rows_at_one_time_are_averaged_and_told(tmp_path):
    rows, people = invent()
    doubled = rows.iloc[[0]].assign(crp=9.0)
    import pandas as pd

    Written().save(pd.concat([rows, doubled]), tmp_path / "visits.csv")
    Written().save(people, tmp_path / "patients.csv")
    assert call("init", "visits.csv", "--patients", "patients.csv", folder=tmp_path).exit_code == 0
    assert load_study(tmp_path / "study.yaml").data.duplicates == "mean"
    assert call("check", "study.yaml", folder=tmp_path).exit_code == 0


@pytest.mark.parametrize("arguments", [["--no-outcome"], []])
def test_without_an_outcome_the_courses_are_described(tmp_path, arguments):
    rows, people = invent()
    Written().save(rows, tmp_path / "visits.csv")
    Written().save(people, tmp_path / "patients.csv")
    extra = ["--patients", "patients.csv"] if arguments else []
    ended = call("init", "visits.csv", *extra, *arguments, folder=tmp_path)
    assert ended.exit_code == 0 and "outcome: none" in ended.output
    content = read_document((tmp_path / "study.yaml").read_bytes()).content
    assert content["outcome"] == {"kind": "none"}
    assert content["landmark"] == "none"  # no row is lost
    page = call("check", "study.yaml", folder=tmp_path)
    assert page.exit_code == 0, page.output


def test_an_outcome_of_few_events_is_not_proposed(tmp_path):
    rows, people = invent(20)
    people["status"] = [1, *[0] * 19]
    Written().save(rows, tmp_path / "visits.csv")
    Written().save(people, tmp_path / "patients.csv")
    assert call("init", "visits.csv", "--patients", "patients.csv", folder=tmp_path).exit_code == 0
    text = (tmp_path / "study.yaml").read_text(encoding="utf-8")
    assert "outcome: {kind: none}" in text and "no landmark leaves" in flat(text)
    assert "# outcome:" in text and "#   time: futime" in text  # ready to be taken up


def test_codes_that_tell_nothing_are_left_to_the_user(tmp_path):
    rows, people = invent()
    people["status"] += 1
    Written().save(rows, tmp_path / "visits.csv")
    Written().save(people, tmp_path / "patients.csv")
    arguments = ("init", "visits.csv", "--patients", "patients.csv", "--force")
    assert (
        "none of them is plainly the censored one" not in call(*arguments, "--event-code", "2", folder=tmp_path).output
    )
    assert load_study(tmp_path / "study.yaml").outcome.events == {"2": "2"}
    assert call(*arguments, folder=tmp_path).exit_code == 0
    assert read_document((tmp_path / "study.yaml").read_bytes()).content["outcome"] == {"kind": "none"}


BAD = {
    "no such file": ("", ["nowhere.csv"], "nowhere.csv: there is no such file"),
    "wrong ending": ("", ["visits.docx"], "files ending in '.docx' are not read"),
    "empty": ("", ["visits.csv"], "visits.csv: the file is empty"),
    "header alone": ("id,day,crp\n", ["visits.csv"], "no rows below"),
    "no patient": ("a,b\n1.5,2.5\n3.5,1.25\n", ["visits.csv"], "no column looks like the patient"),
    "no time": ("id,crp\nA,2\nA,1\nB,3\nB,0\n", ["visits.csv", "--patient", "id"], "no column looks like the time"),
    "no marker": ("id,day,x\nA,0,a\nA,9,b\nB,0,a\nB,9,a\n", ["visits.csv", "--patient", "id"], "looks like a marker"),
    "typo in a column": ("id,day,crp\nA,0,1\n", ["visits.csv", "--patient", "idd"], "did you mean 'id'?"),
    "unknown marker": ("GOOD", ["visits.csv", "--marker", "crpp"], "did you mean 'crp'?"),
    "unknown event": ("GOOD", ["visits.csv", "--event", "dead"], "no column 'dead' (--event)"),
    "unknown code": ("ALL", ["visits.csv", "--event", "status", "--event-code", "7=x"], "the code '7' does not occur"),
    "empty code": ("ALL", ["visits.csv", "--event", "status", "--event-code", "=x"], "write CODE=LABEL"),
    "moving event": ("GOOD", ["visits.csv", "--event", "crp", "--followup", "crp"], "changes within a patient"),
    "either date": ("SLASHES", ["visits.csv"], 'give it with --date-format "%d/%m/%Y" or "%m/%d/%Y"'),
    "time in words": ("id,t,crp\nA,a,1\nA,b,2\nB,c,3\nB,d,4\n", ["visits.csv", "--time", "t"], "no cell can be read"),
    "wrong format": ("SLASHES", ["visits.csv", "--date-format", "%Y"], "no cell can be read as a time"),
    "bad name": ("GOOD", ["visits.csv", "--name", "a b"], "--name 'a b': letters, digits"),
    "not yaml": ("GOOD", ["visits.csv", "--out", "study.txt"], "a study file ends in .yaml"),
    "nothing shared": ("GOOD", ["visits.csv", "--patients", "other.csv"], "has no column in common"),
    "no folder": ("GOOD", ["visits.csv", "--patients", "gone/p.csv"], "gone/p.csv: there is no such file"),
    "thousands": ("id;day;crp\nA;0;1,234\nA;9;2,345\nB;0;3,456\n", ["visits.csv"], "--decimal"),
    "excel": ("PK\x03\x04", ["visits.csv"], "compressed or Excel file"),
}  # fmt: skip


def slashes() -> str:
    lines = [f"{name},{day:02d}/{month:02d}/2020,{day}" for name in "ABCDE" for day, month in ((1, 2), (3, 4), (5, 6))]
    return "id,seen,crp\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_read_is_one_line(tmp_path, case):
    text, arguments, said = BAD[case]
    if text in ("GOOD", "ALL"):
        rows, people = invent(12)
        Written().save(rows.merge(people, on="id") if text == "ALL" else rows, tmp_path / "visits.csv")
    else:
        (tmp_path / "visits.csv").write_text(slashes() if text == "SLASHES" else text, encoding="latin-1")
    (tmp_path / "visits.docx").write_text("x", encoding="utf-8")
    (tmp_path / "other.csv").write_text("nr,sex\n1,f\n", encoding="utf-8")
    before = files_in(tmp_path)
    ended = call("init", *arguments, folder=tmp_path)
    assert ended.exit_code == 1
    assert ended.stdout == "" and ended.stderr.count("\n") == 1, ended.output
    assert ended.stderr.startswith("slopewise: ") and said in ended.stderr
    assert files_in(tmp_path) == before


def test_a_study_file_that_is_there_is_kept(tmp_path):
    bring(tmp_path)
    (tmp_path / "study.yaml").write_text("mine", encoding="utf-8")
    ended = call("init", "visits.csv", "--patients", "patients.csv", folder=tmp_path)
    assert ended.exit_code == 1 and "--force" in ended.stderr
    assert (tmp_path / "study.yaml").read_text(encoding="utf-8") == "mine"
    assert call("init", "visits.csv", "--patients", "patients.csv", "--force", folder=tmp_path).exit_code == 0
    assert load_study(tmp_path / "study.yaml").data.patient == "id"


def test_errors_in_the_files_do_not_keep_init_from_writing(tmp_path):
    bring(tmp_path)
    with (tmp_path / "patients.csv").open("a", encoding="utf-8") as stream:
        stream.write("P001,900,1,50\r\n")
    ended = call("init", "visits.csv", "--patients", "patients.csv", folder=tmp_path)
    assert ended.exit_code == 0 and "patient P001" in ended.output and "appears twice" in ended.output
    checked = call("check", "study.yaml", folder=tmp_path)
    assert checked.exit_code == 1 and "P001" in checked.stderr


HOSTILE = (
    "=1+1",
    "<script>alert(1)</script>",
    'say "hi" {yes}: #no',
    "no",
    "0123",
    "x" * 200,
    "zwei\nZeilen",
    "Größe 😀",
)


def test_hostile_names_of_columns(tmp_path):
    names = Names(patient="id", markers=HOSTILE)
    bring(tmp_path, names)
    ended = call("init", "visits.csv", "--patients", "patients.csv", folder=tmp_path)
    assert ended.exit_code == 0, ended.output
    study = load_study(tmp_path / "study.yaml")
    assert [marker.column for marker in study.markers.values()] == list(HOSTILE)
    page = call("check", "study.yaml", folder=tmp_path)
    assert page.exit_code == 0, page.output
    assert not any(letter < " " and letter != "\n" for letter in page.output)


DELIMITED = st.sampled_from([(",", "."), (";", ","), ("\t", "."), ("|", ",")])
STYLE = st.builds(
    lambda marks, encoding, dates: Written(*marks, encoding, dates),
    DELIMITED,
    st.sampled_from(["utf-8", "utf-8-sig", "latin-1", "utf-16"]),
    st.sampled_from(["", "%Y-%m-%d", "%d.%m.%Y", "%d.%m.%y", "%Y/%m/%d", "%d-%b-%Y"]),
)
MARKER = st.text(string.ascii_letters + "äöüéß _-", min_size=3, max_size=12).map(str.strip)
NAMED = st.builds(
    Names,
    patient=st.sampled_from(["id", "Patient", "subject_id", "USUBJID", "PatientenNr", "pat"]),
    time=st.sampled_from(["time", "visit_date", "Datum", "day", "obstime"]),
    followup=st.sampled_from(["futime", "follow_up", "Letzter Kontakt", "survtime", "date of death"]),
    event=st.sampled_from(["status", "death", "Event", "verstorben"]),
    age=st.sampled_from(["age", "Alter", "Age (years)"]),
    markers=st.lists(MARKER, min_size=1, max_size=4, unique_by=lambda name: "".join(words(name))).map(
        lambda names: tuple(f"{name}_m{place}" for place, name in enumerate(names))
    ),
)


@pytest.mark.slow
@settings(max_examples=of_length(6, 15), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=NAMED, written=STYLE, seed=st.integers(0, 50))
def test_what_was_written_is_found_again(tmp_path, names, written, seed):
    rows, people = invent(60, seed, names, written)
    written.save(rows, tmp_path / "visits.csv")
    written.save(people, tmp_path / "patients.csv")
    ended = call("init", "visits.csv", "--patients", "patients.csv", "--force", folder=tmp_path)
    assert ended.exit_code == 0, ended.output
    study = load_study(tmp_path / "study.yaml")
    assert (study.data.patient, study.data.time) == (names.patient, names.time)
    assert [marker.column for marker in study.markers.values()] == list(names.markers)
    assert (study.outcome.time, study.outcome.event) == (names.followup, names.event)
    assert (study.data.time_unit == "date") == bool(written.dates)
    page = call("check", "study.yaml", folder=tmp_path)
    assert page.exit_code == 0, page.output


@given(st.text(min_size=1, max_size=60))
def test_any_text_survives_the_study_file(text):
    if not text.isprintable():
        return
    assert read_document(f"key: {scalar(text)}\nlist: [{scalar(text)}]\n".encode()).content == {
        "key": text,
        "list": [text],
    }


@given(st.text(max_size=200), st.sets(st.sampled_from(["a", "a_2", "time"])))
def test_a_marker_has_a_name_that_the_study_takes(column, used):
    name = marker_name(column, used)
    assert MARKER_NAME.fullmatch(name) and name not in used


def test_names_are_read_in_words():
    assert words("VisitDate_2") == ["visit", "date", "2"]
    assert words("Größe [cm]") == ["grosse", "cm"]
    known = vocabulary("id patientid")
    assert [named(name, known, ("subj",)) for name in ("ID", "Patient-ID", "id of case", "subjnr", "day")] == [
        3,
        3,
        2,
        1,
        0,
    ]
    assert readable("a\nb\x1b[2J") == "a b [2J"


def test_the_same_tables_give_the_same_file(tmp_path):
    bring(tmp_path)
    first = call("init", "visits.csv", "--patients", "patients.csv", folder=tmp_path)
    text = (tmp_path / "study.yaml").read_bytes()
    again = call("init", "visits.csv", "--patients", "patients.csv", "--force", folder=tmp_path)
    assert first.output == again.output and (tmp_path / "study.yaml").read_bytes() == text
