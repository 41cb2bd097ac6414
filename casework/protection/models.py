from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from casework.kernel.clock import now
from casework.kernel.records import CaseBound, Instant, TextEnum, VersionedRecord, one_of


class SealedAddress(CaseBound, table=True):
    """Where a threatened person really lives, sealed under that person's key; kept, empty, once it is withdrawn.

    `persons.sealed_contact` then holds the substitute contact for every reader: no other table knows of this one.
    """

    __tablename__ = "sealed_addresses"

    person_id: UUID = Field(primary_key=True, foreign_key="persons.id")
    sealed_address: bytes | None = None
    version: int = 1
    updated_at: datetime = Field(default_factory=now, sa_type=Instant)


class BreakReason(StrEnum):
    danger_to_life = "danger_to_life"
    medical_emergency = "medical_emergency"
    child_protection = "child_protection"
    threat_or_violence = "threat_or_violence"
    caseworker_unreachable = "caseworker_unreachable"


class ReviewOutcome(StrEnum):
    justified = "justified"
    not_justified = "not_justified"
    referred = "referred"


class GlassBreak(VersionedRecord, CaseBound, table=True):
    """One use of break-glass: who, why (sealed under the household's key), until when, and what its review found."""

    __tablename__ = "glass_breaks"
    __table_args__ = (
        one_of("reason_code", BreakReason),
        one_of("outcome", ReviewOutcome, optional=True),
        sa.CheckConstraint("(outcome IS NULL) = (reviewed_at IS NULL)", name="review_has_outcome"),
        sa.CheckConstraint("reviewed_by <> user_id", name="reviewed_by_another"),
        sa.CheckConstraint("ends_at <= created_at + interval '60 minutes'", name="sixty_minutes"),
    )

    user_id: UUID = Field(foreign_key="users.id")
    reason_code: BreakReason = Field(sa_type=TextEnum(BreakReason))
    sealed_reason: bytes
    ends_at: datetime = Field(sa_type=Instant)
    review_due_at: datetime = Field(sa_type=Instant, index=True)
    reviewed_by: UUID | None = Field(default=None, foreign_key="users.id")
    reviewed_at: datetime | None = Field(default=None, sa_type=Instant)
    outcome: ReviewOutcome | None = Field(default=None, sa_type=TextEnum(ReviewOutcome))
    sealed_review: bytes | None = None
