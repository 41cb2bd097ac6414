"""One case as its reader may see it: sealed values opened, masked groups masked, hidden groups absent."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from uuid import UUID

from casework.audit import trail
from casework.authz.policy import FieldGroup, Permission, sight
from casework.cases import queries
from casework.cases.models import CLOSE_REASON_PLACE, SOURCE_PLACE
from casework.kernel.language import Text
from casework.kernel.problems import NotFound
from casework.people.masks import as_seen

if TYPE_CHECKING:
    from casework.authz.caller import Caller
    from casework.authz.policy import Role
    from casework.kernel.database import Session
    from casework.kernel.sealing import SubjectKey

ERASED = Text("Personne effacée", "Person erased")
# In the order of `queries.members_sql`.
SEALED = (("name", FieldGroup.names), ("birth", FieldGroup.birth), ("contact", FieldGroup.contact))


async def read_case(session: Session, caller: Caller, case_id: UUID) -> dict[str, Any]:
    """The case with its household; the read is on record before the answer leaves. Raises NotFound."""
    role = caller.person_role
    sql, groups = queries.case_sql(role)
    sees_identifiers = sight(role, FieldGroup.identifiers).shows
    driver = await session.driver()
    # One round trip for everything the answer needs, its own log entry included. Identifiers before the members'
    # keys: a key renewed in between opens what was sealed before it.
    async with driver.pipeline():
        case_cursor = await driver.execute(sql, (case_id,))
        key_cursor = await driver.execute(queries.HOUSEHOLD_KEY, (case_id,))
        identifier_cursor = await driver.execute(queries.IDENTIFIERS, (case_id,)) if sees_identifiers else None
        member_cursor = await driver.execute(queries.members_sql(role), (case_id,))
        await driver.execute(trail.READ, trail.read_entry(caller, Permission.case_read, [case_id]))
    row = await case_cursor.fetchone()
    if row is None:
        raise NotFound
    case = dict(zip((*queries.CASE, *groups), row, strict=True))
    people = await member_cursor.fetchall()
    identifiers = await identifier_cursor.fetchall() if identifier_cursor else None
    _open_words(session, case, await key_cursor.fetchone())
    case["household"] = _household(session, role, people, identifiers)
    return case


def _open_words(session: Session, case: dict[str, Any], wrapped: tuple[Any, ...] | None) -> None:
    """What is sealed under the household's key, in place; nothing is left to read once the household is erased."""
    told, sealed = queries.CLOSE_REASON in case, case.pop(queries.CLOSE_REASON, None)
    statuses = case.get("claim", {}).get("statuses", ())
    key = session.keyring.unwrap(*wrapped) if wrapped and (sealed or statuses) else None
    if told:
        case["close_reason"] = key.open(CLOSE_REASON_PLACE, case["id"], sealed) if key and sealed else None
    for status in statuses:
        row, source = UUID(status.pop("id")), bytes.fromhex(status["source"])
        status["source"] = key.open(SOURCE_PLACE, row, source) if key else ""


def _household(
    session: Session, role: Role, people: list[tuple[Any, ...]], identifiers: list[tuple[Any, ...]] | None
) -> dict[str, Any]:
    members = []
    for _, person_id, external_id, relation, is_adult, languages, erased_at, kek, wrap, version, *sealed in people:
        if erased_at is not None:
            members.append({"person_id": person_id, "erased": {"at": erased_at, **asdict(ERASED)}})
            continue
        member = {
            "person_id": person_id, "external_id": external_id, "relation": relation, "is_adult": is_adult,
            "languages": languages,
        }  # fmt: skip
        members.append(member)
        key = session.keyring.unwrap(person_id, kek, wrap, version)
        member |= _opened(key, role, person_id, sealed)
        if identifiers is not None:
            member["identifiers"] = [
                {
                    "type": kind,
                    "value": as_seen(role, FieldGroup.identifiers, key.open("identifiers/sealed_value", row, value)),
                    "expires_on": expires_on,
                }
                for owner, row, kind, value, expires_on in identifiers
                if owner == person_id
            ]
    return {"id": people[0][0] if people else None, "members": members}


def _opened(key: SubjectKey, role: Role, person_id: UUID, sealed: list[bytes | None]) -> dict[str, Any]:
    """The sealed groups that the query returned, each as the role sees it."""
    return {
        name: as_seen(role, group, key.open(f"persons/sealed_{name}", person_id, value))
        for (name, group), value in zip(SEALED, sealed, strict=True)
        if value is not None
    }
