from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from casework.kernel.schemas import Input, LongText, Output
from casework.placement.run_models import OverrideReason, RunStatus


class PlacementRunCreate(Input):
    """`keep_together`: pairs of cases for one place; a chain or a circle of pairs makes one group. `seats`: of the
    coach that leaves, for a cohort."""

    case_ids: Annotated[list[UUID], Field(min_length=1, max_length=500)]
    keep_together: Annotated[list[Annotated[list[UUID], Field(min_length=2, max_length=2)]], Field(max_length=200)] = (
        Field(default_factory=list)
    )
    seats: Annotated[int, Field(ge=1, le=10_000, strict=True)] | None = None


class ProposalChoice(Input):
    """Without a place, the proposed one; another place needs the typed reason."""

    case_id: UUID
    capacity_id: UUID | None = None
    override_code: OverrideReason | None = None


class RunConfirm(Input):
    """All or none: the places of every choice are held, or of none."""

    choices: Annotated[list[ProposalChoice], Field(min_length=1, max_length=200)]
    reason: LongText
    expires_in_hours: Annotated[int, Field(ge=1, le=336, strict=True)] = 72


class ProposalRead(Output):
    """`rules_together`: the fewest rules that exclude every place between them, when no place is eligible."""

    case_id: UUID
    label: str | None
    left_out: str | None
    capacity_id: UUID | None
    place_name: str | None
    region_code: str | None
    score: int | None
    rules_together: list[str]
    offer_id: UUID | None
    confirmed_at: datetime | None
    override_code: OverrideReason | None


class CertificateRead(Output):
    """`value` in points, `bound` and `gap` in thousandths: what may have been missed, at most."""

    value: int
    bound: int
    gap: int
    sha256: str


class CertificateDocument(Output):
    """What anyone needs to check the bound without a solver; labels stand for cases."""

    batch_version: str
    scale: int
    resources: list[str]
    places: list[str]
    pools: list[dict[str, Any]]
    cases: list[dict[str, Any]]
    placed: dict[str, int]
    value: int
    bound: int
    sha256: str


class EquityCell(Output):
    """Null where so few cases stand behind a figure that it could tell about one of them."""

    group: str
    value: str
    cases: int | None
    placed_share: float | None
    mean_score: int | None
    mean_waiting_days: int | None


class RunReport(Output):
    proposed: int
    confirmed: int
    overridden: int
    override_rate: float | None
    median_seconds_to_confirm: int | None
    equity: list[EquityCell]


class PlacementRunRead(Output):
    id: UUID
    version: int
    created_at: datetime
    finished_at: datetime | None
    status: RunStatus
    progress: int
    engine_version: str
    weights_version: str
    certificate: CertificateRead | None
    proposals: list[ProposalRead]
    report: RunReport
