from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.cases.claim import Standing
from casework.cases.lifecycle import ClaimStatus, HearingPlace

if TYPE_CHECKING:
    from datetime import date
    from uuid import UUID

    from casework.kernel.database import Session

COLUMNS = (
    "id", "person_id", "status", "occurred_on", "printed_due_on", "hearing_on", "hearing_place", "source", "recorded_at",
    "recorded_by", "voided_at", "voided_by", "void_reason", "version",
)  # fmt: skip
_SELECTED = ", ".join(f"sealed_{name}" if name in {"source", "void_reason"} else name for name in COLUMNS)
PAGE = (
    f"SELECT {_SELECTED} FROM claim_statuses WHERE case_id = %(case)s"
    " AND (%(on)s::date IS NULL OR (occurred_on, id) < (%(on)s::date, %(after)s::uuid))"
    " ORDER BY occurred_on DESC, id DESC LIMIT %(limit)s"
)
# A whole household's entry is of whom the household held by then: who came later has their own, or none.
_OF = "(s.person_id = p.id OR (s.person_id IS NULL AND p.created_at <= s.recorded_at))"
STANDING = (
    "SELECT m.case_id, p.id, s.status, s.occurred_on, s.hearing_on, s.hearing_place FROM memberships m"
    " JOIN persons p ON p.id = m.person_id LEFT JOIN LATERAL (SELECT * FROM claim_statuses s"
    f"   WHERE s.case_id = m.case_id AND s.voided_at IS NULL AND {_OF}"
    "   ORDER BY s.occurred_on DESC, s.id DESC LIMIT 1) s ON true"
    " WHERE m.case_id = ANY(%s) AND m.ends_on IS NULL ORDER BY m.id"
)
# The neighbours in time of an entry of one person: what came before it, and what came after.
NEIGHBOURS = (
    "SELECT (SELECT s.status FROM claim_statuses s WHERE s.case_id = p.case_id AND s.voided_at IS NULL"
    f"   AND s.id <> %(but)s AND {_OF} AND (s.occurred_on, s.id) <= (%(on)s, %(at)s)"
    "   ORDER BY s.occurred_on DESC, s.id DESC LIMIT 1),"
    " (SELECT s.status FROM claim_statuses s WHERE s.case_id = p.case_id AND s.voided_at IS NULL"
    f"   AND s.id <> %(but)s AND {_OF} AND (s.occurred_on, s.id) > (%(on)s, %(at)s)"
    "   ORDER BY s.occurred_on, s.id LIMIT 1)"
    " FROM persons p WHERE p.id = %(person)s"
)
MEMBERS = (
    "SELECT p.id FROM memberships m JOIN persons p ON p.id = m.person_id JOIN subject_keys k ON k.subject_id = p.id"
    " AND k.erased_at IS NULL WHERE m.case_id = %s AND m.ends_on IS NULL ORDER BY m.id"
)


async def standings(session: Session, case_ids: list[UUID]) -> dict[UUID, list[Standing]]:
    """Of each case, where the claim of each member of today stands; for roles that read the claim."""
    found: dict[UUID, list[Standing]] = {}
    for case_id, person, status, since, on, place in await session.rows(STANDING, (case_ids,)):
        one = Standing(person, status and ClaimStatus(status), since, on, place and HearingPlace(place))
        found.setdefault(case_id, []).append(one)
    return found


async def hearings_pending(session: Session, case_ids: list[UUID], today: date) -> dict[UUID, list[dict[str, Any]]]:
    """What is to be thought of before a household moves."""
    return {
        case_id: [
            {"person_id": one.person_id, "hearing_on": one.hearing_on, "hearing_place": one.hearing_place}
            for one in household
            if one.awaits_hearing(today)
        ]
        for case_id, household in (await standings(session, case_ids)).items()
    }
