"""The section on batches prints whom their effects were learned from and what the check of held-out patients found."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from slopewise.report.material.frames import Frames
from slopewise.report.sections.batches import batches_section
from slopewise.report.sections.order import ORDER
from slopewise.report.templates.environment import environment
from slopewise.report.words.naming import Naming
from tests.unit.report.report_tables import Invented

FITS = [("crossfit", 0, 0, 0), ("validation", 1, 1, 0), ("validation", 1, 2, 0)]
COMBAT = {"data.batch": {"column": "scanner", "method": "combat"}}


@pytest.fixture(scope="module")
def removed(results) -> tuple[Frames, Naming]:
    audit = pd.DataFrame([(*key, 60, 0, 0, None, "clean") for key in FITS])
    audit.columns = ["scheme", "repeat", "held_out", "fold", "patients", "shared_patients", "rows_after_landmark",
                     "unseen", "verdict"]  # fmt: skip
    check = with_ends(
        pd.DataFrame(
            [("batch", "A", 300, 0.91, 0.52), ("batch", "B", 300, 0.84, 0.47), ("outcome", None, 60, 0.66, 0.69)],
            columns=["asked", "batch", "held_out", "before", "after"],
        )
    )
    frames = Frames.read(results)
    further = frames.further | {"batch_audit": audit, "batch_check": check}
    return replace(frames, further=further), Naming(Invented(keys=COMBAT).study())


def with_ends(check: pd.DataFrame) -> pd.DataFrame:
    """The check with its differences, and intervals 0.04 to either side of all figures."""
    check = check.assign(change=check["after"] - check["before"])
    ends = {"_low": -0.04, "_high": 0.04}
    figures = ("before", "after", "change")
    return check.assign(**{f"{name}{end}": check[name] + by for name in figures for end, by in ends.items()})


def text_of(frames: Frames, naming: Naming) -> str:
    section = batches_section(frames, naming)
    return " ".join(environment().get_template(section.template).render(c=section.context).split())


def changed(frames: Frames, name: str, **values: object) -> Frames:
    table = frames.further[name].assign(**values)
    return replace(frames, further=frames.further | {name: with_ends(table) if name == "batch_check" else table})


def test_the_figures_of_the_check_are_in_words(removed):
    text = text_of(*removed)
    assert "(scanner)" in text and "for each of the 3 fits" in text
    assert "None of them had rows of a patient whom it had to score" in text
    assert "up to 0.91, 95% interval 0.87 to 0.95; after, up to 0.52, 95% interval 0.48 to 0.56 (0.5 is" in text
    assert "was 0.66 before and 0.69 after: a difference of 0.03 (95% interval −0.01 to 0.07)" in text
    assert "can still be recognised" not in text and "It fell" not in text and "left as measured" not in text


def test_what_is_wrong_is_said(removed):
    frames, naming = removed
    check = frames.further["batch_check"]
    text = text_of(changed(frames, "batch_check", after=[0.71, 0.52, 0.58]), naming)
    assert "The batches A can still be recognised." in text and "It fell, so a part" in text
    wide = replace(frames, further=frames.further | {"batch_check": check.assign(after=0.63, after_low=0.49)})
    assert "can still be recognised" not in text_of(wide, naming), "its interval holds chance"
    below = text_of(changed(frames, "batch_check", before=[0.9, 0.9, 0.42], after=[0.5, 0.5, 0.33]), naming)
    assert "was 0.42 before and 0.33 after" in below and "It fell" not in below
    text = text_of(changed(frames, "batch_audit", verdict=["clean", "leak", "clean"]), naming)
    assert "In 1 of them a patient whom the fit had to score" in text and "None of them" not in text
    text = text_of(changed(frames, "batch_audit", unseen=[None, "C, D", "D"]), naming)
    assert "2 fits had no row of one of the batches C, D" in text
    unknown = check.assign(before=1.0, before_low=float("nan"), before_high=float("nan"))
    text = text_of(replace(frames, further=frames.further | {"batch_check": unknown}), naming)
    assert "up to 1.00; after" in text
    nothing = replace(frames, further=frames.further | {"batch_check": check.iloc[:0]})
    assert "held-out rows" not in text_of(nothing, naming)


def test_it_stands_in_reports_of_studies_that_remove_batches(removed, results):
    (condition,) = [stands for make, stands in ORDER if make is batches_section]
    assert condition(*removed) and not condition(Frames.read(results), removed[1])
