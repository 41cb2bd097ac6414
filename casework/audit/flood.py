"""How much of a flood of refusals is written down: enough to see it, never enough to fill a disk."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

WINDOW_SECONDS = 60.0
PER_SOURCE = 20
"""Events of one kind from one address that are written in full, a window."""
ALTOGETHER = 300
"""Events written in full a window, however many addresses they come from."""
SOURCES = 5_000
"""Addresses told apart a window; the others are counted together."""
NAMED = 50
"""Sources whose further events get a count of their own at the end of a window."""


class Source(NamedTuple):
    event: str
    address: str


class Flood:
    """Counts every event of the current window; nothing is dropped without being counted."""

    def __init__(self) -> None:
        self._began = 0.0
        self._seen: Counter[Source] = Counter()
        self._unwritten: Counter[Source] = Counter()
        self._written = 0

    def admits(self, source: Source) -> bool:
        """Whether this event is to be written in full; if not, it has been counted."""
        counted = source if source in self._seen or len(self._seen) < SOURCES else _others(source)
        self._seen[counted] += 1
        if self._seen[counted] <= PER_SOURCE and self._written < ALTOGETHER:
            self._written += 1
            return True
        self._unwritten[counted] += 1
        return False

    def give_back(self, source: Source, count: int = 1) -> None:
        """What could not be written after all is counted with the rest."""
        self._unwritten[source] += count

    def closed(self, at: float, *, force: bool = False) -> list[tuple[Source, int]]:
        """At the end of a window: how many events of each source were only counted. `at` in seconds, monotonic."""
        if not force and at - self._began < WINDOW_SECONDS:
            return []
        ranked = self._unwritten.most_common()
        told = Counter(dict(ranked[:NAMED]))
        for source, count in ranked[NAMED:]:
            told[_others(source)] += count
        self._began, self._written = at, 0
        self._seen.clear()
        self._unwritten.clear()
        return list(told.items())


def _others(source: Source) -> Source:
    return Source(source.event, "others")
