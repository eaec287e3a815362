"""A batch as a fixed effect: its effect is gone from levels and slopes, which are those of one batch for everybody."""

import numpy as np
import pytest

from slopewise.growth.fit import GrowthFit
from slopewise.growth.fitting import fit_batch
from slopewise.slopes.inputs import GrowthInputs
from slopewise.slopes.marker import held
from slopewise.slopes.scores import score
from tests.unit.slopes.batches.batch_studies import SHIFT, cohort_of, study_of


def scored(shifted: float, **growth):
    rows, people = cohort_of(60, 1, seed=3, shifted=shifted)
    (data,) = GrowthInputs(study_of(1, "fixed", **growth), rows, people, None).markers()
    batch = fit_batch(data.trained_on, data.everybody())
    everybody = np.arange(60)
    return GrowthFit.from_batch(batch, 0), score(data, batch, 0 * everybody, everybody)


@pytest.mark.parametrize("growth", [{}, {"residual_by": "scanner"}])
def test_a_shift_of_scanners_moves_no_level_and_no_slope(growth):
    """Without the shift the same rows give the same scores: the model takes out what the scanner adds."""
    (plain, without), (fit, found) = (scored(shifted, **growth) for shifted in (0.0, 1.0))
    np.testing.assert_allclose(found["level"], without["level"], atol=1e-6)
    np.testing.assert_allclose(found[["slope", "reliability"]], without[["slope", "reliability"]], atol=1e-6)
    moved = fit.beta - plain.beta
    assert moved["C(scanner)[T.B]"] == pytest.approx(SHIFT["B"]) and moved["C(scanner)[T.C]"] == pytest.approx(
        SHIFT["C"]
    )


def test_levels_are_those_of_the_first_batch_in_the_order_of_levels():
    study = study_of(1, "fixed")
    assert held(study, ["10", "2", None]) == {"scanner": "2"}
    assert held(study_of(1, "combat"), ["10", "2"]) == {}
    rows, people = cohort_of(60, 1, seed=3)
    (data,) = GrowthInputs(study, rows, people, None).markers()
    assert set(data.covariates["scanner"]) == {"A"} and set(rows["scanner"]) == {"A", "B", "C"}
