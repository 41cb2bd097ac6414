from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from casework.cases.lifecycle import CaseStatus
from casework.cases.schemas import CaseSummary
from casework.kernel.dates import EARLIEST, LATEST, CivilDate
from casework.kernel.language import Text
from casework.kernel.programme import Programme
from casework.kernel.schemas import Code, Input, Output, Page, RegionCode, ShortText
from casework.people.models import IdentifierType


class IdentifierAsked(Input):
    type: IdentifierType
    value: ShortText


class CaseSearchCreate(Input):
    """`name` in any spelling or script, `identifier` exactly; both together when both are given. Nothing is kept of it.

    The filters narrow what is found; alone they list cases, the newest first. `organization_id`: the host of today.
    `hearing_from` and `hearing_to`: the last known hearing, both days included. `need`: a service of the latest needs.
    """

    name: ShortText | None = None
    identifier: IdentifierAsked | None = None
    status: CaseStatus | None = None
    programme: Programme | None = None
    region: RegionCode | None = None
    caseworker_id: UUID | None = None
    organization_id: UUID | None = None
    hearing_from: CivilDate | None = None
    hearing_to: CivilDate | None = None
    need: Code | None = None
    limit: Annotated[int, Field(ge=1, le=50, strict=True)] = 10

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not self.model_dump(exclude={"limit"}, exclude_none=True):
            text = Text("Donnez name, identifier ou un filtre.", "Give name, identifier or a filter.")
            raise PydanticCustomError("nobody", "nobody", {"text": text})
        if self.hearing_from and self.hearing_to and self.hearing_to < self.hearing_from:
            text = Text("hearing_to précède hearing_from.", "hearing_to comes before hearing_from.")
            raise PydanticCustomError("period", "period", {"text": text, "field": "hearing_to"})
        return self

    def filters(self) -> dict[str, Any]:
        """Those that are given, by name; a window of hearings has both its ends."""
        found = self.model_dump(exclude={"name", "identifier", "limit"}, exclude_none=True)
        if self.hearing_from or self.hearing_to:
            found |= {"hearing_from": self.hearing_from or EARLIEST, "hearing_to": self.hearing_to or LATEST}
        return found


class FoundPerson(Output):
    """`score`: 0 to 100, how close the nearest form of the name is; 100 when only an identifier was asked.

    Both null when the filters alone were asked: then each case stands once.
    """

    person_id: UUID | None
    score: float | None
    case: CaseSummary


class CaseSearchRead(Page[FoundPerson]):
    pass


class WaitingCase(Output):
    """`due_on`: the day that makes it pressing (opened, due, the offer's last day, the hearing)."""

    due_on: date
    case: CaseSummary


class WorklistPage(Page[WaitingCase]):
    title: str
