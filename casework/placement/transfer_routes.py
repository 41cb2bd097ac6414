from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel import col, select

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.guard import ExpectedVersion, GuardedRoute, OnceSession, Session, allow, etag
from casework.authz.policy import Permission
from casework.kernel.language import preferred
from casework.kernel.listing import newest_first
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import NotFound, StaleVersion, VersionRequired
from casework.kernel.schemas import Page
from casework.placement import errors, transfers
from casework.placement.expiry import expire_due
from casework.placement.schemas import Step
from casework.placement.transfer_models import Transfer, TransferStatus
from casework.placement.transfer_schemas import TransferCreate, TransferRead, TransferRefuse, TransferWithdraw

router = APIRouter(route_class=GuardedRoute, prefix="/transfers", tags=["placement"])
STEP = (NotFound, errors.TransferNotPossible, StaleVersion, VersionRequired)


async def due_holds_released(request: Request, body: TransferCreate) -> None:
    """Holds whose time has passed never stand in the way of a new one; a transaction of its own, before ours."""
    await expire_due(request.app.state.database, body.capacity_id, body.case_id)


async def _tagged(
    request: Request, session: Session, caller: Caller, transfer: Transfer, response: Response
) -> dict[str, Any]:
    response.headers["ETag"] = etag(transfer.version, caller.role)
    [read] = await transfers.transfers_as_read(session, [transfer], preferred(request.headers.get("accept-language")))
    return read


@router.post("", status_code=201, response_model=TransferRead, response_model_exclude_unset=True,
             **described(Permission.transfer_propose, NotFound, errors.CaseNotAssigned, errors.TransferToSamePlace,
                         errors.TransferAlreadyOpen, errors.OfferAlreadyOpen, errors.NotEnoughPlaces,
                         errors.RegionFull, errors.AgreementFull, errors.AgreementEnded, errors.CaseNotOpen,
                         errors.CaseNotPlaceable, errors.PlaceExcluded, errors.CapacityOutOfPeriod,
                         errors.CapacityOfAnotherResource))  # fmt: skip
async def propose_transfer(
    request: Request,
    response: Response,
    body: TransferCreate,
    caller: Annotated[Caller, allow(Permission.transfer_propose)],
    _: Annotated[None, Depends(due_holds_released)],
    session: OnceSession,
) -> dict[str, Any]:
    """Proposer un transfert à un ménage qui a un lieu d'accueil : les places y sont retenues par une offre, à laquelle
    chaque adulte répond par `/v1/offers`.

    Propose a transfer to a household that has a host: an offer holds the places there, and each adult answers it under
    `/v1/offers`.
    """
    transfer = await transfers.propose(session, caller, body, preferred(request.headers.get("accept-language")))
    response.headers["Location"] = f"/v1/transfers/{transfer.id}"
    return await _tagged(request, session, caller, transfer, response)


@router.get(
    "", response_model=Page[TransferRead], response_model_exclude_unset=True, **described(Permission.transfer_read)
)
async def list_transfers(
    request: Request,
    caller: Annotated[Caller, allow(Permission.transfer_read)],
    session: Session,
    status: TransferStatus | None = None,
    case_id: UUID | None = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les transferts à ma portée, les plus récents d'abord.

    The transfers within my reach, newest first.
    """
    query = select(Transfer)
    if status is not None:
        query = query.where(col(Transfer.status) == status)
    if case_id is not None:
        query = query.where(col(Transfer.case_id) == case_id)
    page = await newest_first(request, session, Transfer, query, f"transfers:{status}:{case_id}", limit, cursor)
    await trail.record_read(session, caller, Permission.transfer_read, [one.case_id for one in page["items"]])
    language = preferred(request.headers.get("accept-language"))
    return {**page, "items": await transfers.transfers_as_read(session, page["items"], language)}


@router.get(
    "/{transfer_id}",
    response_model=TransferRead,
    response_model_exclude_unset=True,
    **described(Permission.transfer_read, NotFound),
)
async def read_transfer(
    request: Request,
    response: Response,
    transfer_id: UUID,
    caller: Annotated[Caller, allow(Permission.transfer_read)],
    session: Session,
) -> dict[str, Any]:
    """Un transfert, l'offre qui le porte et les audiences en attente.

    One transfer, the offer behind it and the hearings pending.
    """
    transfer = await transfers.transfer_to(session, transfer_id)
    await trail.record_read(session, caller, Permission.transfer_read, [transfer.case_id])
    return await _tagged(request, session, caller, transfer, response)


@router.post("/{transfer_id}/accept", response_model=TransferRead, response_model_exclude_unset=True,
             **described(Permission.transfer_answer, errors.HouseholdNotAnswered, errors.AgreementEnded, *STEP))  # fmt: skip
async def accept_transfer(
    request: Request,
    response: Response,
    transfer_id: UUID,
    caller: Annotated[Caller, allow(Permission.transfer_answer)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """L'organisme d'accueil accepte, une fois que chaque adulte a accepté.

    The receiving organization accepts, once every adult has accepted.
    """
    done = await transfers.accept(session, caller, transfer_id, version)
    return await _tagged(request, session, caller, done, response)


@router.post("/{transfer_id}/refuse", response_model=TransferRead, response_model_exclude_unset=True,
             **described(Permission.transfer_answer, *STEP))  # fmt: skip
async def refuse_transfer(
    request: Request,
    response: Response,
    transfer_id: UUID,
    body: TransferRefuse,
    caller: Annotated[Caller, allow(Permission.transfer_answer)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """L'organisme d'accueil ne peut pas : raison typée, places rendues, accès terminé ; le ménage reste où il est.

    The receiving organization cannot: typed reason, places given back, access ended; the household stays where it is.
    """
    done = await transfers.refuse(session, caller, transfer_id, version, body.reason_code)
    return await _tagged(request, session, caller, done, response)


@router.post("/{transfer_id}/withdraw", response_model=TransferRead, response_model_exclude_unset=True,
             **described(Permission.transfer_withdraw, *STEP))  # fmt: skip
async def withdraw_transfer(
    request: Request,
    response: Response,
    transfer_id: UUID,
    body: TransferWithdraw,
    caller: Annotated[Caller, allow(Permission.transfer_withdraw)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Retirer un transfert avant le départ, sans conséquence pour le ménage ; les places sont libres aussitôt.

    Withdraw a transfer before the departure, without consequence for the household; its places are free at once.
    """
    done = await transfers.withdraw(session, caller, transfer_id, version, body)
    return await _tagged(request, session, caller, done, response)


@router.post("/{transfer_id}/depart", response_model=TransferRead, response_model_exclude_unset=True,
             **described(Permission.transfer_depart, errors.ConsentNoLongerStands, errors.AgreementEnded,
                         errors.CaseNotOpen, *STEP))  # fmt: skip
async def record_transfer_departure(
    request: Request,
    response: Response,
    transfer_id: UUID,
    body: Step,
    caller: Annotated[Caller, allow(Permission.transfer_depart)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Consigner le départ : l'ancienne affectation prend fin, la nouvelle attend l'arrivée (`/v1/assignments`), qui
    accomplit le transfert ; les deux autorités sont alors à aviser, et les échéances gardent leur origine.

    Record the departure: the old assignment ends, the new one awaits the arrival (`/v1/assignments`), which carries the
    transfer out; both authorities are then to be told, and due dates keep what they are counted from.
    """
    done = await transfers.depart(session, caller, transfer_id, version, body.occurred_on)
    return await _tagged(request, session, caller, done, response)
