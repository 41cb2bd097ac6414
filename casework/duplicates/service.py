"""Two records of one person: found with reasons, merged by a person, undone to the column (ADR 0034)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from casework.audit import trail
from casework.authz.guard import key_within_reach
from casework.authz.policy import Permission
from casework.cases.errors import CaseStillPlaced
from casework.cases.service import UNDER_WAY, case_to
from casework.duplicates import errors, queries
from casework.duplicates.likeness import LEAST, Likeness, Record, likeness
from casework.duplicates.models import REASON_PLACE, Merge, MergeStatus
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.partial_date import PartialDate
from casework.kernel.problems import NotFound, StaleVersion, SubjectErased
from casework.people import names
from casework.people.models import Membership
from casework.people.schemas import Relation
from casework.privacy.holds import case_of
from casework.search.service import closeness

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.duplicates.schemas import DuplicateSearchCreate, MergeCreate
    from casework.kernel.database import Session
    from casework.kernel.language import Language
    from casework.kernel.sealing import SubjectKey

STANDING = (
    "SELECT EXISTS (SELECT 1 FROM merges WHERE duplicate_id = ANY(%(both)s) AND status IN ('proposed', 'done'))"
    " OR EXISTS (SELECT 1 FROM merges WHERE person_id = %(duplicate)s AND status IN ('proposed', 'done'))"
)
# Who took the place of the principal that the merge had taken away.
REPLACED = (
    "SELECT EXISTS (SELECT 1 FROM memberships g JOIN memberships m ON m.household_id = g.household_id"
    " AND m.ends_on IS NULL AND m.relation = 'principal' WHERE g.id = %s AND g.relation = 'principal')"
)
KEYS = (
    "SELECT subject_id, kek_id, wrapped, key_version FROM subject_keys WHERE subject_id = ANY(%s) AND erased_at IS NULL"
)


async def candidates(
    session: Session, caller: Caller, asked: DuplicateSearchCreate, language: Language
) -> list[dict[str, Any]]:
    """Within reach, the likeliest first. Raises NotFound or SubjectErased; what is shown is on record."""
    row = await queries.person(session, asked.person_id)
    if row is None:
        raise NotFound
    if row[6] is not None:
        raise SubjectErased
    name, record = _opened(session, row)
    forms = list(names.forms(name))
    tokens = session.blind.tokens(names.features(forms))
    rows = await queries.alike(session, asked.person_id, tokens, [blind for _, blind in record.identifiers])
    compared = [(other, _compare(session, forms, record, other)) for other in rows]
    close = sorted(
        (pair for pair in compared if pair[1].score >= LEAST), key=lambda pair: (-pair[1].score, pair[0][0])
    )[: asked.limit]
    shown = list(dict.fromkeys([row[1], *(other[1] for other, _ in close)]))
    await trail.record_read(session, caller, Permission.duplicate_search, shown)
    return [_candidate(other, found, language) for other, found in close]


def _opened(session: Session, row: tuple[Any, ...]) -> tuple[dict[str, Any], Record]:
    person_id, _, _, name, birth, contact, _, kek_id, wrapped, version, identifiers = row
    key = session.keyring.unwrap(person_id, kek_id, wrapped, version)

    def opened(column: str, sealed: bytes | None) -> Any:
        return None if sealed is None else key.open(f"persons/sealed_{column}", person_id, sealed)

    told = opened("contact", contact) or {}
    held = frozenset((kind, bytes.fromhex(blind)) for kind, _, blind in (one.partition("/") for one in identifiers))
    born = opened("birth", birth)
    return opened("name", name), Record(
        PartialDate.unknown() if born is None else PartialDate.model_validate(born), held,
        frozenset(told[part].casefold() for part in ("phone", "email") if told.get(part)),
    )  # fmt: skip


def _compare(session: Session, forms: list[str], record: Record, other: tuple[Any, ...]) -> Likeness:
    name, compared = _opened(session, other)
    return likeness(max(closeness(form, name) for form in forms), record, compared)


def _candidate(row: tuple[Any, ...], found: Likeness, language: Language) -> dict[str, Any]:
    reasons = [{"factor": one.factor, "points": one.points, "text": one.text.to(language)} for one in found.reasons]
    return {
        "person_id": row[0], "case_id": row[1], "case_reference": row[2], "score": found.score, "likely": found.likely,
        "reasons": reasons,
    }  # fmt: skip


async def propose(session: Session, caller: Caller, person_id: UUID, wanted: MergeCreate) -> Merge:
    """Done at once within an office; across two it waits for a second person.

    Raises NotFound, SubjectErased, MergeStands, CaseStillPlaced or InvalidContent.
    """
    if wanted.duplicate_id == person_id:
        raise errors.same_record()
    case_id, from_case_id = [await case_of(session, one) for one in (person_id, wanted.duplicate_id)]
    # In one order, whoever asks first.
    locked = {one: await case_to(Permission.merge_propose, session, caller, one)
              for one in sorted({case_id, from_case_id})}  # fmt: skip
    case, left = locked[case_id], locked[from_case_id]
    key = await key_within_reach(session, person_id)
    await key_within_reach(session, wanted.duplicate_id)
    [(stands,)] = await session.rows(
        STANDING, {"both": [person_id, wanted.duplicate_id], "duplicate": wanted.duplicate_id}
    )
    if stands:
        raise errors.MergeStands
    await _refuse_needed(session, wanted.duplicate_id, case_id, from_case_id)
    across = case.office_id != left.office_id
    merge_id = new_id()
    merge = Merge(
        id=merge_id, case_id=case.id, office_id=case.office_id, region_code=case.region_code, person_id=person_id,
        duplicate_id=wanted.duplicate_id, from_case_id=from_case_id, across=across,
        status=MergeStatus.proposed if across else MergeStatus.done, proposed_by=caller.actor_id,
        sealed_reason=key.seal(REASON_PLACE, merge_id, wanted.reason),
    )  # fmt: skip
    session.about, session.about_case = key, case.id
    await _carry_out(session, caller, merge)
    return merge


async def _refuse_needed(session: Session, duplicate_id: UUID, case_id: UUID, from_case_id: UUID) -> None:
    """A household loses nobody on its way to a place, nor its principal while others remain."""
    query = select(Membership).where(col(Membership.case_id) == from_case_id, col(Membership.ends_on).is_(None))
    household = (await session.exec(query)).all()
    own = next((one for one in household if one.person_id == duplicate_id), None)
    if own is None:
        return
    if own.relation == Relation.principal and len(household) > 1:
        raise errors.principal_stays()
    [(under_way,)] = await session.rows(UNDER_WAY, {"case": from_case_id})
    if under_way and case_id != from_case_id:
        raise CaseStillPlaced


async def decide(session: Session, caller: Caller, merge_id: UUID, version: int, status: MergeStatus) -> Merge:
    """`done` or `refused`, by somebody else. Raises NotFound, StaleVersion, MergeNotWaiting or MergeDecidedByAnother."""
    merge = await _locked(session, merge_id, version)
    if merge.status is not MergeStatus.proposed:
        raise errors.MergeNotWaiting
    if merge.proposed_by == caller.actor_id:
        raise errors.MergeDecidedByAnother
    session.about, session.about_case = await key_within_reach(session, merge.person_id), merge.case_id
    merge.status, merge.decided_by, merge.decided_at = status, caller.actor_id, clock.now()
    await _carry_out(session, caller, merge)
    return merge


async def undo(session: Session, caller: Caller, merge_id: UUID, version: int) -> Merge:
    """Every row back as it was. Raises NotFound, StaleVersion, MergeNotStanding, SubjectErased or PrincipalReplaced."""
    merge = await _locked(session, merge_id, version)
    if merge.status is not MergeStatus.done:
        raise errors.MergeNotStanding
    await key_within_reach(session, merge.duplicate_id)
    [(replaced,)] = await session.rows(REPLACED, (merge.membership_id,))
    if replaced:
        raise errors.PrincipalReplaced
    merge.status, merge.undone_by, merge.undone_at = MergeStatus.undone, caller.actor_id, clock.now()
    await _carry_out(session, caller, merge)
    return merge


async def _locked(session: Session, merge_id: UUID, version: int) -> Merge:
    query = select(Merge).where(col(Merge.id) == merge_id).with_for_update()
    merge = (await session.exec(query)).first()
    if merge is None:
        raise NotFound
    if merge.version != version:
        raise StaleVersion
    merge.version += 1
    return merge


async def _carry_out(session: Session, caller: Caller, merge: Merge) -> None:
    """The database does what the row says as it passes; the log is told, in this transaction."""
    session.add(merge)
    await session.flush()
    await session.refresh(merge)
    facts = {"merge": str(merge.id), "across": merge.across}
    trail.record(session, caller, f"merge.{merge.status}", facts)


async def as_read(session: Session, merges: list[Merge]) -> list[dict[str, Any]]:
    """With its reason opened; null once the person is erased."""
    rows = await session.rows(KEYS, (list({merge.person_id for merge in merges}),))
    keys = {subject_id: session.keyring.unwrap(subject_id, *wrapped) for subject_id, *wrapped in rows}
    return [_shown(merge, keys.get(merge.person_id)) for merge in merges]


def _shown(merge: Merge, key: SubjectKey | None) -> dict[str, Any]:
    told = key.open(REASON_PLACE, merge.id, merge.sealed_reason) if key and merge.sealed_reason else None
    return {**merge.model_dump(exclude={"sealed_reason", "membership_id"}), "reason": told}
