from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic_core import to_json

from casework.authz.caller import Caller
from casework.authz.errors import FieldsNotYours
from casework.authz.guard import ExpectedVersion, GuardedRoute, OnceSession, Session, allow, etag
from casework.authz.policy import Permission
from casework.cases.errors import CaseAlreadyClosed, CaseStillPlaced
from casework.cases.reading import read_case
from casework.cases.schemas import CaseRead
from casework.households import links, members, reading, splits
from casework.households.errors import AlreadyDeceased, AlreadyLinked, PersonMerged, TwoHouseholds
from casework.households.person_routes import person_as_seen
from casework.households.schemas import (
    JoinCreate,
    LinkCreate,
    LinkList,
    MemberAdd,
    MembershipList,
    PersonRead,
    SplitCreate,
)
from casework.kernel.openapi import described
from casework.kernel.problems import KeysAway, NotFound, StaleVersion, SubjectErased, VersionRequired

router = APIRouter(route_class=GuardedRoute, prefix="/cases/{case_id}", tags=["people"])
CHANGES = (NotFound, SubjectErased, FieldsNotYours, KeysAway, CaseAlreadyClosed, StaleVersion, VersionRequired)


@router.get("/members", response_model=MembershipList, **described(Permission.household_read, NotFound))
async def list_memberships(
    case_id: UUID, caller: Annotated[Caller, allow(Permission.household_read)], session: Session
) -> dict[str, Any]:
    """Qui a fait partie du ménage, de quand à quand, et pourquoi chacun l'a quitté.

    Who belonged to the household, from when until when, and why each left.
    """
    return await reading.read_memberships(session, caller, case_id)


@router.post("/members", status_code=201, response_model=PersonRead,
             **described(Permission.household_change, *CHANGES))  # fmt: skip
async def add_member(
    case_id: UUID,
    body: MemberAdd,
    caller: Annotated[Caller, allow(Permission.household_change)],
    version: ExpectedVersion,
    session: OnceSession,
) -> Response:
    """Inscrire une naissance, ou une personne qui rejoint le ménage plus tard.

    Record a birth, or somebody who joins the household later.
    """
    person_id = await members.join(session, caller, case_id, version, body)
    return await person_as_seen(session, caller, (case_id, person_id), 201)


@router.post("/splits", status_code=201, response_model=CaseRead,
             **described(Permission.household_change, CaseStillPlaced, *CHANGES))  # fmt: skip
async def split_household(
    case_id: UUID,
    body: SplitCreate,
    caller: Annotated[Caller, allow(Permission.household_change)],
    version: ExpectedVersion,
    session: OnceSession,
) -> Response:
    """Séparer un ménage : ceux qui partent reçoivent un dossier à eux, avec les mêmes dates de départ des échéances.

    Split a household: those who go get a case of their own, with the same anchors of due dates.
    """
    new = await splits.split(session, caller, case_id, version, body)
    case = await read_case(session, caller, new.id)
    headers = {"ETag": etag(case["version"], caller.role), "Location": f"/v1/cases/{new.id}"}
    return Response(to_json(case), 201, headers, "application/json")


@router.post("/joins", status_code=201, response_model=PersonRead,
             **described(Permission.household_change, CaseStillPlaced, TwoHouseholds, AlreadyDeceased, PersonMerged, *CHANGES))  # fmt: skip
async def join_household(
    case_id: UUID,
    body: JoinCreate,
    caller: Annotated[Caller, allow(Permission.household_change)],
    version: ExpectedVersion,
    session: OnceSession,
) -> Response:
    """Réunir : une personne d'un autre dossier vient vivre avec ce ménage ; son dossier d'avant garde son histoire.

    Reunite: somebody of another case comes to live with this household; their former case keeps its history.
    """
    person_id = await splits.join(session, caller, case_id, version, body)
    return await person_as_seen(session, caller, (case_id, person_id), 201)


@router.get("/links", response_model=LinkList, **described(Permission.household_read, NotFound))
async def list_links(
    case_id: UUID, caller: Annotated[Caller, allow(Permission.household_read)], session: Session
) -> dict[str, Any]:
    """Les dossiers liés à celui-ci : à garder ensemble, parents, issus d'une séparation.

    The cases linked to this one: to keep together, kin, parted from it.
    """
    return await links.links_of(session, caller, case_id)


@router.post("/links", status_code=201, response_model=LinkList,
             **described(Permission.household_change, AlreadyLinked, NotFound, StaleVersion, VersionRequired))  # fmt: skip
async def link_cases(
    response: Response,
    case_id: UUID,
    body: LinkCreate,
    caller: Annotated[Caller, allow(Permission.household_change)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Lier deux dossiers à ma portée, pour que le placement les garde ensemble ; le lien se lit des deux côtés.

    Link two cases within my reach, so that placement keeps them together; the link is read at both ends.
    """
    stands = await links.link(session, caller, case_id, version, body)
    response.headers.update({"ETag": etag(stands, caller.role), "Location": f"/v1/cases/{case_id}/links"})
    return await links.links_of(session, caller, case_id)


@router.delete("/links/{link_id}", response_model=LinkList,
               **described(Permission.household_change, NotFound, StaleVersion, VersionRequired))  # fmt: skip
async def unlink_cases(
    response: Response,
    case_id: UUID,
    link_id: UUID,
    caller: Annotated[Caller, allow(Permission.household_change)],
    version: ExpectedVersion,
    session: Session,
) -> dict[str, Any]:
    """Mettre fin à un lien, des deux côtés ; il reste dans l'historique.

    End a link, at both ends; it stays in the history.
    """
    response.headers["ETag"] = etag(await links.unlink(session, caller, (case_id, link_id), version), caller.role)
    return await links.links_of(session, caller, case_id)
