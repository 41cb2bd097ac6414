"""How complete a partner organization's milestones are, of the households that stay with it and are within reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.kernel.problems import NotFound
from casework.milestones.queries import codes_hidden_from, labels

if TYPE_CHECKING:
    from datetime import date
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session

# An ended stay is nobody's duty any more; what lapsed unfulfilled was never due.
DUE = (
    "SELECT e.code, count(*), count(*) FILTER (WHERE e.fulfilled_by IS NOT NULL), array_agg(DISTINCT e.case_id)"
    " FROM milestone_expectations e JOIN assignments a ON a.case_id = e.case_id AND a.status = 'arrived'"
    " WHERE a.organization_id = %s AND e.due_on <= %s AND e.code <> ALL(%s)"
    " AND (e.lapsed_at IS NULL OR e.fulfilled_by IS NOT NULL) GROUP BY e.code ORDER BY e.code"
)


async def completeness(
    session: Session, caller: Caller, organization_id: UUID, on: date
) -> tuple[dict[str, Any], list[UUID]]:
    """The body of the answer, and the cases it counts; raises NotFound."""
    if not await session.rows("SELECT 1 FROM organizations WHERE id = %s", (organization_id,)):
        raise NotFound
    rows = await session.rows(DUE, (organization_id, on, list(codes_hidden_from(caller))))
    texts = labels()
    by_code = [
        {"code": code, "label_fr": texts[code].fr, "label_en": texts[code].en, **_counts(due, recorded)}
        for code, due, recorded, _ in rows
    ]
    cases = sorted({case_id for *_, counted in rows for case_id in counted})
    whole = _counts(sum(row[1] for row in rows), sum(row[2] for row in rows))
    return {"organization_id": organization_id, "on": on, "cases": len(cases), **whole, "milestones": by_code}, cases


def _counts(due: int, recorded: int) -> dict[str, Any]:
    return {"due": due, "recorded": recorded, "recorded_share": round(recorded / due, 3) if due else None}
