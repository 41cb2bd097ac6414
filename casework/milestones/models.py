from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from casework.kernel.clock import now
from casework.kernel.partial_date import Precision
from casework.kernel.records import CaseBound, Instant, Record, TextEnum, VersionedRecord, one_of


class Outcome(StrEnum):
    done = "done"
    not_applicable = "not_applicable"
    unknown = "unknown"


class NotApplicableReason(StrEnum):
    """Typed on purpose: it stands open in a log never rewritten, where free text could name somebody."""

    already_held = "already_held"
    declined_by_person = "declined_by_person"
    not_eligible = "not_eligible"
    not_needed = "not_needed"
    age = "age"
    service_unavailable = "service_unavailable"
    left_region = "left_region"
    claim_ended = "claim_ended"
    deceased = "deceased"
    other = "other"


class EvidenceKind(StrEnum):
    attestation = "attestation"
    booking = "booking"
    confirmation = "confirmation"
    decision = "decision"
    form = "form"
    lease = "lease"
    letter = "letter"
    mandate = "mandate"
    note = "note"
    notice = "notice"
    receipt = "receipt"
    registration = "registration"
    self_declared = "self_declared"
    status_document = "status_document"
    other = "other"


class MilestoneType(SQLModel, table=True):
    """One version of a catalogue entry (domain.md §2); `offset_days` counts from the anchor."""

    __tablename__ = "milestone_types"

    code: str = Field(primary_key=True)
    valid_from: date = Field(primary_key=True)
    valid_to: date | None
    label_fr: str
    label_en: str
    programme: str
    subject: str
    recorded_by: list[str] = Field(sa_type=ARRAY(sa.Text))
    anchor: str
    offset_days: int | None
    applies_to: str
    evidence_fr: str
    evidence_en: str
    repeatable: bool
    source: str


class Milestone(CaseBound, VersionedRecord, table=True):
    """What happened, when (`occurred_on`, with its precision) and when we were told (`recorded_at`).

    `person_id` is null for a milestone of the whole household. A correction is a void with its reason and a new row,
    which names the one it `corrects`.
    """

    __tablename__ = "milestones"
    __table_args__ = (
        one_of("outcome", Outcome),
        one_of("reason_code", NotApplicableReason, optional=True),
        one_of("evidence_kind", EvidenceKind, optional=True),
        one_of("occurred_precision", Precision),
        sa.CheckConstraint(
            "(outcome = 'not_applicable') = (reason_code IS NOT NULL)", name="not_applicable_has_reason"
        ),
        sa.CheckConstraint("(voided_at IS NULL) = (sealed_void_reason IS NULL)", name="void_has_reason"),
        sa.UniqueConstraint("recorder_scope", "external_id"),
    )

    code: str
    person_id: UUID | None = Field(default=None, foreign_key="persons.id", index=True)
    outcome: Outcome = Field(sa_type=TextEnum(Outcome))
    reason_code: str | None = None
    occurred_on: str | None
    occurred_precision: str
    occurred_latest: date | None
    evidence_kind: str | None = None
    sealed_evidence: bytes | None = None
    sealed_note: bytes | None = None
    recorder_scope: UUID
    external_id: str | None = None
    corrects: UUID | None = Field(default=None, foreign_key="milestones.id", unique=True)
    organization_id: UUID | None = Field(default=None, foreign_key="organizations.id")
    recorded_by: UUID
    recorded_at: datetime = Field(default_factory=now, sa_type=Instant)
    voided_at: datetime | None = Field(default=None, sa_type=Instant)
    voided_by: UUID | None = None
    sealed_void_reason: bytes | None = None


class MilestoneExpectation(CaseBound, Record, table=True):
    """What the catalogue expects of a case, with its due date; fulfilled by a milestone, or still open."""

    __tablename__ = "milestone_expectations"
    __table_args__ = (
        sa.Index(
            "ix_milestone_expectations_open_due",
            "region_code",
            "due_on",
            postgresql_where=sa.text("fulfilled_by IS NULL"),
        ),
        sa.Index(
            "ix_milestone_expectations_office_due",
            "office_id",
            "due_on",
            postgresql_where=sa.text("fulfilled_by IS NULL"),
        ),
        sa.Index("ix_milestone_expectations_due", "due_on", "id", postgresql_where=sa.text("fulfilled_by IS NULL")),
        sa.UniqueConstraint("case_id", "code", "person_id", postgresql_nulls_not_distinct=True),
    )

    code: str
    person_id: UUID | None = Field(default=None, foreign_key="persons.id")
    anchor: str
    due_on: date
    certain: bool
    fulfilled_by: UUID | None = None
    # The person has left the household or died: nobody asks any more (a trigger on memberships).
    lapsed_at: datetime | None = Field(default=None, sa_type=Instant)
