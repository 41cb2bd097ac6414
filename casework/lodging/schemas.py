from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from casework.kernel.dates import CivilDate, PastDate
from casework.kernel.schemas import Input, LongText, Output
from casework.lodging.models import LodgingEnd, MoveStatus


class LodgingCreate(Input):
    """The whole household, from `starts_on` on; where it was lodged elsewhere, that stay ends the same day."""

    site_id: UUID
    starts_on: PastDate


class LodgingLeave(Input):
    ends_on: PastDate


class LodgingRead(Output):
    id: UUID
    case_id: UUID
    site_id: UUID
    persons: int
    starts_on: date
    ends_on: date | None
    end_reason: LodgingEnd | None
    recorded_by: UUID
    version: int


class SiteClosureCreate(Input):
    """`successors`: where its households go, the first that has room; without room for all of them, nothing is done
    unless `leave_waiting`: those left over then stand in the worklist `to_lodge` from that day on.
    """

    closed_on: CivilDate
    reason: LongText
    successors: Annotated[list[UUID], Field(max_length=20, default_factory=list)]
    leave_waiting: bool = False


class ClosureStatus(StrEnum):
    scheduled = "scheduled"
    running = "running"
    done = "done"


class ClosureMoveRead(Output):
    """`to_site_id` null: no bed for this household. `next_lodging_id`: its stay there, once it has moved."""

    case_id: UUID
    lodging_id: UUID
    persons: int
    to_site_id: UUID | None
    status: MoveStatus
    next_lodging_id: UUID | None
    done_at: datetime | None


class SiteClosureRead(Output):
    """`progress`: households done with, of all, in percent. `id` null: a rehearsal, nothing was written."""

    id: UUID | None
    dry_run: bool
    site_id: UUID
    closed_on: date
    reason: str
    status: ClosureStatus
    progress: int
    finished_at: datetime | None
    version: int
    counts: dict[MoveStatus, int]
    persons: Annotated[int, Field(description="Personnes hébergées là. Persons lodged there.")]
    short: Annotated[int, Field(description="Lits qui manquent. Beds that are missing.")]
    moves: list[ClosureMoveRead]
