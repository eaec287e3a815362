"""How compiled code is kept, and functions that are compiled once.

numba optimises a function again inside each of its callers, which are nested seven deep here; the large ones are handed
on as addresses instead (numba's first-class functions), which saves most of the compile time and costs a few
nanoseconds a call.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numba import typeof, types
from numba.extending import typeof_impl

from slopewise.kernels.cache import ADDRESS, keeper

_HERE = Path(__file__).resolve().parent

cached = keeper(_HERE, nogil=True)
pointed = keeper(_HERE, ADDRESS, nogil=True)
"""Functions that Python calls and those that are handed on as addresses: compiled on first use, kept on disk, run
unlocked (nogil)."""


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
