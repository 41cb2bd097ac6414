"""One person and what they were, in hand-written SQL; row security stands behind each statement."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from casework.authz.policy import FieldGroup, Role, sight

if TYPE_CHECKING:
    from uuid import UUID

    from casework.kernel.database import Session

# Sealed columns of a person, in the order in which `person_sql` returns them; each with the group that shows it.
SEALED = (
    ("name", FieldGroup.names), ("birth", FieldGroup.birth), ("contact", FieldGroup.contact),
    ("death", FieldGroup.birth), ("description", FieldGroup.self_description),
)  # fmt: skip
OPEN = (
    "version", "external_id", "relation", "is_adult", "unaccompanied_minor", "deceased", "merged_into",
    "merged", "languages",
)  # fmt: skip


@cache
def person_sql(role: Role) -> str:
    """OPEN, then erased_at and the wrapped key, then SEALED: null where the role does not see the group."""
    sealed = ", ".join(f"p.sealed_{name}" if sight(role, group).shows else "NULL" for name, group in SEALED)
    return (
        "SELECT p.version, p.external_id, m.relation, p.is_adult, p.unaccompanied_minor, p.deceased_at IS NOT NULL,"
        " p.merged_into, ARRAY(SELECT d.id FROM persons d WHERE d.merged_into = p.id ORDER BY d.id),"
        f" p.languages, k.erased_at, k.kek_id, k.wrapped, k.key_version, {sealed}"
        " FROM persons p LEFT JOIN memberships m ON m.person_id = p.id AND m.case_id = p.case_id AND m.ends_on IS NULL"
        " LEFT JOIN subject_keys k ON k.subject_id = p.id WHERE p.id = %(person)s AND p.case_id = %(case)s"
    )


@cache
def versions_sql(role: Role) -> str:
    """What each change replaced, the newest first."""
    sealed = ", ".join(f"sealed_{name}" if sight(role, group).shows else "NULL" for name, group in SEALED)
    return (
        f"SELECT id, version, reason, recorded_by, recorded_at, {sealed} FROM person_versions"
        " WHERE person_id = %s ORDER BY version DESC LIMIT 200"
    )


IDENTIFIERS = (
    "SELECT id, type, sealed_value, issued_on, expires_on, ended_at FROM identifiers WHERE person_id = %s ORDER BY id"
)
REPRESENTATIVES = (
    "SELECT id, kind, sealed_representative, appointed_on, ended_on FROM representatives"
    " WHERE person_id = %s ORDER BY appointed_on, id"
)
MEMBERSHIPS = (
    "SELECT case_id, person_id, relation, starts_on, ends_on, end_reason FROM memberships"
    " WHERE person_id = %s ORDER BY starts_on, id"
)
OF_CASE = (
    "SELECT case_id, person_id, relation, starts_on, ends_on, end_reason FROM memberships"
    " WHERE case_id = %s ORDER BY starts_on, id"
)
MEMBERSHIP = ("case_id", "person_id", "relation", "starts_on", "ends_on", "end_reason")


async def memberships_of(session: Session, person_id: UUID) -> list[dict[str, Any]]:
    """Every household they belonged to, within reach, in time."""
    return [dict(zip(MEMBERSHIP, row, strict=True)) for row in await session.rows(MEMBERSHIPS, (person_id,))]


async def memberships_in(session: Session, case_id: UUID) -> list[dict[str, Any]]:
    """Everybody who belongs or belonged to the household of the case, in time."""
    return [dict(zip(MEMBERSHIP, row, strict=True)) for row in await session.rows(OF_CASE, (case_id,))]
