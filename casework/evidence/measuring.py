"""CPU spent by a server and its PostgreSQL back ends: user + system, to the nanosecond, whatever else runs here."""

from __future__ import annotations

import ctypes
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psycopg

BACK_ENDS = "SELECT pid FROM pg_stat_activity WHERE application_name = %s"


class NotMeasurable(Exception):
    """Another process's CPU clock cannot be read here."""


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU seconds of one block of requests, in the server's process and in its PostgreSQL back ends."""

    server: float
    postgres: float

    @property
    def total(self) -> float:
        return self.server + self.postgres


class Meter:
    """Reads what one server has spent so far; its back ends are told apart by their `application_name`."""

    def __init__(self, owner: psycopg.Connection[tuple[object, ...]], pid: int, application: str) -> None:
        self._owner, self.pid, self._application = owner, pid, application
        self._seen: set[int] = set()

    def read(self) -> Spent:
        """Since each process began; raises NotMeasurable when a back end has ended, its CPU time lost with it."""
        pids = {int(str(pid)) for (pid,) in self._owner.execute(BACK_ENDS, (self._application,))}
        if self._seen - pids:
            raise NotMeasurable(f"a back end of {self._application} has ended during the measure")
        self._seen = pids
        return Spent(cpu_seconds(self.pid), sum(cpu_seconds(pid) for pid in pids))


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads of another process (POSIX clock_getcpuclockid); raises NotMeasurable."""
    if not sys.platform.startswith("linux"):
        raise NotMeasurable("the CPU time of another process is read on Linux only")
    clock = ctypes.c_int()
    refused = ctypes.CDLL(None).clock_getcpuclockid(pid, ctypes.byref(clock))
    if refused:
        raise NotMeasurable(f"no CPU clock for process {pid} (error {refused})")
    return time.clock_gettime(clock.value)
