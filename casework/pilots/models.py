from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from casework.kernel.clock import now
from casework.kernel.programme import Programme
from casework.kernel.records import CaseBound, Instant, Record, TextEnum, VersionedRecord, one_of


class EndReason(StrEnum):
    """Why a pilot stops before its day."""

    fewer_participants = "fewer_participants"
    cost = "cost"
    departures = "departures"
    partner_lost = "partner_lost"
    goals_reached = "goals_reached"
    other = "other"


class Measure(StrEnum):
    """What a target counts, in persons."""

    enrolled = "enrolled"
    departed = "departed"
    arrived = "arrived"
    retained_30 = "retained_30"
    retained_90 = "retained_90"
    retained_180 = "retained_180"
    retained_365 = "retained_365"


class CohortStatus(StrEnum):
    planned = "planned"
    departed = "departed"
    cancelled = "cancelled"


class EnrolmentStatus(StrEnum):
    enrolled = "enrolled"
    departed = "departed"
    stayed = "stayed"  # the coach left without them
    withdrawn = "withdrawn"
    handed_over = "handed_over"  # the pilot ended, the case goes on


class Pilot(VersionedRecord, table=True):
    """`ends_on` is the day planned; `ended_on` the day it was stopped before."""

    __tablename__ = "pilots"
    __table_args__ = (
        one_of("programme", Programme),
        one_of("end_reason", EndReason, optional=True),
        sa.CheckConstraint("starts_on <= ends_on", name="period"),
        sa.CheckConstraint("(ended_on IS NULL) = (end_reason IS NULL)", name="end_has_reason"),
    )

    name: str
    programme: Programme = Field(sa_type=TextEnum(Programme))
    starts_on: date
    ends_on: date
    ended_on: date | None = None
    end_reason: EndReason | None = Field(default=None, sa_type=TextEnum(EndReason))


class PilotRegion(SQLModel, table=True):
    __tablename__ = "pilot_regions"

    pilot_id: UUID = Field(primary_key=True, foreign_key="pilots.id")
    region_code: str = Field(primary_key=True, foreign_key="admin_regions.code")


class PilotPartner(SQLModel, table=True):
    __tablename__ = "pilot_partners"

    pilot_id: UUID = Field(primary_key=True, foreign_key="pilots.id")
    organization_id: UUID = Field(primary_key=True, foreign_key="organizations.id")


class PilotTarget(Record, table=True):
    """A target as it stands from a day on; a revision is another row, and nothing that was promised is rewritten."""

    __tablename__ = "pilot_targets"
    __table_args__ = (one_of("measure", Measure), sa.CheckConstraint("persons >= 0", name="persons"))

    pilot_id: UUID = Field(foreign_key="pilots.id", index=True)
    measure: Measure = Field(sa_type=TextEnum(Measure))
    persons: int
    valid_from: date
    reason: str
    recorded_by: UUID
    recorded_at: datetime = Field(default_factory=now, sa_type=Instant)


class Cohort(VersionedRecord, table=True):
    """One departure: a day, a region, so many seats."""

    __tablename__ = "cohorts"
    __table_args__ = (
        one_of("status", CohortStatus),
        sa.CheckConstraint("0 <= taken AND taken <= seats", name="seats"),
        sa.CheckConstraint("(status = 'departed') = (departed_on IS NOT NULL)", name="departed_has_date"),
        sa.ForeignKeyConstraint(["pilot_id", "region_code"], ["pilot_regions.pilot_id", "pilot_regions.region_code"]),
    )

    pilot_id: UUID = Field(foreign_key="pilots.id", index=True)
    region_code: str
    departs_on: date
    seats: int
    taken: int = 0
    status: CohortStatus = Field(default=CohortStatus.planned, sa_type=TextEnum(CohortStatus))
    departed_on: date | None = None


class Enrolment(CaseBound, VersionedRecord, table=True):
    """A household's place in a departure. A trigger ends it when an adult takes the consent back."""

    __tablename__ = "enrolments"
    __table_args__ = (
        one_of("status", EnrolmentStatus),
        sa.CheckConstraint("persons > 0", name="persons"),
        sa.CheckConstraint("status <> 'departed' OR departed_on IS NOT NULL", name="departed_has_date"),
        sa.CheckConstraint("(status IN ('enrolled', 'departed')) = (ended_at IS NULL)", name="ended_has_instant"),
        sa.Index(
            "uq_enrolments_live", "pilot_id", "case_id", unique=True,
            postgresql_where=sa.text("status IN ('enrolled', 'departed')"),
        ),
    )  # fmt: skip

    pilot_id: UUID = Field(foreign_key="pilots.id")
    cohort_id: UUID = Field(foreign_key="cohorts.id", index=True)
    persons: int
    status: EnrolmentStatus = Field(default=EnrolmentStatus.enrolled, sa_type=TextEnum(EnrolmentStatus))
    enrolled_on: date
    departed_on: date | None = None
    ended_at: datetime | None = Field(default=None, sa_type=Instant)


class PilotEvaluation(Record, table=True):
    """Figures as published on a day, small cells kept back; insert-only. `log_size`: leaves of the milestone log then."""

    __tablename__ = "pilot_evaluations"

    pilot_id: UUID = Field(foreign_key="pilots.id", index=True)
    published_at: datetime = Field(default_factory=now, sa_type=Instant)
    published_by: UUID
    log_size: int
    figures: dict[str, Any] = Field(sa_type=JSONB)
