"""`slopewise check`: the page says what the data say, and what is wrong is one line and status 1."""

import math
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from slopewise import __version__
from slopewise.cli.check.examine import examine
from slopewise.cohort import prepare_cohort
from slopewise.outcome.sample_size import (
    max_r_squared,
    patients_needed,
    risk_margin,
    sample_size,
    sample_size_binary,
)
from slopewise.study.reading import load_study
from slopewise.study.runtime import about, estimate
from slopewise.validate.bootstrap import GROUPS
from tests.unit.cli.cli_files import Written, call, files_in, flat, invent
from tests.workflow.running import pbc_part


@pytest.fixture(scope="module")
def pbc_page(root: Path) -> str:
    ended = call("check", "config/studies/pbc.yaml", folder=root)
    assert ended.exit_code == 0, ended.output
    assert ended.stderr == ""
    return ended.stdout


def rows_of(page: str, first: str) -> list[list[str]]:
    """The rows of the page's tables that begin with a word, cut into cells."""
    return [line.split() for line in page.splitlines() if line.split()[:1] == [first]]


def test_the_page_has_the_numbers_of_the_pbc_trial(pbc_page, root):
    text = flat(pbc_page)
    patients = pd.read_csv(root / "data/pbcseq/patients.csv")
    visits = pd.read_csv(root / "data/pbcseq/measurements.csv")
    at_risk = patients[patients["futime"] > 2 * 365.25]
    events = at_risk["status"].gt(0)
    early = visits[visits["day"].le(2 * 365.25) & visits["id"].isin(at_risk["id"])]
    counts = early.groupby("id").size()
    assert "312 patients in 1945 rows" in text and "0: 143, 1: 29, 2: 140" in text and "f: 276, m: 36" in text
    flow = next(line for line in pbc_page.splitlines() if line.strip().startswith("the cohort"))
    assert flow.split()[2:] == ["0", "0", str(len(at_risk)), str(len(early)), str(events.sum())]
    for number, count in counts.value_counts().items():
        line = next(line for line in pbc_page.splitlines() if line.split()[:1] == [str(number)] and "█" in line)
        assert f" {count} (" in line
    three = int((counts >= 3).sum())
    spread = math.sqrt(
        ((early["day"] / 365.25 - (early["day"] / 365.25).groupby(early["id"]).transform("mean")) ** 2)[
            early["id"].map(counts) >= 2
        ].mean()
    )
    marker = next(row for row in rows_of(pbc_page, "log_bilirubin") if len(row) == 7)
    assert marker[1:] == ["0", "12", "36", str(three), str(len(early)), f"{spread:.3g}"]
    assert ["slope", "8", f"{events.sum() / 8:.1f}"] in rows_of(pbc_page, "slope")
    for horizon in (3, 5, 8):
        since = at_risk["futime"] / 365.25 - 2
        row = [str(horizon), str((events & (since <= horizon)).sum()), str((since > horizon).sum()), "yes"]
        assert row in rows_of(pbc_page, str(horizon))
    assert "splits a visit: 70 rows in the 62 days before, 104 in the 62 days after" in text
    assert "landmark: 2.3" in text
    assert "requires 550 patients, a small optimism 181" in text and "10.1136/bmj.m441" in text
    assert "The study can run, with 2 warnings" in text


def test_sample_sizes_of_the_papers_example():
    # Riley et al. 2019, section 5.2, and pmsampsize: 30 parameters, R² 0.051, rate 0.065, mean follow-up 2.07 years
    assert patients_needed(30, 0.051, 0.9) == 5143
    assert max_r_squared(0.065 * 2.07) == pytest.approx(0.555, abs=5e-4)
    assert patients_needed(30, 0.051, 0.051 / (0.051 + 0.05 * 0.555)) == pytest.approx(1039, abs=2)


