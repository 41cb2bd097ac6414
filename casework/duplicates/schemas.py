from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from casework.authz.fields import of
from casework.authz.policy import FieldGroup
from casework.duplicates.models import MergeStatus
from casework.kernel.schemas import Input, LongText, Output


class DuplicateSearchCreate(Input):
    """Whose duplicates; nothing is kept of the question."""

    person_id: UUID
    limit: Annotated[int, Field(ge=1, le=20, strict=True)] = 10


class ReasonRead(Output):
    """Why the score is what it is; `points` below zero speak against."""

    factor: str
    points: int
    text: str


class Candidate(Output):
    """`score`: 0 to 100, the sum of the points of its reasons; `likely` from 70. Nothing is merged by a score."""

    person_id: UUID
    case_id: UUID
    case_reference: str
    score: int
    likely: bool
    reasons: list[ReasonRead]


class DuplicateSearchRead(Output):
    items: list[Candidate]


class MergeCreate(Input):
    """`duplicate_id`: the record that will lead to the one of the address."""

    duplicate_id: UUID
    reason: Annotated[LongText, of(FieldGroup.reasons)]


class MergeRead(Output):
    """`across`: the two stood in two offices, so that a second person decides. `reason` is null once erased."""

    id: UUID
    person_id: UUID
    duplicate_id: UUID
    case_id: UUID
    from_case_id: UUID
    status: MergeStatus
    across: bool
    proposed_by: UUID
    created_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    undone_by: UUID | None
    undone_at: datetime | None
    version: int
    reason: Annotated[str | None, of(FieldGroup.reasons)] = None
