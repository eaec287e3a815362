"""The report's calculator gives what `predict` gives, to 1e-9, and refuses what it refuses."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slopewise.report.sections.calculator import calculator_section, has_calculator
from slopewise.report.templates.environment import environment, verbatim
from slopewise.report.words.naming import Naming
from slopewise.run.errors import InputError
from slopewise.shipped.risks import Request, predict
from slopewise.study.reading import load_study
from tests.unit.shipped.shipped_pbc import Shipped, ship

pytestmark = pytest.mark.browser

AFTER = {"after_measurements": True, "covariates": ["age", "sex"], "bootstrap": 0}
MODELS: dict[str, dict[str, Any]] = {
    "survival": {
        "growth": {"fixed": "~ bs(time, df=4) + time:sex", "random": "~ time"},
        "outcome__terms": ["nonlinear_level", "level_by_slope"],
        "outcome__penalty": "none",
    },
    "competing": {
        "outcome__events": {2: "death"},
        "outcome__competing": {1: "transplant"},
        "outcome__covariates": ["age"],
        "outcome__strata": ["sex"],
        "growth": {"fixed": "~ time + I(time ** 2)", "random": "~ time + I(time ** 2)"},
    },
    "binary": {
        "outcome": {"kind": "binary", "column": "died", "positive": "1", **AFTER},
        "data__time_zero": "first_visit",
        "growth": {"fixed": "~ log(time + 1)", "random": "~ log(time + 1)"},
    },
    "continuous": {"outcome": {"kind": "continuous", "column": "score", **AFTER}, "landmark": "none"},
}
SCORES = ("level", "slope", "slope_se", "reliability")


def page_of(made: Shipped) -> Any:
    """The section as the report has it, in a page of its own; its context, too."""
    folder = made.model.parent
    frames: Any = SimpleNamespace(folder=folder)
    section = calculator_section(frames, Naming(load_study(folder / "study.yaml")))
    body = environment().get_template(section.template).render(c=section.context)
    page = f"<!doctype html><html lang='en'><title>x</title><body>{body}<script>{verbatim('calculator.js')}</script>"
    (folder / "form.html").write_text(page, encoding="utf-8")
    return section


def asked(made: Shipped, visits: pd.DataFrame, people: pd.DataFrame) -> list[list[Any]]:
    """The arguments of the form's function for each patient, as somebody would enter them."""
    study = load_study(made.model.parent / "study.yaml")
    columns = {"time": "day", **{name: marker.column for name, marker in study.markers.items()}}
    found = []
    for row in people.to_dict("records"):
        own = visits[visits["id"] == row["id"]]
        rows = [{name: None if pd.isna(one[c]) else one[c] for name, c in columns.items()} for _, one in own.iterrows()]
        covariates = {name: row[name] for name in study.outcome.covariates}
        if "sex" in study.growth_columns:
            covariates["sex"] = row["sex"]
        found.append([rows, covariates, row["sex"] if study.outcome.strata else None])
    return found


def computed(browser: Any, made: Shipped, calls: list[list[Any]]) -> list[dict[str, Any]]:
    context = browser.new_context(offline=True)
    try:
        page = context.new_page()
        page.goto((made.model.parent / "form.html").as_uri())
        script = "calls => calls.map(one => document.querySelector('[data-model]').compute(...one))"
        return list(page.evaluate(script, json.loads(json.dumps(calls, default=float))))
    finally:
        context.close()


def predicted(made: Shipped, folder: Path, visits: pd.DataFrame, people: pd.DataFrame, step: str) -> pd.DataFrame:
    visits.to_csv(folder / "new.csv", index=False)
    people.to_csv(folder / "people.csv", index=False)
    return predict(Request(made.model, "new.csv", "people.csv", predictors=step, draws=0), folder).table


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Shipped]:
    """The models by name, each made when it is first asked for."""
    known: dict[str, Shipped] = {}

    def made(name: str) -> Shipped:
        if name not in known:
            known[name] = ship(tmp_path_factory.mktemp(name), **MODELS[name])
        return known[name]

    return made


