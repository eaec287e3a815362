"""Calls that copies of a process share: the results are those of one process, and no copy is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading

import pytest

from slopewise.run import copies


def in_a_process(body: str) -> str:
    """What a process of one thread prints; this one has those of pytest's workers and of libraries."""
    head = """
    import os, signal, time
    from slopewise.run.copies import shared_out
    from slopewise.run.errors import InputError

    def slow(number):
        time.sleep(0.02)
        return number, os.getpid()
    """
    program = textwrap.dedent(head) + textwrap.dedent(body)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    return done.stdout.strip()


linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are copied on Linux alone")


@linux
def test_results_are_in_order_and_every_process_made_some() -> None:
    printed = in_a_process("""
        made = shared_out(slow, 12, 3)
        again = shared_out(slow, 12, 3, what="numbers")
        print([one for one, _ in made] == list(range(12)), len({pid for _, pid in made + again}))
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            print("no child is left")
    """)
    assert printed == "True 6\nno child is left"


@linux
@pytest.mark.parametrize("where", [0, 1, 5])
def test_an_error_of_any_process_is_raised(where: int) -> None:
    printed = in_a_process(f"""
        def refuse(number):
            time.sleep(0.02)
            if number == {where}:
                raise InputError("the table has no rows")
            return number

        try:
            shared_out(refuse, 6, 2)
        except InputError as error:
            print(error)
    """)
    assert printed == "the table has no rows"


@linux
def test_an_error_that_cannot_be_pickled_is_named() -> None:
    printed = in_a_process("""
        class Odd(Exception):
            def __reduce__(self):
                raise TypeError("no pickle of this")

        def refuse(number):
            raise Odd("the table has no rows")

        try:
            shared_out(refuse, 4, 2)
        except RuntimeError as error:
            print(error)
    """)
    assert printed == "Odd: the table has no rows"


@linux
def test_a_copy_that_is_ended_from_outside_ran_out_of_memory() -> None:
    printed = in_a_process("""
        here = os.getpid()

        def die(number):
            time.sleep(0.02)
            if os.getpid() != here:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            shared_out(die, 6, 2)
        except MemoryError:
            print("memory")
    """)
    assert printed == "memory"


def test_a_process_of_several_threads_is_not_copied() -> None:
    wait = threading.Event()
    thread = threading.Thread(target=wait.wait)
    thread.start()
    try:
        assert not copies.can_be_copied()
        assert set(copies.shared_out(lambda number: os.getpid(), 4, 2)) == {os.getpid()}
    finally:
        wait.set()
        thread.join()


def test_more_calls_than_there_are_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 256"):
        copies.shared_out(lambda number: number, 257)
