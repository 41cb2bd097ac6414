from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import Field

from casework.kernel.schemas import ExternalId, Input, Output


class ExportPurpose(StrEnum):
    """Why one person's whole file is put together; the read log keeps it."""

    access_request = "access_request"  # s. 83: the person asks what is held
    rectification = "rectification"  # s. 89
    portability = "portability"  # s. 84, par. 3
    complaint = "complaint"  # an authority examines a complaint of the person


class ExportRequest(Input):
    """`reference` names the request's own file, never a person."""

    purpose: ExportPurpose
    reference: ExternalId


class Manifest(Output):
    """`content_sha256`: lowercase hex over the RFC 8785 form of every member beside the manifest.

    `rows`: how many of each section. `checkpoint`: the newest signed note of the audit log before this export, whose
    own leaf (with this hash) comes after it; null while the log has none.
    """

    type: str
    format: str
    id: UUID
    produced_at: datetime
    purpose: ExportPurpose
    reference: str
    rows: dict[str, int]
    range: dict[str, datetime | None]
    content_sha256: str
    checkpoint: str | None


class Redactions(Output):
    """What was taken out because it is about somebody else (A-2.1, s. 88)."""

    other_members: int
    words_masked: int
    words_withheld: int


class SubjectAccessExport(Output):
    """Everything held about one person; each section is a list of rows, empty when nothing is recorded."""

    manifest: Manifest
    person: dict[str, Any]
    sections: dict[str, list[dict[str, Any]]]
    recommendations: list[dict[str, Any]] = Field(description="Telles que montrées, fr et en. As shown, fr and en.")
    redactions: Redactions


class Disclosure(Output):
    """One organization, region or sponsor that could see the case, from when until when, and what.

    `field_groups` are those of today's policy for the role; `reads` counts answers given to the organization while
    it had a view, whichever of its grants opened it.
    """

    recipient: str
    recipient_kind: str
    role: str
    field_groups: list[str]
    source: str
    source_id: UUID
    agreement_id: UUID | None
    from_at: datetime
    until_at: datetime
    reads: int | None
    first_read_at: datetime | None
    last_read_at: datetime | None


class DisclosureStatement(Output):
    manifest: Manifest
    person_id: UUID
    case_reference: str
    policy_version: int
    disclosures: list[Disclosure]
