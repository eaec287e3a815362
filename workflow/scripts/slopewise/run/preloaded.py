"""One process with the libraries imported, of which the jobs of a run on this machine are copies.

A job of a small study computes for less time than it takes to import NumPy, pandas and numba. A run of Snakemake on one
machine therefore offers its jobs a process that imports what they need once. The script of a job sends it the name of
its function and the arguments; a copy of the process (a fork) calls the function with the job's own environment,
folder and output, and the script ends with the status of the copy. The first job that asks starts the process, and it
ends with the run.

A job does its work itself where no process is offered (a cluster, a container, an environment of conda, an operating
system other than Linux, ``SLOPEWISE_PRELOAD=no``), and where the process cannot take it. Tables are the same bytes
either way. Memory and processor time in ``results/{study}/timings`` are then those of the script, not of the copy.
"""

from __future__ import annotations

import ast
import gc
import importlib
import importlib.util
import multiprocessing as mp
import os
import pickle
import secrets
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from types import ModuleType
from typing import Any

from slopewise.run.copies import end_with_parent, library
from slopewise.run.step import step
from slopewise.run.threads import limit_threads

OFFERED = "SLOPEWISE_PRELOADED"
"""Environment variable of a run's jobs: the name of the socket and the number of the process whose run it is."""

WANTED = "SLOPEWISE_PRELOAD"
"""Environment variable of a user: ``no`` lets every job import for itself."""

PATIENCE = 10.0
"""Seconds that a process which has been started may take until it listens, and a job until it has sent its request."""


SINGLE_THREADED = {"JE_ARROW_MALLOC_CONF": "background_thread:false", "NUMEXPR_NUM_THREADS": "1"}
"""What keeps pyarrow's allocator and numexpr from starting a thread at their import: a copy would not have it."""


@dataclass(frozen=True)
class Request:
    """A call of a script's function, and the surroundings of the job that asks for it."""

    script: str
    function: str
    arguments: tuple[Any, ...]
    named: dict[str, Any]
    log: str | None
    threads: int
    folder: str
    environment: dict[str, str]
    umask: int


def offer() -> None:
    """Offer the jobs that this process starts a preloaded process, which ends with this one."""
    if sys.platform != "linux" or os.environ.get(WANTED) == "no":
        return
    with suppress(AttributeError, OSError):  # a kernel that cannot say when a process ends
        os.close(os.pidfd_open(os.getpid()))
        os.environ[OFFERED] = f"slopewise-{secrets.token_hex(16)}/{os.getpid()}"


def withdraw() -> None:
    """Let jobs that this process starts, elsewhere perhaps, import for themselves."""
    os.environ.pop(OFFERED, None)


def run_step(function: Callable[..., None], job: Any, /, *arguments: Any, **named: Any) -> None:
    """Run the function of a script as a step: in a copy of the run's preloaded process if it has one, else here.

    `function` is one of the script's own, which imports within itself what it needs; `job` is the object `snakemake`
    of the script; the arguments can be pickled.
    """
    status = call(function, job.log[0], job.threads, arguments, named)
    if status is None:
        with step(job.log[0], job.threads):
            function(*arguments, **named)
    elif status < 0:
        os.kill(os.getpid(), -status)  # Snakemake learns from this process how the step ended
    elif status:
        raise SystemExit(status)


def call(
    function: Callable[..., None],
    log: str | Path | None,
    threads: int,
    arguments: tuple[Any, ...],
    named: Mapping[str, Any],
) -> int | None:
    """Call a script's function in a copy of the process that is offered: its status, or None if that is not possible.

    A copy that a signal ended has its number, negative.
    """
    script = function.__globals__.get("__file__")
    offered = os.environ.get(OFFERED, "").partition("/")
    if not all(offered) or not script or not Path(script).is_file():
        return None
    connection = _connected(offered[0], offered[2])
    if connection is None:
        return None
    with connection:
        umask = os.umask(0)
        os.umask(umask)
        request = Request(
            str(script), function.__name__, arguments, dict(named), str(log) if log else None, threads, os.getcwd(),
            dict(os.environ), umask,
        )  # fmt: skip
        try:
            _send(connection, request)
            return _received(connection)
        except (EOFError, OSError):
            return -signal.SIGKILL  # the process is gone, and its copies with it; what the job wrote is not complete


_STARTED: list[subprocess.Popen[bytes]] = []
"""Processes that this one started; they outlive it."""


def _connected(name: str, pid: str) -> socket.socket | None:
    """A connection to the process of this name, which is started if nobody listens; None where that fails."""
    started: subprocess.Popen[bytes] | None = None
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(f"\0{name}")
            if _user_of(connection) == os.getuid():
                return connection
        except OSError:
            if started is None:
                command = [sys.executable, "-P", "-m", __name__, name, pid]
                nothing = subprocess.DEVNULL
                started = subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing)
                _STARTED.append(started)
            elif started.poll():
                connection.close()
                return None
            time.sleep(0.01)
        connection.close()
    return None


def _user_of(connection: socket.socket) -> int:
    """The user at the other end, by the kernel's word: a socket's name may be tried by anybody on the machine."""
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", found)[1])


