from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from casework.kernel.dates import CivilDate
from casework.kernel.schemas import GeoCode, Input, LongText, Output, RegionCode, SmallInt
from casework.territory.models import ReviewOutcome, ReviewStatus
from casework.territory.reference import FlagValue

# A row of `resources`: a mistyped one would be room that nobody is ever offered.
ResourceCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,39}$")]


class RegionRead(Output):
    code: str
    name_fr: str
    name_en: str
    population_2021_thousands: int
    source: str


class MunicipalityRead(Output):
    """Flags as they stood on the date asked for, each with its source; what nobody could source is `unknown`."""

    geo_code: str
    name_fr: str
    mrc_code: str | None
    mrc_name: str | None
    region_code: str | None
    in_cmm: FlagValue
    in_cma_montreal: FlagValue
    host_city: FlagValue
    flag_sources: dict[str, str | None]
    source: str


class ResourceRead(Output):
    """`bedrooms` for homes, null for what is not a home."""

    code: str
    label_fr: str
    label_en: str
    bedrooms: int | None
    valid_from: date
    valid_to: date | None
    source: str


class CapacityRead(Output):
    """`shrinks_to` while lost places are under review: none of them is offered, those promised stay promised."""

    id: UUID
    geo_code: str
    region_code: str
    organization_id: UUID
    agreement_id: UUID
    resource: str
    starts_on: date
    ends_on: date
    total: int
    held: int
    used: int
    places_left: int
    shrinks_to: int | None
    change_reason: str | None
    version: int


class CapacityCreate(Input):
    agreement_id: UUID
    geo_code: GeoCode
    resource: ResourceCode = "persons"
    starts_on: CivilDate
    ends_on: CivilDate
    total: Annotated[SmallInt, Field(ge=1)]


class CapacityPatch(Input):
    total: SmallInt
    reason: Annotated[LongText, Field(description="Motif, gardé avec la capacité. Reason, kept with the capacity.")]


class CapacityChangeRead(Output):
    """`total_before` is null for the opening."""

    id: UUID
    capacity_id: UUID
    total_before: int | None
    total_after: int
    reason: str | None
    changed_by: UUID
    changed_at: datetime


class CapacityReviewCreate(CapacityPatch):
    """The total that will remain, below what is held and used."""


class CapacityReviewRead(Output):
    """`taken` when the review was opened; the capacity says how many are held and used now."""

    id: UUID
    capacity_id: UUID
    region_code: str
    organization_id: UUID
    wanted_total: int
    taken: int
    reason: str
    status: ReviewStatus
    opened_by: UUID
    created_at: datetime
    outcome: ReviewOutcome | None
    note: str | None
    settled_by: UUID | None
    settled_at: datetime | None
    version: int


class ReviewSettle(Input):
    """`shrunk`: nobody holds a lost place any more. `restored`: the places were found again."""

    outcome: ReviewOutcome
    note: LongText


class ForecastCreate(Input):
    """Places expected, with their range; `source` says who expects them and from what."""

    geo_code: GeoCode
    organization_id: UUID | None = None
    resource: ResourceCode = "persons"
    starts_on: CivilDate
    ends_on: CivilDate
    low: SmallInt
    expected: SmallInt
    high: SmallInt
    source: LongText


class ForecastRead(Output):
    id: UUID
    geo_code: str
    region_code: str
    organization_id: UUID | None
    resource: str
    starts_on: date
    ends_on: date
    low: int
    expected: int
    high: int
    source: str
    recorded_by: UUID
    recorded_at: datetime


class TargetCreate(Input):
    """Persons received at once in the region; `ceiling` null means none."""

    region_code: RegionCode
    starts_on: CivilDate
    ends_on: CivilDate
    target: SmallInt
    ceiling: SmallInt | None = None
    source: LongText


class TargetPatch(Input):
    target: SmallInt
    ceiling: SmallInt | None = None
    source: LongText


class TargetRead(Output):
    id: UUID
    region_code: str
    starts_on: date
    ends_on: date
    target: int
    ceiling: int | None
    source: str
    version: int