@pytest.mark.parametrize("name", MODELS)
def test_it_gives_what_predict_gives(browser: Any, models: Callable[[str], Shipped], tmp_path: Path, name: str) -> None:
    made = models(name)
    assert page_of(made).context["reason"] == ""
    people, visits = made.people.head(40), made.visits
    visits = visits[visits["id"].isin(people["id"])].copy()
    visits.loc[visits.index[::9], "albumin"] = np.nan  # visits without one of the markers
    found = computed(browser, made, asked(made, visits, people))
    assert not [one for one in found if "refused" in one]
    for step in ("level", "slope"):
        table = predicted(made, tmp_path, visits, people, step)
        assert (table["refused"] == "").all()
        for one, patient in zip(found, people["id"].astype(str), strict=True):
            rows = table[table["patient"] == patient]
            first, causes = rows.iloc[0], list(dict.fromkeys(made.outcome.data.causes))
            for marker, scores in one["scores"].items():
                known = [first[f"{marker}.{quantity}"] for quantity in SCORES]
                assert [scores[quantity] for quantity in SCORES] == pytest.approx(known, rel=1e-9, abs=1e-9)
            for cause, risks in zip(causes, one["risks"][step], strict=True):
                own = rows[rows["cause"] == cause].sort_values("horizon")["risk"]
                np.testing.assert_allclose(risks, own, rtol=0, atol=1e-9)


def test_it_refuses_what_predict_refuses(browser: Any, models: Callable[[str], Shipped], tmp_path: Path) -> None:
    plain = models("survival")
    page_of(plain)
    patient = plain.visits["id"].value_counts().sort_index().idxmax()
    visits = plain.visits[plain.visits["id"] == patient].reset_index(drop=True)
    people = plain.people[plain.people["id"] == patient]
    late = pd.concat([visits, visits.tail(1).assign(day=900)])
    twice = pd.concat([visits, visits.tail(1)])
    wrong = {
        "after the landmark": (late, people),
        "it seems to be in another unit (g/l instead of g/dl)": (visits.assign(albumin=10 * visits["albumin"]), people),
        "it seems to be in another unit (as": (visits, people.assign(age=12 * people["age"])),
        "a number greater than 0": (visits.assign(bili=np.log(visits["bili"]) - 20), people),
        "same time": (twice, people),
        "does not know the level x": (visits, people.assign(sex="x")),
        "at least one visit": (visits.assign(bili=np.nan, albumin=np.nan), people),
        "a value is needed": (visits, people.assign(age=np.nan)),
    }
    calls = [call for case in wrong.values() for call in asked(plain, *case)]
    calls = json.loads(json.dumps(calls, default=float).replace("NaN", "null"))
    for (reason, case), found in zip(wrong.items(), computed(browser, plain, calls), strict=True):
        assert reason in found.get("refused", ""), (reason, found)
        with pytest.raises(InputError) as error:
            predicted(plain, tmp_path, *case, "slope")
        if reason.startswith("it seems"):  # the same unit is suspected
            assert re.search(r"another unit \(.*? instead of .*?\)", str(error.value))[0] in found["refused"]  # type: ignore[index]
    (extreme,) = computed(browser, plain, asked(plain, visits.assign(albumin=visits["albumin"] + 3.0), people))
    told = predicted(plain, tmp_path, visits.assign(albumin=visits["albumin"] + 3.0), people, "slope").iloc[0]
    assert "albumin" in told["outside"] and any("outside the training range" in note for note in extreme["notes"])


