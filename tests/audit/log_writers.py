"""Business changes reduced to what the log sees of them: one transaction, one leaf."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.policy import Role
from casework.kernel.ids import new_id
from casework.kernel.sealing import SubjectKey

if TYPE_CHECKING:
    from uuid import UUID

    from tests.conftest import World

CODES = ("ARRIVAL", "HOUSING", "SCHOOL_REGISTRATION", "FRANCIZATION")


def camille(world: World) -> Caller:
    key = world.key
    return Caller(key("camille"), Role.caseworker, "camille", key("camille/grant"), office_id=key("mifi-montreal"))


async def record_milestone(world: World, number: int = 0, case_id: UUID | None = None, **public: Any) -> UUID:
    """One milestone, recorded and committed; returns its leaf's id."""
    caller, subject = camille(world), SubjectKey(new_id(), secrets.token_bytes(32))
    stated = {"code": CODES[number % 4], "region": f"0{number % 2 + 1}", "programme": "asylum", **public}
    async with world.app.state.database.transaction(caller.context()) as session:
        return trail.record_milestone(
            session,
            caller,
            "milestone.recorded",
            stated,
            {"note": f"Logement trouvé à l'été {number}"},
            case_id or new_id(),
            subject,
        )


async def record_milestones(world: World, count: int) -> list[UUID]:
    return [await record_milestone(world, number) for number in range(count)]


async def record_change(world: World, facts: dict[str, Any]) -> UUID:
    """One change that is no milestone: a leaf of the audit log."""
    caller = camille(world)
    async with world.app.state.database.transaction(caller.context()) as session:
        return trail.record(session, caller, "case.updated", facts)
