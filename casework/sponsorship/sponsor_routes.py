from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlmodel import col, select

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.guard import ExpectedVersion, GuardedRoute, OnceSession, Session, allow, etag
from casework.authz.policy import Permission
from casework.kernel.listing import newest_first
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import NotFound, StaleVersion, VersionRequired
from casework.kernel.schemas import Page
from casework.sponsorship import sponsors
from casework.sponsorship.errors import GroupTooSmall, MemberAlreadyLeft, MemberStillLiable, SponsorFull
from casework.sponsorship.lifecycle import Category
from casework.sponsorship.models import Sponsor
from casework.sponsorship.schemas import (
    MemberLeaves,
    SpokespersonChange,
    SponsorCreate,
    SponsorMemberCreate,
    SponsorRead,
)

router = APIRouter(route_class=GuardedRoute, prefix="/sponsors", tags=["sponsorship"])
Reader = Annotated[Caller, allow(Permission.sponsor_read)]
Writer = Annotated[Caller, allow(Permission.sponsor_write)]
CHANGE = (NotFound, StaleVersion, VersionRequired)


async def _tagged(session: Session, caller: Caller, sponsor: Sponsor, response: Response) -> dict[str, Any]:
    """Whoever writes a name reads it back: the read is on record too."""
    response.headers["ETag"] = etag(sponsor.version, caller.role)
    [read] = await sponsors.as_read(session, [sponsor])
    await trail.record_read(session, caller, Permission.sponsor_read, [])
    return read


@router.post("", status_code=201, response_model=SponsorRead, **described(Permission.sponsor_write, GroupTooSmall))
async def register_sponsor(
    response: Response, body: SponsorCreate, caller: Writer, session: OnceSession
) -> dict[str, Any]:
    """Inscrire un garant : un groupe de deux à cinq personnes, solidaires, ou une personne morale (R, RS, E, ES).

    Register a sponsor: a group of two to five persons, jointly and severally liable, or a legal person.
    """
    sponsor = await sponsors.register(session, caller, body)
    response.headers["Location"] = f"/v1/sponsors/{sponsor.id}"
    return await _tagged(session, caller, sponsor, response)


@router.get("", response_model=Page[SponsorRead], **described(Permission.sponsor_read))
async def list_sponsors(
    request: Request,
    caller: Reader,
    session: Session,
    category: Category | None = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les garants à ma portée, les plus récents d'abord.

    The sponsors within my reach, newest first.
    """
    query = select(Sponsor)
    if category is not None:
        query = query.where(col(Sponsor.category) == category)
    page = await newest_first(request, session, Sponsor, query, f"sponsors:{category}", limit, cursor)
    await trail.record_read(session, caller, Permission.sponsor_read, [])
    return {**page, "items": await sponsors.as_read(session, page["items"])}


@router.get("/{sponsor_id}", response_model=SponsorRead, **described(Permission.sponsor_read, NotFound))
async def read_sponsor(response: Response, sponsor_id: UUID, caller: Reader, session: Session) -> dict[str, Any]:
    """Un garant, ses membres, et ce dont chacun répond encore.

    A sponsor, its members, and what each of them still answers for.
    """
    found = (await session.exec(select(Sponsor).where(col(Sponsor.id) == sponsor_id))).first()
    if found is None:
        raise NotFound
    return await _tagged(session, caller, found, response)


@router.post("/{sponsor_id}/spokesperson", response_model=SponsorRead,
             **described(Permission.undertaking_decide, *CHANGE))  # fmt: skip
async def change_spokesperson(
    response: Response,
    sponsor_id: UUID,
    body: SpokespersonChange,
    caller: Annotated[Caller, allow(Permission.undertaking_decide)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Changer de porte-parole : la vue du dossier parrainé passe aussitôt à la nouvelle personne ; l'ancienne reste inscrite.

    Change the spokesperson: the view of the sponsored case passes on at once; the former one stays on record.
    """
    sponsor = await sponsors.change_spokesperson(session, caller, sponsor_id, version, body)
    return await _tagged(session, caller, sponsor, response)


@router.post("/{sponsor_id}/members", status_code=201, response_model=SponsorRead,
             **described(Permission.sponsor_write, SponsorFull, *CHANGE))  # fmt: skip
async def add_sponsor_member(
    response: Response,
    sponsor_id: UUID,
    body: SponsorMemberCreate,
    caller: Writer,
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Ajouter un membre ; cinq au plus.

    Add a member; five at most.
    """
    sponsor = await sponsors.add_member(session, caller, sponsor_id, version, body)
    return await _tagged(session, caller, sponsor, response)


@router.post("/{sponsor_id}/members/{member_id}/leave", response_model=SponsorRead,
             **described(Permission.sponsor_write, MemberAlreadyLeft, *CHANGE))  # fmt: skip
async def record_member_leaving(
    response: Response,
    sponsor_id: UUID,
    member_id: UUID,
    body: MemberLeaves,
    caller: Writer,
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Consigner un départ : qui s'en va répond encore de ce qui a été accepté ; seul un décès libère.

    Record a leaving: who goes still answers for what was accepted; a death alone frees.
    """
    ids = (sponsor_id, member_id)
    sponsor = await sponsors.member_leaves(session, caller, ids, version, body.left_on, body.leave_reason)
    return await _tagged(session, caller, sponsor, response)


@router.post("/{sponsor_id}/members/{member_id}/erase", response_model=SponsorRead,
             **described(Permission.sponsor_erase, MemberStillLiable, *CHANGE))  # fmt: skip
async def erase_sponsor_member(
    response: Response,
    sponsor_id: UUID,
    member_id: UUID,
    caller: Annotated[Caller, allow(Permission.sponsor_erase)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Effacer le nom d'un membre parti qui ne répond plus de rien : sa clé est détruite.

    Erase the name of a member who left and answers for nothing any more: their key is destroyed.
    """
    sponsor = await sponsors.erase_member(session, caller, (sponsor_id, member_id), version)
    return await _tagged(session, caller, sponsor, response)