def test_the_form_shows_what_it_computes_and_says_what_is_wrong(opened: Any) -> None:
    page = opened("pbc", 390)
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    form = page.locator("#calculator form")
    for number, values in enumerate(((0, 1.2, 3.5), (200, 1.5, 3.4), (600, 2.5, 3.1)), start=1):
        for what, value in zip(("time", "log_bilirubin", "albumin"), values, strict=True):
            form.locator(f"tbody tr:nth-child({number}) input[name={what}]").fill(str(value))
    form.get_by_role("button", name="Compute").click()
    answer = page.locator("#calculator [aria-live=polite]")
    assert answer.inner_text() == "age: a value is needed."
    form.get_by_role("textbox", name="age", exact=True).fill("51")
    form.get_by_role("button", name="Compute").click()
    visits = [
        {"time": t, "log_bilirubin": b, "albumin": a} for t, b, a in ((0, 1.2, 3.5), (200, 1.5, 3.4), (600, 2.5, 3.1))
    ]
    known = page.evaluate(
        "visits => document.querySelector('[data-model]').compute(visits, {age: 51, sex: 'f'}, null)", visits
    )
    shown = [cell.get_attribute("data-value") for cell in answer.locator("td").all()]
    scores = [one for marker in sorted(known["scores"]) for one in as_measured(marker, known["scores"][marker])]
    risks = [
        value for pair in zip(known["risks"]["level"][0], known["risks"]["slope"][0], strict=True) for value in pair
    ]
    numbers = [float(number) for text in shown for number in (text or "nan").split(" ")]
    assert numbers == pytest.approx([*scores, *risks], rel=1e-12)
    text = answer.inner_text()
    assert f"{np.exp(known['scores']['log_bilirubin']['level']):.4g} mg/dl" in text and "% per year" in text
    assert "log mg/dl" not in text
    assert f"{100 * risks[0]:.1f}%" in answer.inner_text() and "Of 100 such patients" in answer.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


def as_measured(marker: str, scores: dict[str, float]) -> list[float]:
    """The cells of a marker: bilirubin, which the model takes as a logarithm, in mg/dl and in per cent per year."""
    margin = 1.959963984540054 * scores["slope_se"]
    level, slopes = scores["level"], [scores["slope"] + side * margin for side in (0, -1, 1)]
    if marker.startswith("log"):
        level, slopes = float(np.exp(level)), [100 * float(np.expm1(slope)) for slope in slopes]
    return [level, *slopes, scores["reliability"]]


def test_what_is_outside_the_training_range_is_said_in_the_unit_measured(
    browser: Any, models: Callable[[str], Shipped]
) -> None:
    made = models("survival")
    page_of(made)
    patient = made.visits["id"].iloc[0]
    visits = made.visits[made.visits["id"] == patient].assign(bili=40.0)
    (found,) = computed(browser, made, asked(made, visits, made.people[made.people["id"] == patient]))
    (note,) = [one for one in found["notes"] if one.startswith("log_bilirubin 40")]
    ends = [float(end) for end in re.findall(r"range, (\S+) to (\S+)", note)[0]]
    values = made.visits["bili"]
    assert ends == pytest.approx([values.min(), values.max()], rel=0.2) and note.endswith("mg/dl")  # ends are blurred


def test_what_it_cannot_compute_is_said(models: Callable[[str], Shipped], tmp_path: Path) -> None:
    made = models("survival")
    content = json.loads(made.model.read_text(encoding="utf-8"))
    content["reading"]["growth"]["residual_by"] = "sex"
    (tmp_path / "model.json").write_text(json.dumps(content), encoding="utf-8")
    shutil.copy(made.model.parent / "study.yaml", tmp_path)
    section = page_of(replace(made, model=tmp_path / "model.json"))
    assert "growth.residual_by" in section.context["reason"]
    text = (tmp_path / "form.html").read_text(encoding="utf-8")
    assert "<form" not in text and "slopewise predict" in text


@pytest.mark.parametrize(("asked_for", "shown"), [("auto", True), (True, True), (False, False)])
def test_the_study_says_whether_it_is_there(models: Callable[[str], Shipped], asked_for: Any, shown: bool) -> None:
    folder = models("survival").model.parent
    study = load_study(folder / "study.yaml")
    study = study.model_copy(update={"report": study.report.model_copy(update={"calculator": asked_for})})
    assert has_calculator(SimpleNamespace(folder=folder), Naming(study)) is shown  # type: ignore[arg-type]
    assert not has_calculator(SimpleNamespace(folder=folder / "nowhere"), Naming(study))  # type: ignore[arg-type]
