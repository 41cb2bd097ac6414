from __future__ import annotations

from datetime import date
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from casework.cases.lifecycle import CaseStatus
from casework.cases.schemas import CaseSummary
from casework.kernel.language import Text
from casework.kernel.programme import Programme
from casework.kernel.schemas import Input, Output, Page, RegionCode, ShortText
from casework.people.models import IdentifierType


class IdentifierAsked(Input):
    type: IdentifierType
    value: ShortText


class CaseSearchCreate(Input):
    """`name` in any spelling or script, `identifier` exactly; both together when both are given. Nothing is kept of it."""

    name: ShortText | None = None
    identifier: IdentifierAsked | None = None
    status: CaseStatus | None = None
    programme: Programme | None = None
    region: RegionCode | None = None
    limit: Annotated[int, Field(ge=1, le=50, strict=True)] = 10

    @model_validator(mode="after")
    def _asks_for_somebody(self) -> Self:
        if self.name is None and self.identifier is None:
            text = Text("Donnez name, identifier, ou les deux.", "Give name, identifier, or both.")
            raise PydanticCustomError("nobody", "nobody", {"text": text})
        return self


class FoundPerson(Output):
    """`score`: 0 to 100, how close the nearest form of the name is; 100 when only an identifier was asked."""

    person_id: UUID
    score: float
    case: CaseSummary


class CaseSearchRead(Output):
    items: list[FoundPerson]


class WaitingCase(Output):
    """`due_on`: the day that makes it pressing (opened, due, the offer's last day, the hearing)."""

    due_on: date
    case: CaseSummary


class WorklistPage(Page[WaitingCase]):
    title: str
