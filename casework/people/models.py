from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from casework.kernel.clock import now
from casework.kernel.records import CaseBound, Instant, Record, TextEnum, one_of


class SubjectKind(StrEnum):
    person = "person"
    household = "household"


class IdentifierType(StrEnum):
    uci = "uci"
    claim_document = "claim_document"
    passport = "passport"
    csq = "csq"
    ramq = "ramq"
    other = "other"


class ConsentPurpose(StrEnum):
    placement = "placement"
    partner_sharing = "partner_sharing"
    pilot = "pilot"
    evaluation = "evaluation"


class MembershipEnd(StrEnum):
    """Why somebody stopped belonging to a household; what was recorded before stays."""

    deceased = "deceased"
    left = "left"
    split_off = "split_off"
    joined_other = "joined_other"
    merged = "merged"
    relation_changed = "relation_changed"
    error = "error"


class ChangeReason(StrEnum):
    """Why what is known of a person was changed; the last two keep the former name findable."""

    correction = "correction"
    new_information = "new_information"
    legal_change = "legal_change"
    chosen_name = "chosen_name"


class RepresentativeKind(StrEnum):
    """`designated_representative`: named by the IRB for a minor's claim (IRPA, s. 167 (2))."""

    designated_representative = "designated_representative"
    tutor = "tutor"
    youth_protection = "youth_protection"


class SubjectKey(CaseBound, table=True):
    """The wrapped data key of one person or household; without it nothing of the subject opens, anywhere.

    An erased subject keeps its row: `erased_at` set, nothing left to unwrap.
    """

    __tablename__ = "subject_keys"
    __table_args__ = (
        one_of("kind", SubjectKind),
        sa.Index("ix_subject_keys_kek_id", "kek_id", "subject_id"),
        sa.CheckConstraint("(erased_at IS NULL) = (length(wrapped) > 0)", name="erased_is_empty"),
    )

    subject_id: UUID = Field(primary_key=True)
    kind: SubjectKind = Field(sa_type=TextEnum(SubjectKind))
    kek_id: str
    wrapped: bytes
    key_version: int = 1
    keyed_at: datetime = Field(default_factory=now, sa_type=Instant)
    erased_at: datetime | None = Field(default=None, sa_type=Instant)


class Household(CaseBound, Record, table=True):
    __tablename__ = "households"

    created_at: datetime = Field(default_factory=now, sa_type=Instant)


class Person(CaseBound, Record, table=True):
    """Names, birth date and contact are sealed; what stands open here names nobody.

    `is_adult` is what the intake worker stated or a certain birth date showed, never a guess: null is unknown.
    `version` is behind the person's ETag; what each change replaced stands in `person_versions`.
    """

    __tablename__ = "persons"
    __table_args__ = (
        sa.CheckConstraint("NOT (unaccompanied_minor AND is_adult IS TRUE)", name="alone_is_a_child"),
        sa.CheckConstraint("sealed_death IS NULL OR deceased_at IS NOT NULL", name="death_has_time"),
        sa.CheckConstraint("merged_into <> id", name="merged_into_another"),
        sa.Index("ix_persons_merged_into", "merged_into", postgresql_where=sa.text("merged_into IS NOT NULL")),
    )

    version: int = 1
    external_id: str | None = None
    sealed_name: bytes
    sealed_birth: bytes | None = None
    sealed_contact: bytes | None = None
    sealed_description: bytes | None = None
    sealed_death: bytes | None = None
    deceased_at: datetime | None = Field(default=None, sa_type=Instant)
    unaccompanied_minor: bool = False
    # The record kept of the same person; only the passage of a merge's row changes it.
    merged_into: UUID | None = Field(default=None, foreign_key="persons.id")
    is_adult: bool | None
    languages: list[dict[str, Any]] = Field(sa_type=JSONB)
    created_at: datetime = Field(default_factory=now, sa_type=Instant)


