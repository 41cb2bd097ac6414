"""The control: a value leaked on purpose into each sink, by the road on which it would really come."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx
import psycopg

from casework.audit import trail
from casework.kernel import clock
from casework.kernel.ids import new_id

if TYPE_CHECKING:
    from casework.evidence.canary_journey import Traffic
    from casework.evidence.canary_sinks import Place

RECORD = (
    "INSERT INTO idempotency_records (key_hash, actor_id, row, body_hash, sealed_answer, expires_at)"
    " VALUES (%s, %s, %s, %s, %s, now() + interval '1 day')"
)


def into_tables(place: Place, word: str) -> None:
    """In clear in a column, in both logs, in a purpose told in words, in an answer kept unsealed."""
    with place.superuser() as owner:
        owner.execute("CREATE TABLE drill.leaked (name text)")
        # Several times, as values are: the statistics keep those that return.
        owner.execute("INSERT INTO drill.leaked SELECT %s FROM generate_series(1, 50)", (word,))
        for log in ("milestones", "audit"):
            body = json.dumps({"v": 1, "type": "case.closed", "recorded_at": clock.now().isoformat(), "reason": word})
            owner.execute(trail.LEAF, (new_id(), log, body, clock.now()))
        nobody: list[object] = []
        entry = (new_id(), clock.now(), new_id(), "partner", None, "case:read", f"visite de {word}", "-", nobody)
        owner.execute(trail.READ, entry)
        owner.execute(RECORD, (word.encode(), new_id(), new_id(), b"", word.encode()))


def into_answers(traffic: Traffic, word: str) -> None:
    traffic.send(None, "GET", f"/v1/cases?leak={word}")


def into_crash(traffic: Traffic, word: str) -> None:
    with suppress(httpx.TransportError):
        traffic.send(None, "GET", f"/crash?leak={word}")


def into_postgresql_log(place: Place, word: str) -> None:
    """A statement with the value written into it, which fails under ordinary settings."""
    naive = f"SELECT '{word}'::int".encode()
    refused = suppress(psycopg.errors.InvalidTextRepresentation)
    with psycopg.connect(place.cluster.url("owner"), autocommit=True) as owner, refused:
        owner.execute(naive)


def into_our_postgresql_log(place: Place, word: str) -> None:
    """Under the embedded server's settings an error says nothing; what is raised as LOG still is written."""
    with place.superuser() as connection:
        connection.execute(f"DO $$ BEGIN RAISE LOG 'closed: {word}'; END $$".encode())


def into_activity(place: Place, word: str) -> None:
    with psycopg.connect(place.cluster.url("owner"), autocommit=True) as owner:
        owner.execute(f"SELECT '{word}', pg_sleep(0.3)".encode())
