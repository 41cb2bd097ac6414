from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from casework.kernel.dates import CivilDate
from casework.kernel.programme import Programme
from casework.kernel.schemas import (
    Code,
    GeoCode,
    Input,
    LanguageCode,
    LongText,
    Output,
    RegionCode,
    ShortText,
    SmallInt,
)
from casework.partners.models import AgreementHandoverStatus

Languages = Annotated[list[LanguageCode], Field(max_length=60)]
Services = Annotated[list[Code], Field(max_length=60)]


class OrganizationKind(StrEnum):
    obnl = "obnl"
    cooperative = "cooperative"
    municipality = "municipality"
    mrc = "mrc"
    health = "health"
    school = "school"
    other = "other"


class Funding(StrEnum):
    """The programme that pays; its edition and stream stand beside it."""

    pasi = "PASI"
    pac = "PAC"
    sponsorship = "sponsorship"
    other = "other"


class OrganizationRead(Output):
    id: UUID
    name: str
    kind: str
    region_code: str
    languages: list[str]
    services: list[str]
    version: int


class OrganizationCreate(Input):
    name: ShortText
    kind: OrganizationKind
    region_code: RegionCode
    languages: Languages
    services: Services


class OrganizationPatch(Input):
    """What is left out stays as it is."""

    name: ShortText | None = None
    languages: Languages | None = None
    services: Services | None = None


class SiteCreate(Input):
    name: ShortText
    geo_code: GeoCode
    languages: Languages
    services: Services
    opened_on: CivilDate
    beds: Annotated[SmallInt, Field(description="Lits, où l'on héberge. Beds, where people are lodged.")] | None = None


class SiteClose(Input):
    closed_on: CivilDate


class SiteRead(Output):
    id: UUID
    organization_id: UUID
    name: str
    geo_code: str
    region_code: str
    languages: list[str]
    services: list[str]
    opened_on: date
    closed_on: date | None
    beds: int | None
    lodged: int
    promised: int
    version: int


class AgreementRead(Output):
    """`edition` and `stream` together: streams are renumbered at each edition."""

    id: UUID
    organization_id: UUID
    funding: str
    edition: str
    stream: str
    programmes: list[str]
    region_code: str
    volume: int
    starts_on: date
    ends_on: date
    ended_at: datetime | None
    version: int


class AgreementCreate(Input):
    """`volume`: persons funded, held or housed at one time, over all its places; an offer that would pass it is refused."""

    organization_id: UUID
    funding: Funding
    edition: Code
    stream: Code
    programmes: Annotated[list[Programme], Field(min_length=1, max_length=2)]
    region_code: RegionCode
    volume: SmallInt
    starts_on: CivilDate
    ends_on: CivilDate
    reason: LongText


class AgreementPatch(Input):
    """What is left out stays as it is; who the agreement is with, and where, never changes."""

    stream: Code | None = None
    programmes: Annotated[list[Programme], Field(min_length=1, max_length=2)] | None = None
    volume: SmallInt | None = None
    ends_on: CivilDate | None = None
    reason: LongText


class AgreementEnd(Input):
    """Access under the agreement stops at once; `successor_id`: the agreement that takes the households over."""

    reason: LongText
    successor_id: UUID | None = None


class AgreementChangeRead(Output):
    id: UUID
    agreement_id: UUID
    act: str
    terms: dict[str, Any]
    reason: str
    changed_by: UUID
    changed_at: datetime


class AgreementHandoverRead(Output):
    id: UUID
    agreement_id: UUID
    organization_id: UUID
    region_code: str
    successor_id: UUID | None
    status: AgreementHandoverStatus
    opened_by: UUID
    created_at: datetime
    completed_at: datetime | None
    version: int
