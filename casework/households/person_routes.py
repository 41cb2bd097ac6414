from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic_core import to_json

from casework.authz.caller import Caller
from casework.authz.errors import FieldsNotYours
from casework.authz.guard import ExpectedVersion, GuardedRoute, MergePatch, OnceSession, Session, allow, etag
from casework.authz.policy import Permission
from casework.households import members, reading, records
from casework.households.errors import AlreadyDeceased, NotAMember, NotDeceased, PersonMerged
from casework.households.schemas import (
    DeathRecord,
    DeathUndo,
    MemberLeave,
    PersonHistory,
    PersonPatch,
    PersonRead,
    RepresentativeCreate,
)
from casework.kernel.openapi import described
from casework.kernel.problems import KeysAway, NotFound, StaleVersion, SubjectErased, VersionRequired

router = APIRouter(route_class=GuardedRoute, prefix="/cases/{case_id}", tags=["people"])
PERSON = "/people/{person_id}"
CHANGES = (NotFound, SubjectErased, PersonMerged, FieldsNotYours, KeysAway, StaleVersion, VersionRequired)


async def person_as_seen(session: Session, caller: Caller, ids: tuple[UUID, UUID], status: int = 200) -> Response:
    case_id, person_id = ids
    person = await reading.read_person(session, caller, case_id, person_id)
    headers = {"ETag": etag(person["version"], caller.role)}
    if status == 201:
        headers["Location"] = f"/v1/cases/{case_id}/people/{person_id}"
    return Response(to_json(person), status, headers, "application/json")


@router.get(PERSON, response_model=PersonRead, **described(Permission.case_read, NotFound, SubjectErased, KeysAway))
async def read_person(
    case_id: UUID, person_id: UUID, caller: Annotated[Caller, allow(Permission.case_read)], session: Session
) -> Response:
    """Une personne d'un dossier : ses noms, ce qu'elle dit d'elle-même, ses pièces, ses langues, qui la représente.

    One person of a case: their names, how they describe themselves, documents, languages, who represents them.
    """
    return await person_as_seen(session, caller, (case_id, person_id))


@router.get(PERSON + "/history", response_model=PersonHistory,
            **described(Permission.household_read, NotFound, SubjectErased, KeysAway))  # fmt: skip
async def read_person_history(
    case_id: UUID, person_id: UUID, caller: Annotated[Caller, allow(Permission.household_read)], session: Session
) -> Response:
    """Les ménages où la personne a été, et ce que chaque modification a remplacé.

    The households the person belonged to, and what each change replaced.
    """
    history = await reading.read_history(session, caller, case_id, person_id)
    return Response(to_json(history), 200, None, "application/json")


@router.patch(PERSON, response_model=PersonRead, **described(Permission.person_update, *CHANGES))
async def amend_person(
    case_id: UUID,
    person_id: UUID,
    body: PersonPatch,
    caller: Annotated[Caller, allow(Permission.person_update)],
    _media: MergePatch,
    version: ExpectedVersion,
    session: Session,
) -> Response:
    """Corriger ou compléter ce qui est su d'une personne (RFC 7396) ; ce qui est remplacé reste dans son historique.

    Correct or complete what is known of a person (RFC 7396); what is replaced stays in their history.
    """
    await records.amend_person(session, caller, (case_id, person_id), version, body)
    return await person_as_seen(session, caller, (case_id, person_id))


@router.post(PERSON + "/representatives", status_code=201, response_model=PersonRead,
             **described(Permission.person_update, *CHANGES))  # fmt: skip
async def appoint_representative(
    case_id: UUID,
    person_id: UUID,
    body: RepresentativeCreate,
    caller: Annotated[Caller, allow(Permission.person_update)],
    version: ExpectedVersion,
    session: OnceSession,
) -> Response:
    """Nommer qui représente un mineur ; le mandat précédent de même sorte prend fin ce jour-là.

    Name who represents a minor; the former mandate of the same kind ends that day.
    """
    await records.appoint(session, caller, (case_id, person_id), version, body)
    return await person_as_seen(session, caller, (case_id, person_id), 201)


@router.post(PERSON + "/death", response_model=PersonRead,
             **described(Permission.household_change, AlreadyDeceased, *CHANGES))  # fmt: skip
async def record_death(
    case_id: UUID,
    person_id: UUID,
    body: DeathRecord,
    caller: Annotated[Caller, allow(Permission.household_change)],
    version: ExpectedVersion,
    session: OnceSession,
) -> Response:
    """Inscrire un décès : la personne garde son historique et n'est plus comptée dans le ménage.

    Record a death: the person keeps their history and is no longer counted in the household.
    """
    await members.record_death(session, caller, (case_id, person_id), version, body)
    return await person_as_seen(session, caller, (case_id, person_id))


@router.post(PERSON + "/death/undo", response_model=PersonRead,
             **described(Permission.household_change, NotDeceased, *CHANGES))  # fmt: skip
async def undo_death(
    case_id: UUID,
    person_id: UUID,
    body: DeathUndo,
    caller: Annotated[Caller, allow(Permission.household_change)],
    version: ExpectedVersion,
    session: OnceSession,
) -> Response:
    """Reprendre un décès inscrit par erreur : la personne est de nouveau du ménage, et l'historique garde l'erreur.

    Take back a death recorded by mistake: the person is of the household again, and the history keeps the mistake.
    """
    await members.undo_death(session, caller, (case_id, person_id), version, body)
    return await person_as_seen(session, caller, (case_id, person_id))


@router.post(PERSON + "/leave", response_model=PersonRead,
             **described(Permission.household_change, NotAMember, *CHANGES))  # fmt: skip
async def leave_household(
    case_id: UUID,
    person_id: UUID,
    body: MemberLeave,
    caller: Annotated[Caller, allow(Permission.household_change)],
    version: ExpectedVersion,
    session: OnceSession,
) -> Response:
    """Inscrire qu'une personne a quitté le ménage, sans dossier à elle.

    Record that a person has left the household, without a case of their own.
    """
    await members.leave(session, caller, (case_id, person_id), version, body)
    return await person_as_seen(session, caller, (case_id, person_id))
