"""The trail: one leaf in the log for each business change, one entry for each read, in the same transaction."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Any
from uuid import UUID

import rfc8785

from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.sealing import SubjectKey, commitment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from casework.authz.caller import Caller
    from casework.authz.policy import Permission
    from casework.kernel.database import Session

POLICY_VERSION = 1
OPENING_PLACE = "log_openings/sealed"

LEAF = "INSERT INTO log_leaves (id, log, body, recorded_at) VALUES (%s, %s, %s, %s)"
LINK = "INSERT INTO log_links (leaf_id, case_tag) VALUES (%s, %s)"
OPENING = "INSERT INTO log_openings (leaf_id, subject_id, sealed) VALUES (%s, %s, %s)"
READ = (
    "INSERT INTO read_entries (id, at, actor_id, role, organization_id, permission, purpose, request_id, case_ids)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
)


def record(session: Session, caller: Caller, action: str, facts: dict[str, Any], log: str = "audit") -> UUID:
    """Add a leaf to this transaction: ids and codes only, never a personal value. Returns the leaf's id."""
    leaf_id = new_id()
    recorded_at = clock.now()
    body: dict[str, Any] = {
        "v": POLICY_VERSION,
        "type": action,
        "recorded_at": recorded_at.isoformat(),
        "actor": actor_pseudonym(session, caller.actor_id),
        "role": str(caller.role),
        "organization": caller.organization_id and str(caller.organization_id),
        "facts": facts,
    }
    session.later(LEAF, (leaf_id, log, rfc8785.dumps(body).decode(), recorded_at))
    return leaf_id


def record_milestone(  # noqa: PLR0913, PLR0917 -- a leaf is exactly these seven things
    session: Session,
    caller: Caller,
    action: str,
    public: dict[str, Any],
    personal: dict[str, str],
    case_id: UUID,
    subject: SubjectKey,
) -> UUID:
    """Add a `milestones` leaf; returns its id.

    `public` stands in the leaf as it is; each value of `personal` only as a salted commitment, its salt and value
    sealed under the subject's key. The subject is an HMAC that nobody can compute once that key is gone
    (audit.md §3).
    """
    leaf_id = new_id()
    recorded_at = clock.now()
    salts = {name: secrets.token_bytes(16) for name in personal}
    body = {
        "v": POLICY_VERSION,
        "type": action,
        "recorded_at": recorded_at.isoformat(),
        "actor": actor_pseudonym(session, caller.actor_id),
        "role": str(caller.role),
        "organization": caller.organization_id and str(caller.organization_id),
        "subject": subject.pseudonym(case_id, leaf_id),
        "commitments": {name: commitment(salts[name], value) for name, value in personal.items()},
        **public,
    }
    opening = {name: [salts[name].hex(), value] for name, value in personal.items()}
    session.later(LEAF, (leaf_id, "milestones", rfc8785.dumps(body).decode(), recorded_at))
    session.later(LINK, (leaf_id, case_tag(session, case_id)))
    sealed = subject.seal(OPENING_PLACE, leaf_id, {"case": str(case_id), "fields": opening})
    session.later(OPENING, (leaf_id, subject.subject_id, sealed))
    return leaf_id


async def record_read(session: Session, caller: Caller, permission: Permission, case_ids: Iterable[UUID]) -> None:
    """One entry for the whole answer; it commits before the answer leaves, or there is no answer."""
    await session.rows(READ, read_entry(caller, permission, case_ids))


def read_entry(caller: Caller, permission: Permission, case_ids: Iterable[UUID]) -> tuple[Any, ...]:
    return (
        new_id(), clock.now(), caller.actor_id, str(caller.role), caller.organization_id, str(permission),
        caller.purpose, caller.request_id, list(case_ids),
    )  # fmt: skip


def actor_pseudonym(session: Session, actor_id: UUID) -> str:
    return hmac.new(session.log_secret, actor_id.bytes, hashlib.sha256).hexdigest()[:32]


def case_tag(session: Session, case_id: UUID) -> bytes:
    """What the exporter turns into a mandate's pseudonym; deleted when the household is erased."""
    return hmac.new(session.log_secret, b"case" + case_id.bytes, hashlib.sha256).digest()[:16]
