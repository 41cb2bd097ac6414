"""Where a household is lodged until it has a home: stays at a site with beds, one at a time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
from sqlmodel import col, select

from casework.audit import trail
from casework.authz.policy import Permission
from casework.cases import address_notices
from casework.cases.errors import CaseAlreadyClosed
from casework.cases.lifecycle import CaseStatus
from casework.cases.service import case_to, subject_of
from casework.kernel.partial_date import PartialDate
from casework.kernel.single import single
from casework.lodging import errors
from casework.lodging.models import Lodging, LodgingEnd
from casework.milestones import checks
from casework.milestones import queries as milestones
from casework.partners.models import Site

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.lodging.schemas import LodgingCreate

MEMBERS = "SELECT count(*) FROM memberships WHERE case_id = %s AND ends_on IS NULL"
QUEUE = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"


async def queue_at(session: Session, sites: Iterable[UUID]) -> None:
    """Those who take or give back beds wait for each other, always in the same order of sites."""
    for site_id in sorted(set(sites)):
        await session.rows(QUEUE, (f"beds/{site_id}",))


async def lodge(session: Session, caller: Caller, case_id: UUID, wanted: LodgingCreate) -> Lodging:
    """Raises NotFound, InvalidContent, CaseAlreadyClosed, or the conflicts of `errors.py`."""
    case = await case_to(Permission.lodging_record, session, caller, case_id)
    subject, _ = await subject_of(session, case_id)
    if case.status is CaseStatus.closed:
        raise CaseAlreadyClosed
    before = await _current(session, case_id)
    await queue_at(session, {wanted.site_id, *([before.site_id] if before else [])})
    site = await single(session, select(Site).where(col(Site.id) == wanted.site_id))
    persons = await _persons(session, case_id)
    _refuse_site(site, before, persons)
    if before is not None:
        await end_stay(session, before, wanted.starts_on, LodgingEnd.moved, "/starts_on")
    stay = Lodging(
        case_id=case.id, office_id=case.office_id, region_code=case.region_code, site_id=site.id, persons=persons,
        starts_on=wanted.starts_on, recorded_by=caller.actor_id,
    )  # fmt: skip
    await begin_stay(session, stay)
    if before is not None:
        await tell_authorities(session, stay)
    trail.record(session, caller, "case.lodged", {**subject, "site": str(site.id), "lodging": str(stay.id)})
    return stay


async def leave(session: Session, caller: Caller, lodging_id: UUID, version: int, ends_on: date) -> Lodging:
    """Raises NotFound, StaleVersion, InvalidContent or LodgingAlreadyEnded."""
    stay = await single(session, select(Lodging).where(col(Lodging.id) == lodging_id), version, lock=True)
    if stay.ends_on is not None:
        raise errors.LodgingAlreadyEnded
    subject, _ = await subject_of(session, stay.case_id)
    await queue_at(session, [stay.site_id])
    await end_stay(session, stay, ends_on, LodgingEnd.left, "/ends_on")
    trail.record(session, caller, "case.lodging_ended", {**subject, "lodging": str(stay.id)})
    return stay


async def begin_stay(session: Session, stay: Lodging) -> None:
    """The CHECK on the site has the last word. Raises NotEnoughBeds or SiteClosedForLodging, which end the transaction."""
    session.add(stay)
    try:
        await session.flush()
    except Exception as error:
        raise refusal(error, stay.persons) from error


def refusal(error: BaseException, persons: int) -> BaseException:
    """What a violated CHECK means; any other error is itself."""
    cause = getattr(error, "orig", error)
    if not isinstance(cause, psycopg.errors.CheckViolation):
        return error
    closed = cause.diag.constraint_name == "site_is_open"
    return errors.SiteClosedForLodging() if closed else errors.NotEnoughBeds(short=persons)


async def end_stay(session: Session, stay: Lodging, day: date, reason: LodgingEnd, pointer: str) -> None:
    """Raises InvalidContent: a stay does not end before it began."""
    if day < stay.starts_on:
        raise errors.before_the_stay(pointer)
    stay.ends_on, stay.end_reason, stay.version = day, reason, stay.version + 1
    await session.flush()


async def tell_authorities(session: Session, stay: Lodging) -> None:
    """Another address is told to both authorities, each apart (domain.md §2 [19]); the catalogue says by when."""
    case = await milestones.case_in_reach(session, stay.case_id)
    if any(kind.code == "ADDR_NOTIFIED" and case.programme in kind.programmes for kind in milestones.catalogue()):
        kind = checks.type_in_force("ADDR_NOTIFIED", case.programme, PartialDate.exactly(stay.starts_on))
        due_on = stay.starts_on + timedelta(days=kind.offset_days or 0)
        await address_notices.raise_for_move(session, stay.case_id, stay.id, stay.starts_on, due_on)


async def _current(session: Session, case_id: UUID) -> Lodging | None:
    query = select(Lodging).where(col(Lodging.case_id) == case_id, col(Lodging.ends_on).is_(None)).with_for_update()
    return (await session.exec(query)).first()


async def _persons(session: Session, case_id: UUID) -> int:
    [(persons,)] = await session.rows(MEMBERS, (case_id,))
    if persons == 0:
        raise errors.NobodyToLodge
    return int(persons)


def _refuse_site(site: Site, before: Lodging | None, persons: int) -> None:
    if site.beds is None:
        raise errors.SiteDoesNotLodge
    if site.closed_on is not None:
        raise errors.SiteClosedForLodging
    if before is not None and before.site_id == site.id:
        raise errors.LodgedThereAlready
    missing = site.lodged + site.promised + persons - site.beds
    if missing > 0:
        raise errors.NotEnoughBeds(short=missing)
