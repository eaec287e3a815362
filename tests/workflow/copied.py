"""Snakemake in copies of one process that has imported it: an import takes longer than most runs of the tests.

A run is a fork with its own folder, output and status; its jobs are copies of one more process, which all runs of this
test process share (`slopewise.run.preloaded`). Runs in another environment, and those of another copy of the workflow,
are new processes (`tests.workflow.running.snakemake`).
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import IO


def snakemake(arguments: tuple[str, ...], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Snakemake on the workflow of this checkout in a folder, without colours."""
    server = _server()
    assert server.stdin and server.stdout
    with tempfile.TemporaryDirectory() as name:
        output, errors = Path(name) / "output", Path(name) / "errors"
        environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
        request = [arguments, str(folder), str(output), str(errors), {**environment, "NO_COLOR": "1"}]
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        status = int(server.stdout.readline())
        return subprocess.CompletedProcess(arguments, status, output.read_text(), errors.read_text())


@cache
def _server() -> subprocess.Popen[str]:
    """The process that makes the copies; it ends with this one, whose end closes its input."""
    command = [sys.executable, "-P", __file__]
    started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(started.communicate)
    return started


def _run(arguments: list[str], folder: str, output: str, errors: str, environment: dict[str, str]) -> None:
    """The run, in the copy."""
    from snakemake.cli import main

    for path, place in ((os.devnull, 0), (output, 1), (errors, 2)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), place)
    os.chdir(folder)
    offered = {name: os.environ[name] for name in os.environ if name.startswith("SLOPEWISE_PRELOADED")}
    os.environ.clear()
    os.environ.update({**environment, **offered})
    sys.argv = ["snakemake", *arguments]
    sys.path.insert(0, folder)
    main()


def _serve(requests: IO[str]) -> None:
    from slopewise.run import preloaded, threads

    threads.limit_threads(1)
    os.environ.update(preloaded.SINGLE_THREADED)
    import smart_open  # noqa: F401 (as the next ones, which a run imports: the copies have them)
    from snakemake.cli import get_argument_parser

    get_argument_parser()  # imports the plug-ins
    from slopewise.sources import features, snapshot  # noqa: F401
    from slopewise.study import demands, files, runs, steps  # noqa: F401

    preloaded.offer()
    preloaded.offer = lambda: None  # the copies keep that of this process
    if len(os.listdir("/proc/self/task")) > 1:
        raise RuntimeError("a process of several threads cannot be copied")
    for line in requests:
        pid = os.fork()
        if pid == 0:
            raise SystemExit(_run(*json.loads(line)))
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    _serve(sys.stdin)
