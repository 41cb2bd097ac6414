"""`casework drill reads`: protected reads while the server and PostgreSQL are killed under them (evidence.md §2).

Each answer that a client received in full must have exactly one committed entry, found by its request id, which
names the cases shown. A request whose answer never came may have an entry or none: nobody can tell whether it was seen
on the way. More entries than attempts would mean that somebody else's reads were invented.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
from rich.console import Console
from rich.progress import Progress

from casework.evidence.child import Child, serving
from casework.evidence.driving import get, header, line_to
from casework.evidence.report import Run
from casework.evidence.stage import DidNotStart, stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from casework.evidence.driving import Line
    from casework.evidence.stage import Stage

CLIENTS = 16
READS, SHORT_READS = 10_000, 300
CRASHES, SHORT_CRASHES = 24, 4
CONTROL_READS, SHORT_CONTROL_READS = 2_000, 300
CASES, SHORT_CASES = 1_000, 100
READER = "camille"
BACK_END = "SELECT pid FROM pg_stat_activity WHERE application_name = %s ORDER BY pid"
ENTRIES = "SELECT request_id, case_ids FROM read_entries"
# The throwaway server commits without waiting for its own log; one back end killed would lose what others were told.
DURABLE = "ALTER DATABASE casework SET synchronous_commit = on"
WAIT_SECONDS = 60


@dataclass(slots=True)
class Watch:
    """What the clients sent and what they were answered: the cases shown, by request id."""

    wanted: int
    seed: int
    attempts: int = 0
    answered: dict[str, frozenset[UUID]] = field(default_factory=dict)
    others: Counter[int] = field(default_factory=Counter)
    broken: int = 0
    crashes: Counter[str] = field(default_factory=Counter)

    @property
    def done(self) -> bool:
        return len(self.answered) >= self.wanted


def run(*, short: bool, seed: int) -> dict[str, Any]:
    done = Run("reads", short, seed)
    reads, crashes = (SHORT_READS, SHORT_CRASHES) if short else (READS, CRASHES)
    with stage(SHORT_CASES if short else CASES, seed, servers=()) as found:
        found.owner.execute(DURABLE)
        watch = _besieged(found, ("casework", "serve"), Watch(reads, seed), crashes, _paths(found))
        figures = _compared(found, watch)
        late = [f"/late/cases/{case_id}" for case_id in found.population.readable]
        naive = Watch(SHORT_CONTROL_READS if short else CONTROL_READS, seed)
        _besieged(found, ("casework.evidence.late_log",), naive, crashes, late)
        lost = _compared(found, naive)["answers_without_entry"]
    control = {
        "what": "entries kept in memory and written together after the answers, as a job would",
        "reads": len(naive.answered),
        "answers_without_entry": lost,
        "failed": lost > 0,
    }
    wrong = sum(figures[name] for name in ("answers_without_entry", "duplicates", "of_other_cases", "server_errors"))
    ok = not wrong and figures["entries"] <= figures["attempts"] and sum(watch.crashes.values()) == crashes
    return done.outcome(ok=ok, figures=figures, control=control)


def _paths(found: Stage) -> list[str]:
    """One case in four ways: itself, its milestones, and the two lists in which it may stand."""
    some = found.population.readable
    return [
        *(f"/v1/cases/{case_id}" for case_id in some),
        *(f"/v1/cases/{case_id}/milestones" for case_id in some),
        *["/v1/cases?limit=20", "/v1/milestones?limit=20", "/v1/milestones?state=upcoming&limit=20"] * (len(some) // 6),
    ]


def _besieged(found: Stage, module: tuple[str, ...], watch: Watch, crashes: int, paths: list[str]) -> Watch:
    application = f"casework-drill-{module[0].rpartition('.')[2]}"
    with tempfile.TemporaryDirectory() as folder:
        errors = Path(folder) / "server.log"
        with serving(module, found.settings, errors, application) as child:
            asyncio.run(_all(found, child, watch, _moments(watch, crashes), paths))
    return watch


def _moments(watch: Watch, crashes: int) -> list[tuple[int, str]]:
    """After how many answers, and whom: the server and a back end of PostgreSQL in turn, so that both happen."""
    rng, edge = random.Random(f"{watch.seed}-crashes"), watch.wanted // 20
    moments = sorted(rng.sample(range(edge, watch.wanted - edge), crashes))
    return [(moment, ("server", "back_end")[place % 2]) for place, moment in enumerate(moments)]


async def _all(found: Stage, child: Child, watch: Watch, moments: list[tuple[int, str]], paths: list[str]) -> None:
    token = found.token(READER)
    with Progress(console=Console(stderr=True), disable=not Console(stderr=True).is_terminal) as progress:
        bar = progress.add_task("lectures / reads", total=watch.wanted)
        clients = [
            asyncio.create_task(_client(child.port, watch, token, paths, random.Random(f"{watch.seed}-{one}")))
            for one in range(CLIENTS)
        ]
        for moment, victim in moments:
            while len(watch.answered) < moment and not watch.done:
                await asyncio.sleep(0.005)
                progress.update(bar, completed=len(watch.answered))
            await asyncio.to_thread(_crash, found.owner_url, child, victim, moment)
            watch.crashes[victim] += 1
        await asyncio.gather(*clients)


def _crash(owner_url: str, child: Child, victim: str, moment: int) -> None:
    """kill -9, then wait until whoever died is back."""
    if victim == "server":
        child.end_by(signal.SIGKILL)
        _until_back(child.start)
        return
    pids = _owner_rows(owner_url, BACK_END, (child.application,))
    with suppress(ProcessLookupError):
        os.kill(pids[moment % len(pids)][0], signal.SIGKILL)
    _until_back(lambda: _owner_rows(owner_url, "SELECT 1", ()))


def _owner_rows(owner_url: str, sql: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            with psycopg.connect(owner_url, autocommit=True) as owner:
                rows = owner.execute(sql.encode(), parameters).fetchall()
            if rows:
                return rows
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _until_back(start: Callable[[], object]) -> None:
    """A server that starts while PostgreSQL recovers may give up; it is started again, as a supervisor does."""
    for _ in range(3):
        with suppress(DidNotStart):
            start()
            return
    start()


async def _client(port: int, watch: Watch, token: str, paths: list[str], rng: random.Random) -> None:
    while not watch.done:
        try:
            async with line_to(port) as line:
                while not watch.done:
                    await _one(line, watch, token, rng.choice(paths))
        except (OSError, EOFError, TimeoutError):
            await asyncio.sleep(0.05)


async def _one(line: Line, watch: Watch, token: str, path: str) -> None:
    watch.attempts += 1
    try:
        head, body = await line.exchange(get(path, token))
    except (OSError, EOFError):
        watch.broken += 1
        raise
    status = int(head[9:12])
    if status == 200:
        watch.answered[header(head, b"x-request-id").decode()] = _shown(path, json.loads(body))
    else:
        watch.others[status] += 1
        await asyncio.sleep(0.02)


def _shown(path: str, body: dict[str, Any]) -> frozenset[UUID]:
    """The cases that an answer is about: those its one entry must name."""
    if "/cases/" in path:
        return frozenset({UUID(path.split("/")[3])})
    return frozenset(UUID(item.get("case_id", item["id"])) for item in body["items"])


def _compared(found: Stage, watch: Watch) -> dict[str, Any]:
    """Since the entries of two runs stand in one table, those of the other run are left aside by its answers."""
    entries: dict[str, list[frozenset[UUID]]] = {}
    for request_id, case_ids in _owner_rows(found.owner_url, ENTRIES, ()):
        entries.setdefault(request_id, []).append(frozenset(case_ids))
    mine = {request_id: entries.get(request_id, []) for request_id in watch.answered}
    return {
        "reads": len(watch.answered),
        "clients": CLIENTS,
        "attempts": watch.attempts,
        "broken_off": watch.broken,
        "crashes": sum(watch.crashes.values()),
        "crashes_of": dict(watch.crashes),
        "refused_meanwhile": dict(watch.others),
        "entries": sum(map(len, entries.values())),
        "answers_without_entry": sum(not some for some in mine.values()),
        "duplicates": sum(len(some) > 1 for some in entries.values()),
        "of_other_cases": sum(any(one != watch.answered[key] for one in some) for key, some in mine.items()),
        "server_errors": sum(count for status, count in watch.others.items() if status != 503),
    }
