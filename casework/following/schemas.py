from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from casework.authz.fields import of
from casework.authz.policy import FieldGroup
from casework.cases.schemas import Needs, Preferences
from casework.following.models import HandoverStatus, LanguageBasis, Visibility
from casework.kernel.clock import months_after
from casework.kernel.dates import CivilDate, PastDate
from casework.kernel.language import Text
from casework.kernel.programme import Programme
from casework.kernel.schemas import Code, Input, LanguageCode, LongText, Output
from casework.people.schemas import Channel


class NoteCreate(Input):
    """`person_id`: whom it is about, null for the household. `visibility` is `staff` unless said; a host's is `shared`."""

    person_id: UUID | None = None
    visibility: Visibility | None = None
    occurred_on: PastDate
    text: LongText


class NoteRead(Output):
    """`text` null: the person, or the household, was erased."""

    id: UUID
    person_id: UUID | None
    visibility: Visibility
    organization_id: UUID | None
    occurred_on: date
    recorded_at: datetime
    recorded_by: UUID
    text: str | None


class NeedsSaid(Needs):
    occurred_on: PastDate


class PreferencesSaid(Preferences):
    occurred_on: PastDate


class NeedsRecord(Input):
    """What the household needs from `occurred_on` on; what was said before stays on record."""

    said: Annotated[NeedsSaid, of(FieldGroup.needs)]


class PreferencesRecord(Input):
    """What the household wishes from `occurred_on` on; what was said before stays on record."""

    said: Annotated[PreferencesSaid, of(FieldGroup.preferences)]


class _Dated(Output):
    id: UUID
    occurred_on: date
    recorded_on: date
    recorded_by: UUID | None
    current: bool


class NeedsRead(_Dated):
    services: list[str]
    interpreter_languages: list[str]
    bedrooms: int | None


class PreferencesRead(_Dated):
    choices: list[dict[str, str | int | None]]
    occupations: list[str]


class HandoverCreate(Input):
    """`to_user_id`: a caseworker in force at the office of the case."""

    to_user_id: UUID
    reason: LongText


class HandoverRefuse(Input):
    reason: LongText


class HandoverRead(Output):
    id: UUID
    case_id: UUID
    from_user_id: UUID | None
    to_user_id: UUID
    proposed_by: UUID
    status: HandoverStatus
    created_at: datetime
    answered_at: datetime | None
    reason: str | None
    answer: str | None
    version: int


class ResponsibleKind(StrEnum):
    caseworker = "caseworker"
    organization = "organization"
    region = "region"
    spokesperson = "spokesperson"
    office = "office"


class Responsible(Output):
    """Somebody of the case, from when to when; `until` null: no end in sight. One of the last four fields names them."""

    kind: ResponsibleKind
    source: str
    since: datetime | None
    until: datetime | None
    user_id: UUID | None
    organization_id: UUID | None
    region_code: str | None
    office_id: UUID | None


class ResponsibilityRead(Output):
    """`next`: to whom the case is proposed, and who hosts once an offer is accepted."""

    case_id: UUID
    office_id: UUID
    now: list[Responsible]
    before: list[Responsible]
    next: list[Responsible]


class ProgrammeChangeCreate(Input):
    to_programme: Literal[Programme.protected_person]
    occurred_on: PastDate


class ProgrammeChangeRead(Output):
    id: UUID
    case_id: UUID
    from_programme: Programme
    to_programme: Programme
    occurred_on: date
    recorded_at: datetime
    recorded_by: Annotated[UUID, Field(description="Qui l'a inscrit. Who recorded it.")]


class CollectionNoticeCreate(Input):
    """The notice of collection that a person was given, in their language: not a consent."""

    person_id: UUID
    notice_version: Code
    notice_language: LanguageCode
    channel: Channel
    occurred_on: PastDate


class CollectionNoticeRead(Output):
    id: UUID
    person_id: UUID
    notice_version: str
    notice_language: str
    channel: Channel
    occurred_on: date
    recorded_at: datetime
    recorded_by: UUID


SIX_MONTHS = 6


class ServiceLanguageCreate(Input):
    """`basis` is why the language is not French; `six_months` and `other` end some day, and say when."""

    person_id: UUID
    language: LanguageCode
    basis: LanguageBasis | None = None
    starts_on: PastDate
    ends_on: CivilDate | None = None

    @model_validator(mode="after")
    def _has_its_basis_and_its_end(self) -> Self:
        text = self._wrong()
        if text is not None:
            raise PydanticCustomError("service_language", "service language", {"text": text})
        return self

    def _wrong(self) -> Text | None:
        if (self.language == "fr") is not (self.basis is None):
            return Text(
                "Le français n'a pas besoin de motif ; toute autre langue en a un (basis).",
                "French needs no basis; any other language has one.",
            )
        if self.ends_on is not None and self.ends_on < self.starts_on:
            return Text("La fin précède le début.", "The end comes before the beginning.")
        if self.basis in {LanguageBasis.six_months, LanguageBasis.other} and self.ends_on is None:
            return Text("Ce motif a une fin : donnez ends_on.", "This basis has an end: give ends_on.")
        last = months_after(self.starts_on, SIX_MONTHS)
        if self.basis is LanguageBasis.six_months and self.ends_on is not None and self.ends_on > last:
            return Text("Ce motif ne dure pas plus de six mois.", "This basis lasts no longer than six months.")
        return None


class ServiceLanguageRead(Output):
    """`in_force`: the language that counts today for this person; without one, French does."""

    id: UUID
    person_id: UUID
    language: str
    basis: LanguageBasis | None
    starts_on: date
    ends_on: date | None
    recorded_at: datetime
    recorded_by: UUID
    in_force: bool
