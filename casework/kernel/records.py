"""Base of the table models: naming convention, checked text enums, versioned rows, rows bound to a case."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from casework.kernel.clock import now
from casework.kernel.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterable

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

E = TypeVar("E", bound=StrEnum)
Instant = sa.DateTime(timezone=True)


class TextEnum(sa.types.TypeDecorator[Any]):
    """Text that gives its enum member back (a bare `String` would give `str`, and `is` would be silently false).

    Text and not a PostgreSQL enum: enum equality is not leakproof and loses its index under row security.
    """

    impl = sa.Text
    cache_ok = True

    def __init__(self, members: type[StrEnum]) -> None:
        super().__init__()
        self.members = members

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:  # noqa: ARG002 -- SQLAlchemy's signature
        return None if value is None else str(self.members(value))

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> StrEnum | None:  # noqa: ARG002 -- same
        return None if value is None else self.members(value)


def one_of(column: str, members: type[StrEnum], *, optional: bool = False) -> sa.CheckConstraint:
    """The CHECK that backs a `TextEnum` column."""
    null = f"{column} IS NULL OR " if optional else ""
    return sa.CheckConstraint(f"{null}{among(column, members)}", name=column)


def among(column: str, members: Iterable[StrEnum]) -> str:
    """A SQL condition."""
    return f"{column} IN (" + ", ".join(f"'{member}'" for member in members) + ")"


class Record(SQLModel):
    id: UUID = Field(default_factory=new_id, primary_key=True)


class VersionedRecord(Record):
    """A row behind an ETag: `version` grows by one with each change of the resource."""

    version: int = 1
    created_at: datetime = Field(default_factory=now, sa_type=Instant)


class CaseBound(SQLModel):
    """A row that belongs to one case.

    The reach columns stand on the row itself: row security compares columns, never correlated sub-queries
    (access.md §2). They must equal the parent's: each generated `WITH CHECK` tests it, and a trigger on `cases`
    carries later changes to the children.
    """

    case_id: UUID = Field(foreign_key="cases.id", index=True)
    office_id: UUID
    region_code: str | None = None
