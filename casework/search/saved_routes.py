from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlmodel import select

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.guard import ExpectedVersion, GuardedRoute, OnceSession, Session, allow, etag
from casework.authz.policy import Permission
from casework.kernel.listing import newest_first
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import NotFound, StaleVersion, VersionRequired
from casework.kernel.schemas import Page
from casework.search import errors, saved
from casework.search.models import SavedWorklist
from casework.search.saved_schemas import SavedCases, SavedWorklistCreate, SavedWorklistRead

router = APIRouter(route_class=GuardedRoute, prefix="/saved-worklists", tags=["cases"])
Reader = Annotated[Caller, allow(Permission.saved_worklist_read)]
Writer = Annotated[Caller, allow(Permission.saved_worklist_write)]


@router.post("", status_code=201, response_model=SavedWorklistRead,
             **described(Permission.saved_worklist_write, errors.WorklistNameTaken, errors.TooManySavedWorklists))  # fmt: skip
async def save_worklist(
    response: Response, body: SavedWorklistCreate, caller: Writer, session: OnceSession
) -> dict[str, Any]:
    """Enregistrer un filtre sous un nom, pour soi ou pour son bureau. Aucun nom de personne n'y est gardé.

    Save a filter under a name, for oneself or for one's office. No name of a person is kept in it.
    """
    found = await saved.save(session, caller, body)
    response.headers.update({"Location": f"/v1/saved-worklists/{found.id}", "ETag": etag(found.version, caller.role)})
    return saved.as_read(found, caller)


@router.get("", response_model=Page[SavedWorklistRead], **described(Permission.saved_worklist_read))
async def list_saved_worklists(
    request: Request, caller: Reader, session: Session, limit: Limit = 50, cursor: CursorText = None
) -> dict[str, Any]:
    """Mes listes enregistrées, et celles que l'on partage avec moi.

    My saved worklists, and those shared with me.
    """
    page = await newest_first(request, session, SavedWorklist, select(SavedWorklist), "saved-worklists", limit, cursor)
    return {**page, "items": [saved.as_read(one, caller) for one in page["items"]]}


@router.get("/{saved_id}", response_model=SavedWorklistRead, **described(Permission.saved_worklist_read, NotFound))
async def read_saved_worklist(response: Response, saved_id: UUID, caller: Reader, session: Session) -> dict[str, Any]:
    """Une liste enregistrée : ce qu'elle demande.

    A saved worklist: what it asks.
    """
    found = await saved.saved_to(session, saved_id)
    response.headers["ETag"] = etag(found.version, caller.role)
    return saved.as_read(found, caller)


@router.delete("/{saved_id}", response_model=SavedWorklistRead,
               **described(Permission.saved_worklist_write, NotFound, errors.NotYourWorklist, StaleVersion,
                           VersionRequired))  # fmt: skip
async def delete_saved_worklist(
    saved_id: UUID, caller: Writer, version: ExpectedVersion, session: Session
) -> dict[str, Any]:
    """Supprimer une liste que j'ai enregistrée ; la réponse dit ce qu'elle demandait.

    Delete a worklist that I saved; the answer says what it asked.
    """
    return saved.as_read(await saved.forget(session, caller, saved_id, version), caller)


@router.get("/{saved_id}/cases", response_model=SavedCases, **described(Permission.saved_worklist_run, NotFound))
async def run_saved_worklist(
    request: Request,
    saved_id: UUID,
    caller: Annotated[Caller, allow(Permission.saved_worklist_run)],
    session: Session,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les dossiers à ma portée que la liste demande aujourd'hui.

    The cases within my reach that the worklist asks for today.
    """
    found = await saved.saved_to(session, saved_id)
    bound, cursors = f"saved-worklist:{caller.actor_id}:{saved_id}", request.app.state.cursors
    rows = await saved.cases_of(session, caller, found, cursors.read(cursor, bound) if cursor else None, limit)
    shown = rows[:limit]
    await trail.record_read(session, caller, Permission.saved_worklist_run, [one["case"]["id"] for one in shown])
    following = cursors.write(saved.place(shown[-1]), bound) if len(rows) > limit else None
    return {"items": shown, "name": found.name, "next_cursor": following}
