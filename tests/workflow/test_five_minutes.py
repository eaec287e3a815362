"""docs/five-minutes.md is followed by its words alone, and once more with the tables as another program saves them."""

import io
import os
import re
import shlex
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat
import pytest
import yaml

from slopewise.study.reading import load_study
from tests.unit.cli.cli_files import call

DOCS = Path(__file__).resolve().parents[2] / "docs"
WALK = DOCS / "five-minutes.md"


def blocks() -> list[str]:
    """The commands of the walk, in order."""
    return re.findall(r"^```sh\n(.*?)^```$", WALK.read_text(encoding="utf-8"), re.M | re.S)


def place(folder: Path, root: Path) -> Path:
    """A folder of slopewise as `make demo` leaves it, its programs those of this test."""
    for name in ("Snakefile", "workflow", "profiles", "config"):
        (folder / name).symlink_to(root / name)
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, module in (("slopewise", "slopewise.cli.app"), ("snakemake", "snakemake")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n', encoding="utf-8")
        (programs / name).chmod(0o755)
    return folder


def follow(folder: Path, command: str) -> str:
    """Run one block of commands, which must end well; what it printed."""
    package = (DOCS.parent / "workflow" / "scripts").as_posix()
    ended = subprocess.run(
        ["bash", "-eu", "-c", command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": package, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, f"{command[:200]}\n{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
    return ended.stdout


def test_the_walk_has_its_steps():
    found = blocks()
    assert found[0] == "make demo\n"
    assert [re.sub(r"\s.*", "", block, flags=re.S) for block in found[1:]] == [
        "cat", "cat", ".venv/bin/slopewise", ".venv/bin/slopewise", ".venv/bin/snakemake", ".venv/bin/slopewise"
    ]  # fmt: skip


def with_few_resamples(file: Path) -> None:
    """The proposed study with few repeats and resamples, whose number changes nothing of what the walk shows."""
    study = yaml.safe_load(file.read_text(encoding="utf-8"))
    few = {"growth": {"bootstrap": 20}, "crossfit": {"repeats": 1}, "validation": {"repeats": 1, "bootstrap": 20}}
    for part, keys in few.items():
        study[part] = {**(study.get(part) or {}), **keys}
    study["outcome"]["bootstrap"] = 5
    file.write_text(yaml.safe_dump(study, sort_keys=False, allow_unicode=True), encoding="utf-8")


@pytest.mark.workflow
@pytest.mark.slow
def test_the_walk_ends_in_a_report(tmp_path, root):
    _, visits, patients, init, check, run, tables = blocks()
    place(tmp_path, root)
    for block in (visits, patients):
        follow(tmp_path, block)
    told = follow(tmp_path, init)
    assert told in WALK.read_text(encoding="utf-8"), f"the walk shows other lines than these:\n{told}"
    assert "The study can run" in follow(tmp_path, check)
    with_few_resamples(tmp_path / "clinic.yaml")
    follow(tmp_path, run)
    at_risk = len(pd.read_parquet(tmp_path / "results/clinic/cohort/patients.parquet"))
    report = (tmp_path / "results/clinic/report.html").read_text(encoding="utf-8")
    assert at_risk > 30 and f"{at_risk} patients at risk at the landmark" in report
    follow(tmp_path, tables)
    assert (tmp_path / "results/clinic/tables/performance.csv").read_bytes().startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("way", ["latin-1", "commas and ISO dates"])
def test_other_shapes_of_the_same_tables(tmp_path, root, way):
    _, visits, patients, init, check, *_ = blocks()
    place(tmp_path, root)
    for block, name in ((visits, "visits.csv"), (patients, "patients.csv")):
        follow(tmp_path, block)
        path = tmp_path / name
        text = path.read_text(encoding="utf-8")
        if way == "latin-1":
            path.write_bytes(text.encode("latin-1"))
        else:
            plain = text.replace(",", ".").replace(";", ",")
            path.write_text(re.sub(r"(\d\d)\.(\d\d)\.(\d{4})", r"\3-\2-\1", plain), encoding="utf-8")
    follow(tmp_path, init)
    assert "The study can run" in follow(tmp_path, check)
    study = load_study(tmp_path / "clinic.yaml")
    assert study.data.date_format == ("%d.%m.%Y" if way == "latin-1" else "auto")
    assert [marker.column for marker in study.markers.values()] == ["CRP (mg/l)", "Hämoglobin (g/dl)"]


VISITS = {"Datum": "Date", "CRP (mg/l)": "CRP", "Hämoglobin (g/dl)": "Hb"}


def number(text: pd.Series) -> pd.Series:
    return pd.to_numeric(text.str.replace(",", "."))


def as_excel(visits: pd.DataFrame, people: pd.DataFrame, folder: Path) -> None:
    dates = {"Date": pd.to_datetime(visits["Date"], format="%d.%m.%Y"), "CRP": number(visits["CRP"])}
    last = pd.to_datetime(people["Letzter Kontakt"], format="%d.%m.%Y")
    with pd.ExcelWriter(folder / "trial.xlsx") as book:
        visits.assign(**dates, Hb=number(visits["Hb"])).to_excel(book, sheet_name="visits", index=False)
        people.assign(**{"Letzter Kontakt": last}).to_excel(book, sheet_name="patients", index=False)


def as_redcap(visits: pd.DataFrame, people: pd.DataFrame, folder: Path) -> None:
    """The characteristics in an event of their own, the outcome in another."""
    event = "visit_" + (visits.groupby("Patient").cumcount() + 1).astype(str) + "_arm_1"
    rows = visits.assign(CRP=number(visits["CRP"]), Hb=number(visits["Hb"]), redcap_event_name=event)
    own = people[["Patient", "Alter", "Geschlecht"]].assign(redcap_event_name="enrolment_arm_1")
    end = people[["Patient", "Letzter Kontakt", "Verstorben"]].assign(redcap_event_name="end_arm_1")
    both = pd.concat([own, rows, end]).sort_values("Patient", kind="stable")
    columns = ["Patient", "redcap_event_name"]
    both[[*columns, *both.columns.drop(columns)]].to_csv(folder / "redcap.csv", index=False)


def as_adam(visits: pd.DataFrame, people: pd.DataFrame, folder: Path) -> None:
    day = pd.to_datetime(visits["Date"], format="%d.%m.%Y")
    start = day.groupby(visits["Patient"]).min()
    adlb = visits.assign(USUBJID=visits["Patient"], ADY=(day - visits["Patient"].map(start)).dt.days + 1.0)
    adlb = adlb.melt(["USUBJID", "ADY"], ["CRP", "Hb"], "PARAMCD", "AVAL").query("AVAL != ''")
    adlb = adlb.assign(AVAL=number(adlb["AVAL"]), PARAMCD=adlb["PARAMCD"].str.upper())
    end = pd.to_datetime(people["Letzter Kontakt"], format="%d.%m.%Y")
    adtte = pd.DataFrame({"USUBJID": people["Patient"], "PARAMCD": "OS"})
    adtte = adtte.assign(
        AVAL=(end - people["Patient"].map(start)).dt.days + 1.0, CNSR=people["Verstorben"].eq("nein") * 1.0
    )
    adsl = pd.DataFrame(
        {"USUBJID": people["Patient"], "AGE": number(people["Alter"]) * 1.0, "SEX": people["Geschlecht"]}
    )
    adsl = adsl.assign(TRT01P=["Drug", "Placebo"] * (len(adsl) // 2))
    for name, frame in (("adlb", adlb), ("adtte", adtte), ("adsl", adsl)):
        pyreadstat.write_xport(frame, folder / f"{name}.xpt", file_format_version=5)


def as_long(visits: pd.DataFrame, people: pd.DataFrame, folder: Path) -> None:
    """Every third CRP in another unit."""
    lab = visits.melt(["Patient", "Date"], ["CRP", "Hb"], "Test", "Value").query("Value != ''").reset_index(drop=True)
    crp = lab["Test"] == "CRP"
    other = crp & (lab.index % 3 == 0)
    value = number(lab["Value"]).where(~other, number(lab["Value"]) / 10)
    unit = np.select([other, crp], ["mg/dl", "mg/l"], "g/dl")
    lab.assign(Value=value.round(4), Unit=unit).to_csv(folder / "lab.csv", index=False)
    people.to_csv(folder / "patients.csv", index=False)


FORMS = {"Excel": as_excel, "REDCap": as_redcap, "A trial's data sets (CDISC ADaM)": as_adam, "Long form": as_long}


@pytest.mark.parametrize("form", FORMS)
def test_the_same_tables_in_another_form(form, tmp_path):
    walk = WALK.read_text(encoding="utf-8")
    visits, people = (
        pd.read_csv(io.StringIO(re.search(rf"cat > {name}.csv <<'END'\n(.*?)END", walk, re.S)[1]), sep=";", dtype=str)
        for name in ("visits", "patients")
    )
    FORMS[form](visits.fillna("").rename(columns=VISITS), people, tmp_path)
    section = walk.partition(f"\n**{form}**")[2].partition("\n**")[0].partition("\n## ")[0]
    commands = re.findall(r"^slopewise (.*)$", section, re.M)
    assert commands[-1] == "check clinic.yaml"
    for command in commands:
        ended = call(*shlex.split(command), folder=tmp_path)
        assert ended.exit_code == 0, ended.output
    assert "The study can run" in ended.output
    study = load_study(tmp_path / "clinic.yaml")
    assert len(study.markers) == 2 and study.outcome.kind == "survival" and len(study.outcome.covariates) >= 2
    assert {marker.transform for marker in study.markers.values()} == {"none", "log"}
    units = {marker.column: dict(marker.units) for marker in study.markers.values() if marker.units}
    assert units == ({"CRP": {"mg/l": 1, "mg/dl": 10}} if form == "Long form" else {})


def visits_alone(patients: int = 24) -> bytes:
    """A table of visits and nothing else, as it may come: Latin-1, semicolons, decimal commas, the day first."""
    rng = np.random.default_rng(8)
    lines = ["Pat.-Nr.;Besuchsdatum;Größe (cm);Fläche [mm²];Bemerkung"]
    for patient in range(1, patients + 1):
        start, slope = rng.normal(30, 6), rng.normal(-1.5, 1)
        day = date(2011, 1, 1) + timedelta(days=int(rng.integers(700)))
        for visit in range(int(rng.integers(2, 6))):
            years = 0.5 * visit + rng.uniform(0, 0.1)
            values = rng.normal(170, 1), start + slope * years + rng.normal(0, 1)
            cells = [f"{value:.1f}".replace(".", ",") for value in values]
            when = day + timedelta(days=round(365.25 * years))
            lines.append(f"{patient:04d};{when:%d.%m.%Y};{cells[0]};{cells[1]};{['', 'müde'][visit % 2]}")
    return ("\r\n".join(lines) + "\r\n").encode("latin-1")


@pytest.mark.workflow
@pytest.mark.slow
def test_one_table_of_visits_ends_in_a_report_without_an_edit(tmp_path, root):
    place(tmp_path, root)
    (tmp_path / "messungen.csv").write_bytes(visits_alone())
    told = follow(tmp_path, ".venv/bin/slopewise init messungen.csv --out fläche.yaml")
    assert "patient: Pat.-Nr. (24 different values" in told and "outcome: none" in told
    checked = follow(tmp_path, ".venv/bin/slopewise check fläche.yaml")
    assert "The study can run" in checked and "at the landmark" not in checked
    follow(tmp_path, ".venv/bin/snakemake --cores 2 --config study=fläche.yaml 2> ended.txt")
    assert (tmp_path / "ended.txt").read_text().endswith("The report: results/fl_che/report.html\n")
    report = (tmp_path / "results/fl_che/report.html").read_text(encoding="utf-8")
    assert "24 patients" in report and "Fläche" in report and "How Größe and Fläche change" in report
    assert not re.search(r"\b00[0-2]\d\b", re.sub(r"<svg.*?</svg>|data:[^\"')]*", "", report, flags=re.S))


def test_links_and_pictures_of_the_documents_are_there():
    documents = [*DOCS.rglob("*.md"), DOCS.parent / "README.md"]
    assert len(documents) >= 7
    for document in documents:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (document.parent / target).exists(), f"{document.name}: {target}"
