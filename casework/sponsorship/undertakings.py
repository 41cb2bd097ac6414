"""Undertakings from draft to end: each step guarded by the pure lifecycle, dated, and kept as an event."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from casework.audit import trail
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.problems import StaleVersion
from casework.sponsorship import errors, queries
from casework.sponsorship.lifecycle import (
    ENDED,
    NEEDS_REASON,
    UndertakingState,
    days_waited,
    enough_members,
    may_follow,
    months_after,
    pool_of,
)
from casework.sponsorship.models import Undertaking, UndertakingEvent
from casework.sponsorship.reference import TermCode, months_of, suspension_on
from casework.sponsorship.sponsors import current

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.sponsorship.lifecycle import Reason
    from casework.sponsorship.schemas import UndertakingCreate, UndertakingStep


async def prepare(session: Session, caller: Caller, wanted: UndertakingCreate) -> Undertaking:
    """A draft; raises NotFound or InvalidContent."""
    sponsor = await queries.sponsor_to(session, wanted.sponsor_id)
    region, regional = await _place(session, wanted.geo_code)
    undertaking = Undertaking(
        id=new_id(), sponsor_id=sponsor.id, spokesperson_id=sponsor.spokesperson_id, category=sponsor.category,
        geo_code=wanted.geo_code, region_code=region, regional=regional, persons=wanted.persons,
    )  # fmt: skip
    session.add(undertaking)
    await session.flush()
    await kept(session, caller, undertaking, clock.today())
    return undertaking


async def _place(session: Session, geo_code: str) -> tuple[str, bool]:
    place = await queries.place_on(session, geo_code, clock.today())
    if place is None:
        raise errors.unknown_place("/geo_code")
    return place


async def submit(session: Session, caller: Caller, undertaking_id: UUID, version: int) -> Undertaking:
    """On this year's list, under a receipt. Raises IntakeSuspended, IntakeClosed, GroupTooSmall and the step's own."""
    undertaking = await stepping(session, undertaking_id, version, UndertakingState.submitted)
    today = clock.today()
    suspended = suspension_on(today)
    if suspended is not None:
        reopens = (suspended.valid_to + timedelta(days=1)).isoformat() if suspended.valid_to else "–"
        raise errors.IntakeSuspended(reopens_on=reopens)
    pool = pool_of(undertaking.category)
    await session.rows(queries.SHARE_LIST, (queries.LIST.format(year=today.year, pool=pool),))
    if await queries.list_closed(session, today.year, pool):
        raise errors.IntakeClosed
    await refuse_small(session, undertaking)
    # Where the place lies is looked at again: territory is dated, and the draw counts on it.
    _, undertaking.regional = await _place(session, undertaking.geo_code)
    undertaking.year, undertaking.entry_id, undertaking.submitted_at = today.year, new_id(), clock.now()
    await kept(session, caller, undertaking, today)
    return undertaking


async def refuse_small(session: Session, undertaking: Undertaking) -> None:
    members = await queries.members_of(session, [undertaking.sponsor_id])
    if not enough_members(undertaking.category, len(current(members))):
        raise errors.GroupTooSmall


async def cancel(
    session: Session, caller: Caller, undertaking_id: UUID, version: int, day: date, reason: Reason
) -> Undertaking:
    undertaking = await stepping(session, undertaking_id, version, UndertakingState.cancelled)
    refuse_disorder(undertaking, day)
    undertaking.ended_on, undertaking.end_reason = day, reason
    await kept(session, caller, undertaking, day, reason)
    return undertaking


async def decide(
    session: Session, caller: Caller, undertaking_id: UUID, version: int, wanted: UndertakingStep
) -> Undertaking:
    """Review, acceptance or refusal, CSQ, arrival, settlement, completion, breakdown.

    Raises NotFound, StaleVersion, UndertakingStepNotPossible, GroupTooSmall or InvalidContent.
    """
    undertaking = await stepping(session, undertaking_id, version, wanted.to)
    if (wanted.to in NEEDS_REASON) != (wanted.reason is not None):
        raise errors.reason_due()
    refuse_disorder(undertaking, wanted.occurred_on)
    if wanted.to is UndertakingState.accepted:
        await refuse_small(session, undertaking)
    if wanted.to is UndertakingState.arrived and undertaking.household_case_id is None:
        raise errors.UndertakingStepNotPossible(undertaking_state=str(UndertakingState.csq_issued))
    if wanted.to is UndertakingState.completed:
        _refuse_early_end(undertaking, wanted.occurred_on)
    _date(undertaking, wanted.to, wanted.occurred_on)
    undertaking.end_reason = wanted.reason
    await kept(session, caller, undertaking, wanted.occurred_on, wanted.reason)
    return undertaking


def _date(undertaking: Undertaking, to: UndertakingState, day: date) -> None:
    """What the step dates, and what becomes due by the terms in force that day."""
    if to is UndertakingState.accepted:
        undertaking.accepted_on = day
    elif to is UndertakingState.csq_issued:
        undertaking.csq_issued_on = day
    elif to is UndertakingState.arrived:
        undertaking.arrived_on = day
        undertaking.ends_on = months_after(day, months_of(TermCode.undertaking_end, day))
        undertaking.report2_due_on = months_after(day, months_of(TermCode.report_2, day))
    elif to is UndertakingState.report1_due:
        undertaking.settled_on = day
        undertaking.report1_due_on = months_after(day, months_of(TermCode.report_1, day))
    elif to in ENDED:
        undertaking.ended_on = day


def _refuse_early_end(undertaking: Undertaking, day: date) -> None:
    """Twelve months and two reports: an undertaking is not complete before both."""
    if undertaking.report2_received_on is None:
        raise errors.UndertakingStepNotPossible(undertaking_state=str(UndertakingState.report2_due))
    if undertaking.ends_on is None or day < undertaking.ends_on:
        raise errors.out_of_order()


def refuse_disorder(undertaking: Undertaking, day: date) -> None:
    """No step before the one it follows; raises InvalidContent."""
    previous = [
        undertaking.accepted_on, undertaking.csq_issued_on, undertaking.arrived_on, undertaking.settled_on,
        _civil(undertaking.submitted_at), _civil(undertaking.drawn_at),
    ]  # fmt: skip
    if any(earlier is not None and day < earlier for earlier in previous):
        raise errors.out_of_order()


def _civil(instant: datetime | None) -> date | None:
    return instant and instant.astimezone(clock.QUEBEC).date()


async def stepping(session: Session, undertaking_id: UUID, version: int, to: UndertakingState) -> Undertaking:
    """Locked, and moved to its next state in memory. Raises NotFound, UndertakingStepNotPossible or StaleVersion."""
    undertaking = await queries.undertaking_to(session, undertaking_id, lock=True)
    if not may_follow(undertaking.state, to):
        raise errors.UndertakingStepNotPossible(undertaking_state=str(undertaking.state))
    if undertaking.version != version:
        raise StaleVersion
    undertaking.state = to
    undertaking.version += 1
    return undertaking


async def kept(
    session: Session, caller: Caller, undertaking: Undertaking, day: date, reason: Reason | None = None
) -> None:
    """The step as an event and as a leaf."""
    await session.flush()
    session.add(
        UndertakingEvent(
            id=new_id(), undertaking_id=undertaking.id, spokesperson_id=undertaking.spokesperson_id,
            region_code=undertaking.region_code, state=undertaking.state, reason=reason, occurred_on=day,
            recorded_by=caller.actor_id,
        )
    )  # fmt: skip
    await session.flush()
    facts: dict[str, Any] = {"undertaking": str(undertaking.id), "state": str(undertaking.state)}
    trail.record(
        session, caller, f"undertaking.{undertaking.state}", facts | ({"reason": str(reason)} if reason else {})
    )


async def as_read(session: Session, undertakings: Sequence[Undertaking]) -> list[dict[str, Any]]:
    """The household's case is named to those who see that case, and to nobody else."""
    visible = await queries.visible_cases(session, undertakings)
    return [_read(one, visible) for one in undertakings]


def _read(undertaking: Undertaking, visible: set[UUID]) -> dict[str, Any]:
    today = clock.today()
    stopped = undertaking.arrived_on or undertaking.ended_on
    since = {"submission": _civil(undertaking.submitted_at), "draw": _civil(undertaking.drawn_at)}
    overdue = [
        due is not None and received is None and due < today
        for due, received in (
            (undertaking.report1_due_on, undertaking.report1_received_on),
            (undertaking.report2_due_on, undertaking.report2_received_on),
        )
    ]
    return {
        **undertaking.model_dump(),
        "household_case_id": undertaking.household_case_id if undertaking.household_case_id in visible else None,
        "waiting": {f"since_{name}_days": days_waited(day, stopped, today) for name, day in since.items()},
        "report_overdue": any(overdue) and undertaking.state not in ENDED,
    }