class Membership(CaseBound, Record, table=True):
    """Dated membership, from `starts_on` up to the day before `ends_on`: one household at a time.

    A trigger refuses overlapping days; indexes refuse a second household of today, and a second principal.
    """

    __tablename__ = "memberships"
    __table_args__ = (
        one_of("end_reason", MembershipEnd, optional=True),
        sa.CheckConstraint("end_reason IS NULL OR ends_on IS NOT NULL", name="reason_has_end"),
        sa.CheckConstraint("ends_on >= starts_on", name="period"),
        sa.Index("uq_memberships_current", "person_id", unique=True, postgresql_where=sa.text("ends_on IS NULL")),
        sa.Index(
            "uq_memberships_principal",
            "household_id",
            unique=True,
            postgresql_where=sa.text("ends_on IS NULL AND relation = 'principal'"),
        ),
    )

    household_id: UUID = Field(foreign_key="households.id", index=True)
    person_id: UUID = Field(foreign_key="persons.id", index=True)
    relation: str
    starts_on: date
    ends_on: date | None = None
    end_reason: MembershipEnd | None = Field(default=None, sa_type=TextEnum(MembershipEnd))


class Identifier(CaseBound, Record, table=True):
    """Two people on one UCI happens (domain.md §7.3): no uniqueness across persons.

    One that was replaced keeps its row and its index, with `ended_at`: whoever brings the old paper is still found.
    """

    __tablename__ = "identifiers"
    __table_args__ = (
        one_of("type", IdentifierType),
        sa.Index("ix_identifiers_blind", "blind"),
        sa.CheckConstraint("expires_on >= issued_on", name="period"),
    )

    person_id: UUID = Field(foreign_key="persons.id", index=True)
    type: IdentifierType = Field(sa_type=TextEnum(IdentifierType))
    sealed_value: bytes
    blind: bytes | None = None
    issued_on: date | None = None
    expires_on: date | None = None
    ended_at: datetime | None = Field(default=None, sa_type=Instant)


class PersonVersion(CaseBound, Record, table=True):
    """What a change replaced: the values as they stood up to `version`, each null where it did not change."""

    __tablename__ = "person_versions"
    __table_args__ = (one_of("reason", ChangeReason), sa.UniqueConstraint("person_id", "version"))

    person_id: UUID = Field(foreign_key="persons.id")
    version: int
    reason: ChangeReason = Field(sa_type=TextEnum(ChangeReason))
    recorded_by: UUID
    recorded_at: datetime = Field(default_factory=now, sa_type=Instant)
    sealed_name: bytes | None = None
    sealed_birth: bytes | None = None
    sealed_contact: bytes | None = None
    sealed_description: bytes | None = None
    sealed_death: bytes | None = None


class Representative(CaseBound, Record, table=True):
    """Who stands for a child alone, one of a kind at a time (domain.md §7.6)."""

    __tablename__ = "representatives"
    __table_args__ = (
        one_of("kind", RepresentativeKind),
        sa.CheckConstraint("ended_on >= appointed_on", name="period"),
        sa.Index(
            "uq_representatives_current", "person_id", "kind", unique=True, postgresql_where=sa.text("ended_on IS NULL")
        ),
    )

    person_id: UUID = Field(foreign_key="persons.id")
    kind: RepresentativeKind = Field(sa_type=TextEnum(RepresentativeKind))
    sealed_representative: bytes
    appointed_on: date
    ended_on: date | None = None
    recorded_at: datetime = Field(default_factory=now, sa_type=Instant)


class NameToken(SQLModel, table=True):
    """One blind token of one person's name, with its reach beside it in one btree (access.md §3).

    No foreign keys: a hundred rows an intake would ask a hundred questions twice; each row's `WITH CHECK` ties it
    to its case.
    """

    __tablename__ = "name_tokens"
    __table_args__ = (sa.Index("ix_name_tokens_reach", "token", "office_id", "region_code", "case_id", "person_id"),)

    person_id: UUID = Field(primary_key=True)
    token: bytes = Field(primary_key=True)
    case_id: UUID
    office_id: UUID
    region_code: str | None = None


class Consent(CaseBound, Record, table=True):
    """One consent per adult and purpose, kept apart from the collection notice and from offer answers."""

    __tablename__ = "consents"
    __table_args__ = (
        one_of("purpose", ConsentPurpose),
        sa.CheckConstraint("expires_on >= occurred_on", name="period"),
        sa.UniqueConstraint("person_id", "purpose", "recorded_at"),
    )

    person_id: UUID = Field(foreign_key="persons.id")
    purpose: ConsentPurpose = Field(sa_type=TextEnum(ConsentPurpose))
    given: bool
    notice_version: str
    notice_language: str
    channel: str
    occurred_on: date
    expires_on: date | None = None
    withdrawn_at: datetime | None = Field(default=None, sa_type=Instant)
    recorded_at: datetime = Field(default_factory=now, sa_type=Instant)
