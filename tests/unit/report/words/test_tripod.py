"""The TRIPOD+AI checklist: every item is there, with an answer of the run's or the authors' mark."""

from dataclasses import replace

from slopewise.report.material.frames import Frames
from slopewise.report.words.naming import Naming
from slopewise.report.words.tripod import AUTHORS, answers, tripod_section
from slopewise.report.words.tripod_items import ITEMS
from tests.unit.report.report_tables import Invented


def test_every_item_has_an_answer_or_is_for_the_authors(tmp_path):
    invented = Invented(gain=(0.025, 0.010, 0.041))
    frames, naming = Frames.read(invented.write(tmp_path)), Naming(invented.study())
    keys = [key for key, _, _ in ITEMS]
    assert len(keys) == len(set(keys)) == 52 and {key.rstrip("abcdefg") for key in keys} == {
        str(n) for n in range(1, 28)
    }
    known = answers(frames, naming)
    assert set(known) < set(keys)
    rows = {row[0].split(" ")[0]: row[2] for row in tripod_section(frames, naming).context["table"].rows}
    assert list(rows) == keys and all(rows.values())
    assert rows["1"] == rows["17"] == rows["18a"] == AUTHORS
    assert "transplant or death, within 1 and 3 years" in rows["8a"] and AUTHORS in rows["8a"]
    assert "60 patients, 30 of them with the event, for about 6 coefficients" in rows["10"]
    assert "m.csv" in rows["5a"] and "secret" not in rows["5a"]
    assert "0.812" in rows["23a"] and "+0.025 (95% interval +0.010 to +0.041)" in rows["23a"]
    assert tripod_section(frames, naming).context["answered"] == len(known)


def test_a_penalty_is_tuned_and_terms_that_bend_are_not_linear(tmp_path):
    invented = Invented()
    study = invented.study()
    frames, plain = Frames.read(invented.write(tmp_path)), Naming(study)
    known = answers(frames, plain)
    assert "nothing is tuned" in known["12c"] and "enter linearly, per SD" in known["12b"]
    shrunk = replace(frames, coefficients=frames.coefficients.assign(penalty=0.1))
    bent = study.model_copy(update={"outcome": study.outcome.model_copy(update={"terms": ("nonlinear_level",)})})
    known = answers(shrunk, Naming(bent))
    assert "penalty (elastic net) is chosen within the training patients" in known["12c"]
    assert (
        "linearly, except that levels may have nonlinear effects" in known["12b"]
        and "about 8 coefficients" in known["10"]
    )
