from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from casework.kernel.clock import now
from casework.kernel.records import CaseBound, Instant, Record, TextEnum, one_of


class LinkKind(StrEnum):
    """`split_from` and `split_into` are written by a split alone, one at each end."""

    keep_together = "keep_together"
    kin = "kin"
    split_from = "split_from"
    split_into = "split_into"


class MoveReason(StrEnum):
    """`safety`: nothing in the case that is left tells of the new one."""

    separation = "separation"
    adult_child = "adult_child"
    safety = "safety"
    reunion = "reunion"
    error = "error"
    other = "other"


class CaseLink(CaseBound, Record, table=True):
    """One end of a link between two cases; a trigger keeps its twin at the other end (domain.md §7.5)."""

    __tablename__ = "case_links"
    __table_args__ = (
        one_of("kind", LinkKind),
        sa.CheckConstraint("other_case_id <> case_id", name="another_case"),
        sa.Index(
            "uq_case_links_standing", "case_id", "other_case_id", "kind", unique=True,
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )  # fmt: skip

    other_case_id: UUID = Field(foreign_key="cases.id")
    pair: UUID = Field(index=True)
    kind: LinkKind = Field(sa_type=TextEnum(LinkKind))
    linked_by: UUID
    linked_at: datetime = Field(default_factory=now, sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)


class PersonMove(CaseBound, Record, table=True):
    """A person's record goes from one case to another; the row's insertion carries it, in a trigger."""

    __tablename__ = "person_moves"
    __table_args__ = (
        one_of("reason", MoveReason),
        sa.CheckConstraint("from_case_id <> case_id", name="another_case"),
    )

    person_id: UUID = Field(foreign_key="persons.id")
    from_case_id: UUID = Field(foreign_key="cases.id")
    reason: MoveReason = Field(sa_type=TextEnum(MoveReason))
    moved_by: UUID
    moved_at: datetime = Field(default_factory=now, sa_type=Instant)
