"""The findings of a study in three sentences of its report, for a terminal and for rigour.json."""

from __future__ import annotations

from slopewise.report.material.frames import Frames
from slopewise.report.material.gains import evidence_of, gain
from slopewise.report.words.courses import model_words
from slopewise.report.words.growth_summary import growth_summary
from slopewise.report.words.naming import Naming
from slopewise.report.words.subjects import spoken
from slopewise.report.words.verdict import answer, headline
from slopewise.report.words.wording import reliability_sentence
from slopewise.study.model import Study
from slopewise.validate.gains import headline_metric
from slopewise.validate.verdict import verdict


def findings(frames: Frames, study: Study) -> list[str]:
    """Whether slopes add to levels, the numbers behind that, and how reliable the slopes are.

    Of a study without an outcome: who was measured, the growth model of its first marker, the reliability.
    """
    naming = Naming(study)
    if not naming.kind.predicts:
        first = next(iter(naming.study.markers))
        sentences = [growth_summary(frames, naming)["scope"], model_words(frames, naming, first)]
    else:
        level, found = gain(frames, "level", headline_metric(frames.performance)), evidence_of(frames, naming.study)
        said = verdict(found)
        sentences = [headline(said, naming), answer(said, found, level, naming)]
    return [spoken(sentence, study) for sentence in (*sentences, reliability_sentence(frames, naming))]
