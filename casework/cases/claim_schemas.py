from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from casework.authz.fields import of
from casework.authz.policy import FieldGroup
from casework.cases.claim import HEARINGS
from casework.cases.lifecycle import Authority, ClaimStatus, HearingPlace
from casework.kernel.dates import CivilDate, PastDate
from casework.kernel.language import Text
from casework.kernel.schemas import Input, LongText, Output, Page, ShortText


class ClaimStatusSaid(Input):
    """`printed_due_on` and `hearing_on` are the days printed on the document; none is ever computed."""

    status: ClaimStatus
    occurred_on: PastDate
    printed_due_on: CivilDate | None = None
    hearing_on: CivilDate | None = None
    hearing_place: HearingPlace | None = None
    source: ShortText

    @model_validator(mode="after")
    def _hearing_belongs_to_a_hearing(self) -> Self:
        if self.status not in HEARINGS and (self.hearing_on or self.hearing_place) is not None:
            text = Text(
                "hearing_on et hearing_place vont avec hearing_scheduled ou hearing_postponed.",
                "hearing_on and hearing_place go with hearing_scheduled or hearing_postponed.",
            )
            raise PydanticCustomError("hearing", "hearing", {"text": text})
        return self


class ClaimStatusCreate(ClaimStatusSaid):
    """At intake. `member` is a place in `members`, from 0; without it, the status of everybody taken in."""

    member: Annotated[int, Field(ge=0, le=29, strict=True)] | None = None


class ClaimStatusRecord(Input):
    """`person_id` null: one entry for each member of today. A newborn, or whoever comes later, gets none by it."""

    person_id: UUID | None = None
    said: Annotated[ClaimStatusSaid, of(FieldGroup.claim)]


class ClaimStatusVoid(Input):
    reason: LongText


class ClaimVoidRead(Output):
    at: datetime
    by: UUID
    reason: str | None


class ClaimStatusRead(Output):
    """`person_id` null: of everybody whom the household held at `recorded_at`."""

    id: UUID
    person_id: UUID | None
    status: ClaimStatus
    occurred_on: date
    printed_due_on: date | None
    hearing_on: date | None
    hearing_place: HearingPlace | None
    source: str
    recorded_at: datetime
    recorded_by: UUID | None
    void: ClaimVoidRead | None
    version: int


class ClaimStanding(Output):
    """Where a member's claim stands today; `status` null: no claim of their own (a Canadian newborn)."""

    person_id: UUID
    status: ClaimStatus | None
    since: date | None
    hearing_on: date | None
    hearing_place: HearingPlace | None
    hearing_pending: bool


class ClaimHistory(Page[ClaimStatusRead]):
    standing: list[ClaimStanding]


class ClaimTold(Output):
    """One line of a case's claim: what has not been voided."""

    person_id: UUID | None
    status: ClaimStatus
    occurred_on: date
    printed_due_on: date | None
    hearing_on: date | None
    hearing_place: HearingPlace | None
    source: str


class HearingPending(Output):
    """A hearing to think of before the household moves; `hearing_on` null: its day is not known."""

    person_id: UUID
    hearing_on: date | None
    hearing_place: HearingPlace | None


class AddressNoticeDone(Input):
    """`receipt` is the authority's own reference or how it was told."""

    notified_on: PastDate
    receipt: ShortText


class AddressNoticeRead(Output):
    """One authority to be told that the household moved; `overdue` once `due_on` has passed without it."""

    id: UUID
    case_id: UUID
    authority: Authority
    moved_on: date
    due_on: date
    overdue: bool
    raised_at: datetime
    notified_on: date | None
    notified_by: UUID | None
    receipt: str | None
    version: int
