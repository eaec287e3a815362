"""Designs as products: the matrix of formulaic to the last bit, on rows that the products were not learned from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from slopewise.design import evaluate as module
from slopewise.design.products import Products
from slopewise.design.recipe import Recipe, learn_levels
from slopewise.design.screen import screen
from slopewise.run.errors import InputError


def rows(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "time": rng.uniform(0, 3, n), "age": rng.normal(50, 8, n), "alk.phos": rng.uniform(1, 9, n),
            "sex": rng.choice(["f", "m"], n), "arm": rng.choice([1, 2, 10], n), "visits": rng.integers(1, 9, n),
        }
    )  # fmt: skip


PLAIN = (
    "~ time", "~ time * sex + age", "~ 0 + sex + time:sex", "~ C(arm) * time * sex", "~ I(time**2) + I(age / 10 - 1)",
    "~ log(`alk.phos`) * time", "~ `alk.phos` + visits:time", "~ sqrt(time) + exp(-time)", "~ (time + age + sex)**2",
)  # fmt: skip


@pytest.mark.parametrize("text", PLAIN)
def test_products_are_what_formulaic_makes(text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_known", type(module._known)())
    first, other, formula = rows(60, 1), rows(200, 2), screen(text)
    levels = learn_levels([formula], pd.concat([first, other]))
    recipe, _ = Recipe.learn(formula, first, levels)
    expected = module._by_formulaic(
        module._Asked("", formula, module.rows_of(formula, other, recipe.levels), recipe.levels, {})
    )
    assert "alk" in text or len(module._known) == 1  # a quoted column inside a call is left to formulaic
    monkeypatch.setattr(module, "_remembered", None if module._known else module._remembered)
    assert recipe.names == expected[1] and np.array_equal(recipe.matrix(other), expected[0])


def test_splines_are_no_products_and_are_evaluated_once_for_the_same_rows(monkeypatch: pytest.MonkeyPatch):
    frame, formula = rows(60, 1), screen("~ cr(time, df=3) + age")
    recipe, matrix = Recipe.learn(formula, frame, {})
    assert Products.of(recipe.names, {}, formula.variables) is None
    monkeypatch.setattr(module, "_by_formulaic", None)
    again, same = Recipe.learn(formula, frame, {})
    assert np.array_equal(matrix, same) and again.key == recipe.key
    same[:] = 0.0  # what is kept is nobody's to change
    assert np.array_equal(Recipe.learn(formula, frame, {})[1], matrix)


def test_a_term_that_is_not_finite_is_named_when_columns_are_products():
    frame, formula = rows(60, 1), screen("~ log(time)")
    recipe, _ = Recipe.learn(formula, frame, {})
    with pytest.raises(InputError, match=r"the term 'log\(time\)' is not a finite number where time = 0"):
        recipe.matrix(frame.assign(time=0.0))


def test_a_level_whose_text_is_another_s_is_left_to_formulaic():
    assert Products.of(("time:sex[T.m]",), {"sex": ("f", "m")}, ("time", "sex")) is not None
    assert Products.of(("time:sex[T.x]",), {"sex": ("f", "m")}, ("time", "sex")) is None
    assert Products.of(("harmonic(time, 12)[sin1]",), {}, ("time",)) is None
