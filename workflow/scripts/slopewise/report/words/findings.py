"""The findings of a study in three lines for a terminal: ``python -m slopewise.report.words.findings results/pbc``.

They are the report's own sentences, made from the tables again and not read off the page.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from slopewise.report.material.frames import Frames, recorded_study
from slopewise.report.material.gains import gain
from slopewise.report.words.courses import model_words
from slopewise.report.words.growth_summary import growth_summary
from slopewise.report.words.naming import Naming
from slopewise.report.words.verdict import answer, headline
from slopewise.report.words.wording import reliability_sentence
from slopewise.run.errors import InputError
from slopewise.validate.evidence import evidence
from slopewise.validate.gains import headline_metric
from slopewise.validate.verdict import verdict

WIDTH = 100
"""Characters a line on a terminal."""


def findings(results: Path) -> list[str]:
    """Whether slopes add to levels, the numbers behind that, and how reliable the slopes are.

    Of a study without an outcome: who was measured, the growth model of its first marker, the reliability.

    `results` is ``results/{study}``; raises `InputError` where no finished study lies there.
    """
    study, frames = recorded_study(results), Frames.read(results)
    naming = Naming(study)
    if not naming.kind.predicts:
        first = next(iter(naming.study.markers))
        return [growth_summary(frames, naming)["scope"], model_words(frames, naming, first),
                reliability_sentence(frames, naming)]  # fmt: skip
    level, found = gain(frames, "level", headline_metric(frames.performance)), evidence(frames, naming.study)
    said = verdict(found)
    return [headline(said, naming), answer(said, found, level, naming), reliability_sentence(frames, naming)]


def told(results: Path) -> str:
    """The path of the report and the findings, ready to print."""
    lines = [f"The report: {(results / 'report.html').resolve()}"]
    for finding in findings(results):
        lines += textwrap.wrap(finding, WIDTH, initial_indent="  - ", subsequent_indent="    ")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the findings of each folder of results; status 1 and one line on stderr where one has none."""
    parser = argparse.ArgumentParser(prog="python -m slopewise.report.words.findings", description=__doc__)
    parser.add_argument("results", nargs="+", type=Path, help="the folder of a study, for example results/pbc")
    try:
        print("\n".join(told(folder) for folder in parser.parse_args(arguments).results))
    except InputError as error:
        print(f"slopewise: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
