"""One person as their reader may see them: sealed values opened, masked groups masked, hidden groups absent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.audit import trail
from casework.authz.policy import FieldGroup, Permission, sight
from casework.households import queries
from casework.kernel.problems import NotFound, SubjectErased
from casework.people.masks import as_seen

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.authz.policy import Role
    from casework.kernel.database import Session
    from casework.kernel.sealing import SubjectKey


async def read_person(session: Session, caller: Caller, case_id: UUID, person_id: UUID) -> dict[str, Any]:
    """The read is on record before the answer leaves. Raises NotFound or SubjectErased."""
    role = caller.person_role
    # Before the key: one renewed in between opens what was sealed before it.
    identifiers = await _rows(session, role, FieldGroup.identifiers, queries.IDENTIFIERS, person_id)
    representatives = await _rows(session, role, FieldGroup.representative, queries.REPRESENTATIVES, person_id)
    person, key, sealed = await _opened(session, role, case_id, person_id)
    await trail.record_read(session, caller, Permission.case_read, [case_id])
    for (name, group), value in zip(queries.SEALED, sealed, strict=True):
        if sight(role, group).shows:
            person[name] = _shown(key, role, group, (f"persons/sealed_{name}", person_id, value))
    if identifiers is not None:
        person["identifiers"] = [_identifier(key, row) for row in identifiers]
    if representatives is not None:
        person["representatives"] = [_representative(key, row) for row in representatives]
    return person


async def read_history(session: Session, caller: Caller, case_id: UUID, person_id: UUID) -> dict[str, Any]:
    """What the person was called and where they belonged. Raises NotFound or SubjectErased."""
    role = caller.person_role
    versions = await session.rows(queries.versions_sql(role), (person_id,))
    _, key, _ = await _opened(session, role, case_id, person_id)
    await trail.record_read(session, caller, Permission.household_read, [case_id])
    return {
        "person_id": person_id,
        "memberships": await queries.memberships_of(session, person_id),
        "versions": [_version(key, role, *row) for row in versions],
    }


async def read_memberships(session: Session, caller: Caller, case_id: UUID) -> dict[str, Any]:
    """Who belongs and belonged to the household of a case. Raises NotFound."""
    if not await session.rows("SELECT 1 FROM cases WHERE id = %s", (case_id,)):
        raise NotFound
    await trail.record_read(session, caller, Permission.household_read, [case_id])
    return {"items": await queries.memberships_in(session, case_id)}


async def _rows(session: Session, role: Role, group: FieldGroup, sql: str, person_id: UUID) -> Any:
    """None where the role sees nothing of the group."""
    return await session.rows(sql, (person_id,)) if sight(role, group).shows else None


async def _opened(
    session: Session, role: Role, case_id: UUID, person_id: UUID
) -> tuple[dict[str, Any], SubjectKey, list[bytes | None]]:
    rows = await session.rows(queries.person_sql(role), {"person": person_id, "case": case_id})
    if not rows:
        raise NotFound
    count = len(queries.OPEN)
    erased_at, *wrapped = rows[0][count : count + 4]
    if erased_at is not None:
        raise SubjectErased
    person = {"person_id": person_id, "case_id": case_id, **dict(zip(queries.OPEN, rows[0], strict=False))}
    return person, session.keyring.unwrap(person_id, *wrapped), list(rows[0][count + 4 :])


def _shown(key: SubjectKey, role: Role, group: FieldGroup, sealed: tuple[str, UUID, bytes | None]) -> Any:
    place, row, value = sealed
    return None if value is None else as_seen(role, group, key.open(place, row, value))


def _identifier(key: SubjectKey, row: tuple[Any, ...]) -> dict[str, Any]:
    identity, kind, sealed, issued_on, expires_on, ended_at = row
    value = key.open("identifiers/sealed_value", identity, sealed)
    return {
        "id": identity, "type": kind, "value": value, "issued_on": issued_on, "expires_on": expires_on,
        "ended_at": ended_at,
    }  # fmt: skip


def _representative(key: SubjectKey, row: tuple[Any, ...]) -> dict[str, Any]:
    identity, kind, sealed, appointed_on, ended_on = row
    said = key.open("representatives/sealed_representative", identity, sealed)
    return {"kind": kind, "representative": said, "appointed_on": appointed_on, "ended_on": ended_on}


def _version(
    key: SubjectKey, role: Role, row: UUID, version: int, reason: str, recorded_by: UUID, *rest: Any
) -> dict[str, Any]:
    recorded_at, *sealed = rest
    told = {"version": version, "reason": reason, "recorded_by": recorded_by, "recorded_at": recorded_at}
    return told | {
        name: _shown(key, role, group, (f"person_versions/sealed_{name}", row, value))
        for (name, group), value in zip(queries.SEALED, sealed, strict=True)
        if sight(role, group).shows
    }
