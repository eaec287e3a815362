"""Formulas as data: what the screen refuses, and recipes that replay what the training rows settled."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slopewise.design.recipe import Recipe, learn_levels
from slopewise.design.screen import MAX_CHARACTERS, Formula, is_straight, screen, screen_factor, straight
from slopewise.run.errors import InputError


@pytest.fixture
def rows() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "time": np.linspace(0.0, 2.0, 40),
            "age": np.arange(40.0),
            "sex": list("mf") * 20,
            "alk.phos": np.linspace(1.0, 3.0, 40),
            "stage": [1, 2, 3, 4] * 10,
        }
    )


def learned(text: str, frame: pd.DataFrame, **options: Any) -> tuple[Recipe, np.ndarray]:
    formula = screen(text)
    return Recipe.learn(formula, frame, learn_levels([formula], frame), **options)


ATTACKS = {
    "import": "~ __import__('os').system('true')",
    "import without text": "~ log(__import__(os))",
    "attribute": "~ time.__class__",
    "attribute of a call": "~ log(time).tofile",
    "numpy": "~ np.load(time)",
    "subscript": "~ log(time[0])",
    "lambda": "~ log((lambda: 1)())",
    "walrus": "~ log((x := time))",
    "comprehension": "~ log([t for t in time])",
    "generator": "~ (t for t in time)",
    "conditional": "~ log(time if age else sex)",
    "comparison": "~ log(time < age)",
    "braces": "~ {__import__(os)}",
    "quoted python": "~ Q('time')",
    "text": "~ log('time')",
    "formatted text": "~ log(f'{time}')",
    "starred": "~ log(*time)",
    "double starred": "~ log(**time)",
    "unknown function": "~ eval(time)",
    "hidden function": "~ hashed(sex)",
    "function as a value": "~ log(exp)(time)",
    "second statement": "~ time; import os",
    "new line": "~ time\nimport os",
    "hash": "~ time # sex",
    "left side": "y ~ time",
    "parts": "~ time | age",
    "wildcard": "~ .",
    "backtick that hides code": "~ `time`.__class__",
    "unclosed backtick": "~ `time",
    "backtick with parentheses": "~ `__import__(os)`",
    "exponent": "~ (time + age) ** 4",
    "exponent in a call": "~ log(time ** 9)",
    "tower of exponents": "~ log(time ** 3 ** 3)",
    "exponent that is a column": "~ log(2 ** age)",
    "terms without end": "~ " + " * ".join("abcdefghijkl"),
    "terms by powers": "~ ((a + b + c + d + e + f) ** 3) ** 3",
    "a basis too large": "~ bs(time, df=100000)",
    "a polynomial too high": "~ poly(time, 10000)",
    "too many knots": "~ bs(time, knots=[" + "1," * 30 + "])",
    "huge number": "~ log(1e999 + time)",
    "imaginary": "~ log(1j + time)",
    "parentheses without end": "~ " + "(" * 230 + "time" + ")" * 230,
    "too long": "~ time + " + "a" * MAX_CHARACTERS,
    "empty": "  ",
    "no text": 7,
    "option that is code": "~ bs(time, df=len(time))",
    "unknown option": "~ bs(time, df=4, extrapolation=1)",
    "other letters": "~ tíme",
    "shadowed function": "~ log(log)",
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_an_attack_is_refused_with_a_word_why(attack: Any) -> None:
    with pytest.raises(InputError, match="formula") as caught:
        screen(attack)
    assert "\n" not in str(caught.value).replace(str(attack), "")


@pytest.mark.parametrize("factor", ["np.load(time)", "age", "log(age)", "log(time", "time[0]"])
def test_a_factor_that_the_screen_did_not_see_is_not_evaluated(factor: str) -> None:
    with pytest.raises(InputError):
        screen_factor(factor, screen("~ log(time)"))


@pytest.mark.parametrize(
    "text",
    [
        "~ time",
        "time",
        "~ 1",
        "~ 0 + time",
        "~ time - 1",
        "~ time * sex + age",
        "~ (time + age) ** 2",
        "~ time / sex",
        "~ time:sex",
        "~ log(time + 1) + sqrt(age) + exp(-time / 2)",
        "~ C(stage) * time",
        "~ poly(time, 2, raw=True)",
        "~ bs(time, df=4, degree=3)",
        "~ bs(time, knots=[0.5, 1.5])",
        "~ cr(time, df=3)",
        "~ time + I(time**2)",
        "~ `alk.phos` + time",
        "~ log(`alk.phos`)",
    ],
)
def test_what_growth_models_need_passes_and_makes_numbers(text: str, rows: pd.DataFrame) -> None:
    recipe, matrix = learned(text, rows, bounds=(0.0, 2.0))
    assert matrix.shape == (len(rows), len(recipe.names))
    assert np.isfinite(matrix).all()
    np.testing.assert_array_equal(recipe.matrix(rows), matrix)


def test_names_and_levels_follow_the_cohort_and_not_the_rows_at_hand(rows: pd.DataFrame) -> None:
    formula = screen("~ time * sex")
    levels = learn_levels([formula], rows)
    men = rows[rows["sex"] == "m"]
    recipe, matrix = Recipe.learn(formula, men, levels)
    assert recipe.names == ("Intercept", "time", "sex[T.m]", "time:sex[T.m]")
    assert (matrix[:, 2] == 1).all()


def test_an_unseen_level_is_named(rows: pd.DataFrame) -> None:
    recipe, _ = learned("~ time * sex", rows)
    with pytest.raises(InputError, match="level 'x' was not seen before; known are f, m"):
        recipe.matrix(rows.assign(sex="x"))


def test_a_missing_value_is_told_and_never_dropped(rows: pd.DataFrame) -> None:
    rows.loc[7, "age"] = np.nan
    with pytest.raises(InputError, match=r"column 'age': 1 missing values \(the first in row 7\)"):
        learned("~ time + age", rows)


def test_a_column_that_is_not_there_is_told_with_those_that_are(rows: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="no column 'weight'; the data have time, age"):
        learned("~ weight", rows)


def test_a_logarithm_of_zero_is_told(rows: pd.DataFrame) -> None:
    with pytest.raises(InputError, match=r"'log\(time\)' is not a finite number where time = 0;"):
        learned("~ log(time)", rows)


@pytest.mark.parametrize("text", ["~ poly(time, 3)", "~ bs(time, df=5)", "~ cr(time, df=4)"])
def test_constants_come_from_the_training_rows_alone(text: str, rows: pd.DataFrame) -> None:
    training = rows.iloc[:30]
    recipe, matrix = learned(text, training)
    moved = rows.assign(time=np.where(np.arange(40) < 30, rows["time"], 50.0))
    again, _ = learned(text, moved.iloc[:30])
    assert recipe.to_dict() == again.to_dict()
    np.testing.assert_array_equal(recipe.matrix(rows)[:30], matrix)
    elsewhere, _ = learned(text, rows)
    assert elsewhere.to_dict() != recipe.to_dict(), "with other rows the constants must differ, or nothing is learned"


def test_spline_bounds_are_the_studys(rows: pd.DataFrame) -> None:
    recipe, _ = learned("~ bs(time, df=4) + cr(time, df=3)", rows, bounds=(0.0, 5.0))
    assert recipe.domain == (0.0, 5.0)
    late = rows.assign(time=np.linspace(0.0, 5.0, 40))
    assert np.isfinite(recipe.matrix(late)).all()


def test_a_spline_goes_on_beyond_what_it_was_taught(rows: pd.DataFrame) -> None:
    recipe, _ = learned("~ bs(time, df=4)", rows)
    beyond = recipe.matrix(rows.assign(time=2.5))
    assert np.isfinite(beyond).all()
    np.testing.assert_allclose(np.diff(np.vstack([recipe.matrix(rows)[-1:], beyond[:1]]), axis=0).sum(), 0, atol=1)


def test_a_recipe_survives_json(rows: pd.DataFrame) -> None:
    for text in ("~ poly(time, 3) + C(stage)", "~ bs(time, df=4) * sex", "~ cr(time, df=3)", "~ time"):
        recipe, matrix = learned(text, rows, bounds=(0.0, 2.0))
        restored = Recipe.from_dict(json.loads(json.dumps(recipe.to_dict())))
        np.testing.assert_array_equal(restored.matrix(rows), matrix)
        assert restored.names == recipe.names


def test_the_derivative_of_a_linear_formula_is_exact(rows: pd.DataFrame) -> None:
    recipe, _ = learned("~ time * sex + age + age:time", rows)
    for time in (0.1, 1.7, 1e4 / 3):
        derivative = recipe.derivative(rows.assign(time=time))
        male = (rows["sex"] == "m").to_numpy(float)
        expected = np.column_stack([np.zeros((40, 1)), np.ones(40), np.zeros((40, 2)), male, rows["age"]])
        np.testing.assert_allclose(derivative[:, [1, 4, 5]], expected[:, [1, 4, 5]], rtol=1e-13)
        np.testing.assert_allclose(derivative[:, [0, 2, 3]], 0, atol=1e-12)


def test_the_derivative_of_curves(rows: pd.DataFrame) -> None:
    time = rows["time"].to_numpy()
    recipe, _ = learned("~ poly(time, 3, raw=True)", rows)
    np.testing.assert_allclose(recipe.derivative(rows)[:, 3], 3 * time**2, atol=1e-12)
    recipe, _ = learned("~ log(time + 1) + exp(-time)", rows)
    np.testing.assert_allclose(recipe.derivative(rows)[:, 1], 1 / (time + 1), rtol=1e-9)
    np.testing.assert_allclose(recipe.derivative(rows)[:, 2], -np.exp(-time), rtol=1e-9)


def test_the_derivative_of_a_spline_at_its_bounds(rows: pd.DataFrame) -> None:
    recipe, _ = learned("~ bs(time, knots=[1.0])", rows, bounds=(0.0, 2.0))
    step = 1e-6
    for at, side in ((0.0, 1), (0.5, 1), (2.0, -1)):
        here, there = (recipe.matrix(rows.assign(time=value))[0] for value in (at, at + side * step))
        np.testing.assert_allclose(
            recipe.derivative(rows.assign(time=at))[0], (there - here) / (side * step), atol=1e-4
        )


def test_a_formula_without_time_does_not_change_with_it(rows: pd.DataFrame) -> None:
    recipe, _ = learned("~ age", rows)
    assert not recipe.derivative(rows).any()


def test_what_is_said_of_a_formula() -> None:
    assert isinstance(screen("~ time"), Formula)
    assert not screen("~ poly(time, 2, raw=True)").stateful
    assert screen("~ poly(time, 2)").stateful and screen("~ bs(time, df=4)").stateful
    assert screen("~ poly(time, 2) * sex + age * time").polynomial and screen("~ (time + age) ** 2 / sex").polynomial
    for text in (
        "~ log(time)",
        "~ bs(time, df=4)",
        "~ poly(time, 5)",
        "~ poly(time, 3):poly(age, 2)",
        "~ poly(1 / time, 1)",
    ):
        assert not screen(text).polynomial, text
    assert screen("~ C(stage) + `alk.phos`").variables == ("stage", "alk.phos")


def test_a_column_in_backticks_keeps_its_name_where_curves_become_straight() -> None:
    assert straight("~ cr(time, df=3) * `dose mg` + `a.b`", "time") == "~ time * `dose mg` + `a.b`"
    assert straight("~ log(`dose mg`) + time", "dose mg") == "~ `dose mg` + time"
    assert is_straight("~ `dose mg` + time", "time") and not is_straight("~ `dose mg` + poly(time, 2)", "time")
