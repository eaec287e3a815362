"""The section on whether the answer holds prints what the tables say."""

from dataclasses import replace
from pathlib import Path

import pytest

from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Picture
from slopewise.report.sections.checks import chance, checks_section
from slopewise.report.words.naming import Naming
from tests.unit.report.report_page import page_of
from tests.unit.report.report_tables import Invented


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> tuple[Frames, Naming, Path]:
    invented = Invented()
    folder = invented.write(tmp_path_factory.mktemp("checks"))
    return Frames.read(folder), Naming(invented.study()), folder


def test_the_page_has_the_three_ways_the_test_and_the_groups(frames: tuple[Frames, Naming, Path]):
    _, naming, folder = frames
    said = page_of(naming.study, folder, "checks").text("checks")
    for text in (
        "0.811", "0.822", "+0.011", "0.814", "0.825",  # the ways
        "In 2 repeats of the validation the slopes added +0.011", "200 permutations", "−0.002 on average", "p = 0.015",
        "sex: f", "≥5", "0.694 to 0.794", "+0.017", "−0.027 to +0.037", "<5",
    ):  # fmt: skip
        assert text in said, text


def test_nothing_to_test_is_said(frames: tuple[Frames, Naming, Path]):
    found, naming, _ = frames
    without = replace(found, permutation=found.permutation.assign(p_value=float("nan")))
    assert "no gain to test against chance" in chance(without)
    none = replace(found, subgroups=found.subgroups.iloc[:0])
    assert [table.name for table in checks_section(none, naming).context["tables"]] == ["sensitivity", "censoring"]


def test_two_panels_of_a_marker_stand_side_by_side():
    def paired(*markers: str) -> bool:
        return Picture("name", "caption", ["<svg></svg>"] * len(markers), markers).paired

    assert paired("a", "a", "b", "b") and paired("a", "a")
    assert not paired() and not paired("a") and not paired("a", "b") and not paired("a", "a", "a", "b", "b", "b")
