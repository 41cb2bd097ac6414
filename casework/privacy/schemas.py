from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from casework.kernel.schemas import ExternalId, Input, Output
from casework.privacy.models import ErasureReason, ErasureRefusal, ErasureStatus, HoldBasis

AskedReason = Literal[
    ErasureReason.purpose_achieved, ErasureReason.wrong_person, ErasureReason.unlawful_collection, ErasureReason.order
]


class ErasureRequest(Input):
    """`reference` names the paper behind it (a file number), never a person."""

    reason: AskedReason
    reference: ExternalId | None = None


class ErasureRefuse(Input):
    refusal: ErasureRefusal


class ErasureRead(Output):
    """`openings_destroyed`: how many log entries nobody can open or link any more; null until it is done."""

    id: UUID
    case_id: UUID
    person_id: UUID
    reason: ErasureReason
    reason_label: str
    legal_basis: str
    reference: str | None
    status: ErasureStatus
    requested_by: UUID
    requested_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    refusal: ErasureRefusal | None
    rule_code: str | None
    last_of_household: bool | None
    openings_destroyed: int | None


class LegalHoldCreate(Input):
    """Exactly one of `case_id` and `person_id`; `reference` names a file, never a person."""

    case_id: UUID | None = None
    person_id: UUID | None = None
    basis: HoldBasis
    reference: ExternalId


class LegalHoldRelease(Input):
    reference: ExternalId


class LegalHoldRead(Output):
    id: UUID
    case_id: UUID
    person_id: UUID | None
    basis: HoldBasis
    reference: str
    placed_by: UUID
    placed_at: datetime
    released_by: UUID | None
    released_at: datetime | None
    release_reference: str | None


class RetentionRuleRead(Output):
    """`months` count from the anchor; the text of the law or of the approved schedule prevails over this table."""

    code: str
    record_class: str
    anchor: str
    months: int
    action: str
    label: str
    owner: str
    source: str
    valid_from: date
    valid_to: date | None
