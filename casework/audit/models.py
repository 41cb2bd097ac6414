from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from casework.kernel.clock import now
from casework.kernel.records import Instant, Record


class LogLeaf(Record, table=True):
    """One business change, written in its own transaction; INSERT only, for everybody, for ever.

    `log` names the tree it belongs to: `milestones` (what auditors pull), `security` (sign-ins, refusals, changes of
    accounts and keys) or `audit` (every other change).
    """

    __tablename__ = "log_leaves"
    __table_args__ = (sa.CheckConstraint("log IN ('milestones', 'audit', 'security')", name="log"),)

    log: str
    body: str
    recorded_at: datetime = Field(default_factory=now, sa_type=Instant)


class LogLink(SQLModel, table=True):
    """The one thing that ties a leaf to a case outside sealed content; destroyed with the household's key."""

    __tablename__ = "log_links"

    leaf_id: UUID = Field(primary_key=True, foreign_key="log_leaves.id")
    case_tag: bytes


class LogOpening(SQLModel, table=True):
    """Salts and values behind a leaf's commitments, sealed under the subject's key."""

    __tablename__ = "log_openings"

    leaf_id: UUID = Field(primary_key=True, foreign_key="log_leaves.id")
    subject_id: UUID = Field(index=True)
    sealed: bytes


class LogQueue(SQLModel, table=True):
    """Leaves that wait for their index; filled by a trigger, so that no leaf can be forgotten."""

    __tablename__ = "log_queue"

    leaf_id: UUID = Field(primary_key=True)
    log: str


class LogEntry(SQLModel, table=True):
    """The dense index: given to rows already committed, so a cursor on it misses nothing."""

    __tablename__ = "log_entries"

    log: str = Field(primary_key=True)
    index: int = Field(primary_key=True, sa_type=sa.BigInteger)
    leaf_id: UUID = Field(foreign_key="log_leaves.id", unique=True)
    sequenced_at: datetime = Field(sa_type=Instant)


class LogNode(SQLModel, table=True):
    """Every complete subtree of the Merkle tree (RFC 6962): level 0 holds the leaf hashes."""

    __tablename__ = "log_nodes"

    log: str = Field(primary_key=True)
    level: int = Field(primary_key=True, sa_type=sa.SmallInteger)
    position: int = Field(primary_key=True, sa_type=sa.BigInteger)
    hash: bytes


class LogCheckpoint(SQLModel, table=True):
    __tablename__ = "log_checkpoints"

    log: str = Field(primary_key=True)
    size: int = Field(primary_key=True, sa_type=sa.BigInteger)
    root: bytes
    note: str
    signed_at: datetime = Field(sa_type=Instant)


class LogCosignature(SQLModel, table=True):
    """A witness's signature line under a checkpoint, verified before it was kept; INSERT only."""

    __tablename__ = "log_cosignatures"

    log: str = Field(primary_key=True)
    size: int = Field(primary_key=True, sa_type=sa.BigInteger)
    name: str = Field(primary_key=True)
    line: str


class ReadEntry(Record, table=True):
    """Who saw which cases, when and why; committed before the answer leaves."""

    __tablename__ = "read_entries"
    __table_args__ = (sa.Index("ix_read_entries_case_ids", "case_ids", postgresql_using="gin"),)

    at: datetime = Field(default_factory=now, sa_type=Instant)
    actor_id: UUID
    role: str
    organization_id: UUID | None = None
    permission: str
    purpose: str | None = None
    request_id: str
    case_ids: list[UUID] = Field(sa_type=ARRAY(sa.Uuid))
