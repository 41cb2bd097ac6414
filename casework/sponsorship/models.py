from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from casework.kernel.clock import now
from casework.kernel.records import CaseBound, Instant, Record, TextEnum, VersionedRecord, one_of
from casework.sponsorship.lifecycle import Category, LeaveReason, Pool, Reason, UndertakingState

# What each sealed column is bound to (kernel/sealing.py).
MEMBER_PLACE = "sponsor_members/sealed_name"
SEED_PLACE = "draws/sealed_seed"


def _child_of(parent: str, column: str) -> sa.ForeignKeyConstraint:
    """A child has its parent's spokesperson: nobody hangs a row of their own under another's, and a hand-over
    reaches every row."""
    named = (f"{parent}.id", f"{parent}.spokesperson_id")
    return sa.ForeignKeyConstraint((column, "spokesperson_id"), named, onupdate="CASCADE")


class DrawStatus(StrEnum):
    committed = "committed"
    frozen = "frozen"
    drawn = "drawn"


class Sponsor(VersionedRecord, table=True):
    """A group, or a legal person with its name; `region_code` is where the sponsor lives or is represented.

    A trigger writes `former_spokespersons`, whatever a statement says of it; `handover_reason` is the last one's.
    """

    __tablename__ = "sponsors"
    __table_args__ = (
        one_of("category", Category),
        sa.CheckConstraint("(category = 'group') = (name IS NULL)", name="legal_person_has_name"),
        one_of("handover_reason", Reason, optional=True),
        sa.CheckConstraint("(handover_reason IS NULL) = (former_spokespersons = '[]')", name="handover_has_reason"),
        sa.UniqueConstraint("id", "spokesperson_id"),
    )

    category: Category = Field(sa_type=TextEnum(Category))
    name: str | None = None
    region_code: str = Field(foreign_key="admin_regions.code")
    spokesperson_id: UUID = Field(foreign_key="users.id", index=True)
    handover_reason: Reason | None = Field(default=None, sa_type=TextEnum(Reason))
    former_spokespersons: list[dict[str, str]] = Field(
        default_factory=list, sa_column=sa.Column(JSONB, nullable=False, server_default=sa.text("'[]'"))
    )


class SponsorMember(Record, table=True):
    """One of a group, or a representative of a legal person, under a key of their own; erased by destroying it."""

    __tablename__ = "sponsor_members"
    __table_args__ = (
        one_of("leave_reason", LeaveReason, optional=True),
        sa.CheckConstraint("(left_on IS NULL) = (leave_reason IS NULL)", name="leaving_has_reason"),
        sa.CheckConstraint("left_on >= joined_on", name="period"),
        sa.CheckConstraint("(erased_at IS NULL) = (length(wrapped) > 0)", name="erased_is_empty"),
        _child_of("sponsors", "sponsor_id"),
    )

    sponsor_id: UUID = Field(index=True)
    spokesperson_id: UUID
    sealed_name: bytes
    kek_id: str
    wrapped: bytes
    key_version: int = 1
    joined_on: date
    left_on: date | None = None
    leave_reason: LeaveReason | None = Field(default=None, sa_type=TextEnum(LeaveReason))
    erased_at: datetime | None = Field(default=None, sa_type=Instant)


class Undertaking(VersionedRecord, table=True):
    """Twelve months of joint and several duty towards one household (domain.md §3).

    `region_code` and `geo_code` are the destination; `regional` that it lay outside the metropolis when the
    undertaking was submitted. `entry_id` is the receipt under which the draw knows it. `household_case_id` is the
    case of the sponsored household.
    """

    __tablename__ = "undertakings"
    __table_args__ = (
        one_of("category", Category),
        one_of("state", UndertakingState),
        one_of("end_reason", Reason, optional=True),
        sa.CheckConstraint("persons BETWEEN 1 AND 50", name="persons"),
        _child_of("sponsors", "sponsor_id"),
        sa.UniqueConstraint("id", "spokesperson_id"),
        sa.CheckConstraint(
            "state IN ('draft', 'cancelled') OR num_nulls(submitted_at, entry_id, year) = 0", name="submitted_is_whole"
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'submitted', 'cancelled') OR drawn_at IS NOT NULL", name="drawn_has_time"
        ),
        sa.CheckConstraint("arrived_on IS NULL OR household_case_id IS NOT NULL", name="arrived_has_household"),
        sa.CheckConstraint("(arrived_on IS NULL) = (ends_on IS NULL)", name="arrived_has_end"),
        sa.CheckConstraint("(settled_on IS NULL) = (report1_due_on IS NULL)", name="settled_has_reports"),
        sa.CheckConstraint("report2_received_on IS NULL OR report1_received_on IS NOT NULL", name="reports_in_order"),
        sa.CheckConstraint(
            "(state IN ('refused', 'breakdown', 'transferred', 'cancelled')) = (end_reason IS NOT NULL)",
            name="end_has_reason",
        ),
        sa.Index("ix_undertakings_year_category_state", "year", "category", "state"),
        sa.Index("ix_undertakings_region_code_id", "region_code", "id"),
        sa.Index("uq_undertakings_entry_id", "entry_id", unique=True),
        sa.Index(
            "uq_undertakings_one_household", "household_case_id", unique=True,
            postgresql_where=sa.text("state NOT IN ('completed', 'breakdown', 'transferred', 'cancelled')"),
        ),
    )  # fmt: skip

    sponsor_id: UUID = Field(index=True)
    spokesperson_id: UUID = Field(index=True)
    category: Category = Field(sa_type=TextEnum(Category))
    geo_code: str = Field(foreign_key="municipalities.geo_code")
    region_code: str = Field(foreign_key="admin_regions.code")
    regional: bool
    persons: int
    state: UndertakingState = Field(default=UndertakingState.draft, sa_type=TextEnum(UndertakingState))
    year: int | None = None
    entry_id: UUID | None = None
    submitted_at: datetime | None = Field(default=None, sa_type=Instant)
    drawn_at: datetime | None = Field(default=None, sa_type=Instant)
    accepted_on: date | None = None
    csq_issued_on: date | None = None
    household_case_id: UUID | None = Field(default=None, foreign_key="cases.id")
    arrived_on: date | None = None
    ends_on: date | None = None
    settled_on: date | None = None
    report1_due_on: date | None = None
    report1_received_on: date | None = None
    report2_due_on: date | None = None
    report2_received_on: date | None = None
    ended_on: date | None = None
    end_reason: Reason | None = Field(default=None, sa_type=TextEnum(Reason))
    transferred_from_id: UUID | None = Field(default=None, foreign_key="undertakings.id")


