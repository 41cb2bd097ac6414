"""Who can see a case and by which rule, and who saw it: read from functions compiled from the policy table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.authz.policy import Reach
from casework.authz.sentences import REACHES
from casework.kernel.problems import NotFound

if TYPE_CHECKING:
    from uuid import UUID

    from casework.kernel.database import Session
    from casework.kernel.language import Language

SEERS = (
    "SELECT actor_id, kind, role, reach, office_id, region_code, organization_id, role_until,"
    " coalesce(through, '[]') AS through FROM authz.who_sees(%s) ORDER BY role, kind, actor_id"
)
SEER = ("actor_id", "kind", "role", "reach", "office_id", "region_code", "organization_id", "role_until", "through")
READINGS = "SELECT id, at, actor_id, role, organization_id, permission, purpose FROM authz.who_saw(%s, %s, %s)"
READING = ("id", "at", "actor_id", "role", "organization_id", "permission", "purpose")


async def refuse_out_of_reach(session: Session, case_id: UUID) -> None:
    """Raises NotFound; row security decides."""
    if not await session.rows("SELECT 1 FROM cases WHERE id = %s", (case_id,)):
        raise NotFound


async def seers(session: Session, case_id: UUID, language: Language) -> list[dict[str, Any]]:
    """Everybody whose role, in force now, reaches the case; the rule in the reader's language."""
    found = [dict(zip(SEER, row, strict=True)) for row in await session.rows(SEERS, (case_id,))]
    return [{**seer, "rule": REACHES[Reach(seer["reach"])].to(language)} for seer in found]


async def readings(session: Session, case_id: UUID, before: UUID | None, limit: int) -> list[dict[str, Any]]:
    """Newest first; one more than asked tells whether a page follows."""
    rows = await session.rows(READINGS, (case_id, before, limit + 1))
    return [dict(zip(READING, row, strict=True)) for row in rows]
