from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from casework.kernel.records import CaseBound, Instant, Record, TextEnum, VersionedRecord, one_of


class LodgingEnd(StrEnum):
    """Why a stay ended; `regional_move` is written by a trigger, when the household arrives in a region."""

    moved = "moved"
    left = "left"
    site_closed = "site_closed"
    regional_move = "regional_move"


class MoveStatus(StrEnum):
    """`to_lodge`: the site closed and no other bed was there; `gone`: the household had left before that day."""

    waiting = "waiting"
    moved = "moved"
    to_lodge = "to_lodge"
    gone = "gone"


_CURRENT = sa.text("ends_on IS NULL")


class Lodging(VersionedRecord, CaseBound, table=True):
    """A household's stay at a site, one at a time. A trigger counts its persons among the site's beds."""

    __tablename__ = "lodgings"
    __table_args__ = (
        one_of("end_reason", LodgingEnd, optional=True),
        sa.CheckConstraint("(ends_on IS NULL) = (end_reason IS NULL)", name="end_is_whole"),
        sa.CheckConstraint("ends_on >= starts_on", name="period"),
        sa.CheckConstraint("persons > 0", name="persons"),
        sa.Index("uq_lodgings_current", "case_id", unique=True, postgresql_where=_CURRENT),
        sa.Index("ix_lodgings_current_site", "site_id", postgresql_where=_CURRENT),
    )

    site_id: UUID = Field(foreign_key="sites.id")
    persons: int
    starts_on: date
    ends_on: date | None = None
    end_reason: LodgingEnd | None = Field(default=None, sa_type=TextEnum(LodgingEnd))
    recorded_by: UUID


class SiteClosure(VersionedRecord, table=True):
    """A site that closes on a day, once; the server's own hand moves its households when that day has come."""

    __tablename__ = "site_closures"

    site_id: UUID = Field(foreign_key="sites.id", unique=True)
    closed_on: date
    reason: str
    created_by: UUID
    finished_at: datetime | None = Field(default=None, sa_type=Instant)


class SiteClosureMove(CaseBound, Record, table=True):
    """What the closure means for one household: its beds at `to_site_id` are promised from now on, null is none."""

    __tablename__ = "site_closure_moves"
    __table_args__ = (
        one_of("status", MoveStatus),
        sa.CheckConstraint("(status = 'waiting') = (done_at IS NULL)", name="done_has_time"),
        sa.CheckConstraint("(status = 'moved') = (next_lodging_id IS NOT NULL)", name="moved_somewhere"),
        sa.UniqueConstraint("closure_id", "lodging_id"),
        sa.Index("ix_site_closure_moves_waiting", "id", postgresql_where=sa.text("status = 'waiting'")),
    )

    closure_id: UUID = Field(foreign_key="site_closures.id")
    lodging_id: UUID = Field(foreign_key="lodgings.id")
    persons: int
    to_site_id: UUID | None = Field(default=None, foreign_key="sites.id")
    status: MoveStatus = Field(default=MoveStatus.waiting, sa_type=TextEnum(MoveStatus))
    next_lodging_id: UUID | None = Field(default=None, foreign_key="lodgings.id")
    done_at: datetime | None = Field(default=None, sa_type=Instant)
