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
from casework.kernel.schemas import Code, Input, Output, Page, RegionCode, ShortText
from casework.search.worklists import Worklist

DAYS = Annotated[int, Field(ge=0, le=365, strict=True)]


class SavedFilter(Input):
    """The filters of `POST /v1/case-searches` that name nobody, within a worklist where one is given.

    `hearing_within_days`: counted from the day on which it is run.
    """

    worklist: Worklist | None = None
    status: CaseStatus | None = None
    programme: Programme | None = None
    region: RegionCode | None = None
    caseworker_id: UUID | None = None
    organization_id: UUID | None = None
    need: Code | None = None
    hearing_within_days: DAYS | None = None

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not self.model_dump(exclude_none=True):
            text = Text("Donnez worklist ou un filtre.", "Give worklist or a filter.")
            raise PydanticCustomError("nothing", "nothing", {"text": text})
        return self


class SavedWorklistCreate(Input):
    """`shared`: with one's office, or one's region for a coordinator. Whoever runs it sees their own cases by it."""

    name: ShortText
    shared: bool = False
    asked: SavedFilter


class SavedFilterRead(Output):
    worklist: Worklist | None
    status: CaseStatus | None
    programme: Programme | None
    region: str | None
    caseworker_id: UUID | None
    organization_id: UUID | None
    need: str | None
    hearing_within_days: int | None


class SavedWorklistRead(Output):
    id: UUID
    name: str
    own: bool
    shared: bool
    asked: SavedFilterRead
    version: int


class SavedCase(Output):
    """`due_on`: the day that makes it pressing, in a worklist; null otherwise."""

    due_on: date | None
    case: CaseSummary


class SavedCases(Page[SavedCase]):
    name: str
