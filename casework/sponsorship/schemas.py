from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from casework.kernel.dates import PastDate
from casework.kernel.language import Text
from casework.kernel.schemas import GeoCode, Input, Output, RegionCode, ShortText, SmallInt
from casework.sponsorship.lifecycle import (
    DECIDED,
    Category,
    Duty,
    DutyState,
    LeaveReason,
    Pool,
    Reason,
    UndertakingState,
)
from casework.sponsorship.models import DrawStatus
from casework.sponsorship.reference import CapPool, Destination

NAMED = Text(
    "Une personne morale (R, RS, E, ES) a un nom ; un groupe n'en a pas, il a ses membres.",
    "A legal person (R, RS, E, ES) has a name; a group has none, it has its members.",
)
DECIDABLE = Text(
    "Cette étape se fait par sa propre opération (dépôt, tirage, rapport, transfert) ; ici : "
    + ", ".join(sorted(DECIDED)),
    "This step has an operation of its own (submission, draw, report, transfer); here: " + ", ".join(sorted(DECIDED)),
)
Persons = Annotated[int, Field(ge=1, le=50, strict=True)]
Year = Annotated[int, Field(ge=2015, le=2100, strict=True)]
Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class SponsorMemberCreate(Input):
    name: ShortText
    joined_on: PastDate


class SponsorCreate(Input):
    """A group names its two to five members; a legal person itself, and who represents it."""

    category: Category
    name: ShortText | None = None
    region_code: RegionCode
    spokesperson_id: UUID | None = None
    members: Annotated[list[SponsorMemberCreate], Field(min_length=1, max_length=5)]

    @model_validator(mode="after")
    def _only_a_legal_person_is_named(self) -> Self:
        if (self.category is Category.group) != (self.name is None):
            raise PydanticCustomError("named", "named", {"text": NAMED})
        return self


class SpokespersonChange(Input):
    """`spokesperson_id`: whoever speaks for the sponsor from now on, a spokesperson in force."""

    spokesperson_id: UUID
    reason: Reason


class FormerSpokesperson(Output):
    user_id: UUID
    until: datetime
    reason: Reason


class MemberLeaves(Input):
    left_on: PastDate
    leave_reason: LeaveReason


class SponsorMemberRead(Output):
    """`liable_for`: the undertakings under way that this member still answers for, whole and alone if need be."""

    id: UUID
    name: str | None
    joined_on: date
    left_on: date | None
    leave_reason: LeaveReason | None
    erased_at: datetime | None
    liable_for: list[UUID]


class SponsorRead(Output):
    """`below_minimum`: a group of fewer than two; nothing of it is accepted until it grows again."""

    id: UUID
    version: int
    created_at: datetime
    category: Category
    name: str | None
    region_code: str
    spokesperson_id: UUID
    former_spokespersons: list[FormerSpokesperson]
    below_minimum: bool
    members: list[SponsorMemberRead]


class UndertakingCreate(Input):
    """`geo_code`: the municipality where the household is to settle."""

    sponsor_id: UUID
    geo_code: GeoCode
    persons: Persons


class UndertakingCancel(Input):
    occurred_on: PastDate
    reason: Reason


class UndertakingStep(Input):
    to: UndertakingState
    occurred_on: PastDate
    reason: Reason | None = None

    @model_validator(mode="after")
    def _is_decided_one_by_one(self) -> Self:
        if self.to not in DECIDED:
            raise PydanticCustomError("decidable", "decidable", {"text": DECIDABLE})
        return self


class HouseholdLink(Input):
    case_id: UUID


class UndertakingTransfer(Input):
    """`sponsor_id`: who takes over, from that day on and for all that is left."""

    sponsor_id: UUID
    occurred_on: PastDate
    reason: Reason


class HouseholdMove(Input):
    """`geo_code`: where the household lives from now on."""

    geo_code: GeoCode
    occurred_on: PastDate


class Duties(Input):
    housing: DutyState
    furniture: DutyState
    food: DutyState
    clothing: DutyState
    transport: DutyState
    health_costs: DutyState
    job_search: DutyState
    school: DutyState
    services: DutyState


class SettlementReportCreate(Input):
    number: Annotated[int, Field(ge=1, le=2, strict=True)]
    occurred_on: PastDate
    duties: Duties


class SettlementReportRead(Output):
    id: UUID
    case_id: UUID
    undertaking_id: UUID
    number: int
    occurred_on: date
    duties: dict[Duty, DutyState]
    recorded_at: datetime


class SettlementReports(Output):
    items: list[SettlementReportRead]


class ReportFilter(StrEnum):
    """`due`: expected and not received; `overdue`: its date has passed; `received`: both are in."""

    due = "due"
    overdue = "overdue"
    received = "received"


class WaitingRead(Output):
    """Whole days; both clocks stop at the arrival or at the end."""

    since_submission_days: int | None
    since_draw_days: int | None


class UndertakingRead(Output):
    id: UUID
    version: int
    created_at: datetime
    sponsor_id: UUID
    category: Category
    geo_code: str
    region_code: str
    regional: bool
    persons: int
    state: UndertakingState
    year: int | None
    entry_id: UUID | None
    submitted_at: datetime | None
    drawn_at: datetime | None
    waiting: WaitingRead
    accepted_on: date | None
    csq_issued_on: date | None
    household_case_id: UUID | None
    arrived_on: date | None
    ends_on: date | None
    settled_on: date | None
    report1_due_on: date | None
    report1_received_on: date | None
    report2_due_on: date | None
    report2_received_on: date | None
    report_overdue: bool
    ended_on: date | None
    end_reason: Reason | None
    transferred_from_id: UUID | None


class UndertakingEventRead(Output):
    id: UUID
    state: UndertakingState | None
    moved_to: str | None
    reason: Reason | None
    occurred_on: date
    recorded_at: datetime


class UndertakingHistory(Output):
    events: list[UndertakingEventRead]


class DrawCreate(Input):
    """`cap` and `cap_source` only where the published caps have no line for the year. `reserve`: how many of the
    places go to regional entries first."""

    year: Year
    pool: Pool
    reserve: SmallInt = 0
    cap: SmallInt | None = None
    cap_source: ShortText | None = None


class DrawRead(Output):
    """`commitment` is the SHA-256 of the seed; `seed` is null until the draw."""

    id: UUID
    version: int
    created_at: datetime
    year: int
    pool: Pool
    cap: int
    reserve: int
    cap_source: str
    status: DrawStatus
    commitment: Hash
    frozen_at: datetime | None
    entries: int | None
    list_sha256: Hash | None
    drawn_at: datetime | None
    seed: Hash | None
    result_sha256: Hash | None


class DrawEntryRead(Output):
    entry_id: UUID
    regional: bool
    rank: int | None
    drawn: bool | None


class DrawPublication(Output):
    """Everything anybody needs to run the draw again (docs/draw.md); it names nobody. Entries by rank, or by id."""

    format: str
    draw_id: UUID
    year: int
    pool: Pool
    cap: int
    reserve: int
    commitment: Hash
    list_sha256: Hash
    seed: Hash | None
    result_sha256: Hash | None
    entries: list[DrawEntryRead]


class DrawVerification(Output):
    """The server's own re-run from the rows as they stand; whoever does not believe it runs docs/redraw.py."""

    draw_id: UUID
    verified: bool
    commitment_holds: bool
    list_unchanged: bool
    result_equal: bool


class CapRead(Output):
    year: int
    pool: CapPool
    destination: Destination
    cap: int
    source: str


class SponsorshipCaps(Output):
    items: list[CapRead]
