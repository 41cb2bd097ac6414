from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.guard import GuardedRoute, Session, allow, purpose_required
from casework.authz.policy import Permission
from casework.kernel.language import preferred
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import KeysAway
from casework.search import queries, service, worklists
from casework.search.schemas import CaseSearchCreate, CaseSearchRead, WorklistPage
from casework.search.worklists import Worklist

router = APIRouter(route_class=GuardedRoute, tags=["cases"])


@router.post("/case-searches", response_model=CaseSearchRead, **described(Permission.case_search, KeysAway))
async def search_cases(
    request: Request,
    body: CaseSearchCreate,
    caller: Annotated[Caller, allow(Permission.case_search)],
    _: Annotated[None, purpose_required],
    session: Session,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Chercher une personne par son nom, dans toute graphie ou écriture, ou par un identifiant exact, à ma portée ; ou
    lister des dossiers par des filtres. Une page suivante se demande avec le même corps et `cursor`. La recherche n'est ni gardée ni journalisée ; ce qu'elle montre l'est, avec le motif.

    Search for a person by name, in any spelling or script, or by an exact identifier, within my reach; or list cases
    by filters. The next page is asked for with the same body and `cursor`. The query is neither kept nor logged; what it shows is, with the purpose.
    """
    bound, cursors = f"case-search:{caller.actor_id}:{body.model_dump_json()}", request.app.state.cursors
    found, following = await service.search(session, body, cursors.read(cursor, bound) if cursor else None)
    await trail.record_read(session, caller, Permission.case_search, queries.case_ids(found))
    return {"items": found, "next_cursor": following and cursors.write(following, bound)}


@router.get("/worklists", response_model=WorklistPage, **described(Permission.worklist_read))
async def read_worklist(
    request: Request,
    caller: Annotated[Caller, allow(Permission.worklist_read)],
    session: Session,
    name: Worklist = Worklist.overdue,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les dossiers à ma portée qui attendent quelque chose, le plus pressant d'abord.

    The cases within my reach that wait for something, the most pressing first.
    """
    bound, cursors = f"worklist:{caller.actor_id}:{name}", request.app.state.cursors
    after = cursors.read(cursor, bound) if cursor else None
    found = await worklists.cases_of(session, caller, name, after, limit)
    shown = found[:limit]
    await trail.record_read(session, caller, Permission.worklist_read, [one["case"]["id"] for one in shown])
    last = [shown[-1]["due_on"].isoformat(), str(shown[-1]["case"]["id"])] if len(found) > limit else None
    title = worklists.title(name, preferred(request.headers.get("accept-language")))
    return {"items": shown, "title": title, "next_cursor": last and cursors.write(last, bound)}
