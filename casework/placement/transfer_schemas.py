from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from casework.kernel.schemas import Input, LongText, Output
from casework.placement.models import RefusalReason
from casework.placement.schemas import OfferRead
from casework.placement.transfer_models import AskedBy, TransferReason, TransferStatus, TransferWithdrawal


class TransferCreate(Input):
    """`reason` is why a person decided to propose it, kept sealed; `reason_code` is why the household would move."""

    case_id: UUID
    capacity_id: UUID
    asked_by: AskedBy
    reason_code: TransferReason
    reason: LongText
    expires_in_hours: Annotated[int, Field(ge=1, le=336, strict=True)] = 72


class TransferRefuse(Input):
    reason_code: RefusalReason


class TransferWithdraw(Input):
    reason_code: TransferWithdrawal
    reason: LongText


class TransferRead(Output):
    """`offer`: the hold behind it, each adult's answer and the hearings pending, as `GET /v1/offers/{id}` gives them;
    absent once its reader no longer sees the household. `assignment_id`: from the departure on.
    """

    id: UUID
    case_id: UUID
    offer_id: UUID
    from_assignment_id: UUID
    from_region_code: str
    assignment_id: UUID | None
    capacity_id: UUID
    organization_id: UUID
    agreement_id: UUID
    geo_code: str
    to_region_code: str
    asked_by: AskedBy
    reason_code: TransferReason
    reason_label: str
    status: TransferStatus
    refusal_code: RefusalReason | None
    withdrawal_code: TransferWithdrawal | None
    created_at: datetime
    answered_at: datetime | None
    closed_at: datetime | None
    version: int
    offer: OfferRead | None = None
