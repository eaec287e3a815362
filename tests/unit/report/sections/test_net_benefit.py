"""Net benefit at the study's thresholds: the numbers of the decision curve, per 1,000 patients."""

from __future__ import annotations

from pathlib import Path

import pytest

from slopewise.report.material.frames import Frames
from slopewise.report.sections.net_benefit import net_benefit_table
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import MINUS
from slopewise.run.errors import InputError
from slopewise.study.reading import parse_study
from slopewise.tables import files as tables
from tests.unit.report.report_tables import Invented


def test_a_row_for_each_horizon_and_threshold_from_the_decision_curve(tmp_path: Path) -> None:
    invented = Invented(keys={"outcome.thresholds": [0.1, 0.5]})
    results = invented.write(tmp_path)
    table = net_benefit_table(Frames.read(results), Naming(invented.study()))
    assert table is not None
    curve = tables.read("outcome/decision_curve", results / "outcome" / "decision_curve.csv")
    assert [row[1].text for row in table.cells] == ["10%", "50%"] * curve["horizon"].nunique()
    places = {"treat_all": 2, "level": 3, "slope": 4}
    asked = [(horizon, x) for horizon in sorted(curve["horizon"].unique()) for x in (0.1, 0.5)]
    for (horizon, x), cells in zip(asked, table.cells, strict=True):
        own = curve[(curve["horizon"] == horizon) & ((curve["x"] - x).abs() < 1e-9)].set_index("predictors")
        for rule, place in places.items():
            shown = float(cells[place].text.replace(MINUS, "-"))
            assert shown == pytest.approx(1000 * own.loc[rule, "y"], abs=0.51), (horizon, x, rule)
        gain = 1000 * (own.loc["slope", "y"] - own.loc["level", "y"])
        assert float(cells[5].text.replace(MINUS, "-")) == pytest.approx(gain, abs=0.51)


def test_without_thresholds_there_is_no_table(tmp_path: Path) -> None:
    invented = Invented()
    assert net_benefit_table(Frames.read(invented.write(tmp_path)), Naming(invented.study())) is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("[0.125]", "in hundredths, for example 0.15"),
        ("[1]", "between 0.01 and 0.99"),
        ("[0.3, 0.2]", "in increasing order"),
    ],
)
def test_a_threshold_is_a_risk_of_the_curve(root: Path, given: str, words: str) -> None:
    text = (
        (root / "config" / "studies" / "pbc.yaml").read_text().replace("horizons:", f"thresholds: {given}\n  horizons:")
    )
    with pytest.raises(InputError, match=r"outcome\.thresholds") as found:
        parse_study(text.encode(), "my.yaml")
    assert words in str(found.value)


def test_a_continuous_outcome_has_no_thresholds(root: Path) -> None:
    text = (
        (root / "config" / "studies" / "btheb.yaml").read_text().replace("  kind:", "  thresholds: [0.2]\n  kind:", 1)
    )
    with pytest.raises(InputError, match="are risks, which `kind: continuous` has not"):
        parse_study(text.encode(), "my.yaml")
