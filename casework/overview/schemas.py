from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from casework.authz.policy import Reach, Role
from casework.kernel.schemas import Output, Page


class ActorKind(StrEnum):
    user = "user"
    api_client = "api_client"


class ThroughRead(Output):
    """The grant that opens the case; `until` is the soonest end of the grant, its agreement and the consents."""

    source: str
    source_id: UUID
    agreement_id: UUID | None
    consent_until: datetime | None
    until: datetime


class SeerRead(Output):
    """One who can see the case now. `through` is empty for a role that needs no grant; `role_until` null: no end set."""

    actor_id: UUID
    kind: ActorKind
    role: Role
    reach: Reach
    rule: str
    office_id: UUID | None
    region_code: str | None
    organization_id: UUID | None
    role_until: datetime | None
    through: list[ThroughRead]


class ReadingRead(Output):
    """One answer that showed the case, alone or in a list."""

    id: UUID
    at: datetime
    actor_id: UUID
    role: str
    organization_id: UUID | None
    permission: str
    purpose: str | None


class AccessRead(Output):
    case_id: UUID
    can_see: list[SeerRead]
    seen: Page[ReadingRead]


class EventRead(Output):
    """`occurred_on` is when it happened, `recorded_at` when it was entered; `code` says which (a status, a milestone)."""

    id: UUID
    kind: str
    title: str
    code: str | None
    occurred_on: date
    recorded_at: datetime
    person_id: UUID | None


class CompletenessOfCode(Output):
    """`due` by the day asked, `recorded` whatever the outcome, late ones included."""

    code: str
    label_fr: str
    label_en: str
    due: int
    recorded: int
    recorded_share: float | None


class CompletenessRead(Output):
    """Counts milestones of households within the reader's reach; null where nothing is due."""

    organization_id: UUID
    on: date
    cases: int
    due: int
    recorded: int
    recorded_share: float | None
    milestones: list[CompletenessOfCode]
