"""What follows the decision: the household as a case, its reports, its moves, and another sponsor in the first one's place."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from casework.audit import trail
from casework.authz.policy import Permission
from casework.cases.lifecycle import CaseStatus
from casework.cases.models import CaseGrant
from casework.cases.service import case_to, household_key
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.problems import NotFound, StaleVersion
from casework.kernel.programme import Programme
from casework.sponsorship import errors, hooks, queries
from casework.sponsorship.lifecycle import SETTLING, UndertakingState
from casework.sponsorship.models import SettlementReport, Undertaking, UndertakingEvent
from casework.sponsorship.undertakings import kept, refuse_disorder, refuse_small, stepping

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.cases.models import Case
    from casework.kernel.database import Session
    from casework.sponsorship.schemas import HouseholdMove, SettlementReportCreate, UndertakingTransfer

SOURCE = "undertaking"
# The outer limit of a spokesperson's view; it ends by itself with the undertaking (migration 0014).
VIEW = timedelta(days=4 * 365)
LINKABLE = frozenset({UndertakingState.accepted, UndertakingState.csq_issued})
REACH = "SELECT office_id, region_code FROM cases WHERE id = %s"
ONE_REPORT = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"


async def link_household(
    session: Session, caller: Caller, undertaking_id: UUID, version: int, case_id: UUID
) -> Undertaking:
    """The sponsored household is a case like any other; its spokesperson sees it from here until the end.

    Raises NotFound, UndertakingStepNotPossible, StaleVersion, HouseholdNotSponsored or HouseholdAlreadySponsored.
    """
    undertaking = await _standing(session, undertaking_id, version, LINKABLE)
    case = await case_to(Permission.undertaking_decide, session, caller, case_id)
    if case.programme is not Programme.collective_sponsorship or case.status is not CaseStatus.open:
        raise errors.HouseholdNotSponsored
    if undertaking.household_case_id is not None:
        raise errors.HouseholdAlreadySponsored
    undertaking.household_case_id = case.id
    undertaking.version += 1
    await _flush_alone(session)
    session.add(_view(undertaking, case))
    await session.flush()
    trail.record(session, caller, "undertaking.household_linked", {"undertaking": str(undertaking.id)})
    return undertaking


async def _standing(
    session: Session, undertaking_id: UUID, version: int, states: frozenset[UndertakingState]
) -> Undertaking:
    """Locked, in one of these states. Raises NotFound, UndertakingStepNotPossible or StaleVersion."""
    undertaking = await queries.undertaking_to(session, undertaking_id, lock=True)
    if undertaking.state not in states:
        raise errors.UndertakingStepNotPossible(undertaking_state=str(undertaking.state))
    if undertaking.version != version:
        raise StaleVersion
    return undertaking


async def _flush_alone(session: Session) -> None:
    """One household, one undertaking under way: the index has the last word."""
    try:
        await session.flush()
    except IntegrityError as error:
        raise errors.HouseholdAlreadySponsored from error


def _view(undertaking: Undertaking, case: Case) -> CaseGrant:
    return CaseGrant(
        id=new_id(), case_id=case.id, office_id=case.office_id, region_code=case.region_code,
        grantee_user_id=undertaking.spokesperson_id, source=SOURCE, source_id=undertaking.id,
        valid_until=clock.now() + VIEW,
    )  # fmt: skip


async def transfer(
    session: Session, caller: Caller, undertaking_id: UUID, version: int, wanted: UndertakingTransfer
) -> Undertaking:
    """Another sponsor takes over what is left: the household keeps its dates, the first sponsor its history.

    Returns the new undertaking. Raises NotFound, UndertakingStepNotPossible, StaleVersion, SameSponsor or GroupTooSmall.
    """
    stood = (await queries.undertaking_to(session, undertaking_id)).state
    old = await stepping(session, undertaking_id, version, UndertakingState.transferred)
    refuse_disorder(old, wanted.occurred_on)
    sponsor = await queries.sponsor_to(session, wanted.sponsor_id)
    if sponsor.id == old.sponsor_id:
        raise errors.SameSponsor
    old.ended_on, old.end_reason = wanted.occurred_on, wanted.reason
    await kept(session, caller, old, wanted.occurred_on, wanted.reason)
    carried = old.model_dump(exclude={"id", "version", "created_at", "ended_on", "end_reason"})
    new = Undertaking.model_validate(carried | {
        "id": new_id(), "sponsor_id": sponsor.id, "spokesperson_id": sponsor.spokesperson_id, "state": stood,
        "category": sponsor.category, "entry_id": new_id(), "accepted_on": wanted.occurred_on,
        "transferred_from_id": old.id,
    })  # fmt: skip
    session.add(new)
    await session.flush()
    await refuse_small(session, new)
    assert new.household_case_id is not None, "a household has arrived"
    case = await case_to(Permission.undertaking_decide, session, caller, new.household_case_id)
    session.add(_view(new, case))
    await kept(session, caller, new, wanted.occurred_on)
    return new


async def move(
    session: Session, caller: Caller, undertaking_id: UUID, version: int, wanted: HouseholdMove
) -> Undertaking:
    """Free mobility (domain.md §3): a fact of the household's, no breach, and no step of the undertaking."""
    undertaking = await _standing(session, undertaking_id, version, SETTLING)
    refuse_disorder(undertaking, wanted.occurred_on)
    if await queries.place_on(session, wanted.geo_code, wanted.occurred_on) is None:
        raise errors.unknown_place("/geo_code")
    undertaking.version += 1
    session.add(UndertakingEvent(
        id=new_id(), undertaking_id=undertaking.id, spokesperson_id=undertaking.spokesperson_id,
        region_code=undertaking.region_code, moved_to=wanted.geo_code, occurred_on=wanted.occurred_on,
        recorded_by=caller.actor_id,
    ))  # fmt: skip
    await session.flush()
    trail.record(session, caller, "undertaking.household_moved", {"undertaking": str(undertaking.id)})
    return undertaking


