"""Break-glass: a reason, one case, an hour at most, a supervisor told at once and a review within 72 hours.

Whoever breaks the glass does not see the case yet: the system actor `glazier` writes the grant. It is read under
with the purpose `emergency`, which enters a database role of its own: everyday reads pay nothing for it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlmodel import col, select

from casework.audit import trail
from casework.cases.models import CaseGrant
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.problems import NotFound, StaleVersion, SubjectErased
from casework.kernel.rows import new_row
from casework.protection.errors import AlreadyReviewed, ReviewerMustDiffer
from casework.protection.models import GlassBreak

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.kernel.sealing import SubjectKey
    from casework.protection.schemas import BreakGlassCreate, BreakGlassReview

REVIEW_HOURS = 72
SOURCE: Final = "break_glass"
REASON_PLACE: Final = "glass_breaks/sealed_reason"
REVIEW_PLACE: Final = "glass_breaks/sealed_review"
CASE = (
    "SELECT c.office_id, c.region_code, k.subject_id, k.kek_id, k.wrapped, k.key_version FROM cases c"
    " LEFT JOIN subject_keys k ON k.case_id = c.id AND k.kind = 'household' AND k.erased_at IS NULL WHERE c.id = %s"
)
KEYS = (
    "SELECT case_id, subject_id, kek_id, wrapped, key_version FROM subject_keys"
    " WHERE kind = 'household' AND erased_at IS NULL AND case_id = ANY(%s)"
)


async def break_glass(session: Session, caller: Caller, asked: BreakGlassCreate) -> dict[str, Any]:
    """Raises NotFound for a case that does not exist, or SubjectErased. `session` is the glazier's."""
    rows = await session.rows(CASE, (asked.case_id,))
    if not rows:
        raise NotFound
    office_id, region_code, household_id, *wrapped = rows[0]
    if household_id is None:
        raise SubjectErased
    key = session.keyring.unwrap(household_id, *wrapped)
    bound = {"case_id": asked.case_id, "office_id": office_id, "region_code": region_code}
    opened_at, glass_id = clock.now(), new_id()
    ends_at = opened_at + timedelta(minutes=asked.minutes)
    due_at = opened_at + timedelta(hours=REVIEW_HOURS)
    sealed = key.seal(REASON_PLACE, glass_id, asked.reason)
    dates = {"created_at": opened_at, "ends_at": ends_at, "review_due_at": due_at}
    broken = {"user_id": caller.actor_id, "reason_code": asked.reason_code, "sealed_reason": sealed}
    grant = {"grantee_user_id": caller.actor_id, "source": SOURCE, "source_id": glass_id}
    await session.insert([
        new_row(GlassBreak, **bound, **dates, **broken, id=glass_id),
        new_row(CaseGrant, **bound, **grant, valid_from=opened_at, valid_until=ends_at),
    ])  # fmt: skip
    facts = {"subject": key.pseudonym(asked.case_id, glass_id), "glass": str(glass_id),
             "reason_code": str(asked.reason_code), "minutes": asked.minutes}  # fmt: skip
    trail.record(session, caller, "glass.broken", facts)
    return {"id": glass_id, "case_id": asked.case_id, "reason_code": asked.reason_code, "ends_at": ends_at,
            "review_due_at": due_at}  # fmt: skip


async def review(session: Session, caller: Caller, glass_id: UUID, version: int, said: BreakGlassReview) -> GlassBreak:
    """Raises NotFound, ReviewerMustDiffer, StaleVersion, AlreadyReviewed or SubjectErased."""
    query = select(GlassBreak).where(col(GlassBreak.id) == glass_id).with_for_update()
    glass = (await session.exec(query)).first()
    if glass is None:
        raise NotFound
    if glass.user_id == caller.actor_id:
        raise ReviewerMustDiffer
    if glass.version != version:
        raise StaleVersion
    if glass.outcome is not None:
        raise AlreadyReviewed
    key = (await _keys(session, [glass])).get(glass.case_id)
    if key is None:
        raise SubjectErased
    session.about, session.about_case = key, glass.case_id
    glass.outcome, glass.reviewed_by, glass.reviewed_at = said.outcome, caller.actor_id, clock.now()
    glass.sealed_review = key.seal(REVIEW_PLACE, glass_id, said.note)
    glass.version += 1
    await session.flush()
    trail.record(session, caller, "glass.reviewed", {"glass": str(glass_id), "outcome": str(said.outcome)})
    return glass


async def as_read(session: Session, glasses: list[GlassBreak]) -> list[dict[str, Any]]:
    """With reason and review opened; null once the household is erased."""
    keys = await _keys(session, glasses)
    return [_shown(glass, keys.get(glass.case_id)) for glass in glasses]


async def _keys(session: Session, glasses: list[GlassBreak]) -> dict[UUID, SubjectKey]:
    rows = await session.rows(KEYS, (list({glass.case_id for glass in glasses}),))
    return {case_id: session.keyring.unwrap(*key) for case_id, *key in rows}


def _shown(glass: GlassBreak, key: SubjectKey | None) -> dict[str, Any]:
    review = glass.sealed_review
    return {
        **glass.model_dump(exclude={"sealed_reason", "sealed_review"}),
        "reason": key and key.open(REASON_PLACE, glass.id, glass.sealed_reason),
        "note": key.open(REVIEW_PLACE, glass.id, review) if key and review else None,
        "opened_at": glass.created_at,
        "overdue": glass.outcome is None and glass.review_due_at < clock.now(),
    }
