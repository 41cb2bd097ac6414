from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from casework.kernel.clock import now
from casework.kernel.programme import Programme
from casework.kernel.records import CaseBound, Instant, Record, TextEnum, VersionedRecord, one_of

# What each sealed column is bound to (kernel/sealing.py).
NOTE_PLACE = "case_notes/sealed_text"
HANDOVER_PLACE = "handovers/sealed_reason"
ANSWER_PLACE = "handovers/sealed_answer"


class Visibility(StrEnum):
    """Beside its author's own organization: `staff` is read by the case's staff, `shared` by its host too."""

    staff = "staff"
    shared = "shared"


class CaseNote(CaseBound, Record, table=True):
    """Said once and never changed; sealed under the person's key, or the household's where it names nobody.

    `organization_id` is that of the author's organization, null for the staff: no other organization reads it.
    """

    __tablename__ = "case_notes"
    __table_args__ = (
        one_of("visibility", Visibility),
        sa.CheckConstraint("organization_id IS NULL OR visibility = 'shared'", name="hosts_share"),
    )

    person_id: UUID | None = Field(default=None, foreign_key="persons.id", index=True)
    visibility: Visibility = Field(sa_type=TextEnum(Visibility))
    organization_id: UUID | None = Field(default=None, foreign_key="organizations.id")
    sealed_text: bytes
    occurred_on: date
    recorded_at: datetime = Field(default_factory=now, sa_type=Instant)
    recorded_by: UUID


class HandoverStatus(StrEnum):
    proposed = "proposed"
    accepted = "accepted"
    refused = "refused"


class Handover(VersionedRecord, CaseBound, table=True):
    """A case offered by whoever follows it to somebody else, who accepts it or does not."""

    __tablename__ = "handovers"
    __table_args__ = (
        one_of("status", HandoverStatus),
        sa.CheckConstraint("(status = 'proposed') = (answered_at IS NULL)", name="answer_has_time"),
        sa.CheckConstraint("from_user_id <> to_user_id", name="to_another"),
        sa.Index("uq_handovers_one_proposed", "case_id", unique=True, postgresql_where=sa.text("status = 'proposed'")),
    )

    from_user_id: UUID | None = Field(default=None, foreign_key="users.id")
    to_user_id: UUID = Field(foreign_key="users.id")
    proposed_by: UUID
    status: HandoverStatus = Field(default=HandoverStatus.proposed, sa_type=TextEnum(HandoverStatus))
    sealed_reason: bytes | None = None
    sealed_answer: bytes | None = None
    answered_at: datetime | None = Field(default=None, sa_type=Instant)


class Responsibility(CaseBound, Record, table=True):
    """Who followed the case and when: written by a trigger on `cases`, whatever changed its caseworker."""

    __tablename__ = "case_responsibilities"
    __table_args__ = (sa.CheckConstraint("until_at >= from_at", name="period"),)

    user_id: UUID = Field(foreign_key="users.id")
    from_at: datetime = Field(sa_type=Instant)
    until_at: datetime | None = Field(default=None, sa_type=Instant)


class ProgrammeChange(CaseBound, Record, table=True):
    """A household's case goes on under another programme; the one before stays on record."""

    __tablename__ = "programme_changes"
    __table_args__ = (
        one_of("from_programme", Programme),
        one_of("to_programme", Programme),
        sa.CheckConstraint("from_programme <> to_programme", name="to_another"),
    )

    from_programme: Programme = Field(sa_type=TextEnum(Programme))
    to_programme: Programme = Field(sa_type=TextEnum(Programme))
    occurred_on: date
    recorded_at: datetime = Field(default_factory=now, sa_type=Instant)
    recorded_by: UUID


class CollectionNotice(CaseBound, Record, table=True):
    """That somebody was told what is collected and why: no consent, and needed for none."""

    __tablename__ = "collection_notices"

    person_id: UUID = Field(foreign_key="persons.id", index=True)
    notice_version: str
    notice_language: str
    channel: str
    occurred_on: date
    recorded_at: datetime = Field(default_factory=now, sa_type=Instant)
    recorded_by: UUID


class LanguageBasis(StrEnum):
    """Why somebody is served in another language than French (Charter of the French language, s. 22.3)."""

    health = "health"
    public_safety = "public_safety"
    natural_justice = "natural_justice"
    six_months = "six_months"
    other = "other"


class ServiceLanguage(CaseBound, Record, table=True):
    """The language one person is served in from `starts_on` on, the latest counts; French needs no basis and no end.

    An interpreter is another matter, and never expires: `languages` of the person says who needs one.
    """

    __tablename__ = "service_languages"
    __table_args__ = (
        one_of("basis", LanguageBasis, optional=True),
        sa.CheckConstraint("(language = 'fr') = (basis IS NULL)", name="french_needs_no_basis"),
        sa.CheckConstraint("ends_on >= starts_on", name="period"),
        sa.CheckConstraint(
            "basis IS NULL OR basis NOT IN ('six_months', 'other') OR ends_on IS NOT NULL", name="ends_some_day"
        ),
        sa.CheckConstraint(
            "basis IS NULL OR basis <> 'six_months' OR ends_on <= starts_on + interval '6 months'", name="six_months"
        ),
    )

    person_id: UUID = Field(foreign_key="persons.id", index=True)
    language: str
    basis: LanguageBasis | None = Field(default=None, sa_type=TextEnum(LanguageBasis))
    starts_on: date
    ends_on: date | None = None
    recorded_at: datetime = Field(default_factory=now, sa_type=Instant)
    recorded_by: UUID


class OfficeHandover(VersionedRecord, table=True):
    """Many cases proposed to another office at once; `office_id` is the one that receives them.

    Accepted, a trigger moves them all in that same transaction, and every row of theirs follows.
    """

    __tablename__ = "office_handovers"
    __table_args__ = (
        one_of("status", HandoverStatus),
        sa.CheckConstraint(
            "(status = 'proposed') = (answered_at IS NULL) AND (status = 'proposed') = (answered_by IS NULL)",
            name="answer_is_whole",
        ),
        sa.CheckConstraint("status <> 'accepted' OR answered_by <> proposed_by", name="accepted_by_another"),
    )

    office_id: UUID = Field(foreign_key="offices.id", index=True)
    reason: str
    proposed_by: UUID
    status: HandoverStatus = Field(default=HandoverStatus.proposed, sa_type=TextEnum(HandoverStatus))
    answer: str | None = None
    answered_by: UUID | None = None
    answered_at: datetime | None = Field(default=None, sa_type=Instant)


class OfficeHandoverCase(CaseBound, Record, table=True):
    """One case of it, and the office that it comes from; a case is proposed to one office at a time."""

    __tablename__ = "office_handover_cases"
    __table_args__ = (
        one_of("status", HandoverStatus),
        sa.UniqueConstraint("office_handover_id", "case_id"),
        sa.Index(
            "uq_office_handover_cases_proposed", "case_id", unique=True, postgresql_where=sa.text("status = 'proposed'")
        ),
    )

    office_handover_id: UUID = Field(foreign_key="office_handovers.id")
    from_office_id: UUID = Field(foreign_key="offices.id")
    to_office_id: UUID = Field(foreign_key="offices.id")
    status: HandoverStatus = Field(default=HandoverStatus.proposed, sa_type=TextEnum(HandoverStatus))
    proposed_at: datetime = Field(default_factory=now, sa_type=Instant)
    settled_at: datetime | None = Field(default=None, sa_type=Instant)
