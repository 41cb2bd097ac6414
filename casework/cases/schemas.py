from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from casework.authz.fields import of
from casework.authz.policy import FieldGroup
from casework.cases.claim_schemas import ClaimStatusCreate, ClaimTold
from casework.cases.lifecycle import CaseStatus
from casework.kernel.dates import PastDate
from casework.kernel.language import Text
from casework.kernel.programme import Programme
from casework.kernel.schemas import Code, ExternalId, Input, LongText, Output, Page
from casework.people.schemas import ConsentCreate, ConsentRead, ErasedMember, MemberCreate, MemberRead


class ChoiceKind(StrEnum):
    prefer = "prefer"
    avoid = "avoid"
    tie = "tie"


class Choice(Input):
    """`code` is a municipality (5 digits) or an administrative region (2 digits); rank 1 is the first wish."""

    kind: ChoiceKind
    code: Annotated[str, Field(pattern=r"^([0-9]{5}|0[1-9]|1[0-7])$")]
    rank: Annotated[int, Field(ge=1, le=20, strict=True)] | None = None


class Needs(Input):
    services: list[Code] = Field(default=[], max_length=30)
    interpreter_languages: list[Code] = Field(default=[], max_length=10)
    bedrooms: Annotated[int, Field(ge=1, le=12, strict=True)] | None = None


class Preferences(Input):
    choices: list[Choice] = Field(default=[], max_length=40)
    occupations: list[Annotated[str, Field(pattern=r"^[0-9]{5}$")]] = Field(default=[], max_length=20)


class CaseCreate(Input):
    """A household taken in, in one transaction: everything is recorded, or nothing is."""

    programme: Programme
    draft: Annotated[bool, Field(strict=True, description="Brouillon : rien ne se place avant l'ouverture. Draft.")] = (
        False
    )
    external_id: ExternalId | None = None
    office_id: UUID | None = None
    caseworker_id: UUID | None = None
    claimed_on: Annotated[PastDate | None, of(FieldGroup.claim)] = None
    undertaking_on: PastDate | None = None
    members: list[MemberCreate] = Field(min_length=1, max_length=30)
    needs: Annotated[Needs, of(FieldGroup.needs)] = Needs()
    preferences: Annotated[Preferences, of(FieldGroup.preferences)] = Preferences()
    consents: Annotated[list[ConsentCreate], of(FieldGroup.consents)] = Field(default=[], max_length=120)
    claim_statuses: Annotated[list[ClaimStatusCreate], of(FieldGroup.claim)] = Field(default=[], max_length=20)

    @model_validator(mode="after")
    def _anchor_fits_programme(self) -> Self:
        claims = self.programme is not Programme.collective_sponsorship
        if (self.undertaking_on if claims else self.claimed_on) is not None:
            raise PydanticCustomError(
                "anchor",
                "anchor",
                {
                    "text": Text(
                        "claimed_on va avec une demande d'asile, undertaking_on avec collective_sponsorship.",
                        "claimed_on goes with an asylum claim, undertaking_on with collective_sponsorship.",
                    )
                },
            )
        return self


class CasePatch(Input):
    """RFC 7396; null removes the value, except that of `status`, which no case is without.

    `status` only opens a draft: closing and reopening have their own actions.
    """

    status: Annotated[Literal[CaseStatus.open], Field(json_schema_extra=lambda schema: schema.pop("default"))] = (
        CaseStatus.open  # counts only when it is given: the changes are those of the fields set
    )
    caseworker_id: UUID | None = None
    external_id: ExternalId | None = None


class CaseClose(Input):
    reason: LongText


class HouseholdRead(Output):
    id: UUID
    members: list[MemberRead | ErasedMember]


class ClaimRead(Output):
    claimed_on: date | None
    statuses: list[ClaimTold]


class CaseRead(Output):
    """Groups that the caller's role does not see (`claim`, `preferences`, …) are absent."""

    id: UUID
    reference: str
    external_id: str | None
    programme: Programme
    status: CaseStatus
    office_id: UUID
    caseworker_id: UUID | None
    region_code: str | None
    undertaking_on: date | None
    offered_on: date | None
    arrived_on: date | None
    created_at: datetime
    closed_at: datetime | None
    version: int
    household: HouseholdRead
    needs: Annotated[Needs | None, of(FieldGroup.needs)] = None
    preferences: Annotated[Preferences | None, of(FieldGroup.preferences)] = None
    consents: Annotated[list[ConsentRead] | None, of(FieldGroup.consents)] = None
    claim: Annotated[ClaimRead | None, of(FieldGroup.claim)] = None
    close_reason: Annotated[str | None, of(FieldGroup.reasons)] = None


class CaseSummary(Output):
    """One line of a list: nothing that names a person."""

    id: UUID
    reference: str
    external_id: str | None
    programme: Programme
    status: CaseStatus
    office_id: UUID
    caseworker_id: UUID | None
    region_code: str | None
    arrived_on: date | None
    created_at: datetime
    version: int


class Total(Output):
    count: int
    exact: bool


class CasePage(Page[CaseSummary]):
    total: Total | None = None