async def receive_report(
    session: Session, caller: Caller, case_id: UUID, wanted: SettlementReportCreate
) -> SettlementReport:
    """Raises NotFound, ReportNotDue or InvalidContent."""
    reach = await session.rows(REACH, (case_id,))
    if not reach:
        raise NotFound
    # A keyed request's first answer goes with the household's key.
    await household_key(session, case_id)
    await session.rows(ONE_REPORT, (f"settlement-report/{case_id}",))
    undertaking = await _expecting(session, case_id, wanted.number)
    refuse_disorder(undertaking, wanted.occurred_on)
    if undertaking.report1_received_on is not None and wanted.occurred_on < undertaking.report1_received_on:
        raise errors.out_of_order()
    report = SettlementReport(
        id=new_id(), case_id=case_id, office_id=reach[0][0], region_code=reach[0][1], undertaking_id=undertaking.id,
        number=wanted.number, occurred_on=wanted.occurred_on, duties=wanted.duties.model_dump(mode="json"),
        recorded_by=caller.actor_id,
    )  # fmt: skip
    session.add(report)
    await session.flush()
    facts: dict[str, Any] = {"undertaking": str(undertaking.id), "number": wanted.number}
    trail.record(session, caller, "settlement_report.received", facts)
    for act in hooks.on_report_received:
        await act(session, caller, report)
    return report


async def _expecting(session: Session, case_id: UUID, number: int) -> Undertaking:
    """The undertaking that waits for this very report; raises ReportNotDue."""
    query = select(Undertaking).where(
        col(Undertaking.household_case_id) == case_id, col(Undertaking.state).in_(list(SETTLING))
    )
    found = (await session.exec(query)).first()
    due = UndertakingState.report1_due if number == 1 else UndertakingState.report2_due
    if found is None or found.state is not due or (number == 2 and found.report2_received_on is not None):
        raise errors.ReportNotDue(undertaking_state=str(found.state) if found else "–")
    return found


async def reports(session: Session, case_id: UUID) -> Sequence[SettlementReport]:
    """In their order; raises NotFound."""
    if not await session.rows(REACH, (case_id,)):
        raise NotFound
    query = select(SettlementReport).where(col(SettlementReport.case_id) == case_id)
    return (await session.exec(query.order_by(col(SettlementReport.number), col(SettlementReport.id)))).all()
