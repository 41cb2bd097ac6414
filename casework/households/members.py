"""Who belongs to a household and since when: births, arrivals, deaths, departures. What was stays written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from casework.audit import trail
from casework.authz.guard import key_within_reach
from casework.authz.policy import Permission
from casework.cases.errors import CaseAlreadyClosed
from casework.cases.lifecycle import CaseStatus
from casework.cases.service import case_to
from casework.households import errors
from casework.households.records import changed, keep, person_to_change
from casework.households.schemas import Joining
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.partial_date import PartialDate, Precision
from casework.kernel.problems import NotFound
from casework.kernel.rows import new_row
from casework.milestones import expectations
from casework.milestones.queries import household_of
from casework.people import errors as people_errors
from casework.people.models import ChangeReason, Consent, Membership, MembershipEnd
from casework.people.schemas import Relation
from casework.people.service import NewHousehold, add_member, age_of

if TYPE_CHECKING:
    from datetime import date
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.cases.models import Case
    from casework.households.schemas import DeathRecord, DeathUndo, MemberAdd, MemberLeave
    from casework.kernel.database import Session


async def current_members(session: Session, case_id: UUID) -> list[Membership]:
    """Today's memberships, the oldest first, locked."""
    query = select(Membership).where(col(Membership.case_id) == case_id, col(Membership.ends_on).is_(None))
    return list((await session.exec(query.order_by(col(Membership.id)).with_for_update())).all())


async def join(session: Session, caller: Caller, case_id: UUID, version: int, wanted: MemberAdd) -> UUID:
    """A child born, or somebody who arrives later; returns the person's id.

    Raises NotFound, StaleVersion, CaseAlreadyClosed, SubjectErased or InvalidContent.
    """
    case = await case_to(Permission.household_change, session, caller, case_id, version)
    household_id = await household_of(session, case_id)
    new = NewHousehold(household_id, await key_within_reach(session, household_id))
    if case.status is CaseStatus.closed:
        raise CaseAlreadyClosed
    adult = _age(wanted)
    refuse_relation(await current_members(session, case_id), wanted.member.relation, "/member/relation")
    bound = {"case_id": case.id, "office_id": case.office_id, "region_code": case.region_code}
    person_id = add_member(new, session, bound, wanted.member, adult, _since(wanted))
    consents = [new_row(Consent, **bound, person_id=person_id, **said.model_dump()) for said in wanted.consents]
    session.about, session.about_case = new.key, case.id
    case.version += 1
    await session.flush()
    await session.insert([*new.rows, *consents], new.index(bound))
    await expectations.refresh(session, caller, case_id)
    number = str(new_id())
    facts = {"subject": new.key.pseudonym(case_id, number), "n": number, "how": str(wanted.how)}
    trail.record(session, caller, "member.joined", facts)
    return person_id


def _age(wanted: MemberAdd) -> bool | None:
    member = wanted.member
    adult, faults = age_of(member.birth, member.is_adult, clock.today(), "/member")
    if wanted.how is Joining.birth:
        if adult or member.relation is Relation.principal:
            raise errors.not_newborn()
        adult = False  # born into the household: nobody guesses
    if member.unaccompanied_minor and adult is True:
        faults.append(people_errors.adult_is_not_alone("/member"))
    if wanted.consents and adult is False:
        faults.append(people_errors.not_an_adult("/consents"))
    if faults:
        raise people_errors.refused(faults)
    return adult


def _since(wanted: MemberAdd) -> date:
    if wanted.since is not None:
        return wanted.since
    born = wanted.member.birth
    exact = wanted.how is Joining.birth and born.precision is Precision.day
    return born.earliest() or clock.today() if exact else clock.today()


def refuse_relation(household: list[Membership], relation: Relation, pointer: str) -> None:
    """Raises InvalidContent for a second principal, or for a first member who is none."""
    principal = relation is Relation.principal
    if principal and any(one.relation == Relation.principal for one in household):
        raise errors.principal_stands(pointer)
    if not principal and not household:
        raise errors.first_is_principal(pointer)


async def record_death(
    session: Session, caller: Caller, ids: tuple[UUID, UUID], version: int, told: DeathRecord
) -> None:
    """The dead keep their history and leave the household of today. `ids`: case, person.

    Raises NotFound, SubjectErased, StaleVersion, AlreadyDeceased or InvalidContent.
    """
    case_id, person_id = ids
    case = await case_to(Permission.household_change, session, caller, case_id)
    person, key = await person_to_change(session, case, person_id, version)
    if person.deceased_at is not None:
        raise errors.AlreadyDeceased
    sealed = person.sealed_birth
    birth = PartialDate.unknown() if sealed is None else PartialDate.model_validate(
        key.open("persons/sealed_birth", person_id, sealed))  # fmt: skip
    _check_death(birth, told.occurred)
    exact = told.occurred.precision is Precision.day
    day = told.occurred.earliest() if exact else None
    household = await current_members(session, case_id)
    own = next((one for one in household if one.person_id == person_id), None)
    if own is not None:
        ends_on = max(day or clock.today(), own.starts_on)
        await depart(session, household, own, (ends_on, MembershipEnd.deceased), told.new_principal)
    person.deceased_at = clock.now()
    person.sealed_death = key.seal("persons/sealed_death", person_id, told.occurred.model_dump(mode="json"))
    await changed(session, caller, case, person, key, {"death"})