def _send(connection: socket.socket, request: Request) -> None:
    content = pickle.dumps(request)
    socket.send_fds(connection, [struct.pack("q", len(content))], [1, 2])
    connection.sendall(content)


def _received(connection: socket.socket) -> int | None:
    """The status that the process sends; None if it asks the job to do its work itself."""
    content = connection.recv(64)
    if not content:
        raise EOFError
    status: int | None = pickle.loads(content)
    return status


class Preloaded:
    """The process that jobs ask: it imports what a script needs once, and makes a copy of itself for each job."""

    def __init__(self, listening: socket.socket, run: int) -> None:
        """`run`: a descriptor of the process whose run it is, which becomes readable when that ends."""
        self.listening = listening
        self.run = run
        self.copies: dict[socket.socket, ForkProcess] = {}
        self.modules: dict[str, ModuleType] = {}

    def serve(self) -> None:
        """Take requests until the run ends, and its copies with it."""
        while True:
            sentinels = {process.sentinel: connection for connection, process in self.copies.items()}
            ready = wait([self.listening, self.run, *self.copies, *sentinels])
            if self.run in ready:
                for process in self.copies.values():
                    process.kill()
                return
            for one in ready:
                if one is self.listening:
                    self._take(self.listening.accept()[0])
                elif isinstance(one, int):
                    self._end(sentinels[one])
                elif isinstance(one, socket.socket) and one in self.copies:
                    self.copies[one].kill()  # the job that asked is gone; nothing else is sent on its connection

    def _end(self, connection: socket.socket) -> None:
        """Tell a job how its copy ended."""
        process = self.copies.pop(connection)
        process.join()
        with suppress(OSError), connection:
            connection.sendall(pickle.dumps(process.exitcode))
        process.close()

    def _take(self, connection: socket.socket) -> None:
        """Start a copy for the request that comes on a connection, or let the job do its work itself."""
        descriptors: list[int] = []
        try:
            if _user_of(connection) != os.getuid():
                connection.close()
                return
            connection.settimeout(PATIENCE)
            request, descriptors = _request(connection)
            connection.settimeout(None)
            module = self._module(request.script)
            if len(os.listdir("/proc/self/task")) > 1:
                raise RuntimeError("a process of several threads cannot be copied")
            process = mp.get_context("fork").Process(target=_copy, args=(request, module, descriptors))
            gc.freeze()
            process.start()
            self.copies[connection] = process
        except Exception:  # whatever it is, the job meets it too, and says what it is
            with suppress(OSError):
                connection.sendall(pickle.dumps(None))
            connection.close()
        finally:
            for one in descriptors:
                os.close(one)

    def _module(self, script: str) -> ModuleType:
        """A script as a module, and what its functions import imported."""
        if script not in self.modules:
            for node in ast.walk(ast.parse(Path(script).read_bytes())):
                if isinstance(node, ast.Import):
                    _import(None, node.names)
                elif isinstance(node, ast.ImportFrom) and node.module:
                    _import(node.module, node.names)
            specification = importlib.util.spec_from_file_location(f"rule_{Path(script).stem}", script)
            assert specification and specification.loader
            module = importlib.util.module_from_spec(specification)
            specification.loader.exec_module(module)
            self.modules[script] = module
        return self.modules[script]


def _import(module: str | None, names: list[ast.alias]) -> None:
    """Import what a statement imports: modules, or names in `module`, which may be modules, too."""
    for one in names:
        if module is None:
            importlib.import_module(one.name)
        elif not hasattr(importlib.import_module(module), one.name):
            importlib.import_module(f"{module}.{one.name}")


def _request(connection: socket.socket) -> tuple[Request, list[int]]:
    """What a job asks for, and its standard output and error."""
    head, descriptors, _, _ = socket.recv_fds(connection, struct.calcsize("q"), 2)
    size = struct.unpack("q", head)[0]
    content = bytearray()
    while len(content) < size:
        part = connection.recv(size - len(content))
        if not part:
            raise EOFError
        content += part
    request: Request = pickle.loads(content)
    return request, descriptors


def _copy(request: Request, module: ModuleType, descriptors: list[int]) -> None:
    """The job, in the copy."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for descriptor, place in zip(descriptors, (1, 2), strict=True):
        os.dup2(descriptor, place)
    os.chdir(request.folder)
    os.umask(request.umask)
    threads = {"NUMBA_NUM_THREADS": os.environ["NUMBA_NUM_THREADS"]}  # numba refuses another number
    os.environ.clear()
    os.environ.update({**request.environment, **threads})
    with step(request.log, request.threads):
        getattr(module, request.function)(*request.arguments, **request.named)


def main(name: str, pid: int) -> None:
    """Listen under a name until a process ends; another one that listens is the one to ask."""
    listening = socket.socket(socket.AF_UNIX)
    try:
        listening.bind(f"\0{name}")
        run = os.pidfd_open(pid)
    except OSError:
        return
    listening.listen(64)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run ends at it, and this process with the run
    library()
    limit_threads(os.cpu_count() or 1)  # a job asks for some of them
    os.environ.update(SINGLE_THREADED)
    Preloaded(listening, run).serve()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
