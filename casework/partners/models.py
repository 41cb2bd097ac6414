from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from casework.kernel.clock import now
from casework.kernel.records import Instant, Record, TextEnum, VersionedRecord, one_of


class Organization(VersionedRecord, table=True):
    __tablename__ = "organizations"

    name: str
    kind: str
    region_code: str = Field(foreign_key="admin_regions.code")
    languages: list[str] = Field(sa_type=ARRAY(sa.Text))
    services: list[str] = Field(sa_type=ARRAY(sa.Text))


class Site(VersionedRecord, table=True):
    """Where an organization receives people: its own languages and services, open over a period.

    `beds`: how many persons it lodges at most, null where it lodges nobody; triggers on stays keep the other two.
    """

    __tablename__ = "sites"
    __table_args__ = (
        sa.CheckConstraint("closed_on >= opened_on", name="period"),
        sa.CheckConstraint(
            "CASE WHEN beds IS NULL THEN lodged = 0 AND promised = 0"
            " ELSE lodged >= 0 AND promised >= 0 AND lodged + promised <= beds END",
            name="beds",
        ),
    )

    organization_id: UUID = Field(foreign_key="organizations.id", index=True)
    name: str
    geo_code: str = Field(foreign_key="municipalities.geo_code")
    region_code: str = Field(foreign_key="admin_regions.code")
    languages: list[str] = Field(sa_type=ARRAY(sa.Text))
    services: list[str] = Field(sa_type=ARRAY(sa.Text))
    opened_on: date
    closed_on: date | None = None
    beds: int | None = None
    lodged: int = 0
    promised: int = 0


class Agreement(VersionedRecord, table=True):
    """Streams are renumbered at each edition: the agreement stores both (domain.md §0)."""

    __tablename__ = "agreements"
    __table_args__ = (
        sa.CheckConstraint("starts_on <= ends_on", name="period"),
        sa.CheckConstraint("volume >= 0", name="volume"),
    )

    organization_id: UUID = Field(foreign_key="organizations.id", index=True)
    funding: str
    edition: str
    stream: str
    programmes: list[str] = Field(sa_type=ARRAY(sa.Text))
    region_code: str = Field(foreign_key="admin_regions.code")
    volume: int
    starts_on: date
    ends_on: date
    ended_at: datetime | None = Field(default=None, sa_type=Instant)


class AgreementChange(Record, table=True):
    """The terms as each act left them: made, amended, ended. Only ever added to."""

    __tablename__ = "agreement_changes"

    agreement_id: UUID = Field(foreign_key="agreements.id", index=True)
    organization_id: UUID = Field(foreign_key="organizations.id")
    act: str
    terms: dict[str, Any] = Field(sa_type=JSONB)
    reason: str
    changed_by: UUID
    changed_at: datetime = Field(default_factory=now, sa_type=Instant)


class AgreementHandoverStatus(StrEnum):
    open = "open"
    completed = "completed"


class AgreementHandover(VersionedRecord, table=True):
    """An agreement has ended: its households pass to a successor, one by one; what was lived under it stays written."""

    __tablename__ = "agreement_handovers"
    __table_args__ = (
        one_of("status", AgreementHandoverStatus),
        sa.CheckConstraint("(status = 'completed') = (completed_at IS NOT NULL)", name="completion_has_time"),
        sa.CheckConstraint("successor_id <> agreement_id", name="another"),
    )

    agreement_id: UUID = Field(foreign_key="agreements.id", unique=True)
    organization_id: UUID = Field(foreign_key="organizations.id", index=True)
    region_code: str = Field(foreign_key="admin_regions.code")
    successor_id: UUID | None = Field(default=None, foreign_key="agreements.id")
    status: AgreementHandoverStatus = Field(
        default=AgreementHandoverStatus.open, sa_type=TextEnum(AgreementHandoverStatus)
    )
    opened_by: UUID
    completed_at: datetime | None = Field(default=None, sa_type=Instant)
