"""Those who read a log while it is written: the auditor on the dense cursor, and two who poll what is at hand.

The naive two ask the table itself for what is newer than the last id, or the last time, they saw. Both orders are given
before the commit: a row that commits late is passed over, and nothing ever tells them so.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import psycopg

from casework.evidence.driving import get, line_to
from casework.kernel import clock

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = 2_000
LOG = "/v1/milestone-log"
# A tight poll, as somebody has who wants to be quick; it is what makes the naive cursor lose rows.
NAIVE_SECONDS = 0.005
AUDITOR_SECONDS = 0.05
PATIENCE_SECONDS = 60
NAIVE = {
    "id": "SELECT id, id, body FROM log_leaves WHERE log = 'milestones' AND id > %s ORDER BY id",
    "time": "SELECT recorded_at, id, body FROM log_leaves WHERE log = 'milestones' AND recorded_at > %s ORDER BY recorded_at",
}
BEGINNING = {"id": "00000000-0000-0000-0000-000000000000", "time": "-infinity"}


def digest(leaf: bytes) -> bytes:
    return hashlib.sha256(leaf).digest()


@dataclass(slots=True)
class Auditor:
    """`seen` counts each leaf by its hash; `lags` are seconds from a leaf's own time to the page that brought it."""

    port: int
    token: str
    last: int = -1
    pages: int = 0
    seen: Counter[bytes] = field(default_factory=Counter)
    out_of_order: int = 0
    lags: list[float] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    async def follow(self, finished: Callable[[], bool]) -> None:
        """Ask for what follows the last index until `finished` and a page brings nothing more."""
        async with line_to(self.port) as line:
            while True:
                over = finished()
                after = "" if self.last < 0 else f"&after={self.last}"
                status, body = await line.ask(get(f"{LOG}?limit={PAGE}{after}", self.token))
                brought = self._take(body) if status == 200 else 0
                if over and not brought:
                    return
                if not brought:
                    await asyncio.sleep(AUDITOR_SECONDS)

    def _take(self, body: bytes) -> int:
        manifest, *lines = body.splitlines()
        now = clock.now()
        self.pages += 1
        if self.pages % 20 == 1:
            self.kept.append(json.loads(manifest)["checkpoint"])
        for line in lines:
            entry = json.loads(line)
            self.out_of_order += entry["index"] != self.last + 1
            self.last = entry["index"]
            self.seen[digest(line.partition(b'"leaf":')[2][:-1])] += 1
            self.lags.append((now - datetime.fromisoformat(entry["leaf"]["recorded_at"])).total_seconds())
        return len(lines)


@dataclass(slots=True)
class Naive:
    """`by`: "id" or "time"."""

    by: str
    seen: set[bytes] = field(default_factory=set)

    async def follow(self, owner_url: str, finished: Callable[[], bool]) -> None:
        last: Any = BEGINNING[self.by]
        async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as connection:
            while True:
                over = finished()
                rows = await (await connection.execute(NAIVE[self.by].encode(), (last,))).fetchall()
                self.seen |= {digest(body.encode()) for _, _, body in rows}
                last = rows[-1][0] if rows else last
                if over:
                    return
                await asyncio.sleep(NAIVE_SECONDS)
