from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from casework.kernel.records import VersionedRecord


class SavedWorklist(VersionedRecord, table=True):
    """A named filter of one user. `office_id` or `region_code` is whom it is shared with; it holds no name of anybody.

    What it finds is not kept: it is asked again, within the reach of whoever runs it.
    """

    __tablename__ = "saved_worklists"
    __table_args__ = (
        sa.CheckConstraint("num_nonnulls(office_id, region_code) <= 1", name="shared_once"),
        sa.UniqueConstraint("actor_id", "name"),
    )

    actor_id: UUID
    office_id: UUID | None = Field(default=None, index=True)
    region_code: str | None = Field(default=None, index=True)
    name: str
    asked: dict[str, Any] = Field(sa_type=JSONB)
