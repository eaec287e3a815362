"""Whatever stands in a study file, the loader gives a study or one line of refusal, never a traceback."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slopewise.run.errors import InputError
from slopewise.study.model import Study
from slopewise.study.reading import parse_study
from tests.conftest import ROOT

FILES = sorted((ROOT / "config" / "studies").glob("*.yaml"))
LINES = sorted({line for file in FILES for line in file.read_text(encoding="utf-8").splitlines()})
ODD = [
    *(
        "[",
        "]",
        "{",
        "}",
        ":",
        "- ",
        "&a",
        "*a",
        "!!python/object:os.system",
        "'",
        '"',
        "\t",
        "\x00",
        "😀",
        "null",
        "~",
    ),
    *("yes", "NaN", ".inf", "1e999", "9" * 5000, "-1", "0", "1_000", "[1, 2]", "{a: 1}", "{column: x}", "|", "? ", "%"),
    *('"\\ud800"', '"\\0"', "[" * 40, "a" * 300, "12:30:00", "time", "none", "[]", "{}", "[null]", "{1: x}", "1e-300"),
]
VALUES = st.one_of(st.sampled_from(ODD), st.text(max_size=12))


def refused(data: bytes) -> str | None:
    """The refusal of a study file, which must be one line that a terminal can show; None for a study."""
    try:
        study = parse_study(data, "study.yaml")
    except InputError as error:
        message = str(error)
        message.encode("utf-8")
        assert "\n" not in message and len(message) < 3000
        return message
    assert isinstance(study, Study)
    study.model_dump_json().encode("utf-8")
    return None


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_a_study_or_a_refusal(data: bytes):
    assert refused(data) is not None


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A study that ships, with a few of its lines lost, doubled, moved, or with another value."""
    lines = draw(st.sampled_from(FILES)).read_text(encoding="utf-8").splitlines()
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(["lose", "insert", "value", "inside", "indent"])):
            case "lose":
                del lines[place]
            case "insert":
                lines.insert(place, draw(st.sampled_from(LINES)))
            case "value":
                lines[place] = f"{lines[place].partition(':')[0]}: {draw(VALUES)}"
            case "inside":
                at = draw(st.integers(0, len(lines[place])))
                lines[place] = f"{lines[place][:at]}{draw(VALUES)}{lines[place][at:]}"
            case _:
                lines[place] = "  " * draw(st.integers(0, 3)) + lines[place].strip()
        lines = lines or [""]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


@given(damaged())
@settings(max_examples=400, deadline=None)
def test_a_damaged_study_is_a_study_or_a_refusal(data: bytes):
    refused(data)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("landmark: 2", f"landmark: {'9' * 5000}", "a number of 5000 digits is not accepted"),
        ("seed: 20261122", 'seed: "\\0"', "holds the character U+0000"),
        ("title: Liver", 'title: "\\ud800"\n#', "holds the character U+D800"),
        ("landmark: 2", f"landmark: {'[' * 2000}{']' * 2000}", "is nested too deeply"),
        ("time_unit: days", f"time_unit: {'day' * 500}", "…"),
    ],
)
def test_what_no_file_should_hold_is_told_by_its_line(old: str, new: str, words: str):
    text = (ROOT / "config/studies/pbc.yaml").read_text(encoding="utf-8")
    assert old in text
    message = refused(text.replace(old, new, 1).encode())
    assert message is not None and words in message and len(message) < 500
