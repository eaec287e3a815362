"""`slopewise init --kind interruption`: each unit's moment, or one moment of all, and what `check` counts about it."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slopewise.study.reading import load_study
from tests.conftest import ROOT
from tests.unit.cli.cli_files import call, flat

STATES = ROOT / "data" / "usseatbelts"


def wards(times: int = 12, units: int = 10) -> pd.DataFrame:
    """Rows of wards with monthly infections, `moment` between the fourth and the eighth month, none in two of them."""
    rng = np.random.default_rng(3)
    rows = []
    for unit in range(units):
        moment = 4 + unit % 5 if unit >= 2 else None
        for month in range(times):
            late = moment is not None and month >= moment
            rows.append(
                {"ward": f"w{unit}", "month": month, "infections": round(20 - 3 * late + rng.normal(), 2),
                 "moment": moment, "late": int(late), "surgical": unit % 2}
            )  # fmt: skip
    return pd.DataFrame(rows)


def proposed(folder: Path, frame: pd.DataFrame, *options: str) -> str:
    """What `init` says of the rows, with the status 0."""
    frame.to_csv(folder / "wards.csv", index=False)
    made = call("init", "wards.csv", "--kind", "interruption", "--out", "w.yaml", *options, folder=folder)
    assert made.exit_code == 0, made.output
    return made.output


def test_a_column_of_moments_is_proposed_and_each_units_rows_are_counted(tmp_path: Path) -> None:
    for name in ("measurements.csv", "states.csv"):
        (tmp_path / name).write_bytes((STATES / name).read_bytes())
    tables = ("measurements.csv", "--patients", "states.csv")
    made = call("init", *tables, "--kind", "interruption", "--marker", "fatalities", "--out", "s.yaml", folder=tmp_path)
    assert made.exit_code == 0, made.output
    assert "interruption at law (47 of 50 units with a moment have at least 3 rows before and after it)" in made.output
    study = load_study(tmp_path / "s.yaml")
    assert study.effects.moment_column == "law"
    text = (tmp_path / "s.yaml").read_text()
    assert "# characteristics: [enforcement]" in text and "# growth.weights: miles" in text
    checked = call("check", "s.yaml", folder=tmp_path)
    page = flat(checked.output)
    assert checked.exit_code == 0
    assert "fatalities 47 2 1 1 271" in page  # 3 and 3, few before, few after, no moment, rows before
    assert "ME 13 13 2 no" in page and "NJ 2 2 13 no" in page and "CA 3 3 12 yes" in page


def test_moments_in_the_rows_are_found_where_no_name_says_them(tmp_path: Path) -> None:
    told = proposed(tmp_path, wards().rename(columns={"moment": "x7"}))
    assert "interruption at x7 (8 of 8 units" in told
    study = load_study(tmp_path / "w.yaml")
    assert study.effects.moment_column == "x7" and list(study.markers) == ["infections"]
    assert call("check", "w.yaml", folder=tmp_path).exit_code == 0


def test_the_column_whose_name_says_moment_is_preferred_to_another(tmp_path: Path) -> None:
    frame = wards().assign(beds=lambda rows: 5 + rows["surgical"])
    told = proposed(tmp_path, frame[["ward", "month", "infections", "beds", "moment"]])
    assert "interruption at moment" in told
    assert "# at: it could also be beds" in (tmp_path / "w.yaml").read_text()


@pytest.mark.parametrize("dates", [False, True])
def test_a_switch_at_one_time_gives_one_moment_for_all_units(tmp_path: Path, dates: bool) -> None:
    frame = wards().assign(late=lambda rows: (rows["month"] >= 6).astype(int)).drop(columns="moment")
    frame.loc[frame["ward"].isin(["w0", "w1"]), "late"] = 0
    if dates:
        frame["month"] = [(date(2020, 1, 1) + timedelta(days=30 * month)).isoformat() for month in frame["month"]]
    proposed(tmp_path, frame)
    asked = load_study(tmp_path / "w.yaml").effects.interruption
    assert asked is not None and asked.at == ((date(2020, 1, 1) + timedelta(days=180)).isoformat() if dates else 6.0)
    assert call("check", "w.yaml", folder=tmp_path).exit_code == 0


def test_dates_of_moments_are_read_in_their_format(tmp_path: Path) -> None:
    frame = wards()
    day = {month: date(2020, 1, 28) + timedelta(days=30 * month) for month in range(12)}
    frame["month"] = [day[month].strftime("%d/%m/%Y") for month in frame["month"]]
    frame["moment"] = ["" if np.isnan(at) else day[int(at)].strftime("%d/%m/%Y") for at in frame["moment"]]
    proposed(tmp_path, frame, "--date-format", "%d/%m/%Y")
    assert load_study(tmp_path / "w.yaml").effects.moment_column == "moment"
    checked = call("check", "w.yaml", folder=tmp_path)
    assert checked.exit_code == 0 and "2 of 10 units have no interruption" in flat(checked.output)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows.drop(columns="moment"), "late changes once within a unit, at different times"),
        (lambda rows: rows.drop(columns=["moment", "late"]), "no column has the moment of each unit's interruption"),
        (
            lambda rows: rows.assign(moment=rows["moment"] - 5).drop(columns="late"),
            "no column has the moment of each unit's interruption",
        ),
    ],
)
def test_tables_without_a_moment_are_refused(
    tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame], words: str
) -> None:
    change(wards()).to_csv(tmp_path / "wards.csv", index=False)
    ended = call("init", "wards.csv", "--kind", "interruption", "--out", "w.yaml", folder=tmp_path)
    assert ended.exit_code == 1 and words in flat(ended.output)
    assert not (tmp_path / "w.yaml").exists()
