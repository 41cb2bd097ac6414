"""The blind indexes written again: for rows older than the indexes, or after a change of the index key or of the rules.

Batches by keyset, each its own transaction; running it again writes the same tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.authz.caller import system
from casework.authz.policy import SystemActor
from casework.people import names
from casework.people.models import IdentifierType
from casework.people.service import INDEX_NAMES, index_values

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from casework.kernel.database import Database, Session
    from casework.kernel.sealing import SubjectKey

BATCH = 100
LEFT = "SELECT count(*) FROM persons"
# Locked, so that a renewal of the same person's key waits for its turn.
TAKE = (
    "SELECT p.id, p.case_id, p.office_id, p.region_code, p.sealed_name, k.kek_id, k.wrapped, k.key_version"
    " FROM persons p JOIN subject_keys k ON k.subject_id = p.id AND k.erased_at IS NULL"
    " WHERE %(after)s::uuid IS NULL OR p.id > %(after)s ORDER BY p.id LIMIT %(limit)s FOR UPDATE OF p"
)
IDENTIFIERS = "SELECT id, type, sealed_value FROM identifiers WHERE person_id = %s"


async def people_to_index(database: Database) -> int:
    async with database.transaction(system(SystemActor.keeper).context()) as session:
        [(count,)] = await session.rows(LEFT)
    return int(count)


async def reindex(database: Database) -> AsyncIterator[int]:
    """Write every person's tokens and identifiers' indexes; yields how many people each batch held. Raises KeyAway."""
    after: UUID | None = None
    while True:
        async with database.transaction(system(SystemActor.keeper).context()) as session:
            taken = await session.rows(TAKE, {"after": after, "limit": BATCH})
            for row in taken:
                await _index(session, *row)
        if not taken:
            return
        after = taken[-1][0]
        yield len(taken)


async def _index(
    session: Session, person_id: UUID, case_id: UUID, office_id: UUID, region_code: str | None, sealed: bytes,
    *wrapped: Any,
) -> None:  # fmt: skip
    key = session.keyring.unwrap(person_id, *wrapped)
    tokens = session.blind.tokens(names.features(names.forms(key.open("persons/sealed_name", person_id, sealed))))
    bound = {"case_id": case_id, "office_id": office_id, "region_code": region_code}
    await session.rows("DELETE FROM name_tokens WHERE person_id = %s", (person_id,))
    await session.rows(INDEX_NAMES, index_values(bound, [(person_id, token) for token in tokens]))
    await _index_identifiers(session, person_id, key)


async def _index_identifiers(session: Session, person_id: UUID, key: SubjectKey) -> None:
    for row, kind, sealed in await session.rows(IDENTIFIERS, (person_id,)):
        value = names.identifier(key.open("identifiers/sealed_value", row, sealed))
        blind = session.blind.exact(IdentifierType(kind), value)
        await session.rows("UPDATE identifiers SET blind = %s WHERE id = %s", (blind, row))
