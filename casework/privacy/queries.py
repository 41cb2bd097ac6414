"""Everything held about one person, in hand-written SQL; row security stands behind each of them.

The columns of a section stand in the order in which the readable document shows them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from casework.kernel.database import Session

PERSON = (
    "SELECT id, case_id, external_id, is_adult, unaccompanied_minor, languages, created_at, sealed_name, sealed_birth,"
    " sealed_contact, sealed_description, sealed_death"
    " FROM persons WHERE id = %(person)s"
)
NAMES = (
    "SELECT p.id, p.sealed_name, p.sealed_contact, k.kek_id, k.wrapped, k.key_version FROM persons p"
    " JOIN subject_keys k ON k.subject_id = p.id AND k.erased_at IS NULL WHERE p.id <> %(person)s"
    " AND (p.case_id = %(case)s OR p.id IN (SELECT m.person_id FROM memberships m WHERE m.case_id = %(case)s))"
)

_WHERE_PLACE = " JOIN municipalities g ON g.geo_code = x.geo_code JOIN organizations o ON o.id = x.organization_id"
# A row of the whole household is about each of its members; a row of another member is not.
_MINE = "(x.person_id = %(person)s OR x.person_id IS NULL)"
SECTIONS: Mapping[str, str] = {
    "identifiers": (
        "SELECT x.id, x.type, x.sealed_value AS value, x.issued_on, x.expires_on, x.ended_at FROM identifiers x"
        " WHERE x.person_id = %(person)s"
    ),
    "representatives": (
        "SELECT x.id, x.kind, x.sealed_representative AS representative, x.appointed_on, x.ended_on"
        " FROM representatives x WHERE x.person_id = %(person)s"
    ),
    "changes": (
        "SELECT x.id, x.recorded_at, x.reason, x.sealed_name AS name, x.sealed_birth AS birth, x.sealed_contact AS contact,"
        " x.sealed_description AS description, x.sealed_death AS death FROM person_versions x WHERE x.person_id = %(person)s"
    ),
    "case": (
        "SELECT x.id, x.reference, x.programme, x.status, r.name_fr AS region, x.claimed_on, x.undertaking_on, x.offered_on,"
        " x.arrived_on, x.created_at, x.closed_at, x.sealed_close_reason AS close_reason"
        " FROM cases x LEFT JOIN admin_regions r ON r.code = x.region_code WHERE x.id = %(case)s"
    ),
    "memberships": (
        "SELECT x.relation, x.starts_on, x.ends_on, x.end_reason FROM memberships x WHERE x.person_id = %(person)s"
    ),
    "consents": (
        "SELECT x.purpose, x.given, x.notice_version, x.notice_language, x.channel, x.occurred_on, x.expires_on,"
        " x.withdrawn_at FROM consents x WHERE x.person_id = %(person)s"
    ),
    "claim_statuses": (
        "SELECT x.id, x.status, x.occurred_on, x.printed_due_on, x.hearing_on, x.hearing_place,"
        " x.sealed_source AS source, x.voided_at, x.sealed_void_reason AS void_reason, x.person_id IS NULL AS whole_household"
        f" FROM claim_statuses x WHERE x.case_id = %(case)s AND {_MINE}"
    ),
    "address_notices": (
        "SELECT x.id, x.authority, x.moved_on, x.due_on, x.notified_on, x.sealed_receipt AS receipt"
        " FROM address_notices x WHERE x.case_id = %(case)s"
    ),
    "notes": (
        "SELECT x.id, x.occurred_on, x.recorded_at, o.name AS organization, x.visibility, x.sealed_text AS text,"
        " x.person_id IS NULL AS whole_household FROM case_notes x LEFT JOIN organizations o ON o.id = x.organization_id"
        f" WHERE x.case_id = %(case)s AND {_MINE}"
    ),
    "collection_notices": (
        "SELECT x.notice_version, x.notice_language, x.channel, x.occurred_on FROM collection_notices x"
        " WHERE x.person_id = %(person)s"
    ),
    "service_languages": (
        "SELECT x.language, x.basis, x.starts_on, x.ends_on FROM service_languages x WHERE x.person_id = %(person)s"
    ),
    "programme_changes": (
        "SELECT x.from_programme, x.to_programme, x.occurred_on FROM programme_changes x WHERE x.case_id = %(case)s"
    ),
    "needs": (
        "SELECT x.services, x.interpreter_languages, x.bedrooms, x.occurred_on, x.recorded_on FROM needs x WHERE x.case_id = %(case)s"
    ),
    "preferences": (
        "SELECT x.choices, x.occupations, x.occurred_on, x.recorded_on FROM preferences x WHERE x.case_id = %(case)s"
    ),
    "lodgings": (
        "SELECT s.name AS site, x.starts_on, x.ends_on, x.end_reason FROM lodgings x JOIN sites s ON s.id = x.site_id"
        " WHERE x.case_id = %(case)s"
    ),
    "observations": (
        "SELECT x.id, x.recorded_at, x.channel, x.language, x.sealed_text AS text, x.reviewed_at, x.outcome,"
        " x.sealed_review AS review FROM observations x WHERE x.person_id = %(person)s"
    ),
    "offers": (
        "SELECT x.id, g.name_fr AS municipality, o.name AS organization, x.status, x.created_at AS made_at, x.expires_at,"
        " x.persons, x.sealed_reason AS reason, x.sealed_withdraw_reason AS withdraw_reason"
        f" FROM offers x{_WHERE_PLACE} WHERE x.case_id = %(case)s"
    ),
    "answers": (
        "SELECT g.name_fr AS municipality, a.answer, a.reason_code, a.channel, a.language, a.recorded_at"
        f" FROM offer_answers a JOIN offers x ON x.id = a.offer_id{_WHERE_PLACE} WHERE a.person_id = %(person)s"
    ),
    "assignments": (
        "SELECT x.id, g.name_fr AS municipality, o.name AS organization, x.status, x.acknowledged_at, x.refusal_code,"
        " x.departed_on, x.arrived_on, x.ended_on, x.sealed_end_reason AS end_reason"
        f" FROM assignments x{_WHERE_PLACE} WHERE x.case_id = %(case)s"
    ),
    "transfers": (
        "SELECT g.name_fr AS municipality, o.name AS organization, x.created_at AS made_at, x.asked_by, x.reason_code,"
        f" x.status, x.refusal_code, x.withdrawal_code, x.closed_at FROM transfers x{_WHERE_PLACE} WHERE x.case_id = %(case)s"
    ),
    "milestones": (
        "SELECT x.id, x.code, x.occurred_on, x.outcome, x.reason_code, x.evidence_kind, x.recorded_at,"
        " o.name AS organization, x.voided_at, x.person_id IS NULL AS whole_household,"
        " x.sealed_evidence AS evidence, x.sealed_note AS note, x.sealed_void_reason AS void_reason"
        " FROM milestones x LEFT JOIN organizations o ON o.id = x.organization_id"
        f" WHERE x.case_id = %(case)s AND {_MINE}"
    ),
    "expectations": (
        "SELECT x.code, x.due_on, x.fulfilled_by IS NOT NULL AS fulfilled, x.person_id IS NULL AS whole_household"
        f" FROM milestone_expectations x WHERE x.case_id = %(case)s AND {_MINE}"
    ),
    "enrolments": (
        "SELECT p.name AS pilot, r.name_fr AS region, c.departs_on, x.created_at AS enrolled_at, x.status, x.persons,"
        " x.departed_on, x.ended_at AS left_at FROM enrolments x JOIN pilots p ON p.id = x.pilot_id"
        " JOIN cohorts c ON c.id = x.cohort_id LEFT JOIN admin_regions r ON r.code = c.region_code"
        " WHERE x.case_id = %(case)s"
    ),
    "settlement_reports": (
        "SELECT x.number, x.occurred_on, d.key AS duty, d.value AS state, x.recorded_at FROM settlement_reports x"
        " CROSS JOIN LATERAL jsonb_each_text(x.duties) d WHERE x.case_id = %(case)s"
    ),
    "erasure_requests": (
        "SELECT x.requested_at, x.reason, x.status, x.decided_at FROM erasures x WHERE x.person_id = %(person)s"
    ),
    "reads": (
        "SELECT x.at, x.role, o.name AS organization, x.permission, x.purpose"
        " FROM read_entries x LEFT JOIN organizations o ON o.id = x.organization_id"
        " WHERE x.case_ids @> ARRAY[%(case)s::uuid]"
    ),
}
_ORDER = {"case": "x.id", "answers": "a.id", "reads": "x.at, x.id"}

# Who outside the office could see the case, when; a view ends with the grant, or with the consents or the agreement behind it.
GRANTS = """
SELECT x.organization_id, o.name AS organization, r.name_fr AS region, x.grantee_user_id IS NOT NULL AS sponsor,
  x.source, x.source_id, x.agreement_id, x.valid_from AS from_at,
  least(x.ended_at, x.valid_until, x.consent_until, a.ended_at,
    (a.ends_on + 1)::timestamp AT TIME ZONE 'America/Toronto') AS until_at
FROM case_grants x LEFT JOIN organizations o ON o.id = x.organization_id
LEFT JOIN admin_regions r ON r.code = x.grantee_region LEFT JOIN agreements a ON a.id = x.agreement_id
WHERE x.case_id = %(case)s ORDER BY x.valid_from, x.id
"""
READS_BY_ORGANIZATION = """
SELECT x.organization_id, count(*) AS reads, min(x.at) AS first_read_at, max(x.at) AS last_read_at
FROM read_entries x WHERE x.case_ids @> ARRAY[%(case)s::uuid] AND x.organization_id IS NOT NULL
GROUP BY x.organization_id
"""


async def named_rows(session: Session, sql: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    cursor = await (await session.driver()).execute(sql, parameters)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]


async def sections(session: Session, person_id: UUID, case_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """Every section's rows, oldest first; sealed values still sealed."""
    wanted = {"person": person_id, "case": case_id}
    return {
        name: await named_rows(session, f"{sql} ORDER BY {_ORDER.get(name, 'x.id')}", wanted)
        for name, sql in SECTIONS.items()
    }
