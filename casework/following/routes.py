from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.errors import FieldsNotYours
from casework.authz.guard import ExpectedVersion, GuardedRoute, OnceSession, Session, allow, etag
from casework.authz.policy import Permission
from casework.cases.errors import CaseAlreadyClosed
from casework.following import errors, service
from casework.following.models import ProgrammeChange
from casework.following.schemas import (
    NeedsRead,
    NeedsRecord,
    NoteCreate,
    NoteRead,
    PreferencesRead,
    PreferencesRecord,
    ProgrammeChangeCreate,
    ProgrammeChangeRead,
)
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import NotFound, StaleVersion, SubjectErased, VersionRequired
from casework.kernel.schemas import Page

router = APIRouter(route_class=GuardedRoute, prefix="/cases", tags=["cases"])


@router.post("/{case_id}/notes", status_code=201, response_model=NoteRead,
             **described(Permission.note_write, NotFound, SubjectErased))  # fmt: skip
async def write_note(
    case_id: UUID,
    body: NoteCreate,
    caller: Annotated[Caller, allow(Permission.note_write)],
    session: OnceSession,
) -> dict[str, Any]:
    """Écrire une note au dossier, pour le personnel ou partagée avec l'hôte ; une note ne se modifie pas.

    Write a note on the case, for the staff or shared with the host; a note is never changed.
    """
    return await service.write_note(session, caller, case_id, body)


@router.get("/{case_id}/notes", response_model=Page[NoteRead], **described(Permission.note_read, NotFound))
async def list_notes(
    request: Request,
    case_id: UUID,
    caller: Annotated[Caller, allow(Permission.note_read)],
    session: Session,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les notes que mon rôle peut lire, la plus récente d'abord.

    The notes that my role may read, newest first.
    """
    bound, cursors = f"notes:{caller.actor_id}:{case_id}", request.app.state.cursors
    after = cursors.read(cursor, bound)[0] if cursor else None
    found = await service.notes(session, case_id, after, limit)
    await trail.record_read(session, caller, Permission.note_read, [case_id])
    following = cursors.write([str(found[limit - 1]["id"])], bound) if len(found) > limit else None
    return {"items": found[:limit], "next_cursor": following}


@router.post("/{case_id}/needs", status_code=201, response_model=NeedsRead,
             **described(Permission.needs_record, NotFound, FieldsNotYours, CaseAlreadyClosed))  # fmt: skip
async def record_needs(
    case_id: UUID,
    body: NeedsRecord,
    caller: Annotated[Caller, allow(Permission.needs_record)],
    session: OnceSession,
) -> dict[str, Any]:
    """Consigner les besoins du ménage à une date ; ceux d'avant restent.

    Record the household's needs as of a date; those before it stay on record.
    """
    return await service.say(session, caller, case_id, body, "needs")


@router.get("/{case_id}/needs", response_model=Page[NeedsRead], **described(Permission.needs_read, NotFound))
async def list_needs(
    request: Request,
    case_id: UUID,
    caller: Annotated[Caller, allow(Permission.needs_read)],
    session: Session,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les besoins du ménage avec leurs dates, ceux qui comptent d'abord.

    The household's needs with their dates, those that count first.
    """
    return await _dated(request, session, caller, case_id, "needs", limit, cursor)


@router.post("/{case_id}/preferences", status_code=201, response_model=PreferencesRead,
             **described(Permission.needs_record, NotFound, FieldsNotYours, CaseAlreadyClosed))  # fmt: skip
async def record_preferences(
    case_id: UUID,
    body: PreferencesRecord,
    caller: Annotated[Caller, allow(Permission.needs_record)],
    session: OnceSession,
) -> dict[str, Any]:
    """Consigner les souhaits du ménage à une date ; ceux d'avant restent.

    Record the household's wishes as of a date; those before it stay on record.
    """
    return await service.say(session, caller, case_id, body, "preferences")


@router.get("/{case_id}/preferences", response_model=Page[PreferencesRead],
            **described(Permission.preferences_read, NotFound))  # fmt: skip
async def list_preferences(
    request: Request,
    case_id: UUID,
    caller: Annotated[Caller, allow(Permission.preferences_read)],
    session: Session,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les souhaits du ménage avec leurs dates, ceux qui comptent d'abord.

    The household's wishes with their dates, those that count first.
    """
    return await _dated(request, session, caller, case_id, "preferences", limit, cursor)


async def _dated(
    request: Request, session: Session, caller: Caller, case_id: UUID, table: str, limit: int, cursor: str | None
) -> dict[str, Any]:
    bound, cursors = f"{table}:{caller.actor_id}:{case_id}", request.app.state.cursors
    after = cursors.read(cursor, bound) if cursor else None
    found = await service.dated(session, case_id, table, after, limit)
    permission = Permission.needs_read if table == "needs" else Permission.preferences_read
    await trail.record_read(session, caller, permission, [case_id])
    last = [found[limit - 1]["occurred_on"].isoformat(), str(found[limit - 1]["id"])] if len(found) > limit else None
    return {"items": found[:limit], "next_cursor": last and cursors.write(last, bound)}


@router.post("/{case_id}/programme-changes", status_code=201, response_model=ProgrammeChangeRead,
             **described(Permission.programme_change, NotFound, CaseAlreadyClosed, errors.StatusNotGranted,
                         errors.ProgrammeCannotFollow, StaleVersion, VersionRequired))  # fmt: skip
async def change_programme(
    case_id: UUID,
    body: ProgrammeChangeCreate,
    response: Response,
    caller: Annotated[Caller, allow(Permission.programme_change)],
    version: ExpectedVersion,
    session: OnceSession,
) -> ProgrammeChange:
    """Changer le programme du dossier une fois un statut accordé ; l'histoire reste.

    Change the programme of the case once a status is granted; the history stays.
    """
    case, change = await service.change_programme(session, caller, case_id, version, body)
    response.headers.update({"ETag": etag(case.version, caller.role), "Location": f"/v1/cases/{case_id}"})
    return change
