from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from casework.kernel.records import CaseBound, Instant, TextEnum, VersionedRecord, one_of

REASON_PLACE = "merges/sealed_reason"


class MergeStatus(StrEnum):
    proposed = "proposed"
    done = "done"
    refused = "refused"
    undone = "undone"


class Merge(CaseBound, VersionedRecord, table=True):
    """Two records of one person: `person_id` is kept, `duplicate_id` leads to it until the merge is undone.

    The row's passage to `done` or `undone` changes the other rows, in a trigger of the database: nothing sealed is
    rewritten, so that undoing puts every column back. `across`: the two stood in cases of two offices.
    """

    __tablename__ = "merges"
    __table_args__ = (
        one_of("status", MergeStatus),
        sa.CheckConstraint("duplicate_id <> person_id", name="two_records"),
        sa.CheckConstraint("NOT across OR decided_by IS NULL OR decided_by <> proposed_by", name="four_eyes"),
        sa.CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decision_is_whole"),
        sa.CheckConstraint("(undone_by IS NULL) = (undone_at IS NULL)", name="undoing_is_whole"),
        sa.Index(
            "uq_merges_standing", "duplicate_id", unique=True,
            postgresql_where=sa.text("status IN ('proposed', 'done')"),
        ),
    )  # fmt: skip

    person_id: UUID = Field(foreign_key="persons.id", index=True)
    duplicate_id: UUID = Field(foreign_key="persons.id")
    from_case_id: UUID = Field(foreign_key="cases.id")
    status: MergeStatus = Field(sa_type=TextEnum(MergeStatus))
    across: bool
    sealed_reason: bytes
    proposed_by: UUID
    decided_by: UUID | None = None
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    undone_by: UUID | None = None
    undone_at: datetime | None = Field(default=None, sa_type=Instant)
    membership_id: UUID | None = None
