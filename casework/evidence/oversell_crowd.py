"""What thirty-two clients were told, place by place, held against what stands in the tables.

A promise counts from the client's own receipt until the client is about to give it up, so the tally never counts more
than was really promised at one instant: above a place's room, it is an oversale that somebody was told of.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    import psycopg

CLIENTS = 32
# Three places of seven persons: many households fill one of them alone.
HOT, ROOM = 3, 7
# Of the holds that were granted, how many the client lets run out.
LAPSING = 0.15
PROMISED = (
    "SELECT coalesce(max(greatest(c.held + c.used, coalesce(o.persons, 0)) - c.total), 0),"
    " count(*) FILTER (WHERE c.held <> coalesce(o.persons, 0)), max(c.held + c.used) FROM capacities c LEFT JOIN"
    " (SELECT capacity_id, sum(persons) AS persons FROM offers WHERE status = 'held' GROUP BY 1) o"
    " ON o.capacity_id = c.id WHERE c.id = ANY(%s)"
)
LOST = (
    "SELECT count(*) FROM unnest(%(told)s::uuid[], %(standing)s::boolean[]) AS t (id, standing)"
    " LEFT JOIN offers o ON o.id = t.id"
    " WHERE o.id IS NULL OR (t.standing AND o.status <> 'held') OR o.status NOT IN ('held', 'expired')"
)


@dataclass(slots=True)
class Promise:
    """`lapses`: left to run out, so it may end at any moment and no longer counts as told."""

    offer_id: UUID
    place: UUID
    persons: int
    version: int = 1
    lapses: bool = False


@dataclass(slots=True)
class Crowd:
    cases: Sequence[UUID]
    places: list[UUID]
    attempts: int
    seed: str
    started: int = 0
    promised: Counter[UUID] = field(default_factory=Counter)
    most: int = 0
    standing: dict[UUID, Promise] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    most_over: int = 0
    fullest: int = 0
    wrong: int = 0
    looks: int = 0

    def client(self, number: int) -> tuple[random.Random, list[UUID]]:
        """A client's dice and the households that it alone decides for."""
        return random.Random(f"{self.seed}-{number}"), list(self.cases[number::CLIENTS])

    def granted(self, promise: Promise) -> None:
        self.answers["granted"] += 1
        self.standing[promise.offer_id] = promise
        if not promise.lapses:
            self.promised[promise.place] += promise.persons
            self.most = max(self.most, self.promised[promise.place])

    def lapsing(self, promise: Promise) -> None:
        """From now on it may end by itself."""
        self.promised[promise.place] -= promise.persons
        promise.lapses = True

    def given_up(self, promise: Promise) -> None:
        self.promised[promise.place] -= promise.persons
        del self.standing[promise.offer_id]

    def look(self, owner: psycopg.Connection[Any]) -> None:
        """The tables as one snapshot shows them."""
        [(over, unequal, fullest)] = owner.execute(PROMISED, (self.places,)).fetchall()
        self.most_over, self.wrong = max(self.most_over, over), self.wrong + unequal
        self.fullest, self.looks = max(self.fullest, fullest), self.looks + 1

    async def watched(
        self, owner: psycopg.Connection[Any], client: Callable[[int], Awaitable[None]], step: Callable[[], object]
    ) -> None:
        """All clients until the attempts are used up, the tables looked at meanwhile."""
        clients = [asyncio.ensure_future(client(number)) for number in range(CLIENTS)]
        while True:
            finished, _ = await asyncio.wait(clients, timeout=0.25)
            self.look(owner)
            step()
            if len(finished) == len(clients):
                break
        await asyncio.gather(*clients)

    def outcome(self, owner: psycopg.Connection[Any]) -> dict[str, Any]:
        """Once everybody has stopped: a hold that was told and not given up must stand, and its places with it."""
        told = list(self.standing.values())
        asked = {"told": [one.offer_id for one in told], "standing": [not one.lapses for one in told]}
        [(lost,)] = owner.execute(LOST, asked).fetchall()
        self.look(owner)
        return {
            "attempts": self.started,
            "oversold": max(self.most - ROOM, self.most_over, 0),
            "lost_holds": lost,
            "counters_wrong": self.wrong,
            "server_errors": sum(count for answer, count in self.answers.items() if answer.startswith("5")),
            "looks_at_tables": self.looks,
            "fullest": self.fullest,
            "most_promised_at_once": self.most,
            "answers": dict(self.answers.most_common()),
        }