def test_sample_size_of_a_cohort():
    small = sample_size(8, 278, 135, 1500.0, 8.0)
    assert not small.enough and small.needed == small.for_shrinkage > small.patients
    assert small.events_needed == math.ceil(small.needed * 135 / 278)
    large = sample_size(2, 27800, 13500, 150000.0, 8.0)
    assert large.enough and large.needed < 200
    assert sample_size(16, 278, 135, 1500.0, 8.0).needed == pytest.approx(2 * small.needed, abs=2)
    # To first order the margin is 1.96 · t · exp(−λt) · √(λ/T).
    rate = 13500 / 150000
    expected = 1.96 * 8 * math.exp(-rate * 8) * math.sqrt(rate / 150000)
    assert risk_margin(13500, 150000.0, 8.0) == pytest.approx(expected, rel=0.01)


def test_sample_size_of_a_binary_outcome():
    # Riley et al. 2020, pre-eclampsia: an outcome of 5% has a largest R² of 0.33, and 30 parameters ask for 5249 then
    size = sample_size_binary(30, 1000, 50)
    assert patients_needed(30, 0.05, 0.9) == 5249
    assert size.for_shrinkage == pytest.approx(patients_needed(30, 0.15 * 0.328, 0.9), rel=0.005)
    assert size.margin == pytest.approx(1.96 * math.sqrt(0.05 * 0.95 / 1000), rel=1e-3)
    assert sample_size_binary(3, 1000, 500).enough


OTHER_KINDS = {
    "binary": ("kind: binary, column: died, positive: 1, after_measurements: true", "patients of the rarer outcome"),
    "continuous": ("kind: continuous, column: score, after_measurements: true", "patients"),
}


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_other_kinds_of_outcome_are_checked_and_told(tmp_path: Path, kind: str):
    part = pbc_part()
    part.patients["died"] = (part.patients["status"] == 2).astype(int)
    part.patients["score"] = part.patients["age"] + part.patients["id"] % 7
    keys, counted = OTHER_KINDS[kind]
    part.study["outcome"] = yaml.safe_load(f"{{{keys}, covariates: [age, sex]}}")
    part.write(tmp_path)
    ended = call("check", "study.yaml", folder=tmp_path)
    assert ended.exit_code == 0, ended.output
    cohort = prepare_cohort(load_study(tmp_path / "study.yaml"), tmp_path)
    n, events = len(cohort.patients), int(cohort.patients["outcome"].sum())
    each = (min(events, n - events) if kind == "binary" else n) / 6
    assert ["slope", "6", f"{each:.1f}"] in rows_of(ended.stdout, "slope")
    assert f"{counted.capitalize()} for each coefficient" in ended.stdout
    assert "outcome.column" in ended.stdout and "Horizons" not in ended.stdout
    assert ("the overall risk is known to" in flat(ended.stdout)) == (kind == "binary")


def test_what_a_run_would_refuse_in_its_folds_stops_the_check(tmp_path: Path):
    part = pbc_part()
    part.patients["rare"] = [1 if place == 3 else 0 for place in range(len(part.patients))]
    part.study["outcome"] |= {"kind": "survival", "strata": ["rare"]}
    part.write(tmp_path)
    ended = call("check", "study.yaml", folder=tmp_path)
    assert ended.exit_code == 1
    assert "outcome.strata: no training patient of rare 1 has the event" in ended.stderr
    part.study["outcome"] = {"kind": "binary", "column": "rare", "positive": 1, "after_measurements": True}
    part.write(tmp_path)
    ended = call("check", "study.yaml", folder=tmp_path)
    assert ended.exit_code == 1 and "the same for all training patients of a fold" in ended.stderr


@pytest.fixture
def study(tmp_path: Path) -> Path:
    rows, people = invent()
    Written().save(rows, tmp_path / "visits.csv")
    Written().save(people, tmp_path / "patients.csv")
    assert call("init", "visits.csv", "--patients", "patients.csv", folder=tmp_path).exit_code == 0
    return tmp_path / "study.yaml"


def change(study: Path, old: str, new: str) -> None:
    text = study.read_text(encoding="utf-8")
    assert old in text
    study.write_text(text.replace(old, new), encoding="utf-8")


