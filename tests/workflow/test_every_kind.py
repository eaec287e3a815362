"""The report of every kind of outcome: its words fit the kind, its numbers stand in the tables, nobody is named."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slopewise.report.words.references import WORKS
from slopewise.study.kinds import KINDS as REGISTERED
from tests.unit.report.report_page import Page
from tests.workflow.running import KINDS, of_kind, run_steps

FOREIGN = {
    "competing": ("odds ratio", "logistic"),
    "binary": ("hazard", "Cox", "censor", "Uno", "Efron"),
    "continuous": ("hazard", "odds", "Cox", "censor", "Brier", "AUC", "Uno", "Efron"),
    "none": ("hazard", "odds", "Cox", "TRIPOD", "outcome model", "AUC", "Uno", "adds information to"),
}
"""Words that would be wrong in a report of that kind."""
NUMBERS = re.compile(r"−?\d+(?:\.\d+)?")
SETTINGS = [2.25, 3, 5, 95, 0.02, 0.5, 0, 1]
SOURCES = ("slopes/reliability.csv", "cohort/flow.csv", "outcome/ledger.csv", "outcome/performance.csv")
SOURCES += ("outcome/permutation.csv", "outcome/likelihood_ratio.csv")
GROWTH = ("growth/fixed_effects.csv", "growth/covariance.csv", "growth/comparison.csv", "growth/serial.csv")


@pytest.fixture(scope="module", params=[kind for kind in KINDS if kind != "survival"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A kind (plain survival has tests of its own) and the results of a small study of it."""
    folder = tmp_path_factory.mktemp(request.param)
    return request.param, run_steps(of_kind(request.param).write(folder), folder / "results", until="report")


def test_every_registered_kind_is_run():
    assert set(REGISTERED) <= set(KINDS)


def page_of(results: Path) -> Page:
    return Page((results / "report.html").read_text(encoding="utf-8"))


