from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from casework.authz.fields import of
from casework.authz.policy import FieldGroup
from casework.kernel.schemas import Input, LongText, Output
from casework.people.schemas import Contact
from casework.protection.models import BreakReason, ReviewOutcome


class SealedAddressWrite(Input):
    """`contact` is the real one; `substitute` becomes the ordinary contact, for everybody."""

    contact: Annotated[Contact, of(FieldGroup.sealed_address)]
    substitute: Annotated[Contact, of(FieldGroup.contact)]


class SealedAddressRead(Output):
    """`contact` is null where none is sealed: the answer has the same form either way."""

    person_id: UUID
    contact: Annotated[Contact | None, of(FieldGroup.sealed_address)]
    version: int


class BreakGlassCreate(Input):
    case_id: UUID
    reason_code: BreakReason
    reason: LongText
    minutes: Annotated[int, Field(ge=5, le=60, strict=True)] = 60


class BreakGlassOpened(Output):
    """Read under it with `X-Purpose-of-Use: emergency`; it ends by itself."""

    id: UUID
    case_id: UUID
    reason_code: BreakReason
    ends_at: datetime
    review_due_at: datetime


class BreakGlassReview(Input):
    outcome: ReviewOutcome
    note: LongText


class BreakGlassRead(Output):
    id: UUID
    case_id: UUID
    user_id: UUID
    reason_code: BreakReason
    reason: str | None
    opened_at: datetime
    ends_at: datetime
    review_due_at: datetime
    overdue: bool
    reviewed_by: UUID | None
    reviewed_at: datetime | None
    outcome: ReviewOutcome | None
    note: str | None
    version: int
