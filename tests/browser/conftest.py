"""A browser for tests, and reports for it to open. Nothing here reaches a network."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from slopewise.report.pages.patients import render_patients
from slopewise.report.pages.study import render
from tests.unit.report.report_tables import Invented
from tests.workflow.running import ROOT, made_once, run_hostile, run_pbc, run_plain, run_steps, script

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
NOISE = tuple(f"noise_{number:02d}" for number in range(1, 25))


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright; skipped where it is not installed, but never in CI."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sync_playwright = None
    if sync_playwright is None or not CHROMIUM.exists():
        if os.environ.get("CI"):
            pytest.fail(f"CI must have {CHROMIUM} and Playwright: the report is tested as a browser shows it")
        pytest.skip(f"no {CHROMIUM} or no Playwright here")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Reports:
    """Reports by name, each made when it is first asked for."""

    factory: pytest.TempPathFactory
    folder: Path
    made: dict[str, Path] = field(default_factory=dict)

    def __call__(self, name: str) -> Path:
        """The path of ``report.html``: ``pbc`` (a part of the trial, run), ``two`` (markers, invented), ..."""
        if name not in self.made:
            self.made[name] = getattr(self, name)()
        return self.made[name]

    def pbc(self) -> Path:
        return made_once(self.factory, "plain", run_plain) / "results/report.html"

    def shipped(self) -> Path:
        """The whole trial."""
        return made_once(self.factory, "pbc", run_pbc) / "results/report.html"

    def sleepstudy(self) -> Path:
        """A study without an outcome, run as it ships."""
        study = ROOT / "config/studies/sleepstudy.yaml"
        results = run_steps(study, self.folder / "sleepstudy", until="slopes", folder=ROOT)
        cohort = [results / f"cohort/{name}.parquet" for name in ("measurements", "patients")]
        script("rate_slopes").rate(
            study, *cohort, results / "slopes/slopes.parquet", results / "slopes/reliability.csv", threads=1
        )
        made = [path for path in results.rglob("*") if path.suffix in {".parquet", ".csv"}]
        script("record_run").record(study, ROOT, made, results / "provenance.json", results / "run.json", 1)
        script("render_report").write(study, results / "report.html")
        return results / "report.html"

    def two(self) -> Path:
        return self._invented("two", Invented(dropped=("beta",), singular=("beta",)))

    def patients(self) -> Path:
        """The page of single patients."""
        invented = Invented(keys={"report.patients": True})
        file = invented.write(self.folder / "patients") / "report-patients.html"
        file.write_text(render_patients(invented.study(), file.parent), encoding="utf-8")
        return file

    def hostile(self) -> Path:
        """Texts that would run or break something, through the whole workflow."""
        return made_once(self.factory, "hostile", run_hostile) / "results/report.html"

    def noise(self) -> Path:
        """24 markers; their courses are noise about a start and a slope of chance."""
        return self._invented("noise", Invented(markers=NOISE, patients=24))

    def _invented(self, name: str, invented: Invented) -> Path:
        folder = invented.write(self.folder / name)
        (folder / "report.html").write_text(render(invented.study(), folder), encoding="utf-8")
        return folder / "report.html"


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """Reports by name."""
    return Reports(tmp_path_factory, tmp_path_factory.mktemp("reports"))


@pytest.fixture
def opened(browser: Any, reports: Reports) -> Iterator[Callable[..., Any]]:
    """Open a report by its name with the network off, with its evidence open where that is wanted.

    Fail if the page complained or asked for anything else.
    """
    contexts, faults = [], []

    def open_report(
        name: str, width: int = 1280, scheme: str = "light", script: bool = True, evidence: bool = False
    ) -> Any:
        file = reports(name).as_uri()
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True, java_script_enabled=script
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: faults.append(f"{name}: {message.type}: {message.text}"))
        page.on("pageerror", lambda error: faults.append(f"{name}: {error}"))
        page.on("requestfailed", lambda request: faults.append(f"{name}: failed {request.url[:120]}"))
        page.on("request", lambda request: outside(request.url, file))
        page.goto(file)
        if evidence:
            page.get_by_role("button", name="Open all sections of the evidence").click()
        return page

    def outside(url: str, file: str) -> None:
        if url.partition("#")[0] != file and not url.startswith(("data:image/", f"blob:{file}", "blob:null")):
            faults.append(f"asked for {url[:120]}")

    yield open_report
    for context in contexts:
        context.close()
    assert faults == []
