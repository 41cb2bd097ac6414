from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlmodel import col

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.guard import ExpectedVersion, GuardedRoute, OnceSession, Session, allow, etag
from casework.authz.policy import Permission
from casework.kernel.language import Language, preferred
from casework.kernel.listing import newest_first
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import NotFound, StaleVersion, VersionRequired
from casework.kernel.schemas import Page
from casework.placement import errors, offers, reading
from casework.placement.expiry import expire_due
from casework.placement.models import Answer, Offer, OfferStatus
from casework.placement.schemas import OfferAccept, OfferCreate, OfferDecline, OfferRead, Withdrawal

router = APIRouter(route_class=GuardedRoute, prefix="/offers", tags=["placement"])
ANSWERING = described(
    Permission.offer_answer, NotFound, errors.OfferNotOpen, errors.AlreadyAnswered, errors.NotAnAdult, errors.CaseNotOpen,
    errors.ConsentNoLongerStands, errors.AgreementEnded, StaleVersion,
    VersionRequired,
)  # fmt: skip


async def due_holds_released(request: Request, body: OfferCreate) -> None:
    """Holds whose time has passed never stand in the way of a new offer; a transaction of its own, before ours."""
    await expire_due(request.app.state.database, body.capacity_id, body.case_id)


async def _answer(
    request: Request, session: Session, caller: Caller, offer: Offer, response: Response
) -> dict[str, Any]:
    response.headers["ETag"] = etag(offer.version, caller.role)
    return await reading.offer_as_read(session, offer, _language(request))


def _language(request: Request) -> Language:
    return preferred(request.headers.get("accept-language"))


@router.post("", status_code=201, response_model=OfferRead, response_model_exclude_unset=True,
             **described(Permission.offer_create, NotFound, errors.NotEnoughPlaces, errors.RegionFull,
                         errors.AgreementFull, errors.AgreementEnded, errors.OfferAlreadyOpen,
                         errors.CaseAlreadyAssigned, errors.CaseNotOpen, errors.CaseNotPlaceable,
                         errors.PlaceExcluded, errors.CapacityOutOfPeriod,
                         errors.CapacityOfAnotherResource))  # fmt: skip
async def make_offer(
    request: Request,
    response: Response,
    body: OfferCreate,
    caller: Annotated[Caller, allow(Permission.offer_create)],
    _: Annotated[None, Depends(due_holds_released)],
    session: OnceSession,
) -> dict[str, Any]:
    """Offrir un lieu à un ménage : les places sont retenues jusqu'à l'échéance. Le motif du décideur est requis.

    Offer a place to a household: the places are held until the offer expires. The decider's reason is required.
    """
    offer = await offers.make_offer(session, caller, body, _language(request))
    response.headers["Location"] = f"/v1/offers/{offer.id}"
    return await _answer(request, session, caller, offer, response)


@router.get("", response_model=Page[OfferRead], response_model_exclude_unset=True, **described(Permission.offer_read))
async def list_offers(
    request: Request,
    caller: Annotated[Caller, allow(Permission.offer_read)],
    session: Session,
    status: OfferStatus | None = None,
    case_id: UUID | None = None,
    capacity_id: UUID | None = None,
    reminder_due: Annotated[
        bool, Query(description="Celles dont un rappel est dû. Those with a reminder due.")
    ] = False,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les offres à ma portée, les plus récentes d'abord.

    The offers within my reach, newest first.
    """
    query = reading.offers()
    if status is not None:
        query = query.where(col(Offer.status) == status)
    if case_id is not None:
        query = query.where(col(Offer.case_id) == case_id)
    if capacity_id is not None:
        query = query.where(col(Offer.capacity_id) == capacity_id)
    if reminder_due:
        query = query.where(*reading.reminded())
    name = f"offers:{status}:{case_id}:{capacity_id}:{reminder_due}"
    page = await newest_first(request, session, Offer, query, name, limit, cursor)
    await trail.record_read(session, caller, Permission.offer_read, [offer.case_id for offer in page["items"]])
    return {**page, "items": await reading.offers_as_read(session, page["items"], _language(request))}


@router.get(
    "/{offer_id}",
    response_model=OfferRead,
    response_model_exclude_unset=True,
    **described(Permission.offer_read, NotFound),
)
async def read_offer(
    request: Request,
    response: Response,
    offer_id: UUID,
    caller: Annotated[Caller, allow(Permission.offer_read)],
    session: Session,
) -> dict[str, Any]:
    """Une offre et les réponses de chaque adulte.

    One offer and each adult's answer.
    """
    offer = await offers.offer_to(session, offer_id)
    await trail.record_read(session, caller, Permission.offer_read, [offer.case_id])
    return await _answer(request, session, caller, offer, response)


@router.post("/{offer_id}/accept", response_model=OfferRead, response_model_exclude_unset=True, **ANSWERING)
async def accept_offer(
    request: Request,
    response: Response,
    offer_id: UUID,
    body: OfferAccept,
    caller: Annotated[Caller, allow(Permission.offer_answer)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Consigner l'acceptation d'un adulte ; quand tous ont accepté, l'affectation est proposée à l'organisme.

    Record one adult's acceptance; when all have accepted, the assignment is proposed to the organization.
    """
    offer = await offers.answer_offer(session, caller, offer_id, version, body, Answer.accept)
    return await _answer(request, session, caller, offer, response)


@router.post("/{offer_id}/decline", response_model=OfferRead, response_model_exclude_unset=True, **ANSWERING)
async def decline_offer(
    request: Request,
    response: Response,
    offer_id: UUID,
    body: OfferDecline,
    caller: Annotated[Caller, allow(Permission.offer_answer)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Consigner le refus d'un adulte et sa raison ; un refus n'a aucune conséquence pour la personne.

    Record one adult's decline and its reason; a decline has no consequence for the person.
    """
    offer = await offers.answer_offer(session, caller, offer_id, version, body, Answer.decline)
    return await _answer(request, session, caller, offer, response)


@router.post("/{offer_id}/withdraw", response_model=OfferRead, response_model_exclude_unset=True,
             **described(Permission.offer_withdraw, NotFound, errors.OfferNotOpen, StaleVersion,
                         VersionRequired))  # fmt: skip
async def withdraw_offer(
    request: Request,
    response: Response,
    offer_id: UUID,
    body: Withdrawal,
    caller: Annotated[Caller, allow(Permission.offer_withdraw)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Retirer une offre ; les places sont libres aussitôt.

    Withdraw an offer; its places are free at once.
    """
    offer = await offers.withdraw_offer(session, caller, offer_id, version, body.reason)
    return await _answer(request, session, caller, offer, response)
