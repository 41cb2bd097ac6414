"""What a person was told on collection, and the language they are served in: neither is a consent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.audit import trail
from casework.authz.guard import key_within_reach
from casework.cases.service import household_key, subject_of
from casework.following.models import CollectionNotice, ServiceLanguage
from casework.kernel import clock
from casework.kernel.problems import NotFound
from casework.notices.errors import unknown_notice
from casework.notices.reference import NoticeKind, stands

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.following.schemas import CollectionNoticeCreate, ServiceLanguageCreate
    from casework.kernel.database import Session

MEMBER = "SELECT p.office_id, p.region_code FROM persons p JOIN cases c ON c.id = p.case_id WHERE p.id = %s AND p.case_id = %s"
# A language that has ended counts no more, even where nothing followed it: French does.
IN_FORCE = (
    "SELECT l.id FROM service_languages l WHERE l.case_id = %(case)s AND (l.ends_on IS NULL OR l.ends_on >= %(on)s)"
    " AND NOT EXISTS (SELECT 1 FROM service_languages t WHERE t.person_id = l.person_id AND t.starts_on <= %(on)s"
    "   AND (t.starts_on, t.id) > (l.starts_on, l.id)) AND l.starts_on <= %(on)s"
)


async def _bound(session: Session, case_id: UUID, person_id: UUID) -> dict[str, Any]:
    """The reach columns of a person of this case; raises NotFound or SubjectErased."""
    rows = await session.rows(MEMBER, (person_id, case_id))
    if not rows:
        raise NotFound
    await key_within_reach(session, person_id)
    await household_key(session, case_id)
    return {"case_id": case_id, "office_id": rows[0][0], "region_code": rows[0][1], "person_id": person_id}


async def tell(session: Session, caller: Caller, case_id: UUID, wanted: CollectionNoticeCreate) -> CollectionNotice:
    """Raises NotFound, SubjectErased, or InvalidContent for a notice that does not exist."""
    bound = await _bound(session, case_id, wanted.person_id)
    if not stands(NoticeKind.collection, wanted.notice_version, wanted.notice_language, wanted.occurred_on):
        raise unknown_notice("/notice_version")
    notice = CollectionNotice(**wanted.model_dump(exclude={"person_id"}), **bound, recorded_by=caller.actor_id)
    session.add(notice)
    await session.flush()
    subject, _ = await subject_of(session, case_id)
    trail.record(session, caller, "collection_notice.given", {**subject, "language": wanted.notice_language})
    return notice


async def serve(session: Session, caller: Caller, case_id: UUID, wanted: ServiceLanguageCreate) -> dict[str, Any]:
    """Raises NotFound or SubjectErased."""
    bound = await _bound(session, case_id, wanted.person_id)
    row = ServiceLanguage(**wanted.model_dump(exclude={"person_id"}), **bound, recorded_by=caller.actor_id)
    session.add(row)
    await session.flush()
    subject, _ = await subject_of(session, case_id)
    trail.record(session, caller, "service_language.set", {**subject, "basis": row.basis and str(row.basis)})
    [read] = await as_read(session, case_id, [row])
    return read


async def as_read(session: Session, case_id: UUID, found: list[ServiceLanguage]) -> list[dict[str, Any]]:
    counting = {row[0] for row in await session.rows(IN_FORCE, {"case": case_id, "on": clock.today()})}
    return [{**one.model_dump(), "in_force": one.id in counting} for one in found]
