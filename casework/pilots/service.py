"""Pilots, their targets and departures: what the ministry sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, select

from casework.audit import trail
from casework.cases import service as cases
from casework.cases.schemas import CasePatch
from casework.kernel import clock
from casework.kernel.problems import NotFound
from casework.pilots import errors, queries
from casework.pilots.errors import CohortNotOpen, HandoverMissing, PilotNotOpen
from casework.pilots.models import (
    Cohort,
    CohortStatus,
    Enrolment,
    EnrolmentStatus,
    Pilot,
    PilotPartner,
    PilotRegion,
    PilotTarget,
)

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.pilots.schemas import CohortCreate, Departure, Handover, PilotCreate, PilotEnd, TargetSet

LIVE = (
    "SELECT c.id, c.version, c.office_id, c.caseworker_id FROM cases c WHERE c.id IN (SELECT e.case_id FROM enrolments e"
    " WHERE e.pilot_id = %s AND e.status IN ('enrolled', 'departed')) ORDER BY c.id"
)


async def open_pilot(session: Session, caller: Caller, wanted: PilotCreate) -> Pilot:
    if wanted.ends_on < wanted.starts_on:
        raise errors.period_reversed()
    pilot = Pilot.model_validate(wanted.model_dump(exclude={"regions", "partners"}))
    session.add(pilot)
    await session.flush()
    session.add_all([PilotRegion(pilot_id=pilot.id, region_code=code) for code in sorted(set(wanted.regions))])
    session.add_all([PilotPartner(pilot_id=pilot.id, organization_id=one) for one in sorted(set(wanted.partners))])
    await session.flush()
    facts = {"pilot": str(pilot.id), "regions": sorted(set(wanted.regions)), "partners": len(set(wanted.partners))}
    trail.record(session, caller, "pilot.opened", facts)
    return pilot


async def set_target(session: Session, caller: Caller, pilot_id: UUID, version: int, wanted: TargetSet) -> Pilot:
    pilot = await queries.pilot_to(session, pilot_id, version, lock=True)
    if pilot.ended_on is not None:
        raise PilotNotOpen
    if not pilot.starts_on <= wanted.valid_from <= pilot.ends_on:
        raise errors.outside_pilot("/valid_from")
    session.add(
        PilotTarget.model_validate({**wanted.model_dump(), "pilot_id": pilot.id, "recorded_by": caller.actor_id})
    )
    pilot.version += 1
    await session.flush()
    facts = {"pilot": str(pilot.id), "measure": str(wanted.measure), "persons": wanted.persons,
             "valid_from": wanted.valid_from.isoformat()}  # fmt: skip
    trail.record(session, caller, "pilot.target_set", facts)
    return pilot


async def plan_cohort(session: Session, caller: Caller, pilot_id: UUID, wanted: CohortCreate) -> Cohort:
    pilot = await queries.pilot_to(session, pilot_id, lock=True)
    if pilot.ended_on is not None or pilot.ends_on < clock.today():
        raise PilotNotOpen
    if not pilot.starts_on <= wanted.departs_on <= pilot.ends_on:
        raise errors.outside_pilot("/departs_on")
    if await session.get(PilotRegion, (pilot.id, wanted.region_code)) is None:
        raise errors.region_not_in_pilot()
    cohort = Cohort.model_validate({**wanted.model_dump(), "pilot_id": pilot.id})
    session.add(cohort)
    await session.flush()
    facts = {"cohort": str(cohort.id), "region": cohort.region_code, "seats": cohort.seats}
    trail.record(session, caller, "cohort.planned", facts)
    return cohort


async def depart(session: Session, caller: Caller, cohort_id: UUID, version: int, told: Departure) -> Cohort:
    """The coach has left with those who boarded and whose every adult still consents; the others simply stayed."""
    cohort = await queries.cohort_to(session, cohort_id, version, lock=True)
    if cohort.status is not CohortStatus.planned:
        raise CohortNotOpen
    if told.occurred_on < (await queries.pilot_to(session, cohort.pilot_id)).starts_on:
        raise errors.outside_pilot("/occurred_on")
    enrolled = await _enrolled(session, cohort.id)
    if not set(told.stayed) <= {enrolment.id for enrolment in enrolled}:
        raise NotFound
    for enrolment in enrolled:
        _, missing = await queries.standing(session, enrolment.case_id)
        enrolment.version += 1
        if enrolment.id in told.stayed or missing:
            enrolment.status, enrolment.ended_at = EnrolmentStatus.stayed, clock.now()
        else:
            enrolment.status, enrolment.departed_on = EnrolmentStatus.departed, told.occurred_on
    cohort.status, cohort.departed_on = CohortStatus.departed, told.occurred_on
    cohort.version += 1
    await session.flush()
    gone = sum(one.persons for one in enrolled if one.status is EnrolmentStatus.departed)
    trail.record(session, caller, "cohort.departed", {"cohort": str(cohort.id), "persons": gone})
    return cohort


async def _enrolled(session: Session, cohort_id: UUID) -> list[Enrolment]:
    waiting = col(Enrolment.status) == EnrolmentStatus.enrolled
    query = select(Enrolment).where(col(Enrolment.cohort_id) == cohort_id, waiting).order_by(col(Enrolment.id))
    return list((await session.exec(query.with_for_update())).all())


async def end_pilot(session: Session, caller: Caller, pilot_id: UUID, version: int, told: PilotEnd) -> Pilot:
    """Nobody is enrolled any more, planned departures are off, and every household goes on with somebody."""
    await session.rows(queries.WHEN_ALONE, (f"pilot/{pilot_id}",))
    pilot = await queries.pilot_to(session, pilot_id, version, lock=True)
    if pilot.ended_on is not None or pilot.ends_on < clock.today():
        raise PilotNotOpen
    moved = await _hand_over(session, caller, pilot.id, {one.office_id: one for one in told.handovers})
    live = col(Enrolment.status).in_([EnrolmentStatus.enrolled, EnrolmentStatus.departed])
    query = select(Enrolment).where(col(Enrolment.pilot_id) == pilot.id, live).with_for_update()
    for enrolment in (await session.exec(query)).all():
        enrolment.status, enrolment.ended_at = EnrolmentStatus.handed_over, clock.now()
        enrolment.version += 1
    planned = select(Cohort).where(col(Cohort.pilot_id) == pilot.id, col(Cohort.status) == CohortStatus.planned)
    for cohort in (await session.exec(planned.with_for_update())).all():
        cohort.status = CohortStatus.cancelled
        cohort.version += 1
    pilot.ended_on, pilot.end_reason = clock.today(), told.reason
    pilot.version += 1
    await session.flush()
    facts = {"pilot": str(pilot.id), "reason": str(told.reason), "handed_over": moved}
    trail.record(session, caller, "pilot.ended", facts)
    return pilot


async def _hand_over(session: Session, caller: Caller, pilot_id: UUID, successors: dict[UUID, Handover]) -> int:
    """How many cases change hands; raises HandoverMissing for offices that would leave a household to nobody."""
    live = await session.rows(LIVE, (pilot_id,))
    alone = {str(office) for _, _, office, caseworker in live if caseworker is None and office not in successors}
    if alone:
        raise HandoverMissing(offices=", ".join(sorted(alone)))
    moved = 0
    for case_id, version, office, caseworker in live:
        successor = successors.get(office)
        if successor is not None and successor.caseworker_id != caseworker:
            patch = CasePatch(caseworker_id=successor.caseworker_id)
            await cases.change_case(session, caller, case_id, version, patch)
            moved += 1
    # The answer is about a pilot, not about the last household that changed hands.
    session.about = session.about_case = None
    return moved
