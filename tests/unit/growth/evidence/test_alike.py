"""Rows under another model: prepared once for markers with the same rows, and what `GrowthModel.data` makes."""

import numpy as np
import pandas as pd
import pytest

from slopewise.growth import GrowthModel
from slopewise.growth.evidence.alike import REMEMBERED, rows_of, under
from slopewise.growth.fitting import fit_everybody


@pytest.fixture(scope="module")
def ready():
    rng = np.random.default_rng(3)
    patient = np.repeat([f"p{i:02d}" for i in range(20)], 4)
    frame = pd.DataFrame({"patient": patient, "time": rng.uniform(0, 3, 80), "sex": np.tile(["f", "m"], 40)})
    frame = frame.assign(a=rng.normal(size=80), b=rng.normal(size=80), c=rng.normal(size=80))
    frame.loc[[3, 50], "c"] = np.nan
    return GrowthModel("~ time + sex").rows(frame, "patient").for_many()


@pytest.mark.parametrize("marker", ["a", "b", "c"])
@pytest.mark.parametrize("fixed", ["~ time", "~ cr(time, df=3)", "~ time * part"])
def test_the_fit_is_that_of_the_model_on_the_marker_s_rows(ready, marker: str, fixed: str):
    own, model = ready.data(marker), GrowthModel(fixed, reml=False)
    columns = {"part": (own.codes % 3 == 0).astype(float)} if "part" in fixed else {}
    shifted = {"time": own.frame["time"].to_numpy() - 1.0}
    frame = rows_of(own).assign(**columns, **shifted)
    expected = fit_everybody(model.data(frame, marker))
    for _ in range(2):  # made, and found again
        found = fit_everybody(under(model, own, **columns, **shifted))
        assert found.deviance == expected.deviance and found.beta.equals(expected.beta)


def test_other_columns_are_other_rows_and_few_models_are_kept(ready):
    own, model = ready.data("a"), GrowthModel()
    deviances = {
        fit_everybody(under(model, own, time=own.frame["time"].to_numpy() ** (1 + k / 50))).deviance for k in range(30)
    }
    assert len(deviances) == 30 and len(own.layout.prepared) == REMEMBERED
