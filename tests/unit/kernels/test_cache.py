"""Compiled code is kept, and compiled anew when another module of its package changes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from slopewise.kernels.cache import inner, keeper


@inner
def product(a, b):  # type: ignore[no-untyped-def]
    return np.sum(a * b)


@keeper(Path(__file__).resolve().parent)
def twice(a):  # type: ignore[no-untyped-def]
    return 2.0 * product(a, a)


OUTER = """
from pathlib import Path
from slopewise.kernels.cache import keeper
cached = keeper(Path(__file__).parent)
from inner import add

@cached
def outer(x):
    return add(x)

if __name__ == "__main__":
    print(outer(1), sum(outer.stats.cache_hits.values()))
"""
INNER = "from numba import njit\n\n@njit\ndef add(x):\n    return x + {added}\n"


def test_a_change_of_a_called_module_is_noticed(tmp_path: Path, package: Path) -> None:
    (tmp_path / "outer.py").write_text(OUTER, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(package.parent)}
    environment.pop("NUMBA_CACHE_DIR", None)
    said = []
    for added in (1, 1, 10):
        (tmp_path / "inner.py").write_text(INNER.format(added=added), encoding="utf-8")
        command = [sys.executable, "-B", "outer.py"]
        ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        said.append(ended.stdout.split())
    assert said == [["2", "0"], ["2", "1"], ["11", "0"]]  # result, loaded from the cache


def test_compiled_code_lies_in_the_folders_whose_digest_names_it(package: Path) -> None:
    """`cached` digests the modules of its own folder: a compiled function elsewhere would be missed."""
    using = re.compile(r"^from numba import|import .*\b(cached|pointed|inner)\b", re.M)
    found = {file.parent for file in package.rglob("*.py") if using.search(file.read_text(encoding="utf-8"))}
    engines = ("kernels", "growth/engine", "growth/bayes/kernels", "effects/series/engine")
    assert found == {package / folder for folder in engines}


def test_a_function_without_a_wrapper_for_python_refuses_a_call_from_python() -> None:
    """The call would end the process."""
    values = np.arange(3.0)
    with pytest.raises(TypeError, match="product is compiled for calls from compiled code"):
        product(values, values)
    assert twice(values) == 10.0
    assert product.py_func(values, values) == 5.0
