"""Which organization could see what of a person, why, from when until when: derived, never kept by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from casework.audit import trail
from casework.authz.guard import key_within_reach
from casework.authz.policy import Permission, Role, sights_of
from casework.privacy import holds, queries
from casework.privacy.manifest import manifest, plain

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.privacy.export_schemas import ExportRequest

FORMAT = "casework-disclosure-statement/1"
REFERENCE = "SELECT reference FROM cases WHERE id = %s"


async def statement(session: Session, caller: Caller, person_id: UUID, wanted: ExportRequest) -> dict[str, Any]:
    """The statement as plain JSON. Raises NotFound or SubjectErased."""
    case_id = await holds.case_of(session, person_id)
    key = await key_within_reach(session, person_id)
    session.about, session.about_case = key, case_id
    asking = replace(caller, purpose=wanted.purpose)
    await trail.record_read(session, asking, Permission.disclosure_export, [case_id])
    [(reference,)] = await session.rows(REFERENCE, (case_id,))
    grants = await queries.named_rows(session, queries.GRANTS, {"case": case_id})
    reads = await queries.named_rows(session, queries.READS_BY_ORGANIZATION, {"case": case_id})
    seen = {row.pop("organization_id"): row for row in reads}
    content = plain(
        {
            "person_id": person_id,
            "case_reference": reference,
            "policy_version": trail.POLICY_VERSION,
            "disclosures": [_disclosure(grant, seen) for grant in grants],
        }
    )
    counts = {"disclosures": len(grants)}
    instants = [grant[name] for grant in grants for name in ("from_at", "until_at")]
    said = {
        **await manifest(session, FORMAT, content, counts, instants),
        "purpose": str(wanted.purpose), "reference": wanted.reference,
    }  # fmt: skip
    kept = {name: said[name] for name in ("id", "rows", "content_sha256", "purpose")}
    trail.record(session, caller, "disclosure.stated", {**kept, "subject": key.pseudonym("export", said["id"])})
    return {"manifest": said, **content}


def _disclosure(grant: dict[str, Any], seen: dict[UUID, dict[str, Any]]) -> dict[str, Any]:
    """A region's branch reads as its coordinator, a sponsor in person; only an organization's reads bear its id."""
    kind, role, recipient = _recipient(grant)
    unknown = {"reads": None, "first_read_at": None, "last_read_at": None}
    never = {**unknown, "reads": 0}
    reads = unknown if kind != "organization" else seen.get(grant["organization_id"], never)
    kept = ("source", "source_id", "agreement_id", "from_at", "until_at")
    return {
        "recipient": recipient, "recipient_kind": kind, "role": str(role),
        "field_groups": sorted(map(str, sights_of(role))),
        **{name: grant[name] for name in kept}, **reads,
    }  # fmt: skip


def _recipient(grant: dict[str, Any]) -> tuple[str, Role, str]:
    if grant["organization_id"] is not None:
        return "organization", Role.partner, grant["organization"]
    if grant["sponsor"]:
        # Who the spokesperson is stays with the spokesperson: a third party (A-2.1, s. 88).
        return "sponsor", Role.sponsor_spokesperson, "porte-parole du parrainage / sponsors' spokesperson"
    return "region", Role.coordinator, grant["region"]
