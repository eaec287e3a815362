"""The page of single patients: only where it is asked for, under a banner, and never part of the report."""

from pathlib import Path

import pytest
import yaml

from slopewise.report.material.frames import Frames
from slopewise.report.pages.patients import LISTED, changes_table, distances_table, render_patients
from slopewise.report.pages.study import render
from slopewise.report.words.naming import Naming
from slopewise.run.errors import InputError
from slopewise.study.reading import parse_study
from slopewise.tables import files as tables
from tests.unit.report.report_page import LOADING, Page
from tests.unit.report.report_tables import Invented

BAD = "<script>alert(1)</script>"


class Hostile(Invented):
    """One of its patients has a name that would run."""

    @property
    def names(self) -> list[str]:
        return sorted([*super().names[1:], BAD])


@pytest.fixture(scope="module")
def asked() -> Invented:
    return Hostile(keys={"report.patients": True})


@pytest.fixture(scope="module")
def results(asked, tmp_path_factory) -> Path:
    return asked.write(tmp_path_factory.mktemp("results") / "invented")


@pytest.fixture(scope="module")
def html(asked, results) -> str:
    return render_patients(asked.study(), results)


def test_it_opens_with_a_banner_and_names_every_patient(asked, html):
    page = Page(html)
    assert "".join(page.texts["strong"]) == "Not for sharing."
    assert html.index("banner") < html.index("<header>") and page.open == []
    text = page.text("risks")
    assert len(asked.names) == 60 and all(name in text for name in asked.names)


def test_names_are_text_and_nothing_is_loaded(html):
    page = Page(html)
    assert [tag for tag, _ in page.tags].count("script") == 1 and BAD not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert not [a for tag, a in page.tags if LOADING & set(a) or tag in ("img", "link", "iframe")]


def test_the_report_for_sharing_stays_without_them(asked, results):
    html = render(asked.study(), results)
    assert not [name for name in asked.names if name in html] and "alert(1)" not in html


def test_a_study_that_does_not_ask_gets_none(results):
    with pytest.raises(InputError, match=r"report: \{patients: true\}"):
        render_patients(Invented().study(), results)


def test_the_lists_hold_the_extremes(asked, results):
    frames, naming = Frames.read(results), Naming(asked.study())
    slopes = tables.read("slopes/slopes", results / "slopes/slopes.parquet")
    own = slopes[slopes["marker"] == "alpha"].set_index("patient")
    listed = [row[0] for row in changes_table(frames, naming, "alpha").rows]
    assert len(listed) == LISTED and [own.loc[name, "slope"] for name in listed] == sorted(own.loc[listed, "slope"])
    away = (own["slope"] - own["slope"].mean()).abs()
    assert away[listed].min() >= away.drop(listed).max()
    last = frames.measurements.groupby("patient")["time"].max()
    distance = own["last"] - (own["level"] - own["slope"] * (2 - last.reindex(own.index)))
    far = [row[0] for row in distances_table(frames, naming, "alpha").rows]
    assert distance.abs()[far].min() >= distance.abs().drop(far).max()


def test_a_study_without_an_outcome_has_the_lists_and_no_risks(tmp_path):
    invented = Hostile()
    results = invented.write(tmp_path / "grown")
    patients = tables.read("cohort/patients", results / "cohort/patients.parquet")
    patients[["patient", "age", "sex"]].to_parquet(results / "cohort/patients.parquet", index=False)
    content = invented.study().model_dump(mode="json", exclude_defaults=True)
    content = {**content, "report": {"patients": True}, "outcome": {"kind": "none"}}
    study = parse_study(yaml.safe_dump(content).encode(), "grown.yaml")
    page = Page(render_patients(study, results))
    assert "risks" not in page.sections and BAD in page.text("changes") and page.open == []
    assert [a["href"] for tag, a in page.tags if tag == "a"] == ["#changes", "#findings"]