async def undo_death(session: Session, caller: Caller, ids: tuple[UUID, UUID], version: int, told: DeathUndo) -> None:
    """The person belonged all along: a membership follows the one that ended, and the history keeps what was recorded.

    Whoever became the principal meanwhile stays so. `ids`: case, person. Raises NotFound, SubjectErased, StaleVersion,
    NotDeceased or InvalidContent.
    """
    case_id, person_id = ids
    case = await case_to(Permission.household_change, session, caller, case_id)
    person, key = await person_to_change(session, case, person_id, version)
    if person.deceased_at is None:
        raise errors.NotDeceased
    last = await _ended_by_death(session, case_id, person_id)
    if last is not None and last.ends_on is not None:
        relation = told.relation or Relation(last.relation)
        refuse_relation(await current_members(session, case_id), relation, "/relation")
        row = new_row(Membership, **_place(last), relation=str(relation), starts_on=last.ends_on)
        await session.insert([row])
    sealed = person.sealed_death
    before = None if sealed is None else key.open("persons/sealed_death", person_id, sealed)
    await keep(session, caller, person, key, ChangeReason.correction, {"death": before})
    person.deceased_at = person.sealed_death = None
    await changed(session, caller, case, person, key, {"death"})
    await expectations.refresh(session, caller, case_id)


async def _ended_by_death(session: Session, case_id: UUID, person_id: UUID) -> Membership | None:
    """The membership that the death ended; None where the person belonged to no household by then."""
    query = select(Membership).where(
        col(Membership.case_id) == case_id, col(Membership.person_id) == person_id,
        col(Membership.end_reason) == MembershipEnd.deceased,
    )  # fmt: skip
    return (await session.exec(query.order_by(col(Membership.id).desc()).limit(1))).first()


def _check_death(birth: PartialDate, occurred: PartialDate) -> None:
    earliest, latest, born = occurred.earliest(), occurred.latest(), birth.earliest()
    if earliest is not None and earliest > clock.today():
        raise errors.death_in_future()
    if born is not None and latest is not None and latest < born:
        raise errors.death_before_birth()


async def leave(session: Session, caller: Caller, ids: tuple[UUID, UUID], version: int, told: MemberLeave) -> None:
    """Raises NotFound, SubjectErased, StaleVersion, NotAMember or InvalidContent."""
    case_id, person_id = ids
    case = await case_to(Permission.household_change, session, caller, case_id)
    person, key = await person_to_change(session, case, person_id, version)
    household = await current_members(session, case_id)
    own = next((one for one in household if one.person_id == person_id), None)
    if own is None:
        raise errors.NotAMember
    if told.ends_on < own.starts_on:
        raise errors.before_membership("/ends_on")
    await depart(session, household, own, (told.ends_on, MembershipEnd(told.reason)), told.new_principal)
    await changed(session, caller, case, person, key, {"membership"})


async def depart(
    session: Session,
    household: list[Membership],
    own: Membership,
    end: tuple[date, MembershipEnd],
    new_principal: UUID | None,
) -> None:
    """End `own`; where it was the principal's and others remain, `new_principal` takes that place from the same day.

    Raises NotFound for a new principal who is no member, or InvalidContent where one is needed.
    """
    others = [one for one in household if one.id != own.id]
    heir = next((one for one in others if one.person_id == new_principal), None)
    if new_principal is not None and heir is None:
        raise NotFound
    if own.relation == Relation.principal and others and heir is None:
        raise errors.principal_needed()
    ends_on, reason = end
    own.ends_on, own.end_reason = ends_on, reason
    await session.flush()
    if heir is not None and own.relation == Relation.principal:
        await relate(session, heir, Relation.principal, ends_on)


async def relate(session: Session, held: Membership, relation: Relation, on: date) -> None:
    """The same person in the same household under another relation, from `on`: two dated rows, none rewritten."""
    day = max(on, held.starts_on)
    held.ends_on, held.end_reason = day, MembershipEnd.relation_changed
    await session.flush()
    await session.insert([new_row(Membership, **_place(held), relation=str(relation), starts_on=day)])


def _place(held: Membership) -> dict[str, Any]:
    return held.model_dump(include={"case_id", "office_id", "region_code", "household_id", "person_id"})


def member_of(household: list[Membership], person_id: UUID) -> Membership:
    """Raises NotFound."""
    found = next((one for one in household if one.person_id == person_id), None)
    if found is None:
        raise NotFound
    return found


def bound_to(case: Case) -> dict[str, Any]:
    return {"case_id": case.id, "office_id": case.office_id, "region_code": case.region_code}
