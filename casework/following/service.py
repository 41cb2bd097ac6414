"""What is said of a household as time goes by: notes, needs and wishes with their dates, a change of programme."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.audit import trail
from casework.authz.guard import key_within_reach
from casework.authz.policy import Permission, Role
from casework.cases import hooks
from casework.cases.errors import CaseAlreadyClosed
from casework.cases.lifecycle import CaseStatus
from casework.cases.models import Case, NeedEntry, PreferenceEntry
from casework.cases.service import case_to, household_key, subject_of
from casework.following import errors, queries
from casework.following.models import NOTE_PLACE, CaseNote, ProgrammeChange, Visibility
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.problems import NotFound
from casework.kernel.programme import Programme

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.following.schemas import NeedsRecord, NoteCreate, PreferencesRecord, ProgrammeChangeCreate
    from casework.kernel.database import Session

PERSON = "SELECT 1 FROM persons WHERE id = %s AND case_id = %s"
REACH = "SELECT office_id, region_code FROM cases WHERE id = %s"
MODELS: dict[str, type[NeedEntry | PreferenceEntry]] = {"needs": NeedEntry, "preferences": PreferenceEntry}


def bound_to(case: Case) -> dict[str, Any]:
    return {"case_id": case.id, "office_id": case.office_id, "region_code": case.region_code}


async def write_note(session: Session, caller: Caller, case_id: UUID, wanted: NoteCreate) -> dict[str, Any]:
    """Sealed under the person's key, or the household's. Raises NotFound, SubjectErased."""
    reach = await session.rows(REACH, (case_id,))
    if not reach:
        raise NotFound
    visibility = _visibility(caller, wanted.visibility)
    household = await household_key(session, case_id)
    key = household
    if wanted.person_id is not None:
        if not await session.rows(PERSON, (wanted.person_id, case_id)):
            raise NotFound
        key = await key_within_reach(session, wanted.person_id)
    row = new_id()
    note = CaseNote(
        id=row, case_id=case_id, office_id=reach[0][0], region_code=reach[0][1], person_id=wanted.person_id,
        visibility=visibility, organization_id=caller.organization_id, sealed_text=key.seal(NOTE_PLACE, row, wanted.text),
        occurred_on=wanted.occurred_on, recorded_by=caller.actor_id,
    )  # fmt: skip
    session.add(note)
    await session.flush()
    subject, _ = await subject_of(session, case_id)
    trail.record(session, caller, "note.written", {**subject, "visibility": str(visibility)})
    return {**note.model_dump(), "text": wanted.text}


def _visibility(caller: Caller, wanted: Visibility | None) -> Visibility:
    if caller.role is not Role.partner:
        return wanted or Visibility.staff
    if wanted is Visibility.staff:
        raise errors.staff_only()
    return Visibility.shared


async def notes(session: Session, case_id: UUID, after: str | None, limit: int) -> list[dict[str, Any]]:
    """Newest first, one more than asked. Raises NotFound."""
    await refuse_absent(session, case_id)
    rows = await session.rows(queries.NOTES, {"case": case_id, "after": after, "limit": limit + 1})
    found = []
    for *told, sealed, subject_id, kek_id, wrapped, version in rows:
        key = session.keyring.unwrap(subject_id, kek_id, wrapped, version) if subject_id else None
        text = key.open(NOTE_PLACE, told[0], sealed) if key and sealed else None
        found.append({**dict(zip(queries.NOTE, told, strict=True)), "text": text})
    return found


async def refuse_absent(session: Session, case_id: UUID) -> None:
    if not await session.rows(REACH, (case_id,)):
        raise NotFound


async def say(
    session: Session, caller: Caller, case_id: UUID, wanted: NeedsRecord | PreferencesRecord, table: str
) -> dict[str, Any]:
    """What the household needs or wishes, from its day on. Raises NotFound, CaseAlreadyClosed."""
    case = await case_to(Permission.needs_record, session, caller, case_id)
    await household_key(session, case_id)
    if case.status is CaseStatus.closed:
        raise CaseAlreadyClosed
    said = wanted.said.model_dump(mode="python")
    if table == "preferences":
        said["choices"] = [choice.model_dump(mode="json") for choice in wanted.said.choices]  # type: ignore[union-attr]
    entry = MODELS[table](**bound_to(case), **said, recorded_on=clock.today(), recorded_by=caller.actor_id)
    session.add(entry)
    case.version += 1
    await session.flush()
    subject, _ = await subject_of(session, case_id)
    trail.record(session, caller, f"{table}.recorded", subject)
    [newest, *_] = await dated(session, case_id, table, None, 200)
    return {**entry.model_dump(), "current": newest["id"] == entry.id}


async def dated(
    session: Session, case_id: UUID, table: str, after: list[Any] | None, limit: int
) -> list[dict[str, Any]]:
    """The one that counts first, then those before it; one more than asked. Raises NotFound."""
    await refuse_absent(session, case_id)
    on, row = after or (None, None)
    rows = await session.rows(queries.dated(table), {"case": case_id, "on": on, "after": row, "limit": limit + 1})
    names = (*queries.ALL_DATED, *queries.DATED[table])
    return [dict(zip(names, row, strict=True)) for row in rows]


async def change_programme(
    session: Session, caller: Caller, case_id: UUID, version: int, wanted: ProgrammeChangeCreate
) -> tuple[Case, ProgrammeChange]:
    """Once a member's status is granted (domain.md §7.17); what was, stays. Raises the conflicts of `errors.py`."""
    case = await case_to(Permission.programme_change, session, caller, case_id, version)
    await household_key(session, case_id)
    if case.status is CaseStatus.closed:
        raise CaseAlreadyClosed
    if case.programme is not Programme.asylum:
        raise errors.ProgrammeCannotFollow
    [(granted_on,)] = await session.rows(queries.GRANTED_ON, (case_id,))
    if granted_on is None:
        raise errors.StatusNotGranted
    if wanted.occurred_on < granted_on:
        raise errors.before_the_decision(granted_on.isoformat())
    change = ProgrammeChange(
        **bound_to(case), from_programme=case.programme, to_programme=wanted.to_programme,
        occurred_on=wanted.occurred_on, recorded_by=caller.actor_id,
    )  # fmt: skip
    session.add(change)
    case.programme = wanted.to_programme
    case.version += 1
    await session.flush()
    subject, _ = await subject_of(session, case_id)
    trail.record(session, caller, "programme.changed", {**subject, "to": str(wanted.to_programme)})
    for act in hooks.on_programme_changed:
        await act(session, caller, case)
    return case, change
