"""Plain columns give the matrix of the recipe; what they cannot hold is refused."""

import json

import numpy as np
import pandas as pd
import pytest

from slopewise.design.plain import OutOfReach, evaluated, plain_columns
from slopewise.design.recipe import Recipe, learn_levels
from slopewise.design.screen import screen

RANGES = {"time": (0.0, 2.0), "age": (30.0, 70.0)}


def learned(text: str) -> tuple[Recipe, pd.DataFrame]:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "time": rng.uniform(0.0, 2.0, 80),
            "age": rng.uniform(30.0, 70.0, 80),
            "sex": rng.choice(["f", "m"], 80),
            "site": rng.choice(["a:b", "c]d", "T.e"], 80),
            "grade": rng.choice([1, 2, 10], 80),
        }
    )
    formula = screen(text)
    recipe, _ = Recipe.learn(formula, frame, learn_levels([formula], frame), bounds=(0.0, 2.0))
    return recipe, frame


@pytest.mark.parametrize(
    "text",
    [
        "~ time",
        "~ 0 + sex + time",
        "~ time * sex + age",
        "~ time + I(time ** 2) + I(time ** 3)",
        "~ log(time + 1) + sqrt(age) + exp(time) + I((time - 1) / 2)",
        "~ bs(time, df=4)",
        "~ bs(time, df=5) * sex",
        "~ bs(time, knots=[0.5, 1], degree=2)",
        "~ cr(time, df=3)",
        "~ poly(time, degree=3) + age",
        "~ time + C(grade)",
        "~ time * site",
    ],
)
def test_columns_give_the_recipes_matrix_in_its_range_and_beyond(text: str) -> None:
    recipe, frame = learned(text)
    columns = json.loads(json.dumps(plain_columns(recipe, RANGES)))
    further = frame.assign(time=frame["time"] * 1.6 - 0.3) if "log" not in text else frame
    for rows in (frame, further):
        np.testing.assert_allclose(evaluated(columns, rows), recipe.matrix(rows), rtol=1e-9, atol=1e-10)


def test_what_the_columns_cannot_hold_is_named() -> None:
    recipe, _ = learned("~ bs(log(time + 1), df=4)")
    with pytest.raises(OutOfReach, match=r"the term bs\(log\(time \+ 1\), df=4\)"):
        plain_columns(recipe, RANGES)


def test_a_polynomial_of_too_high_a_degree_is_found_by_comparison() -> None:
    recipe, _ = learned("~ poly(time, degree=7)")
    with pytest.raises(OutOfReach, match="the formula"):
        plain_columns(recipe, RANGES)
