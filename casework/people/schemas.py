from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from casework.authz.fields import of
from casework.authz.policy import FieldGroup
from casework.kernel.dates import CivilDate, PastDate
from casework.kernel.language import Text
from casework.kernel.partial_date import PartialDate
from casework.kernel.schemas import Code, ExternalId, Input, LanguageCode, Output, ShortText
from casework.people.models import ConsentPurpose, IdentifierType


class Relation(StrEnum):
    principal = "principal"
    spouse = "spouse"
    child = "child"
    parent = "parent"
    sibling = "sibling"
    grandparent = "grandparent"
    other = "other"


class Channel(StrEnum):
    in_person = "in_person"
    phone = "phone"
    video = "video"
    writing = "writing"
    interpreter = "interpreter"


class LanguageLevel(StrEnum):
    none = "none"
    beginner = "beginner"
    intermediate = "intermediate"
    advanced = "advanced"
    native = "native"


class NameKind(StrEnum):
    birth = "birth"
    married = "married"
    document = "document"
    religious = "religious"
    chosen = "chosen"
    former = "former"
    other = "other"


class OtherName(Input):
    """One more name that the person bears or bore, whole, beside its original script."""

    kind: NameKind
    full: ShortText
    original_script: ShortText | None = None


class Name(Input):
    """Full name first, as the person gives it; parts, original script, aliases and other names beside it.

    None is required alone: where only the original script is known, or only given or only family names, that is the
    full name as it stands. With both kinds of parts `full` is asked for: their order is never ours to choose.
    """

    full: ShortText | None = None
    given: list[ShortText] = Field(default=[], max_length=10)
    family: list[ShortText] = Field(default=[], max_length=10)
    original_script: ShortText | None = None
    aliases: list[ShortText] = Field(default=[], max_length=10)
    others: list[OtherName] = Field(default=[], max_length=10)

    @model_validator(mode="before")
    @classmethod
    def _one_form_is_enough(cls, said: object) -> object:
        if not isinstance(said, dict) or said.get("full") is not None:
            return said
        parts = [said[name] for name in ("given", "family") if said.get(name)]
        alone = parts[0] if len(parts) == 1 and all(isinstance(part, str) for part in parts[0]) else []
        return {**said, "full": said.get("original_script") or " ".join(alone)[:200] or None}

    @model_validator(mode="after")
    def _has_a_form(self) -> Self:
        if self.full is None:
            text = Text(
                "Donnez full, original_script, ou une seule sorte de parties ; avec les deux, leur ordre est à vous.",
                "Give full, original_script, or one kind of parts alone; with both, their order is yours to give.",
            )
            raise PydanticCustomError("no_name", "no name", {"text": text})
        return self


class Described(Input):
    """A code where one fits, and the person's own words, whatever the code."""

    code: Code | None = None
    words: ShortText | None = None


class Description(Input):
    """How the person describes themselves; every part may stay unsaid."""

    gender: Described | None = None
    pronouns: ShortText | None = None
    nationalities: list[Described] = Field(default=[], max_length=5)
    family_status: Described | None = None
    occupation: Described | None = None


class Contact(Input):
    phone: ShortText | None = None
    email: ShortText | None = None
    address: Annotated[str, Field(max_length=500)] | None = None


class SpokenLanguage(Input):
    code: LanguageCode
    level: LanguageLevel = LanguageLevel.native
    needs_interpreter: StrictBool = False


class IdentifierCreate(Input):
    type: IdentifierType
    value: ShortText
    issued_on: CivilDate | None = None
    expires_on: CivilDate | None = None

    @model_validator(mode="after")
    def _expires_after_issue(self) -> Self:
        if self.issued_on is not None and self.expires_on is not None and self.expires_on < self.issued_on:
            text = Text("La pièce expirerait avant sa délivrance.", "The document would expire before its issue.")
            raise PydanticCustomError("identifier_period", "identifier period", {"text": text, "field": "expires_on"})
        return self


class MemberCreate(Input):
    """`is_adult` is needed only when the birth date does not settle it; null stays unknown and is never guessed."""

    external_id: ExternalId | None = None
    relation: Relation
    name: Annotated[Name, of(FieldGroup.names)]
    birth: Annotated[PartialDate, of(FieldGroup.birth)]
    is_adult: StrictBool | None = None
    unaccompanied_minor: Annotated[
        StrictBool, Field(description="Mineur non accompagné : jamais jumelé. Unaccompanied minor: never matched.")
    ] = False
    contact: Annotated[Contact | None, of(FieldGroup.contact)] = None
    description: Annotated[Description | None, of(FieldGroup.self_description)] = None
    languages: list[SpokenLanguage] = Field(default=[], max_length=20)
    identifiers: Annotated[list[IdentifierCreate], of(FieldGroup.identifiers)] = Field(default=[], max_length=20)


class ConsentSaid(Input):
    purpose: ConsentPurpose
    given: Annotated[StrictBool, of(FieldGroup.consents)]
    notice_version: Code
    notice_language: LanguageCode
    channel: Channel
    occurred_on: PastDate
    expires_on: CivilDate | None = None

    @model_validator(mode="after")
    def _ends_after_it_began(self) -> Self:
        if self.expires_on is not None and self.expires_on < self.occurred_on:
            text = Text("Le consentement finirait avant d'avoir commencé.", "The consent would end before it began.")
            raise PydanticCustomError("consent_period", "consent period", {"text": text, "field": "expires_on"})
        return self


class ConsentCreate(ConsentSaid):
    """`member` is the place of the adult in `members`, from 0."""

    member: Annotated[int, Field(ge=0, le=29, strict=True)]


class ConsentRecord(ConsentSaid):
    """One adult's word from now on: `given` true is a consent, false a refusal or the withdrawal of what stood."""

    person_id: UUID


class IdentifierRead(Output):
    type: IdentifierType
    value: str
    expires_on: date | None


class MemberRead(Output):
    """Groups that the caller's role does not see are absent; a masked one keeps its shape."""

    person_id: UUID
    external_id: str | None
    relation: Relation
    is_adult: bool | None
    languages: list[SpokenLanguage]
    name: Annotated[Name, of(FieldGroup.names)]
    birth: Annotated[PartialDate | None, of(FieldGroup.birth)] = None
    contact: Annotated[Contact | None, of(FieldGroup.contact)] = None
    identifiers: Annotated[list[IdentifierRead] | None, of(FieldGroup.identifiers)] = None


class ErasureMark(Output):
    """What is left to say of somebody whose key was destroyed, in both languages."""

    at: datetime
    fr: str
    en: str


class ErasedMember(Output):
    """A member who was erased: that there was one, and since when it is forgotten who."""

    person_id: UUID
    erased: ErasureMark


class ConsentRead(Output):
    person_id: UUID
    purpose: ConsentPurpose
    given: bool
    occurred_on: date
    expires_on: date | None
    withdrawn_at: datetime | None
