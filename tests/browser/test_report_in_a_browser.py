"""The report as a browser shows it: quiet, alone, usable with keys and on a telephone, complete on paper."""

import re
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

EVERY = ("pbc", "sleepstudy", "two", "noise")


def overflow(page: Any) -> int:
    """Units by which the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def seen(page: Any, selector: str) -> int:
    """How many elements are on the page: not hidden, not folded away."""
    return page.locator(f"{selector}:visible").count()


def column(page: Any, table: str, place: int) -> list[str]:
    cells = page.locator(f'table[data-name="{table}"] tbody tr > :nth-child({place})')
    return [text.partition("\n")[0] for text in cells.all_inner_texts()]


@pytest.mark.parametrize("name", EVERY)
def test_a_report_opens_without_a_word_and_leads_to_its_parts(opened, name):
    page = opened(name)
    ids = page.evaluate("Array.from(document.querySelectorAll('[id]'), one => one.id)")
    assert len(ids) == len(set(ids))
    targets = [link.get_attribute("href") for link in page.locator("nav a").all()]
    assert len(targets) >= 8 and targets[0] == "#summary"
    parts = [target for target in targets if target != "#behind"]  # the evidence's title: a short page ends before it
    for target in (parts[4], parts[-1]):
        page.locator(f'nav a[href="{target}"]').click()
        page.wait_for_selector(f'nav a[href="{target}"][aria-current]')
        top = page.locator(target).bounding_box()["y"]
        assert page.url.endswith(target) and -2 <= top < 900
        assert page.locator("nav a[aria-current]").count() == 1


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [
        ("pbc", 1280, "light"),
        ("pbc", 360, "dark"),
        ("noise", 1280, "dark"),
        ("two", 360, "light"),
        ("patients", 360, "dark"),
    ],
)
def test_axe_finds_nothing_serious(opened, name, width, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = opened(name, width, scheme, evidence=name == "noise")
    if name == "noise":  # its thousands of cells are like those of the others: what many markers bring with them is new
        page.get_by_role("combobox", name="Show").first.select_option("noise_21")
        where = ["#courses", "nav"]
    else:
        page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
        where = None
    found = Axe().run(page, where, options={"resultTypes": ["violations"]}).response["violations"]
    told = [f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:150]}" for one in found]
    assert [line for line, one in zip(told, found, strict=True) if one["impact"] in ("serious", "critical")] == []


@pytest.mark.parametrize("name", [*EVERY, "patients", "hostile"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_a_telephone(opened, name, scheme):
    page = opened(name, 360, scheme)
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    assert overflow(page) <= 0
    paper, ink = page.evaluate("(style => [style.backgroundColor, style.color])(getComputedStyle(document.body))")
    light = [sum(int(x) for x in re.findall(r"\d+", colour)[:3]) for colour in (paper, ink)]
    assert (light[0] > 600 > 300 > light[1]) if scheme == "light" else (light[0] < 300 < 600 < light[1])


def test_a_table_is_sorted_by_number_by_word_and_back(opened):
    page = opened("noise", evidence=True)
    head = page.locator('table[data-name="slopes"] thead th')
    page.get_by_role("button", name="Sort by reliability, 95% interval").click()
    rising = [float(text) for text in column(page, "slopes", 2)]
    assert len(rising) == 24 and rising == sorted(rising) and rising[0] < rising[-1]
    page.get_by_role("button", name="Sort by reliability, 95% interval").click()
    assert [float(text) for text in column(page, "slopes", 2)] == sorted(rising, reverse=True)
    assert head.nth(1).get_attribute("aria-sort") == "descending"
    page.locator('table[data-name="slopes"]').get_by_role("button", name="Sort by marker").press("Enter")
    assert column(page, "slopes", 1) == sorted(column(page, "slopes", 1))
    assert [one.get_attribute("aria-sort") for one in head.all()][:2] == ["ascending", None]


def test_one_of_many_markers_is_shown_alone_and_all_come_back(opened):
    page = opened("noise", evidence=True)
    panels, words = '[data-name="courses"] .panel', "#courses .prose p[data-marker]"
    assert seen(page, panels) == seen(page, words) == 12
    choice = page.get_by_role("combobox", name="Show").first
    assert len(choice.locator("option").all()) == 25
    choice.select_option("noise_21")
    assert [seen(page, one) for one in (panels, words, '[data-name="shrinkage"] .panel')] == [1, 1, 1]
    assert page.locator(f"{panels}:visible svg").get_attribute("aria-label").startswith("noise_21")
    assert "noise_21" in page.locator(f"{words}:visible").inner_text()
    assert "noise_21" in page.get_by_role("status").first.inner_text()
    chosen = page.locator('table[data-name="slopes"] tr.chosen')
    assert chosen.count() == 1 and "noise_21" in chosen.inner_text()
    assert seen(page, 'table[data-name="slopes"] tbody tr') == 24
    assert page.get_by_role("combobox", name="Show").nth(1).input_value() == "noise_21"
    page.get_by_role("combobox", name="Show").nth(1).select_option("")
    assert seen(page, panels) == 12 and page.locator(".chosen, .other").count() == 0


def test_a_risk_group_is_highlighted_in_pictures_and_tables(opened):
    page = opened("two", evidence=True)
    button = page.get_by_role("button", name="Highlight high risk")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    faint = page.locator('[data-name="groups"] .faint')
    assert {one.get_attribute("data-group") for one in faint.all()} == {"low", "middle"}
    assert set(page.locator("#groups tr.chosen th").all_text_contents()) == {"high"}
    assert float(faint.first.evaluate("one => getComputedStyle(one).opacity")) < 0.5
    button.click()
    assert page.locator(".faint, tr.chosen").count() == 0


def test_without_its_script_the_page_is_complete(opened):
    page = opened("noise", script=False)
    assert page.locator(".switch:visible, .highlight, #behind .tools").count() == 0
    page.locator('details.layer[data-anchor="courses"] > summary').click()
    page.locator('nav a[href="#slopes"]').click()  # the browser itself opens what a link leads to
    page.locator('[data-name="courses"] details > summary').click()
    assert seen(page, '[data-name="courses"] .panel') == 24
    assert seen(page, 'table[data-name="slopes"] tbody tr') == 24


def test_what_is_saved_is_the_table_and_the_picture(opened, tmp_path: Path):
    page = opened("two", evidence=True)

    def saved(title: str) -> Path:
        with page.expect_download() as download:
            page.get_by_role("button", name=title, exact=True).click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        return path

    table = saved("Save the table Fixed effects: the average patient as CSV")
    lines = table.read_text(encoding="utf-8").splitlines()
    assert table.name == "growth-fixed.csv" and len(lines) == 5
    assert lines[0].split(",")[:3] == ["marker", "term", "estimate"] and lines[1].startswith("alpha,at time zero,1.23")
    picture = saved("Save the picture courses-1 as SVG").read_text(encoding="utf-8")
    assert picture.startswith("<svg") and "var(--" not in picture and "alpha" in picture
    assert saved("Save the picture courses-1 as PNG").read_bytes().startswith(b"\x89PNG")


def test_links_into_the_closed_evidence_open_it(opened):
    page = opened("two")
    assert page.locator("details.layer[open]").count() == 0
    page.locator('#summary a[href="#ladder"]').click()
    page.wait_for_selector('details.layer[data-anchor="ladder"][open]')
    assert page.locator("details.layer[open]").count() == 1
    page.locator('details.layer[data-anchor="ladder"] > summary').click()
    page.locator('#summary a[href="#ladder"]').click()  # the address stays the same
    page.wait_for_selector('details.layer[data-anchor="ladder"][open]')
    page.goto(page.url.partition("#")[0] + "#audit")
    page.reload()
    page.wait_for_selector('details.layer[data-anchor="audit"][open]')


def test_the_contents_do_not_precede_the_finding_on_a_telephone(opened):
    page = opened("two", 390)
    finding, contents = (page.locator(one).bounding_box() for one in ("#finding", "nav"))
    assert finding["y"] + finding["height"] < contents["y"] and finding["y"] < 400
    assert seen(page, "nav ol ol li") == 0


SCROLLED = """() => Array.from(document.querySelectorAll(".scroll")).map(place => {
  const before = place.previousElementSibling;
  const hint = before && before.matches(".more-columns") && before.offsetParent !== null ? before.textContent : "";
  return [place.scrollWidth > place.clientWidth + 1, hint];
})"""


@pytest.mark.parametrize("width", [1100, 390])
def test_a_table_that_is_wider_than_the_page_says_that_it_scrolls(opened, width):
    page = opened("two", width)
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    page.wait_for_function(f"({SCROLLED})().every(([wide, hint]) => wide === (hint !== ''))")
    found = page.evaluate(SCROLLED)
    assert {wide for wide, _ in found} == {True, False}
    assert all(re.fullmatch(r"Scroll sideways for [1-9]\d* more columns? →", hint) for wide, hint in found if wide)
    page.emulate_media(media="print")
    assert seen(page, ".more-columns") == 0


def test_no_paragraph_and_no_picture_stands_twice(opened):
    for name in ("pbc", "sleepstudy"):
        page = opened(name)
        texts = page.evaluate("Array.from(document.querySelectorAll('p, figcaption, main li'), one => one.textContent)")
        long = [text for text in (" ".join(text.split()) for text in texts) if len(text.split()) >= 8]
        pictures = page.evaluate("Array.from(document.querySelectorAll('svg[aria-label]'), one => one.ariaLabel)")
        assert len(long) > 40 and len(pictures) >= 8
        assert [text for text in {*long, *pictures} if [*long, *pictures].count(text) > 1] == [], name


def pages_of(printed: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", printed))


def test_the_first_layer_of_the_shipped_study_is_four_pages_and_six_screens(opened):
    page = opened("shipped", width=1100)
    assert pages_of(page.pdf(format="A4")) <= 4
    bottom = page.evaluate("document.getElementById('behind').getBoundingClientRect().top + window.scrollY")
    assert bottom <= 6 * 900


@pytest.mark.parametrize("name", ["pbc", "noise"])
def test_it_prints_the_first_layer_and_the_whole_when_asked(opened, name):
    page = opened(name)
    assert pages_of(page.pdf(format="A4")) <= 4
    page.get_by_role("button", name="Open all sections of the evidence").click()
    if name == "noise":
        page.get_by_role("combobox", name="Show").first.select_option("noise_21")
    assert 5 <= pages_of(page.pdf(format="A4")) <= 60  # of 24 markers the evidence of the first few
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert sum(seen(page, one) for one in ("nav", ".tools", ".switch", ".highlight")) == 0
    assert seen(page, '[data-name="courses"] .panel') == (24 if name == "noise" else 2)


def test_print_all_opens_the_evidence_for_the_printer_alone(opened):
    page = opened("two")
    page.evaluate("print = () => { window.printed = document.querySelectorAll('details.layer[open]').length; }")
    page.get_by_role("button", name="Print the report with all sections").click()
    assert page.evaluate("window.printed") == page.locator("details.layer").count()
    assert page.locator("details.layer[open]").count() == 0


FIRST_LAYER = """() => {
  const sections = Array.from(document.querySelectorAll("main > section:not(#behind)"));
  const words = sections.map(section => {
    const copy = section.cloneNode(true);
    copy.querySelectorAll("table, svg, .tools").forEach(part => part.remove());
    return copy.textContent.trim().split(/\\s+/).length;
  });
  return {
    sections: sections.map(section => section.id),
    words: words.reduce((sum, one) => sum + one, 0),
    end: document.querySelector("#behind").getBoundingClientRect().top + scrollY,
  };
}"""


def test_the_first_layer_takes_six_screens_and_its_first_one_answers(opened):
    page = opened("pbc", 1100)
    found = page.evaluate(FIRST_LAYER)
    assert found["sections"][0] == "summary" and {"whom", "predicts", "careful", "done"} <= set(found["sections"])
    assert 300 < found["words"] <= 900, found
    assert found["end"] <= 6 * 900, found
    for part in ("#finding", "#summary .lead", "#summary .key-figures"):  # whether, how sure, for whom
        box = page.locator(part).bounding_box()
        assert box["y"] + box["height"] <= 900, part
    figures = page.locator("#summary .key-figures").inner_text()
    assert "patients" in figures and "with the event" in figures and "years after time zero" in figures


def test_a_small_picture_leads_to_the_full_one(opened):
    page = opened("two")
    page.locator('nav a[href="#glance"]').click()
    page.wait_for_selector('details.layer[data-anchor="glance"][open]')
    small = page.locator("#glance .glance a[href='#residuals-0']")
    assert small.locator("svg").bounding_box()["width"] < 160
    small.click()
    page.wait_for_selector('details.layer[data-anchor="fit"][open]')
    assert -2 <= page.locator("#residuals-0").bounding_box()["y"] < 900