class UndertakingEvent(Record, table=True):
    """What happened to an undertaking, when it occurred and when it was told; nothing is rewritten.

    A step has a state; a move of the household has a municipality instead, and changes nothing.
    """

    __tablename__ = "undertaking_events"
    __table_args__ = (
        one_of("state", UndertakingState, optional=True),
        one_of("reason", Reason, optional=True),
        sa.CheckConstraint("num_nonnulls(state, moved_to) = 1", name="step_or_move"),
        _child_of("undertakings", "undertaking_id"),
    )

    undertaking_id: UUID = Field(index=True)
    spokesperson_id: UUID
    region_code: str
    state: UndertakingState | None = Field(default=None, sa_type=TextEnum(UndertakingState))
    moved_to: str | None = Field(default=None, foreign_key="municipalities.geo_code")
    reason: Reason | None = Field(default=None, sa_type=TextEnum(Reason))
    occurred_on: date
    recorded_at: datetime = Field(default_factory=now, sa_type=Instant)
    recorded_by: UUID


class SettlementReport(CaseBound, Record, table=True):
    """The first or the second report on the household's settlement: each duty and how it stands.

    A trigger tells the undertaking that it was received (migration 0014).
    """

    __tablename__ = "settlement_reports"
    __table_args__ = (
        sa.CheckConstraint("number IN (1, 2)", name="number"),
        sa.UniqueConstraint("undertaking_id", "number"),
    )

    undertaking_id: UUID = Field(foreign_key="undertakings.id")
    number: int
    occurred_on: date
    duties: dict[str, str] = Field(sa_type=JSONB)
    recorded_at: datetime = Field(default_factory=now, sa_type=Instant)
    recorded_by: UUID


class Draw(VersionedRecord, table=True):
    """One draw a year and pool. The seed is sealed until the draw; its commitment is public from the first day."""

    __tablename__ = "draws"
    __table_args__ = (
        one_of("pool", Pool),
        one_of("status", DrawStatus),
        sa.CheckConstraint("cap >= 0 AND reserve BETWEEN 0 AND cap", name="places"),
        sa.CheckConstraint("commitment ~ '^[0-9a-f]{64}$'", name="commitment"),
        sa.CheckConstraint(
            "(status = 'committed') = (list_sha256 IS NULL) AND num_nulls(list_sha256, frozen_at, entries) IN (0, 3)",
            name="frozen_is_whole",
        ),
        sa.CheckConstraint(
            "(status = 'drawn') = (seed IS NOT NULL) AND num_nulls(seed, drawn_at, result_sha256) IN (0, 3)",
            name="drawn_is_whole",
        ),
        sa.UniqueConstraint("year", "pool"),
    )

    year: int
    pool: Pool = Field(sa_type=TextEnum(Pool))
    cap: int
    reserve: int
    cap_source: str
    status: DrawStatus = Field(default=DrawStatus.committed, sa_type=TextEnum(DrawStatus))
    commitment: str
    kek_id: str
    wrapped: bytes
    key_version: int = 1
    sealed_seed: bytes
    frozen_at: datetime | None = Field(default=None, sa_type=Instant)
    entries: int | None = None
    list_sha256: str | None = None
    drawn_at: datetime | None = Field(default=None, sa_type=Instant)
    seed: str | None = None
    result_sha256: str | None = None


class DrawEntry(SQLModel, table=True):
    """A receipt on the frozen list, then its rank."""

    __tablename__ = "draw_entries"
    __table_args__ = (sa.CheckConstraint("(rank IS NULL) = (drawn IS NULL)", name="rank_is_whole"),)

    draw_id: UUID = Field(primary_key=True, foreign_key="draws.id")
    entry_id: UUID = Field(primary_key=True)
    regional: bool
    rank: int | None = None
    drawn: bool | None = None
