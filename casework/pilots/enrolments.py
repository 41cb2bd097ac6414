"""Into a departure by the consent of each adult, and out of it by the word of one, whenever it is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from casework.audit import trail
from casework.authz.policy import Permission
from casework.cases.lifecycle import CaseStatus
from casework.cases.service import case_to, household_key
from casework.kernel import clock
from casework.people import service as people
from casework.people.models import ConsentPurpose
from casework.people.schemas import ConsentRecord
from casework.pilots import queries
from casework.pilots.errors import (
    AlreadyEnrolled,
    CaseNotEnrollable,
    CohortNotOpen,
    EnrolmentEnded,
    NotEnoughSeats,
    PilotConsentMissing,
    PilotNotOpen,
)
from casework.pilots.models import CohortStatus, Enrolment, EnrolmentStatus

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.cases.models import Case
    from casework.kernel.database import Session
    from casework.pilots.schemas import EnrolmentCreate, EnrolmentWithdraw

UNIQUE_VIOLATION = "23505"
# One statement: the seats are taken, or they are not there. The CHECK on the row is the last word.
SIT = (
    "UPDATE cohorts SET taken = taken + %(persons)s, version = version + 1 WHERE id = %(cohort)s"
    " AND status = 'planned' AND seats - taken >= %(persons)s RETURNING id"
)
SEATS_LEFT = "SELECT seats - taken FROM cohorts WHERE id = %s"
NOTICE = (
    "SELECT notice_version, notice_language FROM consents WHERE person_id = %s AND purpose = 'pilot' AND given"
    " ORDER BY recorded_at DESC LIMIT 1"
)


async def enrol(session: Session, caller: Caller, pilot_id: UUID, wanted: EnrolmentCreate) -> Enrolment:
    """Raises the conflicts of `errors.py`; out of reach is NotFound."""
    case = await case_to(Permission.enrolment_create, session, caller, wanted.case_id)
    await _refuse_closed(session, pilot_id, wanted.cohort_id, case)
    persons, missing = await queries.standing(session, case.id)
    if missing:
        raise PilotConsentMissing(missing=missing)
    key = await household_key(session, case.id)
    enrolment = Enrolment(
        case_id=case.id, office_id=case.office_id, region_code=case.region_code, pilot_id=pilot_id,
        cohort_id=wanted.cohort_id, persons=persons, enrolled_on=clock.today(),
    )  # fmt: skip
    session.add(enrolment)
    try:
        await session.flush()
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", None) != UNIQUE_VIOLATION:
            raise
        raise AlreadyEnrolled from error
    await _sit(session, wanted.cohort_id, persons)
    facts = {"enrolment": key.pseudonym("enrolment", enrolment.id), "cohort": str(wanted.cohort_id), "persons": persons}
    trail.record(session, caller, "pilot.enrolled", facts)
    return enrolment


async def _refuse_closed(session: Session, pilot_id: UUID, cohort_id: UUID, case: Case) -> None:
    await session.rows(queries.WHILE_OPEN, (f"pilot/{pilot_id}",))
    pilot, cohort = await queries.pilot_to(session, pilot_id), await queries.cohort_to(session, cohort_id)
    today = clock.today()
    if pilot.ended_on is not None or not pilot.starts_on <= today <= pilot.ends_on:
        raise PilotNotOpen
    if cohort.pilot_id != pilot.id or cohort.status is not CohortStatus.planned or cohort.departs_on < today:
        raise CohortNotOpen
    if case.status is not CaseStatus.open or case.programme is not pilot.programme:
        raise CaseNotEnrollable


async def _sit(session: Session, cohort_id: UUID, persons: int) -> None:
    if await session.rows(SIT, {"persons": persons, "cohort": cohort_id}):
        return
    [(left,)] = await session.rows(SEATS_LEFT, (cohort_id,))
    if left >= persons:
        raise CohortNotOpen
    raise NotEnoughSeats(seats_left=left, seats_needed=persons)


async def withdraw(
    session: Session, caller: Caller, enrolment_id: UUID, version: int, said: EnrolmentWithdraw
) -> Enrolment:
    """The adult's no is written down; the same trigger as for a no said elsewhere ends the enrolment.

    Nothing else of the case is touched. Raises NotFound, EnrolmentEnded or InvalidContent.
    """
    enrolment = await queries.enrolment_to(session, enrolment_id, version)
    if enrolment.status not in {EnrolmentStatus.enrolled, EnrolmentStatus.departed}:
        raise EnrolmentEnded
    key = await household_key(session, enrolment.case_id)
    bound = {name: getattr(enrolment, name) for name in ("case_id", "office_id", "region_code")}
    await people.hear(session, bound, await _word(session, said))
    await session.flush()
    facts = {"enrolment": key.pseudonym("enrolment", enrolment.id), "cohort": str(enrolment.cohort_id)}
    trail.record(session, caller, "pilot.withdrawn", facts)
    return await queries.enrolment_to(session, enrolment_id)


async def _word(session: Session, said: EnrolmentWithdraw) -> ConsentRecord:
    """Taken back under the notice that it was given under; an adult who never said yes may say no all the same."""
    rows = await session.rows(NOTICE, (said.person_id,))
    notice, language = rows[0] if rows else ("none", "fr")
    return ConsentRecord(
        person_id=said.person_id, purpose=ConsentPurpose.pilot, given=False, notice_version=notice,
        notice_language=language, channel=said.channel, occurred_on=clock.today(),
    )  # fmt: skip
