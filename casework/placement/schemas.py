from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from casework.cases.claim_schemas import HearingPending
from casework.kernel.dates import CivilDate
from casework.kernel.schemas import Input, LanguageCode, LongText, Output
from casework.people.schemas import Channel
from casework.placement.models import (
    Answer,
    AssignmentStatus,
    CorrectionReason,
    DeclineReason,
    EndCode,
    ObservationOutcome,
    OfferStatus,
    RefusalReason,
)


class ContributionRead(Output):
    factor: str
    weight: int
    level: int
    points: int
    sentence: str


class RankedPlace(Output):
    rank: int
    capacity_id: UUID
    geo_code: str
    name: str
    region_code: str
    organization_id: UUID
    places_left: int
    score: int
    contributions: list[ContributionRead]
    notices: list[str]
    what_would_change_it: str


class ExcludedPlace(Output):
    capacity_id: UUID
    geo_code: str
    name: str
    region_code: str
    organization_id: UUID
    rule: str
    sentence: str
    rules: list[str]
    what_would_change_it: str


class RecommendationRead(Output):
    """`score` and `points` are in 1/10,000; the contributions of a place sum to its score."""

    id: UUID
    case_id: UUID
    created_at: datetime
    engine_version: str
    weights_version: str
    sha256: str
    notices: list[str]
    ranked: list[RankedPlace]
    excluded: list[ExcludedPlace]


class ExplanationRead(Output):
    """What was shown, made again from the frozen inputs (A-2.1, s. 65.2)."""

    recommendation_id: UUID
    sha256: str
    reproduced: bool
    inputs: dict[str, Any]
    places: list[dict[str, Any]]


class ObservationCreate(Input):
    """`person_id`: the adult of the household who speaks."""

    person_id: UUID
    channel: Channel
    language: LanguageCode
    text: LongText


class ObservationReview(Input):
    outcome: ObservationOutcome
    reason: LongText


class ObservationRead(Output):
    """`text` and `review` (the reviewer's reason) null: erased; `review` also before any review."""

    id: UUID
    case_id: UUID
    recommendation_id: UUID
    person_id: UUID
    channel: str
    language: str
    text: str | None
    recorded_by: UUID
    recorded_at: datetime
    reviewed_by: UUID | None
    reviewed_at: datetime | None
    outcome: ObservationOutcome | None
    review: str | None
    version: int


class OfferCreate(Input):
    """A person decides and says why: `reason` is required."""

    case_id: UUID
    capacity_id: UUID
    recommendation_id: UUID | None = None
    reason: LongText
    expires_in_hours: Annotated[int, Field(ge=1, le=336, strict=True)] = 72


class AnswerRead(Output):
    person_id: UUID
    answer: Answer
    reason_code: DeclineReason | None
    channel: str
    language: str
    recorded_at: datetime


class ReminderRead(Output):
    """What is due before the offer runs out, from dated data; in the reader's language."""

    code: str
    due_at: datetime
    label: str


class OfferRead(Output):
    """`reason` and `withdraw_reason` are absent for a role that does not read why a person decided; `hearings_pending`
    for one that does not read the claim."""

    id: UUID
    case_id: UUID
    capacity_id: UUID
    organization_id: UUID
    geo_code: str
    persons: int
    status: OfferStatus
    recommendation_id: UUID | None
    expires_at: datetime
    answered_at: datetime | None
    version: int
    answers: list[AnswerRead]
    assignment_id: UUID | None
    reminder: ReminderRead | None
    reason: str | None = None
    withdraw_reason: str | None = None
    hearings_pending: list[HearingPending] | None = None


class OfferAccept(Input):
    person_id: UUID
    channel: Channel
    language: LanguageCode


class OfferDecline(OfferAccept):
    reason_code: DeclineReason


class Withdrawal(Input):
    reason: LongText


class AssignmentRead(Output):
    """`end_reason` is absent for a role that does not read why a person decided; `hearings_pending` for one that does
    not read the claim. `predecessor_id`: the assignment that this one carries on after a hand-over; it then comes from
    no offer.
    """

    id: UUID
    case_id: UUID
    offer_id: UUID | None
    predecessor_id: UUID | None
    capacity_id: UUID
    agreement_id: UUID
    organization_id: UUID
    geo_code: str
    host_region_code: str
    persons: int
    status: AssignmentStatus
    created_at: datetime
    acknowledged_at: datetime | None
    refusal_code: RefusalReason | None
    departed_on: date | None
    arrived_on: date | None
    ended_on: date | None
    end_code: EndCode | None
    version: int
    end_reason: str | None = None
    hearings_pending: list[HearingPending] | None = None


class AssignmentRefuse(Input):
    reason_code: RefusalReason


class Step(Input):
    occurred_on: CivilDate


class EndCause(StrEnum):
    """What a person may say; `handed_over` and `transferred` are written by the hand-over and the transfer alone."""

    left_region = "left_region"
    returned_to_metropolis = "returned_to_metropolis"
    moved_within_region = "moved_within_region"
    stay_completed = "stay_completed"
    returned_to_previous_region = "returned_to_previous_region"
    other = "other"


class HandoverOfHousehold(Input):
    assignment_id: UUID
    capacity_id: UUID


class ArrivalCorrection(Step):
    reason_code: CorrectionReason


class AssignmentEnd(Step):
    cause: EndCause = EndCause.other
    reason: LongText
