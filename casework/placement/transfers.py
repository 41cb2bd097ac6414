"""Transfers between regions and places: an offer to a household that has a host, then that organization's word.

Whoever changes a transfer locks its offer first, as whoever answers the offer does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from casework.audit import trail
from casework.authz.policy import Permission
from casework.cases.service import case_to, household_key
from casework.kernel import clock
from casework.kernel.problems import StaleVersion
from casework.kernel.single import single
from casework.placement import assignments, inputs, offers, reading
from casework.placement.errors import (
    CaseNotAssigned,
    HouseholdNotAnswered,
    TransferAlreadyOpen,
    TransferNotPossible,
    TransferToSamePlace,
)
from casework.placement.grants import grant_to_hosts
from casework.placement.models import CURRENT, WITHDRAW_PLACE, Assignment, AssignmentStatus, EndCode, OfferStatus
from casework.placement.transfer_models import LABELS, OPEN, Transfer, TransferStatus

if TYPE_CHECKING:
    from datetime import date
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.kernel.language import Language
    from casework.placement.models import RefusalReason
    from casework.placement.transfer_schemas import TransferCreate, TransferWithdraw

LOCK_OFFER = "SELECT status FROM offers WHERE id = %s FOR UPDATE"
TELL_WHY = "UPDATE offers SET sealed_withdraw_reason = %s, version = version + 1 WHERE id = %s"
REGION = "SELECT region_code FROM capacities WHERE id = %s"
PERSONS = "SELECT persons FROM offers WHERE id = %s"


async def transfer_to(session: Session, transfer_id: UUID) -> Transfer:
    """Raises NotFound."""
    return await single(session, select(Transfer).where(col(Transfer.id) == transfer_id))


async def propose(session: Session, caller: Caller, wanted: TransferCreate, language: Language) -> Transfer:
    """Hold places elsewhere for a household that has a host. Raises the conflicts of an offer, and of `errors.py`."""
    await case_to(Permission.transfer_propose, session, caller, wanted.case_id)
    subject = await inputs.subject_of(session, wanted.case_id)
    stays = await _current(session, wanted.case_id)
    if stays is None:
        raise CaseNotAssigned
    if stays.capacity_id == wanted.capacity_id:
        raise TransferToSamePlace
    if await session.rows(offers.UNDER_TRANSFER, (wanted.case_id,)):
        raise TransferAlreadyOpen
    offer = await offers.hold_place(session, caller, subject, wanted, language)
    [(to_region,)] = await session.rows(REGION, (offer.capacity_id,))
    transfer = Transfer(
        **subject.bound(), offer_id=offer.id, from_assignment_id=stays.id, from_region_code=stays.host_region_code,
        capacity_id=offer.capacity_id, organization_id=offer.organization_id, agreement_id=offer.agreement_id,
        geo_code=offer.geo_code, to_region_code=to_region, asked_by=wanted.asked_by, reason_code=wanted.reason_code,
        status=TransferStatus.proposed, created_by=caller.actor_id,
    )  # fmt: skip
    session.add(transfer)
    try:
        await session.flush()
    except IntegrityError as error:
        raise TransferAlreadyOpen from error
    _logged(session, caller, transfer, {"reason": str(wanted.reason_code), "asked_by": str(wanted.asked_by)})
    return transfer


async def accept(session: Session, caller: Caller, transfer_id: UUID, version: int) -> Transfer:
    """The receiving organization's yes, once every adult has said theirs. Raises HouseholdNotAnswered or AgreementEnded."""
    transfer, offer_status = await _changing(session, transfer_id, version, TransferStatus.proposed)
    if offer_status != OfferStatus.accepted:
        raise HouseholdNotAnswered
    await household_key(session, transfer.case_id)
    await offers.refuse_ended(session, transfer.agreement_id)
    transfer.status, transfer.answered_at = TransferStatus.accepted, clock.now()
    await session.flush()
    _logged(session, caller, transfer)
    return transfer


async def refuse(session: Session, caller: Caller, transfer_id: UUID, version: int, reason: RefusalReason) -> Transfer:
    """The receiving organization cannot: a trigger gives the places back and ends its view."""
    transfer, _ = await _changing(session, transfer_id, version, TransferStatus.proposed)
    await household_key(session, transfer.case_id)
    transfer.status, transfer.refusal_code = TransferStatus.refused, reason
    transfer.answered_at = transfer.closed_at = clock.now()
    await session.flush()
    _logged(session, caller, transfer, {"reason": str(reason)})
    # The household's key is out of the refuser's reach from here on; a repeated request still gets its first answer.
    session.about = session.about_case = None
    return transfer


