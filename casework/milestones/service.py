from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from casework.audit import trail
from casework.authz.policy import Role
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.problems import NotFound, StaleVersion
from casework.milestones import checks, errors, expectations, queries
from casework.milestones.models import Milestone, Outcome
from casework.milestones.schemas import MilestoneCreate, Told

if TYPE_CHECKING:
    from datetime import date
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.kernel.partial_date import PartialDate
    from casework.kernel.sealing import SubjectKey
    from casework.milestones.queries import CaseFacts
    from casework.milestones.reference import MilestoneType
    from casework.milestones.schemas import EvidenceCreate, MilestoneCorrect

NOTE_PLACE: Final = "milestones/sealed_note"
EVIDENCE_PLACE: Final = "milestones/sealed_evidence"
REASON_PLACE: Final = "milestones/sealed_void_reason"


class Entry(NamedTuple):
    """What goes into one milestone, whoever says it: a person through the API, or a step of the journey."""

    kind: MilestoneType
    occurred_on: PartialDate
    recorder_scope: UUID
    outcome: Outcome = Outcome.done
    person_id: UUID | None = None
    reason_code: str | None = None
    evidence: EvidenceCreate | None = None
    note: str | None = None
    external_id: str | None = None
    corrects: UUID | None = None


async def record_milestone(session: Session, caller: Caller, case_id: UUID, wanted: MilestoneCreate) -> Milestone:
    """Raises NotFound, the problems of errors.py, or AlreadyExists for an external id used before."""
    case = await queries.case_in_reach(session, case_id)
    kind, subject = await checks.admitted(session, caller, case, wanted)
    session.about, session.about_case = subject, case_id
    return await write(session, caller, case, subject, _entry(caller, kind, wanted))


def scope_of(caller: Caller) -> UUID:
    """Within which a client's own id names one milestone."""
    return caller.organization_id or caller.office_id or caller.actor_id


def _entry(caller: Caller, kind: MilestoneType, wanted: MilestoneCreate, corrects: UUID | None = None) -> Entry:
    return Entry(
        kind, wanted.occurred_on, scope_of(caller),
        wanted.outcome, wanted.person_id, wanted.reason_code, wanted.evidence, wanted.note,
        wanted.external_id, corrects,
    )  # fmt: skip


async def write(session: Session, caller: Caller, case: CaseFacts, subject: SubjectKey, entry: Entry) -> Milestone:
    """The row, its leaf in the log, and the expectation it answers; its callers have checked."""
    milestone_id, kind, personal = new_id(), entry.kind, _personal(entry)
    milestone = Milestone(
        id=milestone_id,
        case_id=case.id,
        office_id=case.office_id,
        region_code=case.region_code,
        code=kind.code,
        person_id=entry.person_id,
        outcome=entry.outcome,
        reason_code=entry.reason_code,
        occurred_on=entry.occurred_on.value,
        occurred_precision=entry.occurred_on.precision,
        occurred_latest=_latest(entry.occurred_on),
        evidence_kind=entry.evidence.kind if entry.evidence else None,
        sealed_evidence=_sealed(subject, EVIDENCE_PLACE, milestone_id, personal.get("evidence")),
        sealed_note=_sealed(subject, NOTE_PLACE, milestone_id, personal.get("note")),
        recorder_scope=entry.recorder_scope,
        external_id=entry.external_id,
        corrects=entry.corrects,
        organization_id=caller.organization_id,
        recorded_by=caller.actor_id,
    )
    session.add(milestone)
    await _stored(session)
    await expectations.fulfil(session, case.id, kind.code, entry.person_id, milestone_id)
    public = _public(case, subject, milestone_id, entry)
    trail.record_milestone(session, caller, "milestone.recorded", public, personal, case.id, subject)
    return milestone


async def _stored(session: Session) -> None:
    """Raises MilestoneAfterDeath, which a trigger alone can know (migration 0012)."""
    try:
        await session.flush()
    except IntegrityError as error:
        if getattr(getattr(error.orig, "diag", None), "constraint_name", None) == "milestone_after_death":
            raise errors.MilestoneAfterDeath from None
        raise


def _latest(occurred_on: PartialDate) -> date | None:
    """What has happened cannot be later than today, however vague its date."""
    latest = occurred_on.latest()
    return latest and min(latest, clock.today())


