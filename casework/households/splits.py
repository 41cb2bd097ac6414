"""Households that part and meet: people go from case to case with their own record, and each case keeps its history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlmodel import col, select

from casework.audit import trail
from casework.authz.guard import key_within_reach
from casework.authz.policy import Permission
from casework.cases import hooks
from casework.cases.errors import CaseAlreadyClosed, CaseStillPlaced
from casework.cases.lifecycle import CaseStatus
from casework.cases.models import SOURCE_PLACE, Case, ClaimStatusEntry, NeedEntry, PreferenceEntry
from casework.cases.reference_number import reference, scattered
from casework.cases.service import UNDER_WAY, case_to
from casework.households import errors, links
from casework.households.members import bound_to, current_members, depart, member_of, refuse_relation
from casework.households.models import LinkKind, MoveReason, PersonMove
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.problems import NotFound
from casework.kernel.rows import NewRow, new_row
from casework.milestones import expectations
from casework.milestones.queries import household_of
from casework.people.models import Household, Membership, MembershipEnd, Person, SubjectKind
from casework.people.schemas import Relation
from casework.people.service import key_row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.households.schemas import JoinCreate, SplitCreate
    from casework.kernel.database import Session
    from casework.kernel.sealing import SubjectKey

# What was said of the claim of those who go, or of the whole household: told again in their own case.
CLAIM = (
    "SELECT id, sealed_source, person_id, status, occurred_on, printed_due_on, hearing_on, hearing_place, recorded_by"
    " FROM claim_statuses WHERE case_id = %s AND (person_id IS NULL OR person_id = ANY(%s)) AND voided_at IS NULL"
    " ORDER BY occurred_on, id"
)
TOLD_AGAIN = (
    "person_id", "status", "occurred_on", "printed_due_on", "hearing_on", "hearing_place", "recorded_by",
)  # fmt: skip
# Anchors do not move: what was reached before the parting is reached.
REACHED = (
    "UPDATE milestone_expectations n SET fulfilled_by = o.fulfilled_by FROM milestone_expectations o"
    " WHERE o.case_id = %(before)s AND n.case_id = %(after)s AND o.code = n.code"
    " AND o.person_id IS NOT DISTINCT FROM n.person_id AND o.fulfilled_by IS NOT NULL AND n.fulfilled_by IS NULL"
)
LAST_DAY = "SELECT max(ends_on) FROM memberships WHERE person_id = %s"
NOT_TOLD: Final = frozenset({MoveReason.safety})


async def split(session: Session, caller: Caller, case_id: UUID, version: int, wanted: SplitCreate) -> Case:
    """Members of a household get a case of their own; returns it.

    Raises NotFound, StaleVersion, CaseAlreadyClosed, CaseStillPlaced, SubjectErased or InvalidContent.
    """
    case = await _movable(session, caller, case_id, version)
    household = await current_members(session, case_id)
    going = [member_of(household, person_id) for person_id in dict.fromkeys(wanted.people)]
    if len(going) == len(household):
        raise errors.nobody_stays()
    if wanted.principal_id not in {one.person_id for one in going}:
        raise NotFound
    new, key = await _open(session, case, wanted)
    day = wanted.on or clock.today()
    if any(day < one.starts_on for one in going):
        raise errors.before_membership("/on")
    await _carry(session, caller, new, [(one.person_id, case_id) for one in going], wanted.reason)
    staying = [one for one in household if one not in going]
    for one in going:
        relation = _relation(one, principal=one.person_id == wanted.principal_id)
        await depart(session, [*staying, one], one, (day, MembershipEnd.split_off), wanted.remaining_principal)
        await _belong(session, new, key.subject_id, (one.person_id, relation), day)
    await _tell_again(session, case, new, key, [one.person_id for one in going])
    case.version += 1
    await session.flush()
    if wanted.reason not in NOT_TOLD:
        await links.add(session, caller, new, case.id, LinkKind.split_from)
    for act in hooks.on_opened:
        await act(session, caller, new)
    await session.rows(REACHED, {"before": case_id, "after": new.id})
    _told(session, caller, key, new, wanted.reason, len(going))
    session.about, session.about_case = key, new.id
    return new


async def join(session: Session, caller: Caller, case_id: UUID, version: int, wanted: JoinCreate) -> UUID:
    """Somebody of another case within reach comes to live with this household; returns the person's id.

    Raises NotFound, StaleVersion, CaseAlreadyClosed, CaseStillPlaced, SubjectErased or InvalidContent.
    """
    rows = await session.rows("SELECT case_id FROM persons WHERE id = %s", (wanted.person_id,))
    if not rows:
        raise NotFound
    case = await _movable(session, caller, case_id, version)
    left = case if rows[0][0] == case_id else await _movable(session, caller, rows[0][0])
    await key_within_reach(session, wanted.person_id)
    household_id = await household_of(session, case_id)
    key = await key_within_reach(session, household_id)
    joined = await current_members(session, case_id)
    refuse_relation([one for one in joined if one.person_id != wanted.person_id], wanted.relation, "/relation")
    household = joined if left is case else await current_members(session, left.id)
    own = next((one for one in household if one.person_id == wanted.person_id), None)
    if own is not None and left is case:
        raise errors.TwoHouseholds
    await _free(session, wanted, own)
    if left is not case:
        await _carry(session, caller, case, [(wanted.person_id, left.id)], MoveReason.reunion)
    day = wanted.on or clock.today()
    if own is not None:
        await depart(session, household, own, (day, MembershipEnd.joined_other), wanted.new_principal)
    await _belong(session, case, household_id, (wanted.person_id, wanted.relation), day)
    for changed in {id(one): one for one in (case, left)}.values():
        changed.version += 1
    await session.flush()
    await expectations.refresh(session, caller, case_id)
    await session.rows(REACHED, {"before": left.id, "after": case_id})
    _told(session, caller, key, case, MoveReason.reunion, 1)
    session.about, session.about_case = key, case_id
    return wanted.person_id


async def _free(session: Session, wanted: JoinCreate, own: Membership | None) -> None:
    """The dead join nobody, nobody joins before they left, and a duplicate is not a person of its own."""
    query = select(Person).where(col(Person.id) == wanted.person_id).with_for_update()
    person = (await session.exec(query)).one()
    if person.deceased_at is not None:
        raise errors.AlreadyDeceased
    if person.merged_into is not None:
        raise errors.PersonMerged(person_id=str(person.merged_into))
    day = wanted.on or clock.today()
    if own is not None and day < own.starts_on:
        raise errors.before_membership("/on")
    [(last,)] = await session.rows(LAST_DAY, (wanted.person_id,))
    if last is not None and last > day:
        raise errors.TwoHouseholds


async def _movable(session: Session, caller: Caller, case_id: UUID, version: int | None = None) -> Case:
    """Nobody moves out from under an offer or a bus: that is ended, or lived through, first."""
    case = await case_to(Permission.household_change, session, caller, case_id, version)
    if case.status is CaseStatus.closed:
        raise CaseAlreadyClosed
    [(under_way,)] = await session.rows(UNDER_WAY, {"case": case_id})
    if under_way:
        raise CaseStillPlaced
    return case


async def _open(session: Session, case: Case, wanted: SplitCreate) -> tuple[Case, SubjectKey]:
    """The new case, of the same office and programme, with the same anchors, and its household's key."""
    [(number,)] = await session.rows("SELECT nextval('case_references')")
    lives = wanted.reason not in NOT_TOLD
    new = Case(
        id=new_id(), reference=reference(clock.today().year, scattered(number, session.log_secret)),
        programme=case.programme, status=case.status, office_id=case.office_id, caseworker_id=case.caseworker_id,
        region_code=case.region_code if lives else None, arrived_on=case.arrived_on if lives else None,
        claimed_on=case.claimed_on, undertaking_on=case.undertaking_on, offered_on=case.offered_on,
    )  # fmt: skip
    session.add(new)
    await session.flush()
    household_id = new_id()
    key, wrapped = session.keyring.new_key(household_id)
    bound, today = bound_to(new), clock.today()
    needs = wanted.needs.model_dump()
    said = wanted.preferences.model_dump(mode="json")
    await session.insert([
        new_row(Household, **bound, id=household_id),
        key_row(bound, household_id, SubjectKind.household, session, wrapped),
        new_row(NeedEntry, **bound, **needs, occurred_on=today, recorded_on=today),
        new_row(PreferenceEntry, **bound, **said, occurred_on=today, recorded_on=today),
    ])  # fmt: skip
    return new, key


