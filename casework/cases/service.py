from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sqlalchemy.orm import defer
from sqlmodel import col, select

from casework.audit import trail
from casework.authz.guard import key_within_reach
from casework.authz.policy import Permission, Reach, Role, reach_of
from casework.cases import errors, hooks, queries
from casework.cases.errors import CaseAlreadyClosed, CaseNotClosed, CaseNotDraft, CaseStillPlaced, NoOfficeToIntakeInto
from casework.cases.lifecycle import CaseStatus
from casework.cases.models import CLOSE_REASON_PLACE, SOURCE_PLACE, Case, ClaimStatusEntry, NeedEntry, PreferenceEntry
from casework.cases.reference_number import reference, scattered
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.problems import NotFound, StaleVersion
from casework.kernel.rows import NewRow, new_row
from casework.notices.errors import unknown_notice
from casework.notices.reference import NoticeKind, stands
from casework.people import service as people

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.cases.claim_schemas import ClaimStatusCreate
    from casework.cases.schemas import CaseCreate, CasePatch
    from casework.kernel.database import Session
    from casework.kernel.sealing import SubjectKey
    from casework.people.models import Consent
    from casework.people.schemas import ConsentRecord, ConsentSaid

UNDER_WAY = (
    "SELECT EXISTS (SELECT 1 FROM offers WHERE case_id = %(case)s AND status = 'held') OR EXISTS"
    " (SELECT 1 FROM assignments WHERE case_id = %(case)s AND status IN ('proposed', 'acknowledged', 'departed'))"
    " OR EXISTS (SELECT 1 FROM transfers WHERE case_id = %(case)s AND status IN ('proposed', 'accepted'))"
)


async def take_in(session: Session, caller: Caller, wanted: CaseCreate) -> Case:
    """Intake of a household in one transaction: all of it, or nothing. What it refuses, it refuses before writing."""
    office_id = caller.office_id or wanted.office_id
    if office_id is None:
        raise NoOfficeToIntakeInto
    if wanted.office_id not in {None, office_id}:
        raise errors.foreign_office()
    await _refuse_stranger(session, caller, wanted.caseworker_id, office_id)
    _refuse_unknown_notices(wanted)
    case = await _new_case(session, caller, wanted, office_id)
    bound = {"case_id": case.id, "office_id": office_id, "region_code": None}
    new = people.compose(session, bound, wanted.members, wanted.consents)
    session.about, session.about_case = new.key, case.id
    session.add(case)
    await session.flush()
    await session.insert([*new.rows, *_first_entries(caller, bound, wanted, new)], new.index(bound))
    trail.record(session, caller, "case.opened", {"subject": new.key.pseudonym(case.id), "members": len(new.people),
                                                  "programme": str(case.programme)})  # fmt: skip
    for act in hooks.on_opened:
        await act(session, caller, case)
    return case


async def _refuse_stranger(session: Session, caller: Caller, caseworker_id: UUID | None, office_id: UUID) -> None:
    """A case is followed by somebody who can follow it; one who exists elsewhere is refused like one who does not."""
    if caseworker_id in {None, caller.actor_id}:
        return
    [(follows,)] = await session.rows("SELECT authz.follows(%s, %s)", (caseworker_id, office_id))
    if not follows:
        raise errors.not_a_caseworker()


def _refuse_unknown_notices(wanted: CaseCreate) -> None:
    unknown = [place for place, said in enumerate(wanted.consents) if not _stands(said)]
    if unknown:
        raise unknown_notice(*(f"/consents/{place}/notice_version" for place in unknown))


def _stands(said: ConsentSaid) -> bool:
    return stands(NoticeKind(str(said.purpose)), said.notice_version, said.notice_language, said.occurred_on)


async def _new_case(session: Session, caller: Caller, wanted: CaseCreate, office_id: UUID) -> Case:
    [(number,)] = await session.rows("SELECT nextval('case_references')")
    follows = wanted.caseworker_id or (caller.actor_id if caller.role is Role.caseworker else None)
    return Case(
        id=new_id(),
        reference=reference(clock.today().year, scattered(number, session.log_secret)),
        external_id=wanted.external_id,
        programme=wanted.programme,
        status=CaseStatus.draft if wanted.draft else CaseStatus.open,
        office_id=office_id,
        caseworker_id=follows,
        claimed_on=wanted.claimed_on,
        undertaking_on=wanted.undertaking_on,
    )


def _first_entries(caller: Caller, bound: dict[str, Any], wanted: CaseCreate, new: people.NewHousehold) -> list[NewRow]:
    said = {"occurred_on": clock.today(), "recorded_on": clock.today(), "recorded_by": caller.actor_id}
    needs = wanted.needs
    spoken = {language.code for m in wanted.members for language in m.languages if language.needs_interpreter}
    languages = sorted({*needs.interpreter_languages, *spoken})
    choices = [choice.model_dump(mode="json") for choice in wanted.preferences.choices]
    occupations = wanted.preferences.occupations
    spoken_for = {"services": needs.services, "interpreter_languages": languages, "bedrooms": needs.bedrooms}
    return [
        new_row(NeedEntry, **bound, **spoken_for, **said),
        new_row(PreferenceEntry, **bound, choices=choices, occupations=occupations, **said),
        *(_status_row(caller, bound, place, status, new) for place, status in enumerate(wanted.claim_statuses)),
    ]


