"""Candidates by blind index, within the caller's reach: row security stands behind each statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.cases.queries import SUMMARY

if TYPE_CHECKING:
    from uuid import UUID

    from casework.kernel.database import Session

CONSIDERED = 2_000
"""Kept of those who share a token, before the filters."""
CANDIDATES = 200
"""Opened and ranked at most; a person who shares fewer tokens than so many others is not who was asked for."""
FILTERS = {
    "status": "c.status = %(status)s",
    "programme": "c.programme = %(programme)s",
    "region": "c.region_code = %(region)s",
}
# A token that few share says more than one of a common surname: each weighs less the more people carry it.
_SHARING = (
    "WITH hit AS MATERIALIZED (SELECT t.token, t.person_id, t.case_id FROM name_tokens t"
    " WHERE t.token = ANY(%(tokens)s)),"
    " weight AS (SELECT hit.token, 1 / sqrt(count(*)) AS rare FROM hit GROUP BY hit.token)"
    " SELECT hit.person_id, hit.case_id, sum(weight.rare) AS shared FROM hit JOIN weight USING (token)"
    " GROUP BY hit.person_id, hit.case_id ORDER BY shared DESC, hit.person_id LIMIT %(considered)s"
)
_HOLDING = "SELECT i.person_id, i.case_id, 1 AS shared FROM identifiers i WHERE i.blind = %(blind)s"


async def candidates(
    session: Session, tokens: list[bytes] | None, blind: bytes | None, filters: dict[str, Any]
) -> list[tuple[Any, ...]]:
    """(person, shared tokens, sealed name, kek, wrapped, version, then SUMMARY of the case), the likeliest first."""
    found = _SHARING if tokens is not None else _HOLDING
    where = [FILTERS[name] for name in filters]
    if tokens is not None and blind is not None:
        where.append("f.person_id IN (SELECT i.person_id FROM identifiers i WHERE i.blind = %(blind)s)")
    sql = (
        f"SELECT f.person_id, f.shared, p.sealed_name, k.kek_id, k.wrapped, k.key_version,"
        f" {', '.join(f'c.{name}' for name in SUMMARY)}"
        f" FROM ({found}) f JOIN cases c ON c.id = f.case_id JOIN persons p ON p.id = f.person_id"
        " JOIN subject_keys k ON k.subject_id = f.person_id AND k.erased_at IS NULL"
        + (" WHERE " + " AND ".join(where) if where else "")
        + " ORDER BY f.shared DESC, f.person_id LIMIT %(most)s"
    )
    return await session.rows(
        sql, {**filters, "tokens": tokens, "blind": blind, "considered": CONSIDERED, "most": CANDIDATES}
    )


def case_ids(found: list[dict[str, Any]]) -> list[UUID]:
    """Of the answer, each once."""
    return list(dict.fromkeys(one["case"]["id"] for one in found))
