from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from casework.kernel.clock import now
from casework.kernel.records import Instant, Record, TextEnum, VersionedRecord, one_of
from casework.territory.reference import Flag, FlagValue


class AdminRegion(SQLModel, table=True):
    __tablename__ = "admin_regions"

    code: str = Field(primary_key=True)
    name_fr: str
    name_en: str
    population_2021_thousands: int
    source: str


class Municipality(SQLModel, table=True):
    __tablename__ = "municipalities"

    geo_code: str = Field(primary_key=True)
    name_fr: str
    mrc_code: str | None
    mrc_name: str | None
    population_2021_thousands: int | None
    source: str


class MunicipalityRegion(SQLModel, table=True):
    """Territory is dated: Granby changed region on 8 July 2021 (domain.md §4)."""

    __tablename__ = "municipality_regions"

    geo_code: str = Field(primary_key=True, foreign_key="municipalities.geo_code")
    valid_from: date = Field(primary_key=True)
    valid_to: date | None
    region_code: str = Field(foreign_key="admin_regions.code")
    source: str


class MunicipalityFlag(SQLModel, table=True):
    """A flag that nobody could source is `unknown`, never false."""

    __tablename__ = "municipality_flags"
    __table_args__ = (one_of("flag", Flag), one_of("value", FlagValue))

    geo_code: str = Field(primary_key=True, foreign_key="municipalities.geo_code")
    flag: Flag = Field(primary_key=True, sa_type=TextEnum(Flag))
    valid_from: date = Field(primary_key=True)
    valid_to: date | None
    value: FlagValue = Field(sa_type=TextEnum(FlagValue))
    source: str


class Resource(SQLModel, table=True):
    """What places are counted in: persons, homes by bedrooms, seats; rows of data, so that a new one needs no code."""

    __tablename__ = "resources"

    code: str = Field(primary_key=True)
    label_fr: str
    label_en: str
    bedrooms: int | None
    valid_from: date
    valid_to: date | None
    source: str


class Capacity(VersionedRecord, table=True):
    """Places for one resource at one municipality under one agreement, over a period.

    `held` places wait for an answer, `used` ones are taken. The CHECK is the last word: no code path can oversell.
    `shrinks_to` stands while a review is open: fewer places exist than people were told of, and none is offered.
    """

    __tablename__ = "capacities"
    __table_args__ = (
        sa.CheckConstraint("total >= 0 AND held >= 0 AND used >= 0", name="counts"),
        sa.CheckConstraint("held + used <= total", name="never_oversold"),
        sa.CheckConstraint("starts_on <= ends_on", name="period"),
        sa.CheckConstraint("shrinks_to >= 0 AND shrinks_to < total", name="shrinks"),
        sa.UniqueConstraint("agreement_id", "geo_code", "resource", "starts_on"),
    )

    geo_code: str = Field(foreign_key="municipalities.geo_code", index=True)
    region_code: str = Field(foreign_key="admin_regions.code", index=True)
    organization_id: UUID = Field(foreign_key="organizations.id", index=True)
    agreement_id: UUID = Field(foreign_key="agreements.id")
    resource: str = Field(foreign_key="resources.code")
    starts_on: date
    ends_on: date
    total: int
    held: int = 0
    used: int = 0
    change_reason: str | None = None
    shrinks_to: int | None = None

    @property
    def places_left(self) -> int:
        """The same as `queries.PLACES_LEFT`, for a row already read."""
        standing = self.total if self.shrinks_to is None else self.shrinks_to
        return max(0, standing - self.held - self.used)


class CapacityChange(Record, table=True):
    """One line a change, the first being the opening; the history is only ever added to."""

    __tablename__ = "capacity_changes"

    capacity_id: UUID = Field(foreign_key="capacities.id", index=True)
    region_code: str = Field(foreign_key="admin_regions.code")
    organization_id: UUID = Field(foreign_key="organizations.id")
    total_before: int | None
    total_after: int
    reason: str | None
    changed_by: UUID
    changed_at: datetime = Field(default_factory=now, sa_type=Instant)


class ReviewStatus(StrEnum):
    open = "open"
    settled = "settled"


class ReviewOutcome(StrEnum):
    shrunk = "shrunk"
    restored = "restored"


class CapacityReview(VersionedRecord, table=True):
    """Places were lost under people who hold them: somebody looks at each, and nobody is bumped in silence."""

    __tablename__ = "capacity_reviews"
    __table_args__ = (
        one_of("status", ReviewStatus),
        one_of("outcome", ReviewOutcome, optional=True),
        sa.CheckConstraint("wanted_total >= 0 AND wanted_total < taken", name="something_to_review"),
        sa.CheckConstraint("(status = 'settled') = (outcome IS NOT NULL)", name="settled_has_outcome"),
        sa.Index(
            "uq_capacity_reviews_one_open", "capacity_id", unique=True, postgresql_where=sa.text("status = 'open'")
        ),
    )

    capacity_id: UUID = Field(foreign_key="capacities.id")
    region_code: str = Field(foreign_key="admin_regions.code")
    organization_id: UUID = Field(foreign_key="organizations.id")
    wanted_total: int
    taken: int
    reason: str
    status: ReviewStatus = Field(default=ReviewStatus.open, sa_type=TextEnum(ReviewStatus))
    opened_by: UUID
    outcome: ReviewOutcome | None = Field(default=None, sa_type=TextEnum(ReviewOutcome))
    note: str | None = None
    settled_by: UUID | None = None
    settled_at: datetime | None = Field(default=None, sa_type=Instant)


class CapacityForecast(Record, table=True):
    """Places expected, not promised; the latest word on a place and period stands, the earlier ones stay."""

    __tablename__ = "capacity_forecasts"
    __table_args__ = (
        sa.CheckConstraint("0 <= low AND low <= expected AND expected <= high", name="range"),
        sa.CheckConstraint("starts_on <= ends_on", name="period"),
    )

    geo_code: str = Field(foreign_key="municipalities.geo_code", index=True)
    region_code: str = Field(foreign_key="admin_regions.code", index=True)
    organization_id: UUID | None = Field(default=None, foreign_key="organizations.id")
    resource: str = Field(foreign_key="resources.code")
    starts_on: date
    ends_on: date
    low: int
    expected: int
    high: int
    source: str
    recorded_by: UUID
    recorded_at: datetime = Field(default_factory=now, sa_type=Instant)


class RegionalTarget(VersionedRecord, table=True):
    """How many persons a region means to receive at once over a period, and how many at the very most."""

    __tablename__ = "regional_targets"
    __table_args__ = (
        sa.CheckConstraint("target >= 0 AND ceiling >= target", name="ceiling"),
        sa.CheckConstraint("starts_on <= ends_on", name="period"),
    )

    region_code: str = Field(foreign_key="admin_regions.code", index=True)
    starts_on: date
    ends_on: date
    target: int
    ceiling: int | None = None
    source: str


class RegionalNeed(VersionedRecord, table=True):
    """Openings of one occupation in a region over a month: a count and its source, about nobody."""

    __tablename__ = "regional_needs"
    __table_args__ = (
        sa.CheckConstraint("openings >= 0", name="openings"),
        sa.CheckConstraint("occupation ~ '^[0-9]{5}$'", name="occupation"),
        sa.CheckConstraint("extract(day FROM month) = 1", name="first_day"),
        sa.UniqueConstraint("region_code", "month", "occupation"),
    )

    region_code: str = Field(foreign_key="admin_regions.code")
    month: date
    occupation: str
    openings: int
    source: str
    recorded_by: UUID
    recorded_at: datetime = Field(default_factory=now, sa_type=Instant)
