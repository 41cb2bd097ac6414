from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from casework.kernel.clock import now
from casework.kernel.records import CaseBound, Instant, Record, TextEnum, VersionedRecord, among, one_of

# What each sealed column is bound to (kernel/sealing.py).
REASON_PLACE = "offers/sealed_reason"
WITHDRAW_PLACE = "offers/sealed_withdraw_reason"
END_PLACE = "assignments/sealed_end_reason"
OBSERVATION_PLACE = "observations/sealed_text"
REVIEW_PLACE = "observations/sealed_review"


class OfferStatus(StrEnum):
    held = "held"
    accepted = "accepted"
    declined = "declined"
    expired = "expired"
    withdrawn = "withdrawn"


class AssignmentStatus(StrEnum):
    proposed = "proposed"
    acknowledged = "acknowledged"
    refused = "refused"
    departed = "departed"
    arrived = "arrived"
    ended = "ended"


# A household is with one host at most under these; what is refused or ended is past.
CURRENT = (
    AssignmentStatus.proposed,
    AssignmentStatus.acknowledged,
    AssignmentStatus.departed,
    AssignmentStatus.arrived,
)
IS_CURRENT = among("status", CURRENT)


class Answer(StrEnum):
    accept = "accept"
    decline = "decline"


class DeclineReason(StrEnum):
    """Typed, so that declines teach instead of getting lost in notes; none has any consequence for the person."""

    family_elsewhere = "family_elsewhere"
    employment_elsewhere = "employment_elsewhere"
    health_care = "health_care"
    school = "school"
    housing_unfit = "housing_unfit"
    legal_appointment = "legal_appointment"
    community_ties = "community_ties"
    distance = "distance"
    safety = "safety"
    no_longer_wishes = "no_longer_wishes"
    other = "other"


class CorrectionReason(StrEnum):
    """Why a date was wrong; typed, because it stands open in the log."""

    mistyped = "mistyped"
    misinformed = "misinformed"
    document_received = "document_received"


class RefusalReason(StrEnum):
    """Why a partner organization cannot take an assignment."""

    no_staff = "no_staff"
    housing_fell_through = "housing_fell_through"
    service_not_offered = "service_not_offered"
    outside_territory = "outside_territory"
    conflict_of_interest = "conflict_of_interest"
    other = "other"


class EndCode(StrEnum):
    """Why a stay under an assignment is over: all of them neutral (domain.md §7.13)."""

    left_region = "left_region"
    returned_to_metropolis = "returned_to_metropolis"
    moved_within_region = "moved_within_region"
    stay_completed = "stay_completed"
    handed_over = "handed_over"
    returned_to_previous_region = "returned_to_previous_region"
    transferred = "transferred"
    other = "other"


class ObservationOutcome(StrEnum):
    """What the review of somebody's observations came to."""

    upheld = "upheld"
    changed = "changed"
    new_recommendation = "new_recommendation"
    information_corrected = "information_corrected"


class Recommendation(CaseBound, Record, table=True):
    """What was shown, frozen: inputs, weights and engine version, so that it can be explained later (A-2.1, s. 65.2)."""

    __tablename__ = "recommendations"

    created_at: datetime = Field(default_factory=now, sa_type=Instant)
    created_by: UUID
    engine_version: str
    weights_version: str
    inputs: dict[str, Any] = Field(sa_type=JSONB)
    result: dict[str, Any] = Field(sa_type=JSONB)
    sha256: str


class Observation(CaseBound, VersionedRecord, table=True):
    """What an adult of the household says of a recommendation, reviewed by another person (A-2.1, s. 65.2)."""

    __tablename__ = "observations"
    __table_args__ = (
        one_of("outcome", ObservationOutcome, optional=True),
        sa.CheckConstraint(
            "(reviewed_at IS NULL) = (reviewed_by IS NULL) AND (reviewed_at IS NULL) = (outcome IS NULL)",
            name="review_is_whole",
        ),
        sa.CheckConstraint("reviewed_by <> recorded_by", name="four_eyes"),
    )

    recommendation_id: UUID = Field(foreign_key="recommendations.id", index=True)
    person_id: UUID = Field(foreign_key="persons.id", index=True)
    channel: str
    language: str
    sealed_text: bytes
    recorded_by: UUID
    recorded_at: datetime = Field(default_factory=now, sa_type=Instant)
    reviewed_by: UUID | None = None
    reviewed_at: datetime | None = Field(default=None, sa_type=Instant)
    outcome: ObservationOutcome | None = Field(default=None, sa_type=TextEnum(ObservationOutcome))
    sealed_review: bytes | None = None


