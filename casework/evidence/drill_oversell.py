"""`casework drill oversell`: thirty-two deciders at once on municipalities with almost no room (evidence.md §2).

Two levels: over HTTP, where each attempt is a whole request, and at the service level, where each is the product's own
reservation in a transaction of its own, inside the decider's signed context and behind row security. Holds are taken,
cancelled, and left to expire. The full form is cut in rounds that are written down as they end: interrupted, it goes on
from there.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress

from casework.evidence import oversell_control, oversell_http, oversell_service
from casework.evidence.oversell_crowd import CLIENTS, HOT, ROOM, Crowd
from casework.evidence.report import Run, commit
from casework.evidence.stage import stage

if TYPE_CHECKING:
    from uuid import UUID

    from casework.evidence.stage import Stage

# Level → (attempts, attempts of a round, those of the short form).
LEVELS = {"http": (20_000, 2_500, 400), "service": (1_000_000, 20_000, 4_000)}
BESIEGE = {"http": oversell_http.besiege, "service": oversell_service.besiege}
CASES, SHORT_CASES = 2_000, 200
# One household in six is larger than most of what is left, and none is larger than a place.
SIZES = (1, 2, 3, 4, 5, 6)
NARROW = "UPDATE capacities SET total = %s, held = 0 WHERE id = ANY(%s)"
CLEAR = "UPDATE offers SET status = 'withdrawn', answered_at = now() WHERE status = 'held'"
OPEN_FIRST = "SELECT id FROM capacities WHERE resource = 'persons' AND starts_on <= current_date ORDER BY id LIMIT %s"
SUMMED = ("attempts", "oversold", "lost_holds", "counters_wrong", "server_errors", "looks_at_tables")
HIGHEST = ("fullest", "most_promised_at_once")


def run(*, short: bool, seed: int) -> dict[str, Any]:
    done = Run("oversell", short, seed)
    kept = Kept(seed, short=short)
    with stage(SHORT_CASES if short else CASES, seed, servers=("server",), pool_size=CLIENTS, sizes=SIZES) as found:
        with Progress(console=Console(stderr=True)) as progress:
            for level in LEVELS:
                _siege(found, level, kept, progress)
        control = asyncio.run(oversell_control.oversell(found, seed))
    levels = {level: judged(kept.levels[level], kept.wanted(level)[0]) for level in LEVELS}
    total = {name: sum(one[name] for one in levels.values()) for name in SUMMED}
    figures = {**total, "clients": CLIENTS, "places": HOT, "room_of_each": ROOM, "households": "1–6", **levels}
    sound = not any(total[name] for name in ("oversold", "lost_holds", "counters_wrong", "server_errors"))
    kept.forget()
    ok = sound and all(one["pressed"] for one in levels.values())
    return done.outcome(ok=ok, figures=figures, control=control)


def _siege(found: Stage, level: str, kept: Kept, progress: Progress) -> None:
    """One level, round after round; those that were written down are not fought again."""
    attempts, size = kept.wanted(level)
    places = [row[0] for row in found.owner.execute(OPEN_FIRST, (HOT,)).fetchall()]
    bar = progress.add_task(f"offres / offers, {level}", total=attempts, completed=kept.attempts(level))
    for first in range(kept.attempts(level), attempts, size):
        crowd = _fresh(found, places, size, f"{kept.seed}-{level}-{first}")

        def step(first: int = first, crowd: Crowd = crowd) -> None:
            progress.update(bar, completed=first + crowd.started)

        asyncio.run(BESIEGE[level](found, crowd, step))
        kept.add(level, crowd.outcome(found.owner))


def _fresh(found: Stage, places: list[UUID], attempts: int, seed: str) -> Crowd:
    """Every place empty and tight, and a crowd that has been told nothing."""
    found.owner.execute(CLEAR)
    found.owner.execute(NARROW, (ROOM, places))
    return Crowd(found.population.readable, places, attempts, seed)


def judged(level: dict[str, Any], wanted: int) -> dict[str, Any]:
    """Without grants, refusals, cancellations and expiries in number, nobody pressed on the limit and nothing was proven."""
    answers = level["answers"]
    enough = answers.get("granted", 0) >= wanted // 50 and answers.get("not-enough-places", 0) >= wanted // 5
    # How many offers run out before they are taken back hangs on the machine; that some do is the point.
    mixed = answers.get("withdrawn", 0) >= wanted // 100 and answers.get("lapsed", 0) >= max(1, wanted // 1_000)
    return {**level, "pressed": enough and mixed and level["attempts"] == wanted and level["fullest"] == ROOM}


class Kept:
    """What each round came to, in a file of the full form, so that an interrupted drill goes on; gone once it is told."""

    def __init__(self, seed: int, *, short: bool) -> None:
        self.seed, self._short = seed, short
        name = f"casework-drill-oversell-{seed}-{(commit() or 'installed')[:20]}.json"
        self._path = None if short else Path(tempfile.gettempdir()) / name
        self.levels: dict[str, dict[str, Any]] = {level: _nothing() for level in LEVELS}
        if self._path is not None and self._path.exists():
            self.levels = json.loads(self._path.read_text(encoding="utf-8"))

    def wanted(self, level: str) -> tuple[int, int]:
        """Attempts, and attempts of a round."""
        full, size, few = LEVELS[level]
        return (few, few) if self._short else (full, size)

    def attempts(self, level: str) -> int:
        return int(self.levels[level]["attempts"])

    def add(self, level: str, outcome: dict[str, Any]) -> None:
        kept = self.levels[level]
        for name in SUMMED:
            kept[name] += outcome[name]
        for name in HIGHEST:
            kept[name] = max(kept[name], outcome[name])
        kept["answers"] = dict((Counter(kept["answers"]) + Counter(outcome["answers"])).most_common())
        if self._path is not None:
            self._path.write_text(json.dumps(self.levels), encoding="utf-8")

    def forget(self) -> None:
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _nothing() -> dict[str, Any]:
    return {**dict.fromkeys((*SUMMED, *HIGHEST), 0), "answers": {}}
