"""Units before and after a transform, whichever of the two a study file names."""

import pytest

from slopewise.study.units import column_unit, transformed_unit


@pytest.mark.parametrize(
    ("transform", "unit", "before", "after"),
    [
        ("none", "g/dl", "g/dl", "g/dl"),
        ("none", "log mg/dl", "log mg/dl", "log mg/dl"),  # the column itself holds logarithms
        ("none", "", "", ""),
        ("log", "log mg/dl", "mg/dl", "log mg/dl"),
        ("log", "mg/dl", "mg/dl", "log mg/dl"),
        ("log", "ln(mg/dl)", "mg/dl", "ln(mg/dl)"),
        ("log", "Log U/l", "U/l", "Log U/l"),
        ("log", "logarithmic score", "logarithmic score", "log logarithmic score"),
        ("log", "log", "", "log units"),
        ("log", "", "", "log units"),
        ("log1p", "ng/ml", "ng/ml", "log(1 + ng/ml)"),
        ("log1p", "log(1 + ng/ml)", "ng/ml", "log(1 + ng/ml)"),
        ("sqrt", "√(cells/mm³)", "cells/mm³", "√(cells/mm³)"),
        ("sqrt", "cells/mm³", "cells/mm³", "√(cells/mm³)"),
        ("sqrt", "√cells", "cells", "√cells"),
        ("sqrt", "", "", "√(units)"),
        ("logit", "saturation", "saturation", "logit saturation"),
        ("logit", "logit saturation", "saturation", "logit saturation"),
    ],
)
def test_either_unit_gives_both(transform: str, unit: str, before: str, after: str):
    assert (column_unit(transform, unit), transformed_unit(transform, unit)) == (before, after)
