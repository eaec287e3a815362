"""Errors that a user can act on, and how any error reads in one line."""

from __future__ import annotations

import errno


class InputError(Exception):
    """A mistake in the user's study file or data: one message that names the place and the way out.

    Shown to the user as it stands, without a traceback; the process then ends with status 1.
    """


def is_foreseen(error: BaseException) -> bool:
    """Whether an error is the user's or the machine's (a mistake in a file, a full disk), not a fault of ours."""
    return isinstance(error, (InputError, MemoryError)) or (isinstance(error, OSError) and bool(error.strerror))


def reason_of(error: Exception, nameless: str = "a file") -> str:
    """An error in one line: a mistake of the user's as it stands, a full disk with its file, or a fault of ours.

    `nameless`: what an error of the operating system is about that names no file; `atomic` gives all of its own a name.
    """
    if isinstance(error, InputError):
        text = str(error)
    elif isinstance(error, MemoryError):
        text = "not enough memory"
    elif isinstance(error, OSError) and error.strerror:
        place = str(error.filename) if error.filename is not None else nameless
        text = f"{place}: {error.strerror}{WAYS_OUT.get(error.errno or 0, '')}"
    else:
        text = f"internal error: {type(error).__name__}: {error}"
    return " ".join(text.split())


WAYS_OUT = {
    errno.ENOSPC: "; make room, then run it again",
    errno.EDQUOT: "; make room, then run it again",
    errno.EROFS: "; write to a folder that is not read-only",
    errno.ENOTDIR: "; a file stands where a folder is needed: choose another path",
    errno.EACCES: "; write to a folder in which you may write, or have the permissions changed",
}
"""What helps against an error of the operating system, by its number."""