async def _carry(
    session: Session, caller: Caller, there: Case, going: Sequence[tuple[UUID, UUID]], reason: MoveReason
) -> None:
    """`going`: person and the case they leave; the insertion itself moves their records (migrations/…_households_that_change.py)."""
    bound, by = bound_to(there), caller.actor_id
    rows = [(PersonMove, {"person_id": person, "from_case_id": left}) for person, left in going]
    await session.insert([new_row(model, **bound, **who, reason=reason, moved_by=by) for model, who in rows])


async def _belong(session: Session, case: Case, household_id: UUID, who: tuple[UUID, Relation], day: date) -> None:
    person_id, relation = who
    belongs = {"household_id": household_id, "person_id": person_id, "relation": str(relation)}
    await session.insert([new_row(Membership, **bound_to(case), **belongs, starts_on=day)])


def _relation(held: Membership, *, principal: bool) -> Relation:
    """What somebody is to a household depends on its principal; a former principal is `other` to the new one."""
    if principal:
        return Relation.principal
    return Relation.other if held.relation == Relation.principal else Relation(held.relation)


async def _tell_again(session: Session, case: Case, new: Case, key: SubjectKey, people: list[UUID]) -> None:
    rows = await session.rows(CLAIM, (case.id, people))
    if not rows:
        return
    before = await key_within_reach(session, await household_of(session, case.id))
    await session.insert([_status(new, key, before, row) for row in rows])


def _status(new: Case, key: SubjectKey, before: SubjectKey, row: tuple[Any, ...]) -> NewRow:
    old, sealed, *rest = row
    identity = new_id()
    source = key.seal(SOURCE_PLACE, identity, before.open(SOURCE_PLACE, old, sealed))
    told = dict(zip(TOLD_AGAIN, rest, strict=True))
    return new_row(ClaimStatusEntry, **bound_to(new), id=identity, sealed_source=source, **told)


def _told(session: Session, caller: Caller, key: SubjectKey, case: Case, reason: MoveReason, members: int) -> None:
    number = str(new_id())
    facts = {"subject": key.pseudonym(case.id, number), "n": number, "reason": str(reason), "members": members}
    trail.record(session, caller, "household.changed", facts)
