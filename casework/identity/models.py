"""Who signs in, with what, and by which dated grants (ADR 0011, ADR 0012)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from casework.authz.policy import Role
from casework.kernel.clock import now
from casework.kernel.records import Instant, Record, TextEnum, one_of


class Office(Record, table=True):
    __tablename__ = "offices"

    name: str
    kind: str
    region_code: str | None = Field(default=None, foreign_key="admin_regions.code")


class User(Record, table=True):
    """`issuer` and `subject` name the person at the OpenID Connect provider; both null for a local account."""

    __tablename__ = "users"
    __table_args__ = (
        sa.UniqueConstraint("issuer", "subject"),
        sa.CheckConstraint("(issuer IS NULL) = (subject IS NULL)", name="external"),
    )

    username: str = Field(unique=True)
    issuer: str | None = None
    subject: str | None = None
    display_name: str
    created_at: datetime = Field(default_factory=now, sa_type=Instant)
    disabled_at: datetime | None = Field(default=None, sa_type=Instant)


class RoleGrant(Record, table=True):
    """A dated role: a change is a revocation and a new grant, so that what was true stays true.

    One that an administrator proposed is in force once somebody who may vouch for it has approved it; one without
    `proposed_by` was made by the operator at the machine itself.
    """

    __tablename__ = "role_grants"
    __table_args__ = (one_of("role", Role),)

    user_id: UUID = Field(foreign_key="users.id", index=True)
    role: Role = Field(sa_type=TextEnum(Role))
    office_id: UUID | None = Field(default=None, foreign_key="offices.id")
    region_code: str | None = Field(default=None, foreign_key="admin_regions.code")
    organization_id: UUID | None = Field(default=None, foreign_key="organizations.id")
    valid_from: datetime = Field(default_factory=now, sa_type=Instant)
    valid_until: datetime | None = Field(default=None, sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
    proposed_by: UUID | None = Field(default=None, foreign_key="users.id")
    approved_by: UUID | None = Field(default=None, foreign_key="users.id")
    approved_at: datetime | None = Field(default=None, sa_type=Instant)


class Password(Record, table=True):
    """Insert-only: the newest row of a user counts. A `one_time` one serves once, to choose the next."""

    __tablename__ = "passwords"

    user_id: UUID = Field(foreign_key="users.id", index=True)
    hash: str
    one_time: bool
    created_at: datetime = Field(default_factory=now, sa_type=Instant)
    valid_until: datetime | None = Field(default=None, sa_type=Instant)


class SignInBucket(SQLModel, table=True):
    """What recent attempts cost the next one. A bounded number of buckets: nobody fills the disk by guessing."""

    __tablename__ = "sign_in_buckets"

    bucket: int = Field(primary_key=True, sa_type=sa.Integer, sa_column_kwargs={"autoincrement": False})
    attempts: int
    last_at: datetime = Field(sa_type=Instant)
    free_at: datetime = Field(sa_type=Instant)
    succeeded_at: datetime | None = Field(default=None, sa_type=Instant)


class ApiClient(Record, table=True):
    """A partner's machine. `jwks` holds its public keys (RFC 7523); `networks` where it may call from, empty for anywhere."""

    __tablename__ = "api_clients"
    __table_args__ = (one_of("role", Role),)

    name: str
    organization_id: UUID = Field(foreign_key="organizations.id", index=True)
    role: Role = Field(sa_type=TextEnum(Role))
    scopes: list[str] = Field(sa_type=ARRAY(sa.Text))
    networks: list[str] = Field(default_factory=list, sa_type=ARRAY(sa.Text))
    jwks: dict[str, Any] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    created_at: datetime = Field(default_factory=now, sa_type=Instant)
    valid_until: datetime = Field(sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)


class ClientSecret(Record, table=True):
    """Random (256 bits) and shown once; what is stored is its keyed hash. Two may be in force: rotation overlaps."""

    __tablename__ = "client_secrets"

    client_id: UUID = Field(foreign_key="api_clients.id", index=True)
    organization_id: UUID = Field(foreign_key="organizations.id")
    secret_hash: bytes
    created_at: datetime = Field(default_factory=now, sa_type=Instant)
    valid_until: datetime = Field(sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)


class UsedAssertion(SQLModel, table=True):
    """A client's assertion serves once (RFC 7523 §3): its `jti` is remembered for as long as it could be accepted."""

    __tablename__ = "used_assertions"

    client_id: UUID = Field(primary_key=True, foreign_key="api_clients.id")
    jti_hash: bytes = Field(primary_key=True)
    expires_at: datetime = Field(sa_type=Instant, index=True)