WRONG = {
    "a key with a typo": ("study.yaml", "landmark:", "landmrk:", "did you mean `landmark`?"),
    "a column that is not there": ("study.yaml", "column: crp", "column: crpp", "the columns are: id, day, crp"),
    "a file that is not there": ("study.yaml", "visits.csv", "visit.csv", "did you mean visits.csv?"),
    "a doubled key": ("study.yaml", "seed: 1", "seed: 1\nseed: 2", "appears twice"),
    "a late horizon": ("study.yaml", "horizons: [", "horizons: [0.5, 40]  # [", "cannot be evaluated"),
    "a late landmark": ("study.yaml", "landmark: ", "landmark: 99  # ", "too few patients"),
    "many folds": ("study.yaml", "kind: survival", "kind: survival\ncrossfit: {folds: 40}\nx:", "unknown key"),
    "a text among numbers": ("visits.csv", "P003,", "P003,x", "column"),
    "an event code": ("study.yaml", "censored: [0]", "censored: [9]", "unknown event code '0'"),
    "an id in another spelling": ("patients.csv", "P001,", "p001,", "ids are text"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_one_line_and_status_1(study, case):
    name, old, new, said = WRONG[case]
    change(study.parent / name, old, new)
    before = files_in(study.parent)
    ended = call("check", "study.yaml", folder=study.parent)
    assert ended.exit_code == 1
    assert ended.stderr.startswith("slopewise: ") and ended.stderr.count("\n") == 1, ended.stderr
    assert said in ended.output
    assert "Traceback" not in ended.output
    assert files_in(study.parent) == before


def test_too_few_patients_for_the_folds(study):
    change(study, "landmark: ", "crossfit: {folds: 30}\nlandmark: ")
    ended = call("check", "study.yaml", folder=study.parent)
    assert ended.exit_code == 1 and "every fold needs two patients" in ended.stderr
    assert ended.output.count("every fold needs two patients") == 1
    assert "The study cannot run" in ended.stdout


def test_all_errors_of_the_data_are_listed(study):
    text = (study.parent / "visits.csv").read_text(encoding="utf-8").splitlines()
    broken = [f"{line}x" if 5 < place < 40 else line for place, line in enumerate(text)]
    (study.parent / "visits.csv").write_text("\n".join(broken) + "\n", encoding="utf-8")
    ended = call("check", "study.yaml", folder=study.parent)
    assert ended.exit_code == 1
    assert ended.stdout == "" and ended.stderr.count("is not a number") == 1  # one kind is one line, said once
    assert " and 30 more is not a number" in ended.stderr and "(first at line 7, patient P001)" in ended.stderr


def test_all_kinds_of_error_are_listed_at_once(study):
    rows = (study.parent / "visits.csv").read_text(encoding="utf-8").splitlines()
    cells = {5: "<30", 6: "<30", 7: "hämolytisch", 9: "<30"}
    rows = [line.rpartition(",")[0] + f",{cells[place]}" if place in cells else line for place, line in enumerate(rows)]
    rows[12] = rows[12].replace(",", ",x", 1)
    (study.parent / "visits.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    ended = call("check", "study.yaml", folder=study.parent)
    assert ended.exit_code == 1
    lines = ended.stdout.splitlines()
    assert len(lines) == 3 and "column albumin: 3 × '<30' is not a number" in ended.stdout
    assert "'hämolytisch' is not a number" in ended.stdout
    assert "column day" in ended.stdout and "first at line 6" in ended.stdout
    assert "5 errors of 3 kinds" in ended.stderr and "is not a number" not in ended.stderr


def test_a_printed_command_quotes_its_path(study):
    other = study.with_name("my study's.yaml")
    study.rename(other)
    page = call("check", other.name, folder=study.parent)
    assert page.exit_code == 0, page.output
    written = page.output.splitlines()[-1]
    assert shlex.split(written)[-1] == f"study={other.name}"


def test_a_slope_that_cannot_be_told_is_a_warning(study):
    change(study, "landmark: ", "landmark: 0.3  # ")
    ended = call("check", "study.yaml", folder=study.parent)
    assert ended.exit_code == 1
    names = ", ".join(line.marker for line in examine_in(study).markers)
    assert f"{names}: nobody was measured twice up to the landmark" in flat(ended.stdout)
    assert f"all rows of {names} up to the landmark lie at time 0, so there is no slope" in flat(ended.output)
    change(study, "landmark: 0.3", "landmark: 0.96")
    text = flat(call("check", "study.yaml", folder=study.parent).stdout)
    found = examine_in(study)
    assert 0 < found.markers[0].more < 10
    lowest, highest = sorted(line.more for line in found.markers)
    number = f"{lowest}" if lowest == highest else f"{lowest} to {highest}"
    assert f"{names}: only {number} of {len(found.cohort.patients)} patients" in text


def examine_in(study: Path):
    before = os.getcwd()
    os.chdir(study.parent)
    try:
        return examine(study)
    finally:
        os.chdir(before)


def test_the_cohort_is_the_workflows_own(study):
    found = examine_in(study)
    cohort = prepare_cohort(load_study(study), study.parent)
    pd.testing.assert_frame_equal(found.cohort.measurements, cohort.measurements)
    assert sum(found.visits) == len(cohort.measurements)
    assert found.stops == [] and [line.reason for line in found.horizons] == [""] * len(found.horizons)


def test_the_estimate_grows_with_the_work(study):
    own = load_study(study)
    base = estimate(own, 300)
    more = own.model_copy(update={"outcome": own.outcome.model_copy(update={"bootstrap": 2000})})
    assert estimate(own, 30000).seconds > 3 * base.seconds
    assert base.seconds < sum(base.steps.values()) + 10 and all(second >= 0 for second in base.steps.values())
    assert estimate(more, 300).growth_fits > 5 * base.growth_fits
    # 2 markers · (1 + 25 + 25·6 + 200·26) fits
    assert base.growth_fits == 2 * (1 + 25 + 25 * 6 + 200 * 26)
    bent = own.model_copy(update={"outcome": own.outcome.model_copy(update={"bootstrap": 1000})})
    assert estimate(bent, 300).growth_fits == 2 * (1 + 25 + 25 * 6 + (1000 + 300) * 26)
    assert estimate(bent, 30000).growth_fits == estimate(bent, GROUPS).growth_fits
    assert [about(seconds) for seconds in (20, 70, 600, 7300)] == [
        "about half a minute",
        "about a minute",
        "about 10 minutes",
        "about 2 hours",
    ]


def test_help_and_version():
    shown = call("--help")
    assert shown.exit_code == 0
    assert all(word in shown.output for word in ("init", "check", "tables", "slopewise run study.yaml"))
    assert re.fullmatch(
        rf"slopewise {re.escape(__version__)}( \(commit [0-9a-f]+(-dirty)?\))?\n", call("--version").output
    )
    for command, option in (("init", "--event-code"), ("check", "STUDY"), ("tables", "--format")):
        assert option in call(command, "--help").output
    assert call("chek").exit_code == 2


def test_a_terminal_without_unicode_gets_the_page_too(root, package):
    environment = {**os.environ, "PYTHONPATH": str(package.parent), "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    command = [sys.executable, "-m", "slopewise.cli.app", "check", "config/studies/pbc.yaml"]
    ended = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0 and ended.stderr == "", ended.stderr
    assert "3 ############################## 161" in ended.stdout and "The study can run" in ended.stdout


def test_the_command_starts_without_the_scientific_libraries(package):
    code = "import sys, slopewise.cli.app; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    ended = subprocess.run([sys.executable, "-c", code], cwd=package.parent, capture_output=True, text=True, check=True)
    loaded = set(ended.stdout.split())
    assert "typer" in loaded and not loaded & {"numpy", "pandas", "scipy", "numba", "matplotlib", "pydantic", "pandera"}
