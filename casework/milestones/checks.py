"""What may be recorded of whom, by whom and of which day; each refusal is a sentence of errors.py."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from casework.authz.policy import FieldGroup, sight
from casework.kernel import clock
from casework.milestones import errors, expectations, queries
from casework.milestones.models import EvidenceKind, NotApplicableReason
from casework.milestones.reference import RETENTION, Anchor, Subject

if TYPE_CHECKING:
    from datetime import date
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.kernel.partial_date import PartialDate
    from casework.kernel.programme import Programme
    from casework.kernel.sealing import SubjectKey
    from casework.milestones.queries import CaseFacts
    from casework.milestones.reference import MilestoneType
    from casework.milestones.schemas import MilestoneCreate

# School is open whatever the status, and asking for proof of it is reported illegal (domain.md §2 [25]).
NO_STATUS_DOCUMENT: Final = frozenset({"SCHOOL"})

OF_THE_JOURNEY: Final = frozenset({"OFFER_ANSWER", "REG_ARRIVAL"})
# A dwelling is ready before its household, a sponsored household's landing is told, not derived, and what somebody can
# do is asked from the first day.
MAY_PRECEDE_ARRIVAL: Final = frozenset({"HOUSING_READY", "PR_ARRIVAL", "SKILLS_DECLARED"})
# A presence that cannot be found is gone or dead; every other absence of an answer is `unknown`.
OF_PRESENCE: Final = frozenset({None, NotApplicableReason.left_region, NotApplicableReason.deceased})


async def admitted(
    session: Session, caller: Caller, case: CaseFacts, wanted: MilestoneCreate
) -> tuple[MilestoneType, SubjectKey]:
    """The type and the subject's key of an entry that may stand; raises NotFound or a problem of errors.py."""
    kind = type_in_force(wanted.code, case.programme, wanted.occurred_on)
    _check(caller, kind, wanted)
    subject = await _subject_checked(session, caller, case, wanted)
    await _check_order(session, caller, case, kind, wanted.occurred_on)
    if not kind.repeatable:
        await _refuse_repetition(session, case.id, kind.code, wanted.person_id)
    return kind, subject


def type_in_force(code: str, programme: Programme, occurred_on: PartialDate) -> MilestoneType:
    """The newest version in force on a day that the date can be; raises MilestoneTypeNotInForce."""
    today = clock.today()
    earliest, latest = occurred_on.earliest() or today, occurred_on.latest() or today
    possible = [
        kind
        for kind in queries.catalogue()
        if kind.code == code
        and programme in kind.programmes
        and kind.valid_from <= latest
        and (kind.valid_to is None or earliest <= kind.valid_to)
    ]
    if not possible:
        raise errors.MilestoneTypeNotInForce
    return max(possible, key=lambda kind: kind.valid_from)


def _check(caller: Caller, kind: MilestoneType, wanted: MilestoneCreate) -> None:
    if str(caller.role) not in {str(role) for role in kind.recorded_by}:
        raise errors.MilestoneNotYours(recorded_by=", ".join(sorted(kind.recorded_by)))
    if kind.subject is Subject.person and wanted.person_id is None:
        raise errors.MilestoneNeedsPerson
    if kind.subject is Subject.household and wanted.person_id is not None:
        raise errors.MilestoneOfTheHousehold
    earliest = wanted.occurred_on.earliest()
    if earliest is not None and earliest > clock.today():
        raise errors.MilestoneInFuture(today=clock.today().isoformat())
    shown = wanted.evidence and wanted.evidence.kind
    if kind.code in NO_STATUS_DOCUMENT and shown is EvidenceKind.status_document:
        raise errors.StatusDocumentRefused
    if kind.code.startswith(RETENTION) and wanted.reason_code not in OF_PRESENCE:
        raise errors.PresenceReasonRefused


async def _check_order(
    session: Session, caller: Caller, case: CaseFacts, kind: MilestoneType, occurred_on: PartialDate
) -> None:
    """Nothing follows from what has not happened; a vague date counts as its latest day, and never after today."""
    if case.closed:
        raise errors.MilestoneOnClosedCase
    if kind.code in OF_THE_JOURNEY:
        raise errors.MilestoneOfTheJourney
    first = await _first_possible(session, caller, case, kind)
    latest = min(occurred_on.latest() or clock.today(), clock.today())
    if first is not None and latest < first:
        raise errors.MilestoneTooEarly(first_possible_on=first.isoformat())


async def _first_possible(session: Session, caller: Caller, case: CaseFacts, kind: MilestoneType) -> date | None:
    if kind.anchor is Anchor.claim and sight(caller.person_role, FieldGroup.claim).whole:
        return await queries.claimed_on(session, case.id)
    if not follows_arrival(kind):
        return None
    if case.arrived_on is None:
        raise errors.MilestoneBeforeArrival
    return case.arrived_on + wait(kind)


def follows_arrival(kind: MilestoneType) -> bool:
    return kind.anchor is Anchor.arrival and kind.code not in OF_THE_JOURNEY | MAY_PRECEDE_ARRIVAL


def wait(kind: MilestoneType) -> timedelta:
    """A presence checked before its day says nothing about that day."""
    return timedelta(days=kind.offset_days or 0 if kind.code.startswith(RETENTION) else 0)


async def _subject_checked(session: Session, caller: Caller, case: CaseFacts, wanted: MilestoneCreate) -> SubjectKey:
    """The key of the subject; raises NotFound for a person of another case, or MilestoneBeforeBirth."""
    if wanted.person_id is None:
        return await queries.subject_key(session, case.id, None)
    key, birth = await queries.person_of(session, caller, case.id, wanted.person_id)
    born, latest = birth.earliest(), wanted.occurred_on.latest()
    if born is not None and latest is not None and latest < born:
        raise errors.MilestoneBeforeBirth
    return key


async def _refuse_repetition(session: Session, case_id: UUID, code: str, person_id: UUID | None) -> None:
    """Raises MilestoneAlreadyRecorded. The lock makes a second request wait for the first one's commit."""
    await session.rows(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"milestone/{case_id}/{code}/{person_id}",)
    )
    if (code, person_id) in await expectations.standing(session, case_id):
        raise errors.MilestoneAlreadyRecorded
