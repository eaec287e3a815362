"""R-hat, effective sample sizes and Pareto-smoothed weights are ArviZ's."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slopewise.growth.bayes.diagnostics import bulk_ess, diagnose, failures, rhat, smoothed, tail_ess

GOLDEN = Path(__file__).resolve().parents[3] / "golden"


def chains_of(case: str) -> np.ndarray:
    """The chains of ``chain_diagnostics.py``, which imports ArviZ and is therefore not imported."""
    source = (GOLDEN / "chain_diagnostics.py").read_text(encoding="utf-8").replace("import arviz as az\n", "")
    spec = importlib.util.spec_from_loader("chains", loader=None)
    module = importlib.util.module_from_spec(spec)
    exec(source, module.__dict__)
    return np.asarray(module.chains_of(case))


@pytest.mark.parametrize("case", ["plain", "odd", "sticky", "alternating", "apart", "skewed", "heavy"])
def test_diagnostics_are_those_of_arviz(case: str) -> None:
    table = pd.read_csv(GOLDEN / "chain_diagnostics.csv")
    golden = table[table["chains"] == case].set_index("name")["value"]
    chains = chains_of(case)
    assert rhat(chains) == pytest.approx(golden["rhat"], abs=1e-10)
    assert bulk_ess(chains) == pytest.approx(golden["ess_bulk"], rel=1e-9)
    assert tail_ess(chains) == pytest.approx(golden["ess_tail"], rel=1e-9)
    weights, shape = smoothed(2.0 * chains.ravel())
    assert shape == pytest.approx(golden["shape"], abs=1e-8)
    assert weights.max() == pytest.approx(golden["largest_weight"], rel=1e-8)


def test_gates_refuse_chains_apart_and_chains_that_stick() -> None:
    table = diagnose({case: chains_of(case) for case in ("plain", "apart", "sticky")})
    assert failures(table)["parameter"].tolist() == ["apart", "sticky"]


def test_a_figure_that_cannot_be_computed_is_refused() -> None:
    assert len(failures(diagnose({"stuck": np.repeat(np.arange(4.0)[:, None], 100, axis=1)}))) == 1
