"""Limits of memory and time grow with the study and with each attempt, and every rule has a row."""

import re
from pathlib import Path

import pandas as pd
import pytest

from slopewise.study import demands
from slopewise.study.model import Study
from slopewise.study.reading import load_study
from tests.conftest import ROOT

TEXT = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "workflow/rules").glob("*.smk"))
RULES = re.findall(r"^rule (\w+):", TEXT, re.M)


@pytest.fixture(scope="module")
def pbc() -> Study:
    return load_study(ROOT / "config/studies/pbc.yaml")


def test_every_rule_has_its_limits():
    assert set(demands.LIMITS) == set(RULES) and len(RULES) >= 15
    for name in RULES:
        assert f'memory_of("{name}")' in TEXT and f'minutes_of("{name}")' in TEXT


@pytest.mark.parametrize("step", demands.LIMITS)
def test_limits_grow_with_patients_and_with_each_attempt(pbc: Study, step: str):
    small = demands.memory(step, pbc, 278), demands.minutes(step, pbc, 278)
    assert demands.memory(step, pbc, 278, attempt=2) == 2 * small[0]
    assert demands.minutes(step, pbc, 278, attempt=2) == 2 * small[1]
    grown = demands.memory(step, pbc, 1_000_000), demands.minutes(step, pbc, 100_000)
    assert (grown[0] > small[0]) is (step != "record_run") and (grown[1] > small[1]) is demands.LIMITS[step].grows


def test_what_was_measured_is_within_the_limits(pbc: Study):
    """600 MB and 93 s at most with PBC; a million patients with one marker took 1.7 GB."""
    for step in demands.LIMITS:
        assert demands.memory(step, pbc, 278) >= 500 and demands.minutes(step, pbc, 278) >= 5
    assert demands.memory("compare_growth", pbc, 278) >= 1200
    one = pbc.model_copy(update={"markers": dict(list(pbc.markers.items())[:1])})
    assert demands.memory("compare_growth", one, 1_000_000) >= 2 * 1700


def test_a_chunk_is_given_memory_for_its_own_markers(pbc: Study):
    by_one = pbc.model_copy(update={"chunk_size": 1})
    assert demands.memory("cross_fit_slopes", by_one, 10**6) < demands.memory("cross_fit_slopes", pbc, 10**6)


def test_patients_are_counted_by_the_flow_or_bounded_by_the_table(tmp_path: Path):
    flow, table = tmp_path / "flow.csv", tmp_path / "visits.csv"
    assert demands.patients_of(flow, [table]) == 0
    table.write_bytes(b"x" * 4000)
    assert demands.patients_of(flow, [table]) == 100
    flow.write_text("step,reason,patients_left\nstart,all,312\nended,earlier,278\n")
    assert demands.patients_of(flow, [table]) == 278


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".snapshot", ".zip", ".gz"])
def test_patients_of_a_compressed_table_are_not_underestimated(tmp_path: Path, suffix: str):
    """5,000 patients with four rows that hardly take any space when they are compressed."""
    frame = pd.DataFrame({"id": [f"{row // 4:05d}" for row in range(20_000)], "day": "0", "crp": "1.5"})
    table = tmp_path / f"visits{suffix}"
    if suffix in (".parquet", ".snapshot"):
        frame.to_parquet(table, compression="zstd")
    else:
        frame.to_csv(table, index=False, compression=None if suffix == ".csv" else "infer")
    assert 5_000 <= demands.patients_of(tmp_path / "flow.csv", [table]) <= 100_000
    broken = tmp_path / f"broken{suffix}"
    broken.write_bytes(b"no table" * 100)
    assert demands.patients_of(tmp_path / "flow.csv", [broken]) >= 20
