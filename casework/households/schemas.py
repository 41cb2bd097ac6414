from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StrictBool

from casework.authz.fields import of
from casework.authz.policy import FieldGroup
from casework.cases.schemas import Needs, Preferences
from casework.households.models import LinkKind, MoveReason
from casework.kernel.dates import PastDate
from casework.kernel.partial_date import PartialDate
from casework.kernel.schemas import ExternalId, Input, Output, ShortText
from casework.people.models import ChangeReason, IdentifierType, MembershipEnd, RepresentativeKind
from casework.people.schemas import (
    ConsentSaid,
    Contact,
    Description,
    IdentifierCreate,
    MemberCreate,
    Name,
    OtherName,
    Relation,
    SpokenLanguage,
)


class NamePatch(Input):
    """Only what changes; null removes. The whole must still be a name once merged."""

    full: ShortText | None = None
    given: list[ShortText] | None = Field(default=None, max_length=10)
    family: list[ShortText] | None = Field(default=None, max_length=10)
    original_script: ShortText | None = None
    aliases: list[ShortText] | None = Field(default=None, max_length=10)
    others: list[OtherName] | None = Field(default=None, max_length=10)


class PersonPatch(Input):
    """RFC 7396; lists are replaced whole. What is replaced is kept in the person's history, with `reason`."""

    reason: ChangeReason
    external_id: ExternalId | None = None
    is_adult: StrictBool | None = None
    unaccompanied_minor: StrictBool = False
    languages: list[SpokenLanguage] = Field(default=[], max_length=20)
    name: Annotated[NamePatch, of(FieldGroup.names)] = NamePatch()
    birth: Annotated[PartialDate, of(FieldGroup.birth)] = PartialDate.unknown()
    contact: Annotated[Contact | None, of(FieldGroup.contact)] = None
    description: Annotated[Description | None, of(FieldGroup.self_description)] = None
    identifiers: Annotated[list[IdentifierCreate], of(FieldGroup.identifiers)] = Field(default=[], max_length=20)


class RepresentativeSaid(Input):
    name: ShortText
    organization: ShortText | None = None
    phone: ShortText | None = None
    email: ShortText | None = None


class RepresentativeCreate(Input):
    kind: RepresentativeKind
    representative: Annotated[RepresentativeSaid, of(FieldGroup.representative)]
    appointed_on: PastDate


class RepresentativeRead(Output):
    kind: RepresentativeKind
    representative: RepresentativeSaid
    appointed_on: date
    ended_on: date | None


class IdentifierHeld(Output):
    id: UUID
    type: IdentifierType
    value: str
    issued_on: date | None
    expires_on: date | None
    ended_at: datetime | None


class PersonRead(Output):
    """One person of a case. Groups that the caller's role does not see are absent; a masked one keeps its shape.

    `relation` is null for who no longer belongs to the household. `identifiers` and `representatives` hold the former
    ones too, with their end. `merged`: records of the same person that lead to this one.
    """

    person_id: UUID
    case_id: UUID
    version: int
    external_id: str | None
    relation: Relation | None
    is_adult: bool | None
    unaccompanied_minor: bool
    deceased: bool
    merged_into: UUID | None
    merged: list[UUID]
    languages: list[SpokenLanguage]
    name: Annotated[Name | None, of(FieldGroup.names)] = None
    birth: Annotated[PartialDate | None, of(FieldGroup.birth)] = None
    death: Annotated[PartialDate | None, of(FieldGroup.birth)] = None
    contact: Annotated[Contact | None, of(FieldGroup.contact)] = None
    description: Annotated[Description | None, of(FieldGroup.self_description)] = None
    identifiers: Annotated[list[IdentifierHeld] | None, of(FieldGroup.identifiers)] = None
    representatives: Annotated[list[RepresentativeRead] | None, of(FieldGroup.representative)] = None


class PersonVersionRead(Output):
    """What one change replaced; null where it did not change."""

    version: int
    reason: ChangeReason
    recorded_by: UUID
    recorded_at: datetime
    name: Annotated[Name | None, of(FieldGroup.names)] = None
    birth: Annotated[PartialDate | None, of(FieldGroup.birth)] = None
    contact: Annotated[Contact | None, of(FieldGroup.contact)] = None
    description: Annotated[Description | None, of(FieldGroup.self_description)] = None
    death: Annotated[PartialDate | None, of(FieldGroup.birth)] = None


class MembershipRead(Output):
    """From `starts_on` up to the day before `ends_on`; `case_id` tells the household's case, within the caller's reach."""

    case_id: UUID
    person_id: UUID
    relation: Relation
    starts_on: date
    ends_on: date | None
    end_reason: MembershipEnd | None


class PersonHistory(Output):
    person_id: UUID
    memberships: list[MembershipRead]
    versions: list[PersonVersionRead]


class Joining(StrEnum):
    birth = "birth"
    arrival = "arrival"


class MemberAdd(Input):
    """`since`: for a birth its day, where it is known to the day; today otherwise. `consents` are the member's own."""

    how: Joining
    since: PastDate | None = None
    member: MemberCreate
    consents: Annotated[list[ConsentSaid], of(FieldGroup.consents)] = Field(default=[], max_length=10)


class DeathRecord(Input):
    """`new_principal` is asked for when the principal dies and others remain."""

    occurred: Annotated[PartialDate, of(FieldGroup.birth)]
    new_principal: UUID | None = None


class DeathUndo(Input):
    """`relation`: the person's place in the household again; the former one where it is not said."""

    relation: Relation | None = None


class MemberLeave(Input):
    """Somebody who leaves the household without a case of their own. `ends_on` is the first day away."""

    reason: Literal[MembershipEnd.left, MembershipEnd.error]
    ends_on: PastDate
    new_principal: UUID | None = None


class MembershipList(Output):
    items: list[MembershipRead]


class SplitCreate(Input):
    """`principal_id`: of the new household, one of `people`. `remaining_principal` is asked for when the principal goes.

    `on` is the first day of the new household, today by default. Needs and preferences are its own: none are carried,
    and each adult is asked again for consent.
    """

    people: list[UUID] = Field(min_length=1, max_length=29)
    principal_id: UUID
    reason: MoveReason
    on: PastDate | None = None
    remaining_principal: UUID | None = None
    needs: Annotated[Needs, of(FieldGroup.needs)] = Needs()
    preferences: Annotated[Preferences, of(FieldGroup.preferences)] = Preferences()


class JoinCreate(Input):
    """`new_principal` is asked for when the person was the principal of the household they leave."""

    person_id: UUID
    relation: Relation
    on: PastDate | None = None
    new_principal: UUID | None = None


class LinkCreate(Input):
    other_case_id: UUID
    kind: Literal[LinkKind.keep_together, LinkKind.kin]


class LinkRead(Output):
    id: UUID
    case_id: UUID
    other_case_id: UUID
    kind: LinkKind
    linked_at: datetime
    ended_at: datetime | None


class LinkList(Output):
    items: list[LinkRead]
