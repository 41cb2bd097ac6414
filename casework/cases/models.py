from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from casework.cases.lifecycle import Authority, CaseStatus, ClaimStatus, HearingPlace
from casework.kernel.clock import now
from casework.kernel.programme import Programme
from casework.kernel.records import CaseBound, Instant, Record, TextEnum, VersionedRecord, one_of

# What each sealed column is bound to (kernel/sealing.py).
CLOSE_REASON_PLACE = "cases/sealed_close_reason"
SOURCE_PLACE = "claim_statuses/sealed_source"
CLAIM_VOID_PLACE = "claim_statuses/sealed_void_reason"
RECEIPT_PLACE = "address_notices/sealed_receipt"


class Case(VersionedRecord, table=True):
    """One household's file. `region_code` is where the household lives now; null until it arrives in a region."""

    __tablename__ = "cases"
    __table_args__ = (
        one_of("programme", Programme),
        one_of("status", CaseStatus),
        sa.CheckConstraint("(status = 'closed') = (closed_at IS NOT NULL)", name="closed_has_date"),
        sa.CheckConstraint(
            "CASE programme WHEN 'collective_sponsorship' THEN claimed_on IS NULL ELSE undertaking_on IS NULL END",
            name="anchor_of_programme",
        ),
        sa.Index("ix_cases_office_id_id", "office_id", "id"),
        sa.Index("ix_cases_region_code_id", "region_code", "id"),
        sa.UniqueConstraint("office_id", "external_id"),
    )

    reference: str = Field(unique=True)
    external_id: str | None = None
    programme: Programme = Field(sa_type=TextEnum(Programme))
    status: CaseStatus = Field(default=CaseStatus.open, sa_type=TextEnum(CaseStatus))
    office_id: UUID = Field(foreign_key="offices.id")
    caseworker_id: UUID | None = Field(default=None, foreign_key="users.id", index=True)
    region_code: str | None = Field(default=None, foreign_key="admin_regions.code")
    claimed_on: date | None = None
    undertaking_on: date | None = None
    offered_on: date | None = None
    arrived_on: date | None = None
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
    sealed_close_reason: bytes | None = None


class CaseGrant(CaseBound, Record, table=True):
    """Why somebody outside the office sees a case, and until when: an offer or an assignment, one grantee each.

    A trigger keeps `consent_until`: when the adults' consents behind the grant stop holding; null is no end in sight.
    """

    __tablename__ = "case_grants"
    __table_args__ = (
        sa.CheckConstraint("num_nonnulls(organization_id, grantee_region, grantee_user_id) = 1", name="one_grantee"),
        sa.Index("ix_case_grants_organization_id_case_id", "organization_id", "case_id"),
        sa.Index("ix_case_grants_grantee_region_case_id", "grantee_region", "case_id"),
        sa.Index("ix_case_grants_grantee_user_id_case_id", "grantee_user_id", "case_id"),
    )

    organization_id: UUID | None = Field(default=None, foreign_key="organizations.id")
    grantee_region: str | None = Field(default=None, foreign_key="admin_regions.code")
    grantee_user_id: UUID | None = Field(default=None, foreign_key="users.id")
    agreement_id: UUID | None = Field(default=None, foreign_key="agreements.id")
    source: str
    source_id: UUID = Field(index=True)
    valid_from: datetime = Field(default_factory=now, sa_type=Instant)
    valid_until: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    consent_until: datetime | None = Field(default=None, sa_type=Instant)


class ClaimStatusEntry(CaseBound, Record, table=True):
    """Append-only, dated and sourced; printed dates are stored as printed, never computed (domain.md §2).

    Without a person: of everybody whom the household held when it was recorded.
    """

    __tablename__ = "claim_statuses"
    __table_args__ = (
        one_of("status", ClaimStatus),
        one_of("hearing_place", HearingPlace, optional=True),
        sa.CheckConstraint(
            "(hearing_on IS NULL AND hearing_place IS NULL) OR status IN ('hearing_scheduled', 'hearing_postponed')",
            name="hearing_of_a_hearing",
        ),
        sa.CheckConstraint("(voided_at IS NULL) = (voided_by IS NULL)", name="void_is_whole"),
    )

    person_id: UUID | None = Field(default=None, foreign_key="persons.id")
    status: ClaimStatus = Field(sa_type=TextEnum(ClaimStatus))
    occurred_on: date
    printed_due_on: date | None = None
    hearing_on: date | None = None
    hearing_place: HearingPlace | None = Field(default=None, sa_type=TextEnum(HearingPlace))
    sealed_source: bytes
    recorded_at: datetime = Field(default_factory=now, sa_type=Instant)
    recorded_by: UUID | None = None
    voided_at: datetime | None = Field(default=None, sa_type=Instant)
    voided_by: UUID | None = None
    sealed_void_reason: bytes | None = None
    version: int = 1


class AddressNotice(CaseBound, Record, table=True):
    """After a regional move, the duty to tell one authority the new address; done once `notified_on` is set."""

    __tablename__ = "address_notices"
    __table_args__ = (
        one_of("authority", Authority),
        sa.CheckConstraint("(notified_on IS NULL) = (notified_by IS NULL)", name="done_by_somebody"),
        sa.UniqueConstraint("source_id", "authority"),
    )

    authority: Authority = Field(sa_type=TextEnum(Authority))
    source_id: UUID
    moved_on: date
    due_on: date
    raised_at: datetime = Field(default_factory=now, sa_type=Instant)
    notified_on: date | None = None
    notified_by: UUID | None = None
    sealed_receipt: bytes | None = None
    version: int = 1


class NeedEntry(CaseBound, Record, table=True):
    """What the household needs from `occurred_on` on: the latest counts, whenever it was recorded."""

    __tablename__ = "needs"

    services: list[str] = Field(sa_type=ARRAY(sa.Text))
    interpreter_languages: list[str] = Field(sa_type=ARRAY(sa.Text))
    bedrooms: int | None = None
    occurred_on: date
    recorded_on: date
    recorded_by: UUID | None = None


class PreferenceEntry(CaseBound, Record, table=True):
    """Ranked wishes, refusals and ties, as the household said them on one date."""

    __tablename__ = "preferences"

    choices: list[dict[str, Any]] = Field(sa_type=JSONB)
    occupations: list[str] = Field(sa_type=ARRAY(sa.Text))
    occurred_on: date
    recorded_on: date
    recorded_by: UUID | None = None
