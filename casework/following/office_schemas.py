from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from casework.following.models import HandoverStatus
from casework.kernel.language import Text
from casework.kernel.schemas import Input, LongText, Output

MOST = 500


class OfficeHandoverCreate(Input):
    """`case_ids`, or `from_office_id` for all that this office still has: 500 at a time, the oldest first."""

    to_office_id: UUID
    case_ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST)] | None = None
    from_office_id: UUID | None = None
    reason: LongText

    @model_validator(mode="after")
    def _names_its_cases_one_way(self) -> Self:
        if (self.case_ids is None) is (self.from_office_id is None):
            text = Text("Donnez case_ids ou from_office_id, l'un des deux.", "Give either case_ids or from_office_id.")
            raise PydanticCustomError("cases", "cases", {"text": text})
        if self.case_ids is not None and len(set(self.case_ids)) != len(self.case_ids):
            text = Text("Un dossier est nommé deux fois.", "A case is named twice.")
            raise PydanticCustomError("named_twice", "named twice", {"text": text})
        return self


class OfficeHandoverRefuse(Input):
    reason: LongText


class OfficeHandoverRead(Output):
    """`cases`: how many it holds; `case_ids`: those within the reader's reach, so none for a receiver that has not
    accepted yet.
    """

    id: UUID
    office_id: Annotated[UUID, Field(description="Le bureau qui reçoit. The office that receives.")]
    reason: str
    status: HandoverStatus
    proposed_by: UUID
    created_at: datetime
    answer: str | None
    answered_by: UUID | None
    answered_at: datetime | None
    cases: int
    case_ids: list[UUID]
    version: int
