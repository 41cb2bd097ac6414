"""What a household's journey through a placement writes by itself: its answer, its arrival."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from sqlmodel import col, select

from casework.cases import address_notices
from casework.cases import hooks as case_hooks
from casework.kernel import clock
from casework.kernel.partial_date import PartialDate
from casework.milestones import checks, errors, expectations, queries, service
from casework.milestones.models import Milestone
from casework.placement import hooks
from casework.placement.models import OfferStatus
from casework.sponsorship import hooks as sponsorship_hooks

if TYPE_CHECKING:
    from datetime import date
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.cases.models import Case
    from casework.kernel.database import Session
    from casework.milestones.queries import CaseFacts
    from casework.placement.models import Assignment, Offer
    from casework.sponsorship.models import SettlementReport

T = TypeVar("T")
FINAL_ANSWERS = frozenset({OfferStatus.accepted, OfferStatus.declined})


def register() -> None:
    """Hang these on the intake's and the placement's hooks; once, however often it is called."""
    _hang(case_hooks.on_opened, case_opened)
    _hang(case_hooks.on_claim_status, claim_moved)
    _hang(case_hooks.on_programme_changed, claim_moved)
    _hang(hooks.on_offer_made, offer_made)
    _hang(hooks.on_offer_answered, offer_answered)
    _hang(hooks.on_arrival, arrived)
    _hang(hooks.on_arrival_corrected, arrival_corrected)
    _hang(sponsorship_hooks.on_report_received, report_received)


def _hang(hook: list[T], act: T) -> None:
    if act not in hook:
        hook.append(act)


async def case_opened(session: Session, caller: Caller, case: Case) -> None:
    """What is counted from the claim or the undertaking becomes expected."""
    await expectations.refresh(session, caller, case.id, first=True)


async def claim_moved(session: Session, caller: Caller, case: Case) -> None:
    """A date printed on the newest document, or what another programme asks for, becomes expected."""
    await expectations.refresh(session, caller, case.id)


async def offer_made(session: Session, caller: Caller, offer: Offer) -> None:
    """What is counted from the first offer becomes expected."""
    await expectations.refresh(session, caller, offer.case_id)


async def offer_answered(session: Session, caller: Caller, offer: Offer, answer: object) -> None:  # noqa: ARG001 -- the hook's signature; one adult's answer is not the household's
    """Record OFFER_ANSWER once the household has answered as a whole; each adult's answer stays apart."""
    if offer.status in FINAL_ANSWERS:
        answered_at = offer.answered_at or clock.now()
        answered_on = answered_at.astimezone(clock.QUEBEC).date()
        await _record_once(session, caller, offer.case_id, "OFFER_ANSWER", answered_on, offer.id)


async def report_received(session: Session, caller: Caller, report: SettlementReport) -> None:
    """Record SETTLEMENT_REPORT_1 or _2 on the day it was handed in; whoever logged it by hand before is believed."""
    code = f"SETTLEMENT_REPORT_{report.number}"
    by_hand = "SELECT 1 FROM milestones WHERE case_id = %s AND code = %s AND voided_at IS NULL"
    if not await session.rows(by_hand, (report.case_id, code)):
        await _record_once(session, caller, report.case_id, code, report.occurred_on, report.id)


async def arrived(session: Session, caller: Caller, assignment: Assignment) -> None:
    """Record REG_ARRIVAL, then what is counted from the arrival becomes expected."""
    arrived_on = assignment.arrived_on or clock.today()
    await _record_once(session, caller, assignment.case_id, "REG_ARRIVAL", arrived_on, assignment.id)
    await expectations.refresh(session, caller, assignment.case_id)
    await _tell_authorities(session, assignment.case_id, assignment.id, arrived_on)


async def _tell_authorities(session: Session, case_id: UUID, source_id: UUID, moved_on: date) -> None:
    """Every regional move raises it again (domain.md §2 [19], §7.15); the catalogue in force says by when."""
    await session.flush()
    case = await queries.case_in_reach(session, case_id)
    kinds = [k for k in queries.catalogue() if k.code == "ADDR_NOTIFIED" and case.programme in k.programmes]
    if kinds:
        kind = checks.type_in_force("ADDR_NOTIFIED", case.programme, PartialDate.exactly(moved_on))
        due_on = moved_on + timedelta(days=kind.offset_days or 0)
        await address_notices.raise_for_move(session, case_id, source_id, moved_on, due_on)


async def arrival_corrected(session: Session, caller: Caller, assignment: Assignment, reason: str) -> None:
    """Correct REG_ARRIVAL in the open, then recompute what is counted from the arrival.

    Raises MilestoneOnClosedCase, or ArrivalAfterItsMilestones when one of them would precede the arrival.
    """
    await session.flush()  # the trigger has dated the case by now
    case = await queries.case_in_reach(session, assignment.case_id)
    if case.closed:
        raise errors.MilestoneOnClosedCase
    await _refuse_precedence(session, case)
    query = select(Milestone).where(
        col(Milestone.recorder_scope) == assignment.id, col(Milestone.code) == "REG_ARRIVAL",
        col(Milestone.voided_at).is_(None),
    )  # fmt: skip
    wrong = (await session.exec(query.with_for_update())).first()
    if wrong is not None:
        subject = await queries.subject_key(session, case.id, None)
        await service.annul(session, caller, case, subject, wrong, reason)
        arrived_on = PartialDate.exactly(assignment.arrived_on or clock.today())
        kind = checks.type_in_force(wrong.code, case.programme, arrived_on)
        entry = service.Entry(kind, arrived_on, assignment.id, corrects=wrong.id)
        await service.write(session, caller, case, subject, entry)
    await expectations.refresh(session, caller, case.id)
    await _tell_authorities(session, case.id, assignment.id, assignment.arrived_on or clock.today())


async def _refuse_precedence(session: Session, case: CaseFacts) -> None:
    """What stands recorded must still be possible; a vague day counts as its latest."""
    codes = {kind.code: kind for kind in queries.catalogue() if checks.follows_arrival(kind)}
    rows = await session.rows(
        "SELECT code, occurred_latest FROM milestones WHERE case_id = %s AND voided_at IS NULL AND code = ANY(%s)"
        " AND occurred_latest IS NOT NULL ORDER BY occurred_latest",
        (case.id, list(codes)),
    )
    for code, latest in rows:
        if case.arrived_on is not None and latest < case.arrived_on + checks.wait(codes[code]):
            raise errors.ArrivalAfterItsMilestones(earliest_on=latest.isoformat())


async def _record_once(session: Session, caller: Caller, case_id: UUID, code: str, day: date, source_id: UUID) -> None:
    """One household milestone for one offer or assignment; none where the programme has no such type.

    `source_id` is its recorder scope: no client's external id can collide with it.
    """
    await session.flush()  # triggers have moved the case's reach by now
    case = await queries.case_in_reach(session, case_id)
    if not any(kind.code == code and case.programme in kind.programmes for kind in queries.catalogue()):
        return
    occurred_on = PartialDate.exactly(day)
    kind = checks.type_in_force(code, case.programme, occurred_on)
    if await session.rows("SELECT 1 FROM milestones WHERE recorder_scope = %s AND code = %s", (source_id, code)):
        return
    subject = await queries.subject_key(session, case_id, None)
    entry = service.Entry(kind, occurred_on, source_id)
    await service.write(session, caller, case, subject, entry)
