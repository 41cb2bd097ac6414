"""After a regional move: each of the two authorities is told the new address, and it stands on record that it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from casework.audit import trail
from casework.cases import queries
from casework.cases.errors import AddressNoticeAlreadyDone
from casework.cases.lifecycle import Authority
from casework.cases.models import RECEIPT_PLACE, AddressNotice
from casework.cases.service import subject_of
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.problems import NotFound, StaleVersion

if TYPE_CHECKING:
    from datetime import date
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.cases.claim_schemas import AddressNoticeDone
    from casework.kernel.database import Session
    from casework.kernel.sealing import SubjectKey

# One for each authority; the move that raised them once raises them once, and a corrected arrival dates them anew.
RAISE = """
INSERT INTO address_notices (id, case_id, office_id, region_code, authority, source_id, moved_on, due_on, raised_at, version)
SELECT row.id, c.id, c.office_id, c.region_code, row.authority, %(source)s, %(moved)s, %(due)s, %(now)s, 1
FROM cases c, unnest(%(ids)s::uuid[], %(authorities)s::text[]) AS row (id, authority) WHERE c.id = %(case)s
ON CONFLICT (source_id, authority) DO UPDATE SET moved_on = excluded.moved_on, due_on = excluded.due_on
"""


async def raise_for_move(session: Session, case_id: UUID, source_id: UUID, moved_on: date, due_on: date) -> None:
    asked = {
        "case": case_id, "source": source_id, "moved": moved_on, "due": due_on, "now": clock.now(),
        "ids": [new_id() for _ in Authority], "authorities": [str(one) for one in Authority],
    }  # fmt: skip
    await session.rows(RAISE, asked)


async def record_done(
    session: Session, caller: Caller, notice_id: UUID, version: int, wanted: AddressNoticeDone
) -> dict[str, Any]:
    """Raises NotFound, StaleVersion or AddressNoticeAlreadyDone."""
    query = select(AddressNotice).where(col(AddressNotice.id) == notice_id).with_for_update()
    notice = (await session.exec(query)).first()
    if notice is None:
        raise NotFound
    subject, key = await subject_of(session, notice.case_id)
    if notice.notified_on is not None:
        raise AddressNoticeAlreadyDone(notified_on=notice.notified_on.isoformat())
    if notice.version != version:
        raise StaleVersion
    notice.notified_on, notice.notified_by = wanted.notified_on, caller.actor_id
    notice.sealed_receipt = key.seal(RECEIPT_PLACE, notice.id, wanted.receipt)
    notice.version += 1
    await session.flush()
    trail.record(session, caller, "address_notice.done", {**subject, "authority": str(notice.authority)})
    return as_read(notice, key)


async def key_of(session: Session, case_id: UUID) -> SubjectKey | None:
    """The household's key, None once it is erased; raises NotFound for a case out of reach."""
    if not await session.rows("SELECT 1 FROM cases WHERE id = %s", (case_id,)):
        raise NotFound
    wrapped = await session.rows(queries.HOUSEHOLD_KEY, (case_id,))
    return session.keyring.unwrap(*wrapped[0]) if wrapped else None


def as_read(notice: AddressNotice, key: SubjectKey | None) -> dict[str, Any]:
    sealed = notice.sealed_receipt
    return {
        **notice.model_dump(exclude={"sealed_receipt"}),
        "overdue": notice.notified_on is None and notice.due_on < clock.today(),
        "receipt": key.open(RECEIPT_PLACE, notice.id, sealed) if key and sealed else None,
    }
