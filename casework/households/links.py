"""Links between cases that must not be pulled apart, told at both ends (domain.md §7.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.errors import UniqueViolation

from casework.audit import trail
from casework.authz.policy import Permission
from casework.cases.service import case_to, household_key
from casework.households import errors
from casework.households.members import bound_to
from casework.households.models import CaseLink, LinkKind
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.problems import NotFound
from casework.kernel.rows import new_row

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.cases.models import Case
    from casework.households.schemas import LinkCreate
    from casework.kernel.database import Session

COLUMNS = ("id", "case_id", "other_case_id", "kind", "linked_at", "ended_at")
OF_CASE = f"SELECT {', '.join(COLUMNS)} FROM case_links WHERE case_id = %s ORDER BY id"
STANDING = "SELECT 1 FROM case_links WHERE case_id = %s AND other_case_id = %s AND kind = %s AND ended_at IS NULL"
END = "UPDATE case_links SET ended_at = %s WHERE id = %s AND case_id = %s AND ended_at IS NULL RETURNING kind"


async def links_of(session: Session, caller: Caller, case_id: UUID) -> dict[str, Any]:
    """Those that stand and those that ended, the oldest first; the read is on record. Raises NotFound."""
    if not await session.rows("SELECT 1 FROM cases WHERE id = %s", (case_id,)):
        raise NotFound
    await trail.record_read(session, caller, Permission.household_read, [case_id])
    rows = await session.rows(OF_CASE, (case_id,))
    return {"items": [dict(zip(COLUMNS, row, strict=True)) for row in rows]}


async def link(session: Session, caller: Caller, case_id: UUID, version: int, wanted: LinkCreate) -> int:
    """Both cases within reach. Returns the case's version; raises NotFound, StaleVersion or AlreadyLinked."""
    case = await case_to(Permission.household_change, session, caller, case_id, version)
    other = wanted.other_case_id
    if other == case_id or not await session.rows("SELECT 1 FROM cases WHERE id = %s", (other,)):
        raise NotFound
    if await session.rows(STANDING, (case_id, other, str(wanted.kind))):
        raise errors.AlreadyLinked
    await add(session, caller, case, other, LinkKind(wanted.kind))
    return await _changed(session, caller, case, "case.linked", str(wanted.kind))


async def add(session: Session, caller: Caller, case: Case, other: UUID, kind: LinkKind) -> None:
    row = new_row(CaseLink, **bound_to(case), other_case_id=other, pair=new_id(), kind=kind, linked_by=caller.actor_id)
    try:
        await session.insert([row])
    except UniqueViolation:  # somebody linked them a moment ago
        raise errors.AlreadyLinked from None


async def unlink(session: Session, caller: Caller, ids: tuple[UUID, UUID], version: int) -> int:
    """The link ends at both ends and stays readable. `ids`: case, link. Raises NotFound or StaleVersion."""
    case_id, link_id = ids
    case = await case_to(Permission.household_change, session, caller, case_id, version)
    ended = await session.rows(END, (clock.now(), link_id, case_id))
    if not ended:
        raise NotFound
    return await _changed(session, caller, case, "case.unlinked", ended[0][0])


async def _changed(session: Session, caller: Caller, case: Case, action: str, kind: str) -> int:
    case.version += 1
    await session.flush()
    key = await household_key(session, case.id)
    number = str(new_id())
    trail.record(session, caller, action, {"subject": key.pseudonym(case.id, number), "n": number, "kind": kind})
    return case.version
