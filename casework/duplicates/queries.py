"""Records that may be of one person, found by blind index within reach; row security stands behind each statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.search.queries import candidates

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from casework.kernel.database import Session

PERSON = (
    "SELECT p.id, p.case_id, c.reference, p.sealed_name, p.sealed_birth, p.sealed_contact, k.erased_at, k.kek_id,"
    " k.wrapped, k.key_version, (SELECT coalesce(array_agg(i.type || '/' || encode(i.blind, 'hex')), '{}')"
    "   FROM identifiers i WHERE i.person_id = p.id AND i.blind IS NOT NULL)"
    " FROM persons p JOIN cases c ON c.id = p.case_id JOIN subject_keys k ON k.subject_id = p.id"
)
ONE = PERSON + " WHERE p.id = %s"
# A record that leads to another is no candidate: the other one is.
MANY = PERSON + " WHERE p.id = ANY(%s) AND p.id <> %s AND p.merged_into IS NULL AND k.erased_at IS NULL"
SHARING = "SELECT DISTINCT i.person_id FROM identifiers i WHERE i.blind = ANY(%s) LIMIT 200"


async def person(session: Session, person_id: UUID) -> tuple[Any, ...] | None:
    rows = await session.rows(ONE, (person_id,))
    return rows[0] if rows else None


async def alike(
    session: Session, person_id: UUID, tokens: list[bytes], blinds: Iterable[bytes]
) -> list[tuple[Any, ...]]:
    """Whoever shares rare tokens of a name, or an identifier, as PERSON's rows."""
    found = {row[0] for row in await candidates(session, tokens, None, {})}
    found |= {row[0] for row in await session.rows(SHARING, (list(blinds),))}
    return await session.rows(MANY, (list(found), person_id))
