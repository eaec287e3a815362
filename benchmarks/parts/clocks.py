"""Time and memory of the present process, as far as possible untouched by others on the machine."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

WAITING = Path("/proc/thread-self/schedstat")  # Linux: nanoseconds run, nanoseconds waited for a processor, turns


def waited() -> float:
    """Seconds that this thread was ready but waited for a processor; 0 where the system does not tell."""
    return int(WAITING.read_text().split()[1]) * 1e-9 if WAITING.exists() else 0.0


class Stopwatch:
    """Seconds since it was made, by three clocks of the thread that made it."""

    def __init__(self) -> None:
        self._start = time.perf_counter(), time.thread_time(), waited()

    def wall(self) -> float:
        return time.perf_counter() - self._start[0]

    def processor(self) -> float:
        """Of this thread alone; on an otherwise idle machine the wall's, less what it slept."""
        return time.thread_time() - self._start[1]

    def unhindered(self) -> float:
        """Wall less the waiting for a processor that others had."""
        return self.wall() - (waited() - self._start[2])


def processor_time(work: Callable[[], object], repeats: int = 1) -> float:
    """Seconds of the processor that one of `repeats` calls took."""
    watch = Stopwatch()
    for _ in range(repeats):
        work()
    return watch.processor() / repeats


def peak_memory() -> float:
    """GiB: the most that this process has held."""
    status = Path("/proc/self/status")  # getrusage hands on the peak of the process that started this one
    if status.exists():
        lines = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(lines[0].split()[1]) / 2**20
    unit = 2**30 if sys.platform == "darwin" else 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def copy_bandwidth(size: int) -> float:
    """Bytes read and written in a second of processor time when `size` bytes are copied within this thread."""
    import numpy as np

    source = np.ones(max(size // 8, 1024))
    target = np.zeros_like(source)
    calls = max(1, int(2e8 / source.nbytes))
    measured = [processor_time(lambda: np.copyto(target, source), calls) for _ in range(7)]
    return 2 * source.nbytes / statistics.median(measured)