def _status_row(
    caller: Caller, bound: dict[str, Any], place: int, status: ClaimStatusCreate, new: people.NewHousehold
) -> NewRow:
    if status.member is not None and status.member >= len(new.people):
        raise errors.no_such_claimant(place)
    person_id = None if status.member is None else new.people[status.member]
    row = new_id()
    sealed = new.key.seal(SOURCE_PLACE, row, status.source)
    said = status.model_dump(exclude={"source", "member"})
    return new_row(ClaimStatusEntry, **bound, **said, id=row, person_id=person_id, sealed_source=sealed,
                   recorded_by=caller.actor_id)  # fmt: skip


async def case_to(
    permission: Permission, session: Session, caller: Caller, case_id: UUID, version: int | None = None
) -> Case:
    """The case, locked for a change within the permission's reach; raises NotFound or StaleVersion."""
    unopened = defer(cast("Any", Case.sealed_close_reason))
    query = select(Case).options(unopened).where(col(Case.id) == case_id).with_for_update()
    if reach_of(caller.role, permission) is Reach.own:
        query = query.where(col(Case.caseworker_id) == caller.actor_id)
    case = (await session.exec(query)).first()
    if case is None:
        raise NotFound
    if version is not None and case.version != version:
        raise StaleVersion
    return case


async def household_key(session: Session, case_id: UUID) -> SubjectKey:
    """The household's key; a keyed POST's first answer is sealed under it. Raises NotFound."""
    rows = await session.rows(queries.HOUSEHOLD, (case_id,))
    if not rows:
        raise NotFound
    key = await key_within_reach(session, rows[0][0])
    session.about, session.about_case = key, case_id
    return key


async def subject_of(session: Session, case_id: UUID) -> tuple[dict[str, str], SubjectKey]:
    """A pseudonym under the household's key, and the key."""
    key = await household_key(session, case_id)
    number = str(new_id())
    return {"subject": key.pseudonym(case_id, number), "n": number}, key


async def change_case(session: Session, caller: Caller, case_id: UUID, version: int, patch: CasePatch) -> Case:
    case = await case_to(Permission.case_update, session, caller, case_id, version)
    changes = patch.model_dump(exclude_unset=True)
    if "status" in changes and case.status is not CaseStatus.draft:
        raise CaseNotDraft
    await _refuse_stranger(session, caller, patch.caseworker_id, case.office_id)
    for name, value in changes.items():
        setattr(case, name, value)
    case.version += 1
    await session.flush()
    subject, _ = await subject_of(session, case_id)
    trail.record(session, caller, "case.changed", {**subject, "fields": sorted(changes)})
    return case


async def record_consent(
    session: Session, caller: Caller, case_id: UUID, version: int, said: ConsentRecord
) -> tuple[Case, Consent]:
    """A trigger carries the word to the grants that rest on it: a withdrawal ends the hosts' view in this commit.

    The word comes last: it may end the view of the very region whose coordinator writes it down.
    """
    case = await case_to(Permission.consent_record, session, caller, case_id, version)
    if not _stands(said):
        raise unknown_notice("/notice_version")
    bound = {"case_id": case.id, "office_id": case.office_id, "region_code": case.region_code}
    subject, _ = await subject_of(session, case_id)
    case.version += 1
    await session.flush()
    consent = await people.hear(session, bound, said)
    await session.flush()
    facts = {"purpose": str(said.purpose), "given": said.given, "withdrawal": consent.withdrawn_at is not None}
    trail.record(session, caller, "consent.recorded", {**subject, **facts})
    return case, consent


async def close_case(session: Session, caller: Caller, case_id: UUID, version: int, reason: str) -> Case:
    case = await case_to(Permission.case_close, session, caller, case_id, version)
    if case.status is CaseStatus.closed:
        raise CaseAlreadyClosed
    [(under_way,)] = await session.rows(UNDER_WAY, {"case": case_id})
    if under_way:
        raise CaseStillPlaced
    subject, key = await subject_of(session, case_id)
    case.status, case.closed_at = CaseStatus.closed, clock.now()
    case.sealed_close_reason = key.seal(CLOSE_REASON_PLACE, case_id, reason)
    case.version += 1
    await session.flush()
    trail.record(session, caller, "case.closed", subject)
    return case


async def reopen_case(session: Session, caller: Caller, case_id: UUID, version: int) -> Case:
    case = await case_to(Permission.case_close, session, caller, case_id, version)
    if case.status is not CaseStatus.closed:
        raise CaseNotClosed
    case.status, case.closed_at, case.sealed_close_reason = CaseStatus.open, None, None
    case.version += 1
    await session.flush()
    subject, _ = await subject_of(session, case_id)
    trail.record(session, caller, "case.reopened", subject)
    return case
