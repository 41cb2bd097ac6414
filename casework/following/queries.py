from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.authz.policy import Permission, reach_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session

NOTES = (
    "SELECT n.id, n.person_id, n.visibility, n.organization_id, n.occurred_on, n.recorded_at, n.recorded_by, n.sealed_text,"
    " k.subject_id, k.kek_id, k.wrapped, k.key_version FROM case_notes n"
    " LEFT JOIN subject_keys k ON k.erased_at IS NULL AND k.case_id = n.case_id AND (k.subject_id = n.person_id"
    "   OR (n.person_id IS NULL AND k.kind = 'household'))"
    " WHERE n.case_id = %(case)s AND (%(after)s::uuid IS NULL OR n.id < %(after)s::uuid)"
    " ORDER BY n.id DESC LIMIT %(limit)s"
)
NOTE = (
    "id", "person_id", "visibility", "organization_id", "occurred_on", "recorded_at", "recorded_by",
)  # fmt: skip
# What each dated word of the household holds, and whether it is the one that counts.
DATED: Mapping[str, tuple[str, ...]] = {
    "needs": ("services", "interpreter_languages", "bedrooms"),
    "preferences": ("choices", "occupations"),
}
ALL_DATED = ("id", "occurred_on", "recorded_on", "recorded_by", "current")
GRANTED_ON = (
    "SELECT min(s.occurred_on) FROM claim_statuses s WHERE s.case_id = %s AND s.voided_at IS NULL"
    " AND s.status IN ('accepted', 'pr_pending', 'pr_granted')"
)
FOLLOWED = "SELECT user_id, from_at, until_at FROM case_responsibilities WHERE case_id = %s ORDER BY from_at, id"
HOSTS = (
    "SELECT source, valid_from, valid_until, ended_at, consent_until, organization_id, grantee_region, grantee_user_id,"
    " now() < least(valid_until, ended_at, consent_until) AS in_force"
    " FROM case_grants WHERE case_id = %s AND source <> 'break_glass' ORDER BY valid_from, id"
)
PROPOSED = "SELECT to_user_id FROM handovers WHERE case_id = %s AND status = 'proposed'"


def dated(table: str) -> str:
    """One page of a household's needs or wishes, the one that counts first."""
    return (
        f"SELECT id, occurred_on, recorded_on, recorded_by, id = (SELECT t.id FROM {table} t WHERE t.case_id = %(case)s"
        f"   ORDER BY t.occurred_on DESC, t.id DESC LIMIT 1), {', '.join(DATED[table])} FROM {table}"
        " WHERE case_id = %(case)s AND (%(on)s::date IS NULL OR (occurred_on, id) < (%(on)s::date, %(after)s::uuid))"
        " ORDER BY occurred_on DESC, id DESC LIMIT %(limit)s"
    )


# Office by office: (from, to, status, proposed, settled).
OFFICES = (
    "SELECT from_office_id, to_office_id, status, proposed_at, settled_at FROM office_handover_cases"
    " WHERE case_id = %s AND status <> 'refused' ORDER BY id"
)


async def responsible(session: Session, caller: Caller, case_id: UUID) -> dict[str, list[tuple[Any, ...]]]:
    """Who follows or hosts, as rows; whom the case is proposed to, for those who may know."""
    sees = reach_of(caller.role, Permission.handover_read) is not None
    return {
        "followed": await session.rows(FOLLOWED, (case_id,)),
        "hosts": await session.rows(HOSTS, (case_id,)),
        "proposed": await session.rows(PROPOSED, (case_id,)) if sees else [],
        "offices": await session.rows(OFFICES, (case_id,)) if sees else [],
    }
