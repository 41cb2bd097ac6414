"""Where a threatened person really lives: its own table, its own permission, and no sign of it anywhere else.

The ordinary contact then holds the substitute for every reader, so that nothing has to be hidden from anybody. The
resource always exists for those who may use it (version 0 where nothing was ever sealed): neither its answer nor its
read entry tells the log's readers whether something is sealed. The change itself is logged as one of the contact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from casework.audit import trail
from casework.authz.guard import key_within_reach
from casework.authz.policy import Permission, Reach, reach_of
from casework.cases.service import case_to
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.problems import NotFound, StaleVersion

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.cases.models import Case
    from casework.kernel.database import Session
    from casework.kernel.sealing import SubjectKey
    from casework.protection.schemas import SealedAddressWrite

PLACE: Final = "sealed_addresses/sealed_address"
CASE = "SELECT 1 FROM cases WHERE id = %(case)s AND (%(follower)s::uuid IS NULL OR caseworker_id = %(follower)s)"
READ = "SELECT sealed_address, version FROM sealed_addresses WHERE person_id = %s"
PERSON = "SELECT 1 FROM persons WHERE id = %s AND case_id = %s"
ADD = (
    "INSERT INTO sealed_addresses (person_id, case_id, office_id, region_code, sealed_address, version, updated_at)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s)"
)
CHANGE = "UPDATE sealed_addresses SET sealed_address = %s, version = %s, updated_at = %s WHERE person_id = %s"
SUBSTITUTE = "UPDATE persons SET sealed_contact = %s WHERE id = %s"


async def read_address(session: Session, caller: Caller, case_id: UUID, person_id: UUID) -> dict[str, Any]:
    """Raises NotFound for a case that is not the caller's to decide for, or a person of another; SubjectErased."""
    own = reach_of(caller.role, Permission.sealed_address_read) is Reach.own
    if not await session.rows(CASE, {"case": case_id, "follower": caller.actor_id if own else None}):
        raise NotFound
    stands = await _standing(session, case_id, person_id)
    await trail.record_read(session, caller, Permission.sealed_address_read, [case_id])
    key = await key_within_reach(session, person_id)
    return _shown(key, *stands)


async def write_address(
    session: Session, caller: Caller, ids: tuple[UUID, UUID], version: int, wanted: SealedAddressWrite | None
) -> dict[str, Any]:
    """Seal a contact and show the substitute, or, with None, withdraw it: the substitute stays. `ids`: case, person.

    Raises NotFound, SubjectErased or StaleVersion.
    """
    case_id, person_id = ids
    case = await case_to(Permission.sealed_address_write, session, caller, case_id)
    _, stands = await _standing(session, case_id, person_id)
    if stands != version:
        raise StaleVersion
    key = await key_within_reach(session, person_id)
    sealed = None if wanted is None else key.seal(PLACE, person_id, wanted.contact.model_dump(exclude_none=True))
    await _put(session, case, person_id, sealed, version)
    if wanted is not None:
        substitute = wanted.substitute.model_dump(exclude_none=True)
        await session.rows(SUBSTITUTE, (key.seal("persons/sealed_contact", person_id, substitute), person_id))
        case.version += 1
        await session.flush()
    number = str(new_id())
    facts = {"subject": key.pseudonym(case_id, number), "n": number, "fields": ["contact"]}
    trail.record(session, caller, "case.changed", facts)
    return _shown(key, sealed, version + 1)


async def _standing(session: Session, case_id: UUID, person_id: UUID) -> tuple[bytes | None, int]:
    """What is sealed, and its version; version 0 where nothing ever was."""
    if not await session.rows(PERSON, (person_id, case_id)):
        raise NotFound
    rows = await session.rows(READ, (person_id,))
    return (rows[0][0], rows[0][1]) if rows else (None, 0)


async def _put(session: Session, case: Case, person_id: UUID, sealed: bytes | None, version: int) -> None:
    if version:
        await session.rows(CHANGE, (sealed, version + 1, clock.now(), person_id))
        return
    await session.rows(ADD, (person_id, case.id, case.office_id, case.region_code, sealed, 1, clock.now()))


def _shown(key: SubjectKey, sealed: bytes | None, version: int) -> dict[str, Any]:
    contact = None if sealed is None else key.open(PLACE, key.subject_id, sealed)
    return {"person_id": key.subject_id, "contact": contact, "version": version}