class Offer(CaseBound, VersionedRecord, table=True):
    """A place held for a household until it answers or `expires_at` passes."""

    __tablename__ = "offers"
    __table_args__ = (
        one_of("status", OfferStatus),
        sa.CheckConstraint("persons > 0", name="persons"),
        sa.CheckConstraint("(status IN ('held', 'expired')) = (answered_at IS NULL)", name="answer_has_time"),
        sa.Index("uq_offers_one_open", "case_id", unique=True, postgresql_where=sa.text("status = 'held'")),
        sa.Index("ix_offers_due", "expires_at", postgresql_where=sa.text("status = 'held'")),
    )

    recommendation_id: UUID | None = Field(default=None, foreign_key="recommendations.id")
    capacity_id: UUID = Field(foreign_key="capacities.id", index=True)
    organization_id: UUID = Field(foreign_key="organizations.id")
    agreement_id: UUID = Field(foreign_key="agreements.id")
    geo_code: str = Field(foreign_key="municipalities.geo_code")
    persons: int
    status: OfferStatus = Field(sa_type=TextEnum(OfferStatus))
    sealed_reason: bytes
    subject_ref: str
    expires_at: datetime = Field(sa_type=Instant)
    answered_at: datetime | None = Field(default=None, sa_type=Instant)
    sealed_withdraw_reason: bytes | None = None
    created_by: UUID


class OfferAnswer(CaseBound, Record, table=True):
    """Each adult answers apart; one answer an adult."""

    __tablename__ = "offer_answers"
    __table_args__ = (
        one_of("answer", Answer),
        one_of("reason_code", DeclineReason, optional=True),
        sa.CheckConstraint("(answer = 'decline') = (reason_code IS NOT NULL)", name="decline_has_reason"),
        sa.UniqueConstraint("offer_id", "person_id"),
    )

    offer_id: UUID = Field(foreign_key="offers.id")
    person_id: UUID = Field(foreign_key="persons.id")
    answer: Answer = Field(sa_type=TextEnum(Answer))
    reason_code: DeclineReason | None = Field(default=None, sa_type=TextEnum(DeclineReason))
    channel: str
    language: str
    recorded_at: datetime = Field(default_factory=now, sa_type=Instant)
    recorded_by: UUID


class Assignment(CaseBound, VersionedRecord, table=True):
    __tablename__ = "assignments"
    __table_args__ = (
        one_of("status", AssignmentStatus),
        one_of("refusal_code", RefusalReason, optional=True),
        one_of("end_code", EndCode, optional=True),
        sa.CheckConstraint("end_code IS NULL OR status = 'ended'", name="end_code_of_the_ended"),
        # It comes from an offer that was accepted, or carries on another one.
        sa.CheckConstraint("(offer_id IS NULL) <> (predecessor_id IS NULL)", name="one_origin"),
        sa.Index(
            "uq_assignments_one_current",
            "case_id",
            unique=True,
            postgresql_where=sa.text(IS_CURRENT),
        ),
    )

    offer_id: UUID | None = Field(default=None, foreign_key="offers.id", unique=True)
    predecessor_id: UUID | None = Field(default=None, foreign_key="assignments.id", unique=True)
    capacity_id: UUID = Field(foreign_key="capacities.id")
    organization_id: UUID = Field(foreign_key="organizations.id", index=True)
    agreement_id: UUID = Field(foreign_key="agreements.id")
    geo_code: str = Field(foreign_key="municipalities.geo_code")
    host_region_code: str = Field(foreign_key="admin_regions.code")
    persons: int
    status: AssignmentStatus = Field(sa_type=TextEnum(AssignmentStatus))
    acknowledged_at: datetime | None = Field(default=None, sa_type=Instant)
    refusal_code: RefusalReason | None = Field(default=None, sa_type=TextEnum(RefusalReason))
    departed_on: date | None = None
    arrived_on: date | None = None
    ended_on: date | None = None
    end_code: EndCode | None = Field(default=None, sa_type=TextEnum(EndCode))
    sealed_end_reason: bytes | None = None
