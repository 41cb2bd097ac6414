from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.guard import GuardedRoute, Session, allow
from casework.authz.policy import Permission
from casework.kernel import clock
from casework.kernel.dates import CivilDate
from casework.kernel.language import preferred
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import NotFound
from casework.kernel.schemas import Page
from casework.overview import access, timeline
from casework.overview.completeness import completeness
from casework.overview.schemas import AccessRead, CompletenessRead, EventRead

router = APIRouter(route_class=GuardedRoute)


@router.get("/cases/{case_id}/access", tags=["cases"], response_model=AccessRead,
            **described(Permission.access_read, NotFound))  # fmt: skip
async def read_access(
    request: Request,
    case_id: UUID,
    caller: Annotated[Caller, allow(Permission.access_read)],
    session: Session,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Qui peut voir le dossier et par quelle règle, et qui l'a vu, du plus récent au plus ancien.

    Who can see the case and by which rule, and who saw it, newest first. `limit` and `cursor` page what was seen.
    """
    await access.refuse_out_of_reach(session, case_id)
    bound, cursors = f"access:{caller.actor_id}:{case_id}", request.app.state.cursors
    before = UUID(cursors.read(cursor, bound)[0]) if cursor else None
    can_see = await access.seers(session, case_id, preferred(request.headers.get("accept-language")))
    found = await access.readings(session, case_id, before, limit)
    await trail.record_read(session, caller, Permission.access_read, [case_id])
    following = cursors.write([str(found[limit - 1]["id"])], bound) if len(found) > limit else None
    return {"case_id": case_id, "can_see": can_see, "seen": {"items": found[:limit], "next_cursor": following}}


@router.get("/cases/{case_id}/timeline", tags=["cases"], response_model=Page[EventRead],
            **described(Permission.timeline_read, NotFound))  # fmt: skip
async def read_timeline(
    request: Request,
    case_id: UUID,
    caller: Annotated[Caller, allow(Permission.timeline_read)],
    session: Session,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Ce qui est arrivé au dossier, dans l'ordre où c'est arrivé, avec l'instant où ce fut inscrit ; ce que mon rôle
    ne lit pas n'y est pas.

    What happened to the case, in the order in which it occurred, with the instant it was recorded; what my role does
    not read is not in it.
    """
    bound, cursors = f"timeline:{caller.actor_id}:{case_id}", request.app.state.cursors
    after = cursors.read(cursor, bound) if cursor else None
    language = preferred(request.headers.get("accept-language"))
    found = await timeline.events(session, caller.person_role, case_id, after, limit, language)
    await trail.record_read(session, caller, Permission.timeline_read, [case_id])
    following = cursors.write(timeline.place(found[limit - 1]), bound) if len(found) > limit else None
    return {"items": found[:limit], "next_cursor": following}


@router.get("/organizations/{organization_id}/completeness", tags=["partners"], response_model=CompletenessRead,
            **described(Permission.organization_read, NotFound))  # fmt: skip
async def read_completeness(
    organization_id: UUID,
    caller: Annotated[Caller, allow(Permission.organization_read)],
    session: Session,
    on: Annotated[
        CivilDate | None, Query(description="Échu à cette date ; aujourd'hui. Due by that day; today.")
    ] = None,
) -> dict[str, Any]:
    """Les jalons échus des ménages qui séjournent avec un organisme, et ceux qui sont inscrits, dans ma portée.

    The milestones due of households that stay with an organization, and those recorded, within my reach.
    """
    found, cases = await completeness(session, caller, organization_id, on or clock.today())
    await trail.record_read(session, caller, Permission.organization_read, cases)
    return found
