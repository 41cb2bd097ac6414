from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from casework.kernel.clock import now
from casework.kernel.records import CaseBound, Instant, Record, TextEnum, one_of


class ErasureReason(StrEnum):
    """Each with its legal basis in data/erasure_reasons.csv; `retention` belongs to the sweep alone."""

    purpose_achieved = "purpose_achieved"
    wrong_person = "wrong_person"
    unlawful_collection = "unlawful_collection"
    order = "order"
    retention = "retention"


class ErasureStatus(StrEnum):
    requested = "requested"
    refused = "refused"
    done = "done"


class ErasureRefusal(StrEnum):
    """Why the second person said no."""

    still_needed = "still_needed"
    archives = "archives"
    not_founded = "not_founded"
    other_person = "other_person"


class HoldBasis(StrEnum):
    litigation = "litigation"
    access_request = "access_request"
    investigation = "investigation"
    audit = "audit"
    archives = "archives"


class Level(StrEnum):
    low = "low"
    moderate = "moderate"
    high = "high"


class Erasure(CaseBound, Record, table=True):
    """Asked by one person, decided by another; `rule_code` stands where a retention rule decided instead.

    The row's passage to `done` destroys the keys, in a trigger of the database: no other road leads there.
    """

    __tablename__ = "erasures"
    __table_args__ = (
        one_of("reason", ErasureReason),
        one_of("status", ErasureStatus),
        one_of("refusal", ErasureRefusal, optional=True),
        sa.CheckConstraint("rule_code IS NOT NULL OR decided_by <> requested_by", name="four_eyes"),
        sa.CheckConstraint("(rule_code IS NOT NULL) = (reason = 'retention')", name="rule_is_retention"),
        sa.CheckConstraint(
            "(status = 'requested') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)",
            name="decision_is_whole",
        ),
        sa.CheckConstraint("(status = 'refused') = (refusal IS NOT NULL)", name="refused_has_reason"),
        sa.Index(
            "uq_erasures_one_request",
            "person_id",
            unique=True,
            postgresql_where=sa.text("status = 'requested' AND rule_code IS NULL"),
        ),
    )

    person_id: UUID = Field(foreign_key="persons.id", index=True)
    reason: ErasureReason = Field(sa_type=TextEnum(ErasureReason))
    reference: str | None = None
    status: ErasureStatus = Field(default=ErasureStatus.requested, sa_type=TextEnum(ErasureStatus))
    requested_by: UUID
    requested_at: datetime = Field(default_factory=now, sa_type=Instant)
    decided_by: UUID | None = None
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    refusal: ErasureRefusal | None = Field(default=None, sa_type=TextEnum(ErasureRefusal))
    rule_code: str | None = None
    last_of_household: bool | None = None
    openings_destroyed: int | None = None


class LegalHold(CaseBound, Record, table=True):
    """Nothing of the person, or of the whole case when `person_id` is null, is erased until it is released."""

    __tablename__ = "legal_holds"
    __table_args__ = (
        one_of("basis", HoldBasis),
        sa.CheckConstraint("(released_at IS NULL) = (released_by IS NULL)", name="release_is_whole"),
    )

    person_id: UUID | None = Field(default=None, foreign_key="persons.id")
    basis: HoldBasis = Field(sa_type=TextEnum(HoldBasis))
    reference: str
    placed_by: UUID
    placed_at: datetime = Field(default_factory=now, sa_type=Instant)
    released_by: UUID | None = None
    released_at: datetime | None = Field(default=None, sa_type=Instant)
    release_reference: str | None = None


class Incident(Record, table=True):
    """One confidentiality incident (A-2.1, s. 63.9) and the wrapped key of its words.

    What is known of it stands in its versions; `aware_until` is copied here because it starts the five years
    during which the register keeps it (A-2.1, r. 3.1, s. 8).
    """

    __tablename__ = "incidents"

    created_at: datetime = Field(default_factory=now, sa_type=Instant)
    created_by: UUID
    version: int = 1
    aware_until: date = Field(index=True)
    kek_id: str
    wrapped: bytes
    key_version: int = 1


class IncidentVersion(Record, table=True):
    """The register's eight fields (A-2.1, r. 3.1, s. 7) as they stood after one entry; INSERT only.

    `sealed` holds every written word, as one JSON object under the incident's key.
    """

    __tablename__ = "incident_versions"
    __table_args__ = (
        one_of("sensitivity", Level),
        one_of("likelihood", Level),
        sa.UniqueConstraint("incident_id", "version"),
        sa.CheckConstraint("persons_count >= 0", name="persons_count"),
        sa.CheckConstraint("occurred_from <= occurred_until AND aware_from <= aware_until", name="periods"),
    )

    incident_id: UUID = Field(foreign_key="incidents.id")
    version: int
    recorded_by: UUID
    recorded_at: datetime = Field(default_factory=now, sa_type=Instant)
    information_known: bool
    occurred_from: date
    occurred_until: date
    occurred_approximate: bool
    aware_from: date
    aware_until: date
    persons_count: int
    persons_approximate: bool
    sensitivity: Level = Field(sa_type=TextEnum(Level))
    likelihood: Level = Field(sa_type=TextEnum(Level))
    serious_risk: bool
    commission_notified_on: date | None = None
    persons_notified_on: date | None = None
    persons_notice_deferred: bool
    public_notice_on: date | None = None
    sealed: bytes