async def withdraw(
    session: Session, caller: Caller, transfer_id: UUID, version: int, told: TransferWithdraw
) -> Transfer:
    """Until the departure, without consequence for anybody (domain.md §7.8)."""
    transfer, _ = await _changing(session, transfer_id, version, *OPEN)
    await case_to(Permission.transfer_withdraw, session, caller, transfer.case_id)
    key = await household_key(session, transfer.case_id)
    sealed = key.seal(WITHDRAW_PLACE, transfer.offer_id, told.reason)
    await session.rows(TELL_WHY, (sealed, transfer.offer_id))
    transfer.status, transfer.withdrawal_code = TransferStatus.withdrawn, told.reason_code
    transfer.closed_at = clock.now()
    await session.flush()
    _logged(session, caller, transfer, {"reason": str(told.reason_code)})
    return transfer


async def depart(session: Session, caller: Caller, transfer_id: UUID, version: int, day: date) -> Transfer:
    """The household leaves: its old assignment ends as `transferred`, the new one carries on to the arrival.

    Raises TransferNotPossible, ConsentNoLongerStands or AgreementEnded.
    """
    transfer, _ = await _changing(session, transfer_id, version, TransferStatus.accepted)
    stays = await _current(session, transfer.case_id)
    await case_to(Permission.transfer_depart, session, caller, transfer.case_id)
    subject = await inputs.subject_of(session, transfer.case_id)
    await household_key(session, transfer.case_id)
    await offers.refuse_lapsed(session, transfer.agreement_id, subject)
    assignments.refuse_impossible(
        day, (stays and (stays.arrived_on or stays.departed_on)) or assignments.earliest(transfer)
    )
    if stays is not None:
        stays.status, stays.ended_on, stays.end_code = AssignmentStatus.ended, day, EndCode.transferred
        stays.version += 1
        await session.flush()  # a trigger gives the old places back and ends the old hosts' views
    after = await _moving_on(session, transfer, subject, day)
    transfer.status, transfer.assignment_id = TransferStatus.departed, after.id
    await session.flush()
    told = {
        "from": stays and offers.assignment_reference(session, stays),
        "to": offers.assignment_reference(session, after),
    }
    _logged(session, caller, transfer, told)
    return transfer


async def _moving_on(session: Session, transfer: Transfer, subject: inputs.Subject, day: date) -> Assignment:
    """Under way to the new host, which has accepted; the places were taken when the last adult said yes."""
    [(persons,)] = await session.rows(PERSONS, (transfer.offer_id,))
    after = Assignment(
        **subject.bound(), offer_id=transfer.offer_id, capacity_id=transfer.capacity_id,
        organization_id=transfer.organization_id, agreement_id=transfer.agreement_id, geo_code=transfer.geo_code,
        host_region_code=transfer.to_region_code, persons=persons, status=AssignmentStatus.departed,
        acknowledged_at=transfer.answered_at, departed_on=day,
    )  # fmt: skip
    session.add(after)
    await session.flush()
    await session.rows(offers.END_GRANTS, (clock.now(), transfer.offer_id))
    await grant_to_hosts(session, subject.bound(), after)
    return after


async def _current(session: Session, case_id: UUID) -> Assignment | None:
    query = reading.assignments().where(col(Assignment.case_id) == case_id, col(Assignment.status).in_(CURRENT))
    return (await session.exec(query.with_for_update())).first()


async def _changing(
    session: Session, transfer_id: UUID, version: int, *before: TransferStatus
) -> tuple[Transfer, OfferStatus]:
    """The transfer, locked, its version counted on, and where its offer stands.

    Raises NotFound, StaleVersion or TransferNotPossible.
    """
    found = await transfer_to(session, transfer_id)
    standing = await session.rows(LOCK_OFFER, (found.offer_id,))
    query = select(Transfer).where(col(Transfer.id) == transfer_id).execution_options(populate_existing=True)
    transfer = await single(session, query, lock=True)  # once more: whoever waited may have lost its view meanwhile
    if transfer.status not in before:
        raise TransferNotPossible(transfer_status=str(transfer.status))
    if transfer.version != version:
        raise StaleVersion
    transfer.version += 1
    return transfer, OfferStatus(standing[0][0])


def _logged(session: Session, caller: Caller, transfer: Transfer, more: dict[str, Any] | None = None) -> None:
    """`transfer` ties its leaves together; it dies with the household's key."""
    facts = {
        "transfer": session.about.pseudonym("transfer", transfer.id) if session.about else None,
        "status": str(transfer.status), "organization": str(transfer.organization_id),
        "from_region": transfer.from_region_code, "to_region": transfer.to_region_code, **(more or {}),
    }  # fmt: skip
    trail.record(session, caller, f"transfer.{transfer.status}", facts)


async def transfers_as_read(session: Session, found: list[Transfer], language: Language) -> list[dict[str, Any]]:
    """A page of transfers with the offers behind them, as far as the reader sees these."""
    offered = await reading.offers_by_id(session, [one.offer_id for one in found], language)
    return [
        {
            **one.model_dump(),
            "reason_label": LABELS[one.reason_code].to(language),
            **({"offer": offered[one.offer_id]} if one.offer_id in offered else {}),
        }
        for one in found
    ]
