from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, SecretStr, StringConstraints, model_validator

from casework.authz.policy import FieldGroup, Permission, Reach, Role, Sight
from casework.kernel.schemas import Input, Output, RegionCode, ShortText

Username = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{1,62}[a-z0-9]$")]
# Bounded before it is hashed: the time it takes must not be the caller's choice.
PasswordText = Annotated[SecretStr, Field(min_length=1, max_length=200)]


class TokenAnswer(Output):
    """RFC 6749 §5.1."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str


class SessionCreate(Input):
    """`new_password`: required with a one-time password, otherwise a change."""

    username: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    password: PasswordText
    new_password: PasswordText | None = None


class SessionRead(Output):
    access_token: str
    token_type: str
    expires_in: int


class Me(Output):
    """`scopes` is null for a person, who has the whole role; `valid_until` null where no end is set.

    A group that `field_groups` does not name is hidden.
    """

    id: UUID
    name: str
    role: Role
    office_id: UUID | None
    region_code: str | None
    organization_id: UUID | None
    grant_id: UUID | None
    valid_from: datetime | None
    valid_until: datetime | None
    scopes: list[str] | None
    permissions: dict[Permission, Reach]
    field_groups: dict[FieldGroup, Sight]


class GrantState(StrEnum):
    proposed = "proposed"
    in_force = "in_force"
    to_come = "to_come"
    ended = "ended"


class GrantRead(Output):
    """`proposed_by` null: made at the machine itself, by its operator. Who vouches must know for whom: `issuer` and
    `subject` say which person at the provider the account is, null for a local one.
    """

    id: UUID
    user_id: UUID
    username: str
    display_name: str
    issuer: str | None
    subject: str | None
    role: Role
    office_id: UUID | None
    region_code: str | None
    organization_id: UUID | None
    valid_from: datetime
    valid_until: datetime | None
    revoked_at: datetime | None
    proposed_by: UUID | None
    approved_by: UUID | None
    approved_at: datetime | None
    state: GrantState


class GrantPropose(Input):
    """`valid_from` and `valid_until`: from now on, and without end, when absent."""

    user_id: UUID
    role: Role
    office_id: UUID | None = None
    region_code: RegionCode | None = None
    organization_id: UUID | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> GrantPropose:
        for instant in (self.valid_from, self.valid_until):
            if instant is not None and (instant.tzinfo is None or not 2000 <= instant.year <= 2100):
                raise ValueError("an instant with its time zone, between 2000 and 2100")
        if self.valid_from and self.valid_until and self.valid_until <= self.valid_from:
            raise ValueError("valid_until is not after valid_from")
        return self


class UserCreate(Input):
    """`issuer` and `subject`: the person at the OpenID Connect provider; absent for a local account."""

    username: Username
    display_name: ShortText
    issuer: Annotated[str, StringConstraints(pattern=r"^https?://[!-~]{1,400}$")] | None = None
    subject: Annotated[str, StringConstraints(pattern=r"^[ -~]{1,255}$")] | None = None

    @model_validator(mode="after")
    def _both_or_neither(self) -> UserCreate:
        if (self.issuer is None) != (self.subject is None):
            raise ValueError("issuer and subject go together")
        return self


class UserRead(Output):
    """`role` and its reach: those in force; null when none is."""

    id: UUID
    username: str
    display_name: str
    role: Role | None
    office_id: UUID | None
    region_code: str | None
    organization_id: UUID | None
    disabled: bool
    external: bool


class OneTimePassword(Output):
    """Shown this once; the person chooses their own with it before it expires."""

    user_id: UUID
    password: str
    valid_until: datetime


class ApiClientCreate(Input):
    name: ShortText
    organization_id: UUID
    scopes: list[ShortText] = Field(min_length=1, max_length=40)
    networks: list[IPv4Network | IPv6Network] = Field(default=[], max_length=50)
    valid_days: int = Field(default=365, ge=1, le=730, strict=True)


class ApiClientRead(Output):
    id: UUID
    name: str
    organization_id: UUID
    role: Role
    scopes: list[str]
    networks: list[str]
    jwks: dict[str, Any] | None
    created_at: datetime
    valid_until: datetime
    revoked_at: datetime | None


class SecretCreate(Input):
    """How long the secrets in force still serve beside the new one: 0 ends them at once."""

    overlap_days: int = Field(default=7, ge=0, le=90, strict=True)


class SecretRead(Output):
    id: UUID
    client_id: UUID
    created_at: datetime
    valid_until: datetime
    revoked_at: datetime | None


class SecretCreated(SecretRead):
    """The secret is shown this once."""

    secret: str


class ClientKeys(Input):
    """A JWK set (RFC 7517) of public keys."""

    keys: list[dict[str, Any]] = Field(min_length=1, max_length=10)