def _sealed(subject: SubjectKey, place: str, row: UUID, value: str | None) -> bytes | None:
    return None if value is None else subject.seal(place, row, value)


def _public(case: CaseFacts, subject: SubjectKey, milestone_id: UUID, entry: Entry) -> dict[str, Any]:
    """What stands open in the log for ever: codes and dates, no id of a case or a person (audit.md §3)."""
    return {
        "milestone": entry_reference(subject, milestone_id),
        "code": entry.kind.code,
        "type_valid_from": entry.kind.valid_from.isoformat(),
        "programme": str(case.programme),
        "region": case.region_code,
        "household": entry.person_id is None,
        "occurred_on": entry.occurred_on.model_dump(mode="json"),
        "outcome": str(entry.outcome),
        "reason_code": entry.reason_code and str(entry.reason_code),
        **({"corrects": entry_reference(subject, entry.corrects)} if entry.corrects else {}),
    }


def _personal(entry: Entry) -> dict[str, str]:
    named = {"evidence": entry.evidence.reference if entry.evidence else None, "note": entry.note}
    return {name: value for name, value in named.items() if value is not None}


def entry_reference(subject: SubjectKey, milestone_id: UUID) -> str:
    """Ties the leaf of a void to the leaf it voids; dies with the subject's key."""
    return subject.pseudonym("milestone", milestone_id)


async def void_milestone(session: Session, caller: Caller, milestone_id: UUID, version: int, reason: str) -> Milestone:
    """Keep the row, void; raises NotFound or what `standing_for_change` raises."""
    milestone = await standing_for_change(session, caller, milestone_id, version)
    case = await queries.case_in_reach(session, milestone.case_id)
    subject = await queries.subject_key(session, case.id, milestone.person_id)
    session.about, session.about_case = subject, case.id
    await annul(session, caller, case, subject, milestone, reason)
    return milestone


async def correct_milestone(
    session: Session, caller: Caller, milestone_id: UUID, version: int, wanted: MilestoneCorrect
) -> Milestone:
    """Void the entry with its reason and record what it should have been, which names it; both stay.

    Raises what a void and a recording raise; then nothing has changed.
    """
    wrong = await standing_for_change(session, caller, milestone_id, version)
    case = await queries.case_in_reach(session, wrong.case_id)
    subject = await queries.subject_key(session, case.id, wrong.person_id)
    session.about, session.about_case = subject, case.id
    await annul(session, caller, case, subject, wrong, wanted.reason)
    told = {name: getattr(wanted, name) for name in Told.model_fields}
    right = MilestoneCreate(code=wrong.code, person_id=wrong.person_id, **told)
    kind, _ = await checks.admitted(session, caller, case, right)
    return await write(session, caller, case, subject, _entry(caller, kind, right, wrong.id))


async def standing_for_change(session: Session, caller: Caller, milestone_id: UUID, version: int) -> Milestone:
    """Locked; raises NotFound, MilestoneOfAnother, StaleVersion, MilestoneAlreadyVoided or MilestoneOfTheJourney."""
    query = select(Milestone).where(col(Milestone.id) == milestone_id).with_for_update()
    milestone = (await session.exec(query)).first()
    if milestone is None or milestone.code in queries.codes_hidden_from(caller):
        raise NotFound
    if caller.role is Role.partner and milestone.organization_id != caller.organization_id:
        raise errors.MilestoneOfAnother
    if milestone.version != version:
        raise StaleVersion
    if milestone.voided_at is not None:
        raise errors.MilestoneAlreadyVoided
    if milestone.code in checks.OF_THE_JOURNEY:
        raise errors.MilestoneOfTheJourney
    return milestone


async def annul(
    session: Session, caller: Caller, case: CaseFacts, subject: SubjectKey, milestone: Milestone, reason: str
) -> None:
    """The row, void with its reason; its leaf; and the expectation it answered, open again."""
    milestone.voided_at, milestone.voided_by = clock.now(), caller.actor_id
    milestone.sealed_void_reason = subject.seal(REASON_PLACE, milestone.id, reason)
    milestone.version += 1
    await expectations.reopen(session, case.id, milestone.id)
    public = {
        "of": entry_reference(subject, milestone.id), "code": milestone.code,
        "programme": str(case.programme), "region": case.region_code,
    }  # fmt: skip
    trail.record_milestone(session, caller, "milestone.voided", public, {"reason": reason}, case.id, subject)