def cells(results: Path, kind: str) -> np.ndarray:
    """All numbers of the tables from which the summary tells."""
    names = [name for name in (*SOURCES, *(GROWTH if kind == "none" else ())) if (results / name).is_file()]
    text = "\n".join((results / name).read_text(encoding="utf-8") for name in names)
    found = [float(word) for word in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", text)]
    if kind == "none":  # a log marker's mean and slope are told as they were measured, too
        found += [
            change(value) for value in found if abs(value) < 1 for change in (np.exp, lambda x: 100 * np.expm1(x))
        ]
    return np.array([*found, *SETTINGS])


def test_every_number_of_the_summary_is_a_cell_of_a_table(made: tuple[str, Path]):
    kind, results = made
    page = page_of(results)
    text = page.text("summary")
    known = cells(results, kind)
    if kind != "none":  # the finding's slopes and the events needed stand in the table of the evidence
        known = np.append(known, [float(word.replace("−", "-")) for word in NUMBERS.findall(page.text("ladder"))])
    words = re.findall(r"[+−]?\d+(?:\.\d+)?%?", text)
    unknown = []
    for word in words:
        value = abs(float(word.strip("+%").replace("−", "-")))
        half = 0.5 * 10.0 ** -len(word.partition(".")[2].strip("%")) + 1e-9
        near = [np.abs(np.abs(known) * scale - value) <= half for scale in ((1, 100) if word.endswith("%") else (1,))]
        if not np.any(near) and f"p < {word}" not in text:
            unknown.append(word)
    assert len(words) > 20
    assert unknown == [] or (kind == "none" and unknown == ["60"]), unknown  # of 60 patients the courses are drawn


def test_words_of_other_kinds_are_not_in_it(made: tuple[str, Path]):
    kind, results = made
    page = page_of(results)
    text = " ".join(page.text(section) for section in page.sections if section not in ("provenance", ""))
    for work, _ in WORKS.values():
        text = text.replace(work, "")
    found = [word for word in FOREIGN[kind] if re.search(rf"\b{word}", text, flags=re.IGNORECASE)]
    assert found == [], [text[place - 80 : place + 80] for word in found for place in [text.lower().find(word.lower())]]


def test_the_checklist_stands_where_something_is_predicted(made: tuple[str, Path]):
    kind, results = made
    page = page_of(results)
    assert ("tripod" in page.sections) is (kind != "none")
    if kind != "none":
        model = {"binary": "logistic", "continuous": "linear", "competing": "cause-specific Cox"}.get(kind, "Cox")
        assert f"then {model} regression" in page.text("tripod")
        assert "within 3 and 5 years" in page.text("tripod") or kind in ("binary", "continuous")


def test_methods_cite_what_the_references_list(made: tuple[str, Path]):
    _, results = made
    text = page_of(results).text("methods")
    paragraphs, _, references = text.partition("References")
    cited = {int(number) for group in re.findall(r"\[([\d,]+)\]", paragraphs) for number in group.split(",")}
    listed = sum(work.split(". ")[1] in references for work, _ in WORKS.values())
    assert cited == set(range(1, listed + 1))


def test_examples_are_averages_of_enough_patients_with_the_validated_risks(made: tuple[str, Path]):
    kind, results = made
    if kind == "none":
        assert not (results / "outcome/examples.csv").exists() and "examples" not in page_of(results).sections
        return
    rows = pd.read_csv(results / "outcome/examples.csv")
    assert rows["patients"].min() >= 5 and set(rows["example"]) == {"low", "middle", "high", "change"}
    risks = rows[rows["quantity"] == "risk"]
    assert set(risks["item"]) == set(pd.read_parquet(results / "outcome/predictions.parquet")["cause"])
    validated = pd.read_parquet(results / "outcome/predictions.parquet")
    low, high = (float(validated["risk"].min()), float(validated["risk"].max()))
    assert risks["value"].between(min(low, 0.0), high).all()
    if kind != "competing":
        assert risks["time"].isna().all()
    else:  # a curve that only rises, through the values at the horizons
        for _, curve in risks.groupby(["example", "item", "predictors"]):
            assert {3.0, 5.0} <= set(curve["time"]) and curve.sort_values("time")["value"].is_monotonic_increasing
    counts = rows[rows["quantity"] == "frequency"]
    assert counts.empty is (kind == "continuous")
    text = page_of(results).text("examples")
    for row in counts[(counts["time"].isna()) | (counts["time"] == 3)].itertuples():
        if row.item == counts["item"].iloc[0]:
            assert f"of {row.of:g} such patients" in text and f" {row.value:g}" in text
    columns = rows[["value", "original", "of", "patients"]]
    assert unknown_numbers(text, columns) == []


def test_the_instability_of_predictions_is_that_of_the_table(made: tuple[str, Path]):
    kind, results = made
    if kind == "none":
        assert "instability" not in page_of(results).sections
        return
    rows, text = pd.read_csv(results / "outcome/instability.csv"), page_of(results).text("instability")
    assert set(rows["predictors"]) == {"level", "slope"} and (rows["resamples"] == 5).all()
    assert (rows["low"] <= rows["high"]).all() and (rows["difference"] > 0).all()
    names = ("classification", "calibration_instability", "optimism")
    sides, curves, optimism = (pd.read_csv(results / f"outcome/{name}.csv") for name in names)
    assert sides.empty is (kind == "continuous") and sides["changed"].between(0, 1).all()
    assert (curves["low"] <= curves["high"]).any() and set(optimism["cause"]) == set(curves["cause"])
    performance = pd.read_csv(results / "outcome/performance.csv")
    keys = ["predictors", "cause", "metric", "horizon"]
    both = optimism.merge(performance, on=keys, suffixes=("", "_of_all"))
    assert len(both) == len(optimism) and np.allclose(both["apparent"], both["apparent_of_all"], equal_nan=True)
    text = text.replace("Riley and Collins 2023", "").replace("more than 10%", "")
    assert unknown_numbers(text, pd.concat([part for part in (rows, sides, curves) if len(part)])) == []
    manifest = json.loads((results / "rigour.json").read_text(encoding="utf-8"))
    assert sum(row["corrected"] is not None for row in manifest["performance"]) == optimism["corrected"].notna().sum()


def unknown_numbers(text: str, table: pd.DataFrame) -> list[str]:
    """Numbers of a text that no cell of the table has, rounded, or as a percentage."""
    cells_of = table.select_dtypes("number").to_numpy().ravel()
    known = np.append(cells_of, [*SETTINGS, 95])
    known = np.abs(np.concatenate([known, 100 * known]))
    found = NUMBERS.findall(text)
    assert len(found) > 20
    unknown = []
    for word in found:
        value, half = abs(float(word.replace("−", "-"))), 0.5 * 10.0 ** -len(word.partition(".")[2]) + 1e-9
        if not (np.abs(known - value) <= half).any():
            unknown.append(word)
    return unknown
