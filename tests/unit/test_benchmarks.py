"""The parts of the benchmarks that decide what is said: the page, the simulated cohort, the clocks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _in_benchmarks(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(root / "benchmarks"))


def test_a_section_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    from parts import page

    path = tmp_path / "docs" / "page.md"
    for name, text in (("one", "first"), ("two", "second"), ("one", "third")):
        page.put_section(path, name, text)
    written = path.read_text(encoding="utf-8")
    assert written.startswith("# Benchmarks\n")
    assert [line for line in written.splitlines() if line in ("first", "second", "third")] == ["third", "second"]


def test_durations_are_told_in_the_unit_that_reads_best() -> None:
    from parts import page

    told = [page.duration(seconds) for seconds in (12.345, 1.0, 0.0845, 0.00054, 2e-8)]
    assert told == ["12.3 s", "1.00 s", "84.5 ms", "540 µs", "0.02 µs"]


def test_the_cohort_is_the_one_that_is_described() -> None:
    from parts.simulated import cohort, nested_folds

    frame = cohort(1000)
    assert len(frame) == 5006
    assert frame["patient"].nunique() == 1000
    assert frame.equals(cohort(1000))
    assert (cohort(50, visits=5).groupby("patient").size() == 5).all()
    counts = nested_folds(300).reshape(5, 6, 300)
    assert (counts[:, 0].sum(axis=0) == 4).all()  # each patient is held out of one outer training set
    assert np.array_equal(counts[:, 1:].sum(axis=1), 4 * counts[:, 0])  # and in it of one inner one


def test_an_aim_that_is_missed_is_said_to_be_missed(root: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, 'benchmarks'); import engine; size = lambda n, t: "
        "{'patients': n, 'fit': t, 'prepared': t, 'peak': 5.0}\n"
        "clocks = {'unhindered': 9.0, 'wall': 9.0}\n"
        "results = {'one': {'seconds': {'lme4': 1.0, 'fit': 0.005, 'folds': 0.01, 'everybody': 0.02}},\n"
        "  'many': {'fits': 30000, 'one': clocks, 'two': clocks, 'ratio': 1.8, 'wall_ratio': 1.0},\n"
        "  'patients': [size(10**3, 0.1), size(10**6, 1000.0)]}\n"
        "print(*(row[-1] for row in engine.aims(results)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["yes", "no", "no", "no", "no", "yes", "no", "no", "no", "no", "no"]


def test_metrics_of_resamples_are_scikit_survivals_and_faster() -> None:
    from parts import validation

    found = validation.metrics(12, 1)
    assert found["apart"]["pairs"] < 1e-12  # Harrell's C of eight steps, fold by fold
    assert found["apart"]["calibration"] < 1e-6
    for name in ("pairs", "calibration"):
        assert found["seconds"][f"{name}_peer"] > 20 * found["seconds"][name] > 0


def test_the_section_of_validation_says_whether_the_aim_was_reached() -> None:
    import validation

    run = {"patients": 278, "fits": 9, "bootstrap_fits": 9, "peak": 0.5, "seconds": {"growth": [95.0, 40.0]}}
    metrics = {
        "seconds": {"pairs": 1e-6, "pairs_peer": 1e-2, "calibration": 1e-5, "calibration_peer": 1e-2},
        "apart": {"pairs": 0.0, "calibration": 1e-9}, "resamples": 9, "peer_resamples": 1,
    }  # fmt: skip
    assert "Reached by the wall clock: no" in validation.section(validation.FULL, run, metrics)
    run["seconds"] = {"growth": [60.0, 100.0]}
    text = validation.section(validation.FULL, run, metrics)
    assert "Reached by the wall clock: yes" in text and "10,000 ×" in text
    assert "not asked" in validation.section((2, 50, 20), run, metrics)


def test_large_sources_are_judged_by_processor_memory_and_growth() -> None:
    import sources

    def steps(seconds: float, peak: float) -> dict[str, dict[str, float]]:
        return {name: {"wall": 9.0, "processor": seconds / 2, "peak": peak} for name in ("prepare", "fit")}

    sizes = {sources.START: steps(5.0, 0.3), 100_000: steps(15.0, 1.0), 1_000_000: steps(105.0, 5.0)}
    text = sources.section({"csv": sizes})
    assert "| csv: time grows as patients to the power | ≤ 1.1 | 1.00 | yes |" in text and "| no |" not in text
    sizes[1_000_000] = steps(305.0, 7.0)
    assert sources.section({"csv": sizes}).count("| no |") == 3
    assert "--patients 100000 1000000" in text


def test_the_simulated_source_can_be_read_and_analysed(tmp_path: Path) -> None:
    from parts import sources

    sources.write(200, "parquet", tmp_path)
    assert all(found["processor"] > 0 for found in (sources.prepare(tmp_path), sources.fit(tmp_path)))
    flow = (tmp_path / "cohort" / "flow.csv").read_text(encoding="utf-8").splitlines()
    assert ",200,1000," in flow[1] and flow[-1].startswith("final,")


def test_a_first_run_over_its_aim_is_said_to_be_and_jobs_stand_in_order() -> None:
    from cold import section

    runs = {
        "nothing compiled": (120.0, {"compare_growth": 40.0, "fit_outcome": 50.0}, {"f": 30.0, "g": 5.0}),
        "compiling": (35.0, {}, {"f": 30.0, "g": 5.0}),
        "first": (29.0, {"compare_growth": 10.0, "fit_outcome": 8.0}, {}),
        "nothing to do": (6.0, {}, {}),
    }
    lines = section(runs, most=1).splitlines()
    assert [line.split("|")[4].strip() for line in lines if "≤" in line] == ["yes", "no", "no"]
    jobs = [line.split("`")[1] for line in lines if line.startswith("| `") and "make" not in line]
    assert jobs == ["fit_outcome", "compare_growth", "f"]
    with pytest.raises(AssertionError, match="not compiled ahead"):
        section({**runs, "first": (29.0, {}, {"h": 1.0})})
    with pytest.raises(AssertionError, match="nothing is made twice"):
        section({**runs, "nothing to do": (4.0, {"fit_outcome": 1.0}, {})})


def test_the_estimated_run_time_is_compared_rule_by_rule(tmp_path: Path) -> None:
    import runtime

    from slopewise.study.runtime import Estimate

    for name, seconds in (("compare_growth.1", 4.0), ("compare_growth.2", 6.0), ("fit_outcome", 5.0)):
        (tmp_path / f"{name}.tsv").write_text(f"s\tcpu_time\n99\t{seconds}\n")
    own = runtime.measured(tmp_path)
    assert own == {"compare_growth": 10.0, "fit_outcome": 5.0}
    expected = Estimate(3, 1, 1, 10.0, {"compare_growth": 8.0, "fit_outcome": 7.0, "render_report": 3.0})
    assert runtime.compared(own, expected) == [
        ("compare_growth", 10.0, 8.0), ("fit_outcome", 5.0, 7.0), ("together", 15.0, 15.0),
    ]  # fmt: skip


def test_posteriors_of_a_study_are_added_up_and_the_ratio_is_that_of_effective_draws() -> None:
    import bayes

    facts = {"study": "pbc", "patients": 278, "rows": 845, "bambi": None}
    peer = {"seconds": 10.0, "ess": 100.0, "versions": "bambi 0"}
    found = [
        {**facts, "marker": "albumin", "ours": {"seconds": 20.0, "ess": 4000.0}},
        {**facts, "marker": "bilirubin", "ours": {"seconds": 11.0, "ess": 4400.0}, "bambi": peer},
    ]
    text = bayes.section(found)
    assert "| pbc | ≤ 30 s | 31.0 s | no |" in text and "| sleepstudy | ≤ 5 s | 0.00 µs | yes |" in text
    assert "| 11.0 s | 400 | 10.0 s | 10 | 40 × |" in text and "| 20.0 s | 200 | – | – | – |" in text
    assert "bambi 0" in text


def test_rows_of_the_benchmark_are_those_that_the_study_analyses() -> None:
    import bayes

    rows = bayes.rows_of("sleepstudy")["reaction"]
    assert (rows["patient"].nunique(), len(rows), list(rows)) == (18, 180, ["patient", "time", "y"])
    assert bayes.sampled(rows)["ess"] > 400
