"""A household passes from an ended agreement to a successor: places, hosts' view and history in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, select

from casework.audit import trail
from casework.authz.policy import Permission
from casework.cases.service import case_to, household_key
from casework.kernel import clock
from casework.kernel.problems import NotFound, StaleVersion
from casework.kernel.single import single
from casework.partners import service as partners
from casework.partners.errors import SuccessorNotInForce
from casework.partners.models import AgreementHandover, AgreementHandoverStatus
from casework.placement import holds, reading
from casework.placement.errors import HandoverCompleted, HouseholdsWait, NotOfThisHandover
from casework.placement.grants import grant_to_hosts
from casework.placement.models import CURRENT, Assignment, AssignmentStatus, EndCode
from casework.placement.offers import assignment_reference
from casework.territory.models import Capacity

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.placement.schemas import HandoverOfHousehold

WAITING = "SELECT count(*) FROM assignments WHERE agreement_id = %s AND status = ANY(%s)"


async def hand_over(
    session: Session, caller: Caller, agreement_handover_id: UUID, version: int, wanted: HandoverOfHousehold
) -> Assignment:
    """The old assignment ends as `handed_over`; a new one carries on from where the household stands.

    Raises NotFound, StaleVersion, HandoverCompleted, NotOfThisHandover, SuccessorNotInForce, AgreementFull or
    NotEnoughPlaces.
    """
    handover = await _open(session, agreement_handover_id, version)
    query = reading.assignments().where(col(Assignment.id) == wanted.assignment_id)
    before = await single(session, query, lock=True)
    if before.agreement_id != handover.agreement_id or before.status not in CURRENT:
        raise NotOfThisHandover
    place = await _successor_place(session, handover, wanted.capacity_id)
    await case_to(Permission.assignment_hand_over, session, caller, before.case_id)
    await household_key(session, before.case_id)
    stands, before.status, before.version = before.status, AssignmentStatus.ended, before.version + 1
    before.ended_on, before.end_code = clock.today(), EndCode.handed_over
    await session.flush()  # a trigger gives the old places back and ends the hosts' views
    await holds.occupy(session, place.id, before.persons)
    after = _carried_on(before, place, stands)
    session.add(after)
    await session.flush()
    await grant_to_hosts(session, after.model_dump(include={"case_id", "office_id", "region_code"}), after)
    facts = {
        "handover": str(handover.id), "from": assignment_reference(session, before),
        "to": assignment_reference(session, after), "status": str(after.status),
    }  # fmt: skip
    trail.record(session, caller, "assignment.handed_over", facts)
    return after


async def complete(session: Session, caller: Caller, agreement_handover_id: UUID, version: int) -> AgreementHandover:
    """Raises NotFound, StaleVersion, HandoverCompleted, or HouseholdsWait while one is still under the old agreement."""
    handover = await _open(session, agreement_handover_id, version)
    [(waiting,)] = await session.rows(WAITING, (handover.agreement_id, [str(status) for status in CURRENT]))
    if waiting:
        raise HouseholdsWait(waiting=waiting)
    handover.status, handover.completed_at = AgreementHandoverStatus.completed, clock.now()
    handover.version += 1
    await session.flush()
    trail.record(session, caller, "agreement_handover.completed", {"handover": str(handover.id)})
    return handover


async def _open(session: Session, agreement_handover_id: UUID, version: int) -> AgreementHandover:
    handover = await single(
        session, select(AgreementHandover).where(col(AgreementHandover.id) == agreement_handover_id), lock=True
    )
    if handover.status is AgreementHandoverStatus.completed:
        raise HandoverCompleted
    if handover.version != version:
        raise StaleVersion
    return handover


async def _successor_place(session: Session, handover: AgreementHandover, capacity_id: UUID) -> Capacity:
    """Of the successor named when the agreement ended, or of any other agreement in force in the same region."""
    place = (await session.exec(select(Capacity).where(col(Capacity.id) == capacity_id))).first()
    if place is None:
        raise NotFound
    agreement = await partners.agreement_to(session, place.agreement_id)
    named = handover.successor_id in {None, agreement.id}
    if not named or agreement.id == handover.agreement_id or agreement.region_code != handover.region_code:
        raise SuccessorNotInForce
    if not partners.in_force(agreement) or place.resource != "persons":
        raise SuccessorNotInForce
    return place


def _carried_on(before: Assignment, place: Capacity, stands: AssignmentStatus) -> Assignment:
    """A successor answers for itself: what the other had acknowledged is proposed again; a journey under way goes on."""
    answered = {AssignmentStatus.proposed, AssignmentStatus.acknowledged}
    return Assignment(
        case_id=before.case_id, office_id=before.office_id, region_code=before.region_code, offer_id=None,
        predecessor_id=before.id, capacity_id=place.id, organization_id=place.organization_id,
        agreement_id=place.agreement_id, geo_code=place.geo_code, host_region_code=place.region_code,
        persons=before.persons, status=AssignmentStatus.proposed if stands in answered else stands,
        departed_on=before.departed_on, arrived_on=before.arrived_on,
    )  # fmt: skip
