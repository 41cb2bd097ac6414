from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlmodel import col, select

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.guard import ExpectedVersion, GuardedRoute, OnceSession, Session, allow, etag
from casework.authz.policy import Permission
from casework.cases.errors import CaseAlreadyClosed
from casework.following.service import refuse_absent
from casework.kernel.listing import newest_first
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import NotFound, StaleVersion, SubjectErased, VersionRequired
from casework.kernel.schemas import Page
from casework.lodging import closures, errors, service
from casework.lodging.models import Lodging
from casework.lodging.schemas import LodgingCreate, LodgingLeave, LodgingRead, SiteClosureCreate, SiteClosureRead
from casework.partners.errors import SiteAlreadyClosed

router = APIRouter(route_class=GuardedRoute, tags=["lodging"])


@router.post("/cases/{case_id}/lodgings", status_code=201, response_model=LodgingRead,
             **described(Permission.lodging_record, NotFound, CaseAlreadyClosed, SubjectErased, errors.NotEnoughBeds,
                         errors.SiteDoesNotLodge, errors.SiteClosedForLodging, errors.LodgedThereAlready,
                         errors.NobodyToLodge))  # fmt: skip
async def lodge_household(
    response: Response,
    case_id: UUID,
    body: LodgingCreate,
    caller: Annotated[Caller, allow(Permission.lodging_record)],
    session: OnceSession,
) -> Lodging:
    """Héberger le ménage dans un lieu qui a des lits ; s'il l'était ailleurs, ce séjour prend fin et l'adresse nouvelle
    est à transmettre aux deux autorités.

    Lodge the household at a site with beds; where it was lodged elsewhere, that stay ends and the new address is to
    be told to both authorities.
    """
    stay = await service.lodge(session, caller, case_id, body)
    response.headers["ETag"] = etag(stay.version, caller.role)
    return stay


@router.get("/cases/{case_id}/lodgings", response_model=Page[LodgingRead],
            **described(Permission.lodging_read, NotFound))  # fmt: skip
async def list_lodgings(
    request: Request,
    case_id: UUID,
    caller: Annotated[Caller, allow(Permission.lodging_read)],
    session: Session,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les séjours du ménage en hébergement temporaire, du plus récent au plus ancien.

    The household's stays in temporary shelter, newest first.
    """
    await refuse_absent(session, case_id)
    query = select(Lodging).where(col(Lodging.case_id) == case_id)
    page = await newest_first(request, session, Lodging, query, f"lodgings:{case_id}", limit, cursor)
    await trail.record_read(session, caller, Permission.lodging_read, [case_id])
    return page


@router.post("/lodgings/{lodging_id}/end", response_model=LodgingRead,
             **described(Permission.lodging_record, NotFound, errors.LodgingAlreadyEnded, SubjectErased, StaleVersion,
                         VersionRequired))  # fmt: skip
async def end_lodging(
    response: Response,
    lodging_id: UUID,
    body: LodgingLeave,
    caller: Annotated[Caller, allow(Permission.lodging_record)],
    version: ExpectedVersion,
    session: OnceSession,
) -> Lodging:
    """Mettre fin à un séjour : le ménage est parti, ses lits sont libres.

    End a stay: the household has left, its beds are free.
    """
    stay = await service.leave(session, caller, lodging_id, version, body.ends_on)
    response.headers["ETag"] = etag(stay.version, caller.role)
    return stay


@router.post("/sites/{site_id}/closures", status_code=201, response_model=SiteClosureRead,
             **described(Permission.site_closure_manage, NotFound, SiteAlreadyClosed, errors.NotEnoughBeds,
                         StaleVersion, VersionRequired))  # fmt: skip
async def close_shelter(
    response: Response,
    site_id: UUID,
    body: SiteClosureCreate,
    caller: Annotated[Caller, allow(Permission.site_closure_manage)],
    version: ExpectedVersion,
    session: OnceSession,
    dry_run: Annotated[bool, Query(description="Le même compte rendu, sans rien écrire. The same report, nothing written.")] = False,
) -> dict[str, Any]:  # fmt: skip
    """Fermer un lieu d'hébergement à une date : les lits des lieux successeurs sont retenus tout de suite, et ce jour-là
    chaque ménage y passe, entier ou pas du tout. Offres, places retenues et consentements restent tels quels.

    Close a shelter on a date: the successors' beds are kept at once, and on that day each household moves there, whole
    or not at all. Offers, holds and consents stay as they are.
    """
    read, cases = await closures.close_site(session, caller, site_id, version, body, dry_run=dry_run)
    await trail.record_read(session, caller, Permission.site_closure_read, cases)
    if not dry_run:
        response.headers.update({"Location": f"/v1/site-closures/{read['id']}", "ETag": _tag(caller, read)})
    return read


@router.get("/site-closures/{closure_id}", response_model=SiteClosureRead,
            **described(Permission.site_closure_read, NotFound))  # fmt: skip
async def read_site_closure(
    response: Response,
    closure_id: UUID,
    caller: Annotated[Caller, allow(Permission.site_closure_read)],
    session: Session,
) -> dict[str, Any]:
    """Une fermeture : son avancement, et ce qu'elle devient pour chaque ménage.

    A closure: its progress, and what becomes of each household.
    """
    closure = await closures.closure_to(session, closure_id)
    read, cases = await closures.closure_as_read(session, closure)
    await trail.record_read(session, caller, Permission.site_closure_read, cases)
    response.headers["ETag"] = _tag(caller, read)
    return read


def _tag(caller: Caller, read: dict[str, Any]) -> str:
    """Progress changes what is read, and not the closure's own version."""
    return etag(read["version"], f"{caller.role}-{read['progress']}")
