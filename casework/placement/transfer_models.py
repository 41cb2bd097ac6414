"""A transfer: a household that has a host asks, or is asked, to move to another. Its hold and its answers are an offer's."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from casework.kernel.language import Text
from casework.kernel.records import CaseBound, Instant, TextEnum, VersionedRecord, among, one_of
from casework.placement.models import RefusalReason


class TransferStatus(StrEnum):
    """`declined`: an adult said no; `interrupted`: the household left and did not arrive. None is a failure."""

    proposed = "proposed"
    accepted = "accepted"
    refused = "refused"
    declined = "declined"
    expired = "expired"
    withdrawn = "withdrawn"
    departed = "departed"
    carried_out = "carried_out"
    interrupted = "interrupted"


OPEN: Final = (TransferStatus.proposed, TransferStatus.accepted)
IS_OPEN: Final = among("status", OPEN)


class AskedBy(StrEnum):
    household = "household"
    caseworker = "caseworker"


class TransferReason(StrEnum):
    """Why a household would live elsewhere; none has to be proved."""

    family = "family"
    community_ties = "community_ties"
    employment = "employment"
    school = "school"
    health_care = "health_care"
    housing = "housing"
    safety = "safety"
    services = "services"
    other = "other"


LABELS: Final[dict[TransferReason, Text]] = {
    TransferReason.family: Text("Rejoindre la famille", "To join family"),
    TransferReason.community_ties: Text("Liens communautaires", "Community ties"),
    TransferReason.employment: Text("Emploi", "Employment"),
    TransferReason.school: Text("École ou formation", "School or training"),
    TransferReason.health_care: Text("Soins de santé", "Health care"),
    TransferReason.housing: Text("Logement", "Housing"),
    TransferReason.safety: Text("Sécurité", "Safety"),
    TransferReason.services: Text("Services absents du lieu actuel", "Services absent from the present place"),
    TransferReason.other: Text("Autre raison", "Another reason"),
}


class TransferWithdrawal(StrEnum):
    household_changed_its_mind = "household_changed_its_mind"
    circumstances_changed = "circumstances_changed"
    place_lost = "place_lost"
    mistaken = "mistaken"
    other = "other"


class Transfer(CaseBound, VersionedRecord, table=True):
    """`assignment_id`: the one it led to, from the departure on. `answered_at`: the receiving organization's answer."""

    __tablename__ = "transfers"
    __table_args__ = (
        one_of("status", TransferStatus),
        one_of("asked_by", AskedBy),
        one_of("reason_code", TransferReason),
        one_of("refusal_code", RefusalReason, optional=True),
        one_of("withdrawal_code", TransferWithdrawal, optional=True),
        sa.CheckConstraint("(status = 'refused') = (refusal_code IS NOT NULL)", name="refusal_has_reason"),
        sa.CheckConstraint(
            "(status IN ('departed', 'carried_out', 'interrupted')) = (assignment_id IS NOT NULL)",
            name="departure_has_assignment",
        ),
        sa.CheckConstraint(
            "(status IN ('proposed', 'accepted', 'departed')) = (closed_at IS NULL)", name="end_has_time"
        ),
        sa.Index("uq_transfers_one_open", "case_id", unique=True, postgresql_where=sa.text(IS_OPEN)),
    )

    offer_id: UUID = Field(foreign_key="offers.id", unique=True)
    from_assignment_id: UUID = Field(foreign_key="assignments.id")
    from_region_code: str = Field(foreign_key="admin_regions.code")
    assignment_id: UUID | None = Field(default=None, foreign_key="assignments.id", unique=True)
    capacity_id: UUID = Field(foreign_key="capacities.id")
    organization_id: UUID = Field(foreign_key="organizations.id", index=True)
    agreement_id: UUID = Field(foreign_key="agreements.id")
    geo_code: str = Field(foreign_key="municipalities.geo_code")
    to_region_code: str = Field(foreign_key="admin_regions.code")
    asked_by: AskedBy = Field(sa_type=TextEnum(AskedBy))
    reason_code: TransferReason = Field(sa_type=TextEnum(TransferReason))
    status: TransferStatus = Field(sa_type=TextEnum(TransferStatus))
    refusal_code: RefusalReason | None = Field(default=None, sa_type=TextEnum(RefusalReason))
    withdrawal_code: TransferWithdrawal | None = Field(default=None, sa_type=TextEnum(TransferWithdrawal))
    answered_at: datetime | None = Field(default=None, sa_type=Instant)
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
    created_by: UUID
