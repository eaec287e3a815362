"""Code that is compiled ahead is the code that studies call: one list of types for each function, none left out."""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

from numba.core import sigutils
from numba.core.dispatcher import Dispatcher

from slopewise.cli.ahead import SIGNATURES, compile_outcome
from slopewise.kernels.cache import Inner


def of_python(folder: Path, package: Path) -> dict[str, Any]:
    """The compiled functions of a folder's modules that Python calls, by module and name."""
    found = {}
    for file in folder.glob("[a-z]*.py"):
        name = ".".join(("slopewise", *file.relative_to(package).with_suffix("").parts))
        module = importlib.import_module(name)
        for own, value in vars(module).items():
            if isinstance(value, Dispatcher) and not isinstance(value, Inner) and value.py_func.__module__ == name:
                found[f"{file.stem}.{own}"] = value
    return found


def kept(function: Any) -> set[Any]:
    """The lists of types for which any process so far has kept compiled code of a function as it is now."""
    return {key[0] for key in function._cache._cache_file._load_index()}


def test_every_function_for_outcomes_and_metrics_is_compiled_for_the_types_it_is_called_with(package: Path) -> None:
    functions = of_python(package / "kernels", package)
    assert set(functions) == set(SIGNATURES)
    compile_outcome()
    for name, function in functions.items():
        declared, _ = sigutils.normalize_signature(f"({SIGNATURES[name]})")
        assert set(function.overloads) | kept(function) == {declared}, name


CALLED = """
import importlib, sys
from slopewise.cli.ahead import compile_growth
compile_growth()
for name in sys.argv[1:]:
    module, _, own = name.partition(".")
    if getattr(importlib.import_module(f"slopewise.growth.engine.{module}"), own).overloads:
        print(name)
"""


def test_every_function_of_the_growth_engine_is_compiled_once(package: Path) -> None:
    functions = of_python(package / "growth" / "engine", package)
    assert {"many.fit_range", "components.profile_ends", "serial.serial_point"} <= set(functions)
    command = [sys.executable, "-c", CALLED, *functions]
    called = subprocess.run(command, capture_output=True, text=True, check=True)
    assert set(called.stdout.split()) == set(functions), "in a process of its own, which nothing else calls"
    for name, function in functions.items():
        assert len(set(function.overloads) | kept(function)) == 1, name
