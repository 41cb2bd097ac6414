"""A placement run and what it proposes. The inputs name cases by labels of the run only: who a label is stands in the
proposals, which go with the household's key."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from casework.kernel.records import CaseBound, Instant, Record, TextEnum, VersionedRecord, one_of


class RunStatus(StrEnum):
    queued = "queued"
    running = "running"
    done = "done"
    failed = "failed"
    cancelled = "cancelled"


class OverrideReason(StrEnum):
    """Why a person chose another place than the proposed one: a rising rate is a defect report about the model."""

    household_wish = "household_wish"
    missing_rule = "missing_rule"
    wrong_information = "wrong_information"
    local_knowledge = "local_knowledge"
    other = "other"


class PlacementRun(VersionedRecord, table=True):
    """`office_id` and `region_code` are its author's: who works there follows it."""

    __tablename__ = "placement_runs"
    __table_args__ = (
        one_of("status", RunStatus),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name="progress"),
        sa.CheckConstraint("(status = 'done') = (result IS NOT NULL AND sha256 IS NOT NULL)", name="done_has_result"),
        sa.Index("ix_placement_runs_open", "id", postgresql_where=sa.text("status IN ('queued', 'running')")),
    )

    office_id: UUID | None = None
    region_code: str | None = None
    created_by: UUID
    status: RunStatus = Field(sa_type=TextEnum(RunStatus))
    progress: int = 0
    engine_version: str
    weights_version: str
    inputs: dict[str, Any] = Field(sa_type=JSONB)
    result: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    sha256: str | None = None
    lease_until: datetime | None = Field(default=None, sa_type=Instant)
    finished_at: datetime | None = Field(default=None, sa_type=Instant)


class PlacementProposal(CaseBound, Record, table=True):
    """One case of a run. `label` names it, and those kept together with it, in the run's inputs; `left_out` is the
    rule that kept it out of the model. Confirmed: the offer that was made, and whether for another place."""

    __tablename__ = "placement_proposals"
    __table_args__ = (
        one_of("override_code", OverrideReason, optional=True),
        sa.CheckConstraint("(label IS NULL) = (left_out IS NOT NULL)", name="in_or_out"),
        sa.CheckConstraint(
            "(offer_id IS NULL) = (confirmed_at IS NULL) AND (offer_id IS NULL) = (confirmed_by IS NULL)",
            name="confirmed_whole",
        ),
        sa.CheckConstraint("override_code IS NULL OR offer_id IS NOT NULL", name="override_is_confirmed"),
        sa.UniqueConstraint("run_id", "case_id"),
    )

    run_id: UUID = Field(foreign_key="placement_runs.id")
    label: str | None = None
    left_out: str | None = None
    offer_id: UUID | None = Field(default=None, foreign_key="offers.id")
    confirmed_at: datetime | None = Field(default=None, sa_type=Instant)
    confirmed_by: UUID | None = None
    override_code: OverrideReason | None = Field(default=None, sa_type=TextEnum(OverrideReason))
