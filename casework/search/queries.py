"""Candidates by blind index, within the caller's reach: row security stands behind each statement.

A token is asked for where the caller's reach lies, so that a region pays for its own people only; what row security
then sees again costs little (`casework bench search`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from casework.authz.policy import Permission, Reach, reach_of
from casework.cases.queries import LAST_KNOWN, SUMMARY
from casework.placement.models import IS_CURRENT

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.policy import Role
    from casework.kernel.database import Session

CONSIDERED: Final = 1_000
"""Kept of those who share rare tokens, before the filters."""
CANDIDATES: Final = 40
"""Opened and ranked at most; a person who shares fewer tokens than so many others is not who was asked for."""
COMMON: Final = 2_500
"""A token that so many share within reach tells nobody apart: it is read no further, and not counted."""
ENOUGH: Final = 8_000
"""Carriers of the rarest tokens first; once there are so many, what is left to count only repeats them."""
_LAST_HEARING: Final = (
    "c.id IN (SELECT s.case_id FROM claim_statuses s WHERE s.hearing_on BETWEEN %(hearing_from)s AND %(hearing_to)s"
    f" AND {LAST_KNOWN})"
)
FILTERS: Final = {
    "status": "c.status = %(status)s",
    "programme": "c.programme = %(programme)s",
    "region": "c.region_code = %(region)s",
    "caseworker_id": "c.caseworker_id = %(caseworker_id)s",
    "organization_id": (
        "c.id IN (SELECT a.case_id FROM assignments a WHERE a.organization_id = %(organization_id)s"
        f" AND a.{IS_CURRENT})"
    ),
    "hearing_from": _LAST_HEARING,
    # The latest counts, whenever it was recorded.
    "need": (
        "%(need)s = ANY ((SELECT n.services FROM needs n WHERE n.case_id = c.id"
        " ORDER BY n.occurred_on DESC, n.id DESC LIMIT 1)::text[])"
    ),
}
_HOLDING: Final = "SELECT i.person_id, 1 AS shared FROM identifiers i WHERE i.blind = %(blind)s"
# Offered to the region and living elsewhere; row security says which of these grants are in force. OFFSET keeps the
# planner to these few people's own tokens.
_GRANTED: Final = (
    " UNION ALL SELECT t.person_id, rare.weight FROM case_grants g JOIN persons q ON q.case_id = g.case_id"
    " AND q.region_code IS DISTINCT FROM %(mine)s"
    " CROSS JOIN LATERAL (SELECT t.token, t.person_id FROM name_tokens t WHERE t.person_id = q.id"
    " AND t.token = ANY(%(tokens)s){near} OFFSET 0) t"
    " JOIN rare ON rare.token = t.token WHERE g.grantee_region = %(mine)s AND g.ended_at IS NULL"
)


def sharing(reach: Reach | None, *, in_region: bool) -> str:
    """Who shares tokens of a name, rarest tokens first: one that few share says more than one of a common surname.

    Where every token is common, the least common ones decide.
    """
    mine = " AND t.region_code = %(mine)s" if reach is Reach.region else ""
    near = " AND t.region_code = %(region)s" if in_region else ""
    granted = _GRANTED.format(near=near) if reach is Reach.region else ""
    # An array a token: what is too common is dropped whole, and never grouped by person.
    return (
        "WITH listed AS MATERIALIZED (SELECT a.token, n.them, n.people FROM unnest(%(tokens)s::bytea[]) a (token)"
        " CROSS JOIN LATERAL (SELECT array_agg(who.person_id) AS them, count(*) AS people FROM (SELECT t.person_id"
        f" FROM name_tokens t WHERE t.token = a.token{mine}{near} LIMIT %(common)s) who) n),"
        " rare AS MATERIALIZED (SELECT token, them, 1 / sqrt(people + 1) AS weight FROM (SELECT *, min(people) OVER ()"
        " AS least, sum(people) OVER (ORDER BY people, token) - people AS before FROM listed) ranked"
        f" WHERE (people < %(common)s AND before < {ENOUGH}) OR people = least)"
        " SELECT h.person_id, sum(h.weight) AS shared"
        f" FROM (SELECT unnest(rare.them) AS person_id, rare.weight FROM rare{granted}) h"
        " GROUP BY h.person_id ORDER BY shared DESC, h.person_id LIMIT %(considered)s"
    )


async def candidates(
    session: Session, tokens: list[bytes] | None, blind: bytes | None, filters: dict[str, Any]
) -> list[tuple[Any, ...]]:
    """(person, shared tokens, sealed name, kek, wrapped, version, then SUMMARY of the case), the likeliest first."""
    found = _HOLDING if tokens is None else sharing(_reach(session), in_region="region" in filters)
    where = conditions(filters)
    if tokens is not None and blind is not None:
        where.append("f.person_id IN (SELECT i.person_id FROM identifiers i WHERE i.blind = %(blind)s)")
    sql = (
        f"SELECT f.person_id, f.shared, p.sealed_name, k.kek_id, k.wrapped, k.key_version,"
        f" {', '.join(f'c.{name}' for name in SUMMARY)}"
        f" FROM ({found}) f JOIN persons p ON p.id = f.person_id JOIN cases c ON c.id = p.case_id"
        " JOIN subject_keys k ON k.subject_id = f.person_id AND k.erased_at IS NULL"
        + (" WHERE " + " AND ".join(where) if where else "")
        + " ORDER BY f.shared DESC, f.person_id LIMIT %(most)s"
    )
    bounds = {"considered": CONSIDERED if where else CANDIDATES, "common": COMMON, "most": CANDIDATES}
    return await session.rows(
        sql, {**filters, **bounds, "tokens": tokens, "blind": blind, "mine": session.context.region_code}
    )


async def cases_after(
    session: Session, filters: dict[str, Any], after: UUID | None, limit: int
) -> list[tuple[Any, ...]]:
    """Of the filters alone, newest first; one more than asked tells whether a page follows."""
    where = conditions(filters) + (["c.id < %(after)s"] if after else [])
    sql = f"SELECT {', '.join(f'c.{name}' for name in SUMMARY)} FROM cases c WHERE {' AND '.join(where)}"
    return await session.rows(
        sql + " ORDER BY c.id DESC LIMIT %(limit)s", {**filters, "after": after, "limit": limit + 1}
    )


def conditions(filters: dict[str, Any]) -> list[str]:
    """On the case `c`; each takes its value by its filter's name."""
    return [FILTERS[name] for name in filters if name in FILTERS]


def _reach(session: Session) -> Reach | None:
    # An enum member is its text, and a role without the permission reaches nothing here.
    return reach_of(cast("Role", session.context.role), Permission.case_search)


def case_ids(found: list[dict[str, Any]]) -> list[UUID]:
    """Of the answer, each once."""
    return list(dict.fromkeys(one["case"]["id"] for one in found))
