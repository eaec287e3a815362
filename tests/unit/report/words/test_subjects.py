"""The word for those who were measured: replaced in what is read, and not in what the study says or in code."""

from __future__ import annotations

import pytest
import yaml

from slopewise.report.words.subjects import speaker, spoken, subjects
from slopewise.run.errors import InputError
from slopewise.study.model import Study
from slopewise.study.reading import load_study, parse_study


def study(**report: object) -> Study:
    content = {
        "study": "s", "seed": 1, "title": "Waiting patients in 40 wards",
        "data": {"measurements": "m.csv", "patient": "patient", "time": "t", "time_unit": "years",
                 "analysis_unit": "years"},
        "markers": {"y": {"column": "y", "label": "Patients per bed"}},
        "landmark": "none", "outcome": {"kind": "none"}, "report": report,
    }  # fmt: skip
    return parse_study(yaml.safe_dump(content).encode(), "s.yaml")


ANIMALS = study(subjects=["animal", "animals"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A patient’s slope; patients differ.", "An animal’s slope; animals differ."),
        ("Patient-specific slopes of the patients’ means", "Animal-specific slopes of the animals’ means"),
        ("in cohort/patients.csv and patients.csv, with data.patients", None),
        ("Waiting patients in 40 wards: a patient", "Waiting patients in 40 wards: an animal"),
        ("Patients per bed of 9 patients", "Patients per bed of 9 animals"),
        ("outpatients and inpatients", None),
        ("seen by patients. Next", "seen by animals. Next"),
    ],
)
def test_sentences_speak_of_the_studys_subjects(text: str, said: str | None) -> None:
    assert speaker(ANIMALS)(text) == (text if said is None else said)


def test_the_article_fits_the_word() -> None:
    for word, article in (("unit", "a"), ("animal", "an"), ("state", "a"), ("eye", "an"), ("user", "a")):
        assert speaker(study(subjects=[word, f"{word}s"]))("Each is a patient.") == f"Each is {article} {word}."


def test_a_page_keeps_its_code_links_and_scripts() -> None:
    page = (
        '<a href="#patients" aria-label="the patients">patients</a> <code>patient</code>'
        "<script>let patient = 'patients'</script><style>.patient{}</style><p>no patient</p>"
    )
    assert spoken(page, ANIMALS) == (
        '<a href="#patients" aria-label="the animals">animals</a> <code>patient</code>'
        "<script>let patient = 'patients'</script><style>.patient{}</style><p>no animal</p>"
    )


def test_patients_stay_patients_and_units_of_an_interruption_are_units() -> None:
    assert spoken("<p>a patient</p>", study()) == "<p>a patient</p>"
    content = study().model_dump() | {"effects": {"interruption": {"at": 3.0}}}
    content["growth"]["fixed"] = "~ time"
    assert subjects(Study.model_validate(content)) == ("unit", "units")


def test_one_word_alone_is_refused() -> None:
    with pytest.raises(InputError, match=r"report\.subjects"):
        study(subjects=["state"])


def test_units_of_a_series_are_no_people(root) -> None:
    belts = load_study(root / "config" / "studies" / "usseatbelts.yaml")
    assert speaker(belts)("Patients who stop attending; a patient who died; patients whose") == (
        "States that stop attending; a state that died; states whose"
    )
    assert speaker(study(subjects=["child", "children"]))("Patients who stop") == "Children who stop"
