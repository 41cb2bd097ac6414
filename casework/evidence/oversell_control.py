"""What the same crowd comes to with three correct steps and no constraint: read, check, insert."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import psycopg

from casework.evidence.oversell_crowd import CLIENTS, HOT, ROOM

if TYPE_CHECKING:
    from uuid import UUID

    from casework.evidence.stage import Stage

# Each round meets places that are empty, everybody at once: a place once full is never oversold again.
ROUNDS = 20
OVERSOLD = (
    "SELECT coalesce(sum(greatest(promised - total, 0)), 0)::int FROM naive_places JOIN"
    " (SELECT place, sum(persons) AS promised FROM naive_promises GROUP BY place) p ON p.place = naive_places.id"
)
LEFT = (
    "SELECT total - coalesce((SELECT sum(persons) FROM naive_promises WHERE place = id), 0)"
    " FROM naive_places WHERE id = %s"
)


async def oversell(found: Stage, seed: int) -> dict[str, Any]:
    found.owner.execute("CREATE TABLE naive_places AS SELECT id, total FROM capacities LIMIT 0")
    found.owner.execute(
        "INSERT INTO naive_places SELECT gen_random_uuid(), %s FROM generate_series(1, %s)", (ROOM, HOT * ROUNDS)
    )
    found.owner.execute("CREATE TABLE naive_promises (place uuid, persons int)")
    places = [row[0] for row in found.owner.execute("SELECT id FROM naive_places ORDER BY id").fetchall()]
    rounds = [places[first : first + HOT] for first in range(0, len(places), HOT)]
    url, together = found.owner_url, asyncio.Barrier(CLIENTS)
    await asyncio.gather(*(_client(url, rounds, together, random.Random(f"{seed}-{one}")) for one in range(CLIENTS)))
    [(oversold,)] = found.owner.execute(OVERSOLD).fetchall()
    return {
        "what": "read what is left, check it, insert the promise: three correct steps and no constraint",
        "attempts": ROUNDS * CLIENTS,
        "oversold": oversold,
        "failed": oversold > 0,
    }


async def _client(url: str, rounds: list[list[UUID]], together: asyncio.Barrier, rng: random.Random) -> None:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        for places in rounds:
            await together.wait()
            place, persons = rng.choice(places), rng.randint(1, ROOM)
            [room] = await (await connection.execute(LEFT, (place,))).fetchone() or [0]
            if persons <= room:
                await connection.execute("INSERT INTO naive_promises VALUES (%s, %s)", (place, persons))
            await connection.commit()
