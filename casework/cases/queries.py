"""Hot reads, in hand-written SQL on the driver; row security stands behind each of them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from casework.authz.policy import FieldGroup, Role, sight

if TYPE_CHECKING:
    from uuid import UUID

    from casework.kernel.database import Session

TOTAL_CAP = 10_000

# Of each person's claim `s`: a hearing that was postponed or held since is none.
LAST_KNOWN = (
    "s.voided_at IS NULL AND NOT EXISTS (SELECT 1 FROM claim_statuses t WHERE t.case_id = s.case_id"
    " AND t.voided_at IS NULL AND t.person_id IS NOT DISTINCT FROM s.person_id"
    " AND (t.occurred_on, t.id) > (s.occurred_on, s.id))"
)
SUMMARY = (
    "id", "reference", "external_id", "programme", "status", "office_id", "caseworker_id", "region_code",
    "arrived_on", "created_at", "version",
)  # fmt: skip
CASE = (*SUMMARY, "undertaking_on", "offered_on", "closed_at")

_NEEDS = (
    "(SELECT json_build_object('services', services, 'interpreter_languages', interpreter_languages,"
    " 'bedrooms', bedrooms) FROM needs n WHERE n.case_id = c.id ORDER BY n.occurred_on DESC, n.id DESC LIMIT 1)"
)
_PREFERENCES = (
    "(SELECT json_build_object('choices', choices, 'occupations', occupations) FROM preferences p"
    " WHERE p.case_id = c.id ORDER BY p.occurred_on DESC, p.id DESC LIMIT 1)"
)
_CONSENTS = (
    "(SELECT coalesce(json_agg(json_build_object('person_id', person_id, 'purpose', purpose, 'given', given,"
    " 'occurred_on', occurred_on, 'expires_on', expires_on, 'withdrawn_at', withdrawn_at) ORDER BY k.id), '[]')"
    " FROM consents k WHERE k.case_id = c.id)"
)
_CLAIM = (
    "json_build_object('claimed_on', claimed_on, 'statuses', (SELECT coalesce(json_agg(json_build_object("
    "'id', s.id, 'person_id', s.person_id, 'status', s.status, 'occurred_on', s.occurred_on,"
    " 'printed_due_on', s.printed_due_on, 'hearing_on', s.hearing_on, 'hearing_place', s.hearing_place, 'source', encode(s.sealed_source, 'hex'))"
    " ORDER BY s.occurred_on, s.id), '[]') FROM claim_statuses s WHERE s.case_id = c.id AND s.voided_at IS NULL))"
)
CLOSE_REASON = "sealed_close_reason"
_GROUPS = {
    FieldGroup.reasons: (CLOSE_REASON, CLOSE_REASON),
    FieldGroup.needs: ("needs", _NEEDS),
    FieldGroup.preferences: ("preferences", _PREFERENCES),
    FieldGroup.consents: ("consents", _CONSENTS),
    FieldGroup.claim: ("claim", _CLAIM),
}


@cache
def case_sql(role: Role) -> tuple[str, tuple[str, ...]]:
    """The one-case query of a role, and the groups it returns after the plain columns."""
    shown = [pair for group, pair in _GROUPS.items() if sight(role, group).whole]
    columns = ", ".join([*CASE, *(sql for _, sql in shown)])
    return f"SELECT {columns} FROM cases c WHERE c.id = %s", tuple(name for name, _ in shown)


@cache
def members_sql(role: Role) -> str:
    """One row a member: open columns, wrapped key (null once erased), then the sealed columns that the role sees."""

    def when(group: FieldGroup, column: str) -> str:
        return column if sight(role, group).shows else "NULL"

    return (
        "SELECT m.household_id, p.id, p.external_id, m.relation, p.is_adult, p.languages,"
        " k.erased_at, k.kek_id, k.wrapped, k.key_version,"
        f" {when(FieldGroup.names, 'p.sealed_name')}, {when(FieldGroup.birth, 'p.sealed_birth')}, {when(FieldGroup.contact, 'p.sealed_contact')}"
        " FROM memberships m JOIN persons p ON p.id = m.person_id LEFT JOIN subject_keys k ON k.subject_id = p.id"
        " WHERE m.case_id = %s AND m.ends_on IS NULL ORDER BY m.id"
    )


HOUSEHOLD_KEY = (
    "SELECT subject_id, kek_id, wrapped, key_version FROM subject_keys WHERE case_id = %s"
    " AND kind = 'household' AND erased_at IS NULL"
)
HOUSEHOLD = "SELECT id FROM households WHERE case_id = %s"
IDENTIFIERS = (
    "SELECT person_id, id, type, sealed_value, expires_on FROM identifiers"
    " WHERE case_id = %s AND ended_at IS NULL ORDER BY id"
)

FILTERS = {
    "status": "status = %(status)s",
    "programme": "programme = %(programme)s",
    "region": "region_code = %(region)s",
    "caseworker_id": "caseworker_id = %(caseworker_id)s",
    "external_id": "external_id = %(external_id)s",
}


async def cases_after(
    session: Session, filters: dict[str, Any], after: UUID | None, limit: int
) -> list[tuple[Any, ...]]:
    """Newest first; one row more than asked tells whether a page follows."""
    where = [FILTERS[name] for name in filters] + (["id < %(after)s"] if after else [])
    sql = f"SELECT {', '.join(SUMMARY)} FROM cases" + (" WHERE " + " AND ".join(where) if where else "")
    sql += " ORDER BY id DESC LIMIT %(limit)s"
    return await session.rows(sql, {**filters, "after": after, "limit": limit + 1})


async def count_cases(session: Session, filters: dict[str, Any]) -> tuple[int, bool]:
    """At most TOTAL_CAP; the flag says whether the count is exact."""
    where = [FILTERS[name] for name in filters]
    inner = "SELECT 1 FROM cases" + (" WHERE " + " AND ".join(where) if where else "") + " LIMIT %(cap)s"
    [(found,)] = await session.rows(f"SELECT count(*) FROM ({inner}) AS capped", {**filters, "cap": TOTAL_CAP + 1})
    return min(found, TOTAL_CAP), found <= TOTAL_CAP
