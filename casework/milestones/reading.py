"""Milestones as their reader may see them: labels in their language, sealed words opened or withheld."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.authz.policy import Role
from casework.kernel import clock
from casework.kernel.partial_date import PartialDate
from casework.milestones import queries, schedule, service
from casework.milestones.models import NotApplicableReason, Outcome
from casework.milestones.reference import RETENTION, Anchor
from casework.milestones.schedule import Expected
from casework.milestones.schemas import Presence

if TYPE_CHECKING:
    from datetime import date

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.kernel.language import Language
    from casework.milestones.models import MilestoneType
    from casework.milestones.queries import ExpectedRow, RecordedRow
    from casework.milestones.worklist import WorkRow


def type_as_read(kind: MilestoneType, language: Language) -> dict[str, Any]:
    french = language == "fr"
    return {
        **kind.model_dump(exclude={"programme"}),
        "programmes": ["asylum", "collective_sponsorship"] if kind.programme == "both" else [kind.programme],
        "label": kind.label_fr if french else kind.label_en,
        "evidence": kind.evidence_fr if french else kind.evidence_en,
    }


def as_read(session: Session, caller: Caller, row: RecordedRow, language: Language) -> dict[str, Any]:
    evidence, note, reason = words(session, row) if readswords(caller, row) else (None, None, None)
    return {
        "id": row.id,
        "case_id": row.case_id,
        "code": row.code,
        "label": label(row.code, language),
        "person_id": row.person_id,
        "outcome": row.outcome,
        "reason_code": row.reason_code,
        "presence": presence(row.code, row.outcome, row.reason_code),
        "occurred_on": PartialDate.parse(row.occurred_on),
        "evidence": row.evidence_kind and {"kind": row.evidence_kind, "reference": evidence},
        "note": note,
        "external_id": row.external_id,
        "corrects": row.corrects,
        "corrected_by": row.corrected_by,
        "organization_id": row.organization_id,
        "recorded_by": row.recorded_by,
        "recorded_at": row.recorded_at,
        "void": row.voided_at and {"at": row.voided_at, "by": row.voided_by, "reason": reason},
        "version": row.version,
    }


def presence(code: str, outcome: str, reason_code: str | None) -> Presence | None:
    """What a retention check found; None for another type of milestone."""
    if not code.startswith(RETENTION):
        return None
    if outcome == Outcome.not_applicable:
        return Presence.deceased if reason_code == NotApplicableReason.deceased else Presence.left
    return Presence.here if outcome == Outcome.done else Presence.unknown


def readswords(caller: Caller, row: RecordedRow) -> bool:
    """Case staff read every note; an organization its own, a spokesperson what they wrote (access.md §1)."""
    if caller.role is Role.partner:
        return row.organization_id is not None and row.organization_id == caller.organization_id
    return caller.role is not Role.sponsor_spokesperson or row.recorded_by == caller.actor_id


def words(session: Session, row: RecordedRow) -> tuple[str | None, str | None, str | None]:
    """Evidence reference, note, reason of the void; nothing is left to open once the subject is erased."""
    sealed = (
        (service.EVIDENCE_PLACE, row.sealed_evidence),
        (service.NOTE_PLACE, row.sealed_note),
        (service.REASON_PLACE, row.sealed_void_reason),
    )
    if row.kek_id is None or row.wrapped is None or not any(value for _, value in sealed):
        return None, None, None
    key = session.keyring.unwrap(row.subject_id, row.kek_id, row.wrapped, row.key_version or 1)
    evidence, note, reason = (None if value is None else key.open(place, row.id, value) for place, value in sealed)
    return evidence, note, reason


def expected_as_read(row: ExpectedRow, language: Language) -> dict[str, Any]:
    today, done = clock.today(), row.fulfilled_by is not None
    expected = Expected(row.code, row.person_id, row.due_on, Anchor(row.anchor))
    return {
        **row._asdict(),
        "label": label(row.code, language),
        "days_late": 0 if done else days_late(row.due_on, today),
        "state": schedule.state(expected, row.due_on if done else None, today),
    }


def work_as_read(row: WorkRow, today: date, language: Language) -> dict[str, Any]:
    expected = Expected(row.code, row.person_id, row.due_on, Anchor.none)
    return {
        **row._asdict(),
        "label": label(row.code, language),
        "days_late": days_late(row.due_on, today),
        "state": schedule.state(expected, None, today),
    }


def reminder_as_read(row: WorkRow, on: date, language: Language) -> dict[str, Any]:
    return {**work_as_read(row, on, language), "reminder": schedule.reminded_on(on)[row.due_on]}


def label(code: str, language: Language) -> str:
    return queries.labels()[code].to(language)


def days_late(due_on: date, today: date) -> int:
    return max(0, (today - due_on).days)
