"""How compiled code is kept: a cache that notices every change, and functions that are compiled once.

numba looks at the one file in which a cached function stands, so an edit of a module that it calls would go unnoticed:
`cached` puts a digest of all kernel modules into the name under which the code is kept. And numba optimises a function
again inside each of its callers, which are nested seven deep here; the large ones are handed on as addresses instead
(numba's first-class functions), which saves most of the compile time and costs a few nanoseconds a call.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit, typeof, types
from numba.extending import typeof_impl

KERNEL_MODULES = ("compiled", "moments", "standardise", "kernel", "optimise", "faces", "many", "scoring")


def _digest() -> str:
    folder = Path(__file__).resolve().parent
    return hashlib.sha256(b"".join((folder / f"{name}.py").read_bytes() for name in KERNEL_MODULES)).hexdigest()


SOURCES = _digest()


def cached(function: Callable[..., Any]) -> Any:
    """Compile on first use; keep on disk, under a name that changes with any kernel module; run unlocked (nogil)."""
    function.__qualname__ += "_" + SOURCES[:16]
    return njit(cache=True, nogil=True, error_model="numpy")(function)


class Address(types.WrapperAddressProtocol):
    """A compiled function as a value: its address and its signature."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled  # keeps the code alive
        self.type = types.FunctionType(compiled.signature)
        self._address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_cfunc_wrapper_name)

    def __wrapper_address__(self) -> int:
        return int(self._address)

    def signature(self) -> Any:
        return self._compiled.signature


@typeof_impl.register(Address)
def _type_of_address(value: Address, context: Any) -> Any:
    """The type, made once: numba would make it anew in every call, which takes longer than a small fit."""
    return value.type


def address(function: Any, *arguments: Any) -> Address:
    """`function`, compiled (or loaded from the cache) for the types of these example arguments."""
    signature = tuple(typeof(argument) for argument in arguments)
    function.compile(signature)
    return Address(function.overloads[signature])
