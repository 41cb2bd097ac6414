from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from casework.kernel.dates import CivilDate, PastDate
from casework.kernel.programme import Programme
from casework.kernel.schemas import Input, Output, RegionCode, ShortText
from casework.people.schemas import Channel
from casework.pilots.models import CohortStatus, EndReason, EnrolmentStatus, Measure

Persons = Annotated[int, Field(ge=0, le=100_000, strict=True)]
Seats = Annotated[int, Field(ge=1, le=1_000, strict=True)]


class PilotCreate(Input):
    """`partners`: the organizations that take part."""

    name: ShortText
    programme: Programme = Programme.asylum
    starts_on: CivilDate
    ends_on: CivilDate
    regions: list[RegionCode] = Field(min_length=1, max_length=17)
    partners: list[UUID] = Field(default=[], max_length=100)


class TargetSet(Input):
    """From `valid_from` on; what stood before stays on record."""

    measure: Measure
    persons: Persons
    valid_from: CivilDate
    reason: ShortText


class Handover(Input):
    """Who follows the pilot's households of one office once the pilot is over."""

    office_id: UUID
    caseworker_id: UUID


class PilotEnd(Input):
    reason: EndReason
    handovers: list[Handover] = Field(default=[], max_length=100)


class CohortCreate(Input):
    region_code: RegionCode
    departs_on: CivilDate
    seats: Seats


class Departure(Input):
    """`stayed`: enrolments of those who did not board. Nothing follows from it for them."""

    occurred_on: PastDate
    stayed: list[UUID] = Field(default=[], max_length=1_000)


class EnrolmentCreate(Input):
    case_id: UUID
    cohort_id: UUID


class EnrolmentWithdraw(Input):
    """One adult takes the consent back, and the household leaves the pilot. No reason is asked."""

    person_id: UUID
    channel: Channel


class TargetRead(Output):
    measure: Measure
    persons: int
    valid_from: date
    reason: str
    recorded_at: datetime


class PilotSummary(Output):
    id: UUID
    name: str
    programme: Programme
    starts_on: date
    ends_on: date
    ended_on: date | None
    end_reason: EndReason | None
    created_at: datetime
    version: int


class PilotRead(PilotSummary):
    """`targets` in force today, one a measure; `revisions` is every one ever set, the oldest first."""

    regions: list[str]
    partners: list[UUID]
    targets: list[TargetRead]
    revisions: list[TargetRead]


class CohortRead(Output):
    """Seats are persons. `taken` counts those enrolled, until a withdrawal gives their seats back."""

    id: UUID
    pilot_id: UUID
    region_code: str
    departs_on: date
    seats: int
    taken: int
    status: CohortStatus
    departed_on: date | None
    version: int


class EnrolmentRead(Output):
    id: UUID
    pilot_id: UUID
    cohort_id: UUID
    case_id: UUID
    persons: int
    status: EnrolmentStatus
    enrolled_on: date
    departed_on: date | None
    ended_at: datetime | None
    version: int


class RetentionFigures(Output):
    """Presence checks so many days after arrival. `unknown` could not be reached, which is not `left`."""

    days: int
    here: int | None
    left: int | None
    unknown: int | None
    unasked: int | None


class PilotFigures(Output):
    """Persons. null is kept back: one to four, or a figure that would give such a one away."""

    enrolled: int | None
    departed: int | None
    waiting: int | None
    stayed: int | None
    withdrawn: int | None
    handed_over: int | None
    arrived: int | None
    not_arrived: int | None
    retention: list[RetentionFigures]


class DepartureFigures(Output):
    """One departure, published whole or, where a few persons could be told, not at all."""

    cohort_id: UUID
    figures: PilotFigures | None


class EvaluationRead(Output):
    """`log_size`: how many leaves the milestone log held, signed, when these were counted."""

    id: UUID
    pilot_id: UUID
    published_at: datetime
    log_size: int
    total: PilotFigures
    departures: list[DepartureFigures]
