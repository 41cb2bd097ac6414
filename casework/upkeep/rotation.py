"""Key rotation while the server runs: small batches, each its own transaction, so that a stop loses nothing.

A batch takes its rows by keyset and leaves aside what another transaction holds. Running it again finds only what
is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from casework.audit import trail
from casework.authz.caller import system
from casework.authz.policy import SystemActor
from casework.kernel import clock
from casework.upkeep.sealed_places import PLACES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from casework.kernel.database import Database, Session
    from casework.kernel.sealing import SubjectKey
    from casework.upkeep.sealed_places import Place

FIRST = UUID(int=0)
BATCH = 200
RENEWAL_BATCH = 20

# A skip scan: one probe of the index for each key id in use, however many rows carry it.
IN_USE = """
WITH RECURSIVE used (kek_id) AS (
  (SELECT kek_id FROM subject_keys WHERE erased_at IS NULL ORDER BY kek_id LIMIT 1)
  UNION ALL
  SELECT (SELECT k.kek_id FROM subject_keys k WHERE k.kek_id > used.kek_id
    AND k.erased_at IS NULL ORDER BY k.kek_id LIMIT 1)
  FROM used WHERE used.kek_id IS NOT NULL
)
SELECT kek_id FROM used WHERE kek_id IS NOT NULL UNION SELECT kek_id FROM incidents
UNION SELECT kek_id FROM sponsor_members WHERE erased_at IS NULL UNION SELECT kek_id FROM draws
"""
LEFT_TO_WRAP = (
    "SELECT (SELECT count(*) FROM subject_keys WHERE kek_id <> %(id)s AND erased_at IS NULL)"
    " + (SELECT count(*) FROM incidents WHERE kek_id <> %(id)s)"
    " + (SELECT count(*) FROM sponsor_members WHERE kek_id <> %(id)s AND erased_at IS NULL)"
    " + (SELECT count(*) FROM draws WHERE kek_id <> %(id)s)"
)
# Whose data keys are wrapped: the table, the column of the owner's id, and which rows still have a key.
WRAPPING = (
    ("subject_keys", "subject_id", "erased_at IS NULL"), ("incidents", "id", "true"),
    ("sponsor_members", "id", "erased_at IS NULL"), ("draws", "id", "true"),
)  # fmt: skip
TAKE_TO_WRAP = (
    "SELECT {owner}, kek_id, wrapped, key_version FROM {table} WHERE kek_id = %s AND {owner} > %s AND {alive}"
    " ORDER BY {owner} LIMIT %s FOR UPDATE SKIP LOCKED"
)
WRAPPED = (
    "UPDATE {table} k SET kek_id = %s, wrapped = w.wrapped"
    " FROM unnest(%s::uuid[], %s::bytea[]) AS w (owner, wrapped) WHERE k.{owner} = w.owner"
)
LEFT_TO_RENEW = "SELECT count(*) FROM subject_keys WHERE keyed_at < %s AND erased_at IS NULL"
TAKE_TO_RENEW = (
    "SELECT subject_id, kek_id, wrapped, key_version FROM subject_keys WHERE keyed_at < %s AND subject_id > %s"
    " AND erased_at IS NULL"
    " ORDER BY subject_id LIMIT %s FOR UPDATE SKIP LOCKED"
)
RENEWED = "UPDATE subject_keys SET kek_id = %s, wrapped = %s, key_version = %s, keyed_at = %s WHERE subject_id = %s"


async def keys_in_use(database: Database) -> list[str]:
    """The ids of the key-encryption keys that some data key is wrapped under."""
    async with database.transaction(system(SystemActor.keeper).context()) as session:
        return [kek_id for (kek_id,) in await session.rows(IN_USE)]


async def keys_left(database: Database, made_before: datetime | None = None) -> int:
    """How many data keys are still to wrap again; with `made_before`, how many are to renew."""
    async with database.transaction(system(SystemActor.keeper).context()) as session:
        if made_before:
            [(left,)] = await session.rows(LEFT_TO_RENEW, (made_before,))
        else:
            [(left,)] = await session.rows(LEFT_TO_WRAP, {"id": session.keyring.current})
    return int(left)


async def wrap_again(database: Database) -> AsyncIterator[int]:
    """Wrap every data key under the current key-encryption key; yields how many each batch wrapped. Raises KeyAway."""
    for kek_id in await keys_in_use(database):
        for table, owner, alive in WRAPPING:
            after = FIRST
            names = {"table": table, "owner": owner, "alive": alive}
            while done := await _wrap_batch(database, names, kek_id, after):
                after = done[-1]
                yield len(done)


async def _wrap_batch(database: Database, names: dict[str, str], kek_id: str, after: UUID) -> list[UUID]:
    """The owners whose keys this batch wrapped again."""
    actor = system(SystemActor.keeper)
    async with database.transaction(actor.context()) as session:
        keyring = session.keyring
        if kek_id == keyring.current:
            return []
        taken = await session.rows(TAKE_TO_WRAP.format(**names), (kek_id, after, BATCH))
        if taken:
            again = [keyring.wrap(keyring.unwrap(*row)) for row in taken]
            await session.rows(WRAPPED.format(**names), (keyring.current, [row[0] for row in taken], again))
            trail.record(session, actor, "keys.wrapped", {"from": kek_id, "to": keyring.current, "keys": len(taken)})
    return [row[0] for row in taken]


async def renew(database: Database, made_before: datetime) -> AsyncIterator[int]:
    """Give each subject whose key is older a new data key, everything of theirs sealed again under it.

    Yields how many subjects each batch renewed. Raises KeyAway or CannotOpen; the batch is then as it was.
    """
    after = FIRST
    while done := await _renew_batch(database, made_before, after):
        after = done[-1]
        yield len(done)


async def _renew_batch(database: Database, made_before: datetime, after: UUID) -> list[UUID]:
    actor = system(SystemActor.keeper)
    async with database.transaction(actor.context()) as session:
        taken = await session.rows(TAKE_TO_RENEW, (made_before, after, RENEWAL_BATCH))
        for subject_id, *wrapped in taken:
            old = session.keyring.unwrap(subject_id, *wrapped)
            await _renew_subject(session, old, old.renewed())
        if taken:
            trail.record(session, actor, "keys.renewed", {"keys": len(taken)})
    return [row[0] for row in taken]


async def _renew_subject(session: Session, old: SubjectKey, new: SubjectKey) -> None:
    keyring = session.keyring
    await session.rows(RENEWED, (keyring.current, keyring.wrap(new), new.version, clock.now(), old.subject_id))
    for place in PLACES:
        await _seal_again(session, place, old, new)


async def _seal_again(session: Session, place: Place, old: SubjectKey, new: SubjectKey) -> None:
    columns = ", ".join(place.columns)
    query = f"SELECT {place.row}, {columns} FROM {place.table} WHERE {place.belongs} FOR UPDATE"
    sets = ", ".join(f"{column} = %s" for column in place.columns)
    for row, *sealed in await session.rows(query, {"subject": old.subject_id}):
        again = [
            _moved(f"{place.table}/{column}", row, value, old, new)
            for column, value in zip(place.columns, sealed, strict=True)
        ]
        await session.rows(f"UPDATE {place.table} SET {sets} WHERE {place.row} = %s", (*again, row))


def _moved(place: str, row: UUID, value: bytes | None, old: SubjectKey, new: SubjectKey) -> bytes | None:
    opened: Any = None if value is None else old.open(place, row, value)
    return None if value is None else new.seal(place, row, opened)
