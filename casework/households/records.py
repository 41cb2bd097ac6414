"""What is known of one person, amended: what a change replaces is kept, and nothing missing is invented."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError
from sqlmodel import col, select

from casework.audit import trail
from casework.authz.guard import key_within_reach
from casework.authz.policy import Permission
from casework.cases.service import case_to
from casework.households import errors
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.partial_date import PartialDate
from casework.kernel.problems import NotFound, StaleVersion
from casework.milestones import expectations
from casework.people import errors as people_errors
from casework.people import names
from casework.people.models import ChangeReason, IdentifierType, Person, PersonVersion, Representative
from casework.people.schemas import IdentifierCreate, Name, NameKind
from casework.people.service import INDEX_NAMES, age_of, identifier_row, index_values, name_as_kept

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.cases.models import Case
    from casework.households.schemas import PersonPatch, RepresentativeCreate
    from casework.kernel.database import Session
    from casework.kernel.sealing import SubjectKey

SEALED: Final = ("name", "birth", "contact", "description")
KEEP_FORMER: Final = frozenset({ChangeReason.legal_change, ChangeReason.chosen_name})
OTHERS_KEPT: Final = 10
STANDING_IDENTIFIERS = (
    "SELECT id, type, sealed_value, issued_on, expires_on FROM identifiers WHERE person_id = %s AND ended_at IS NULL"
)
END_IDENTIFIERS = "UPDATE identifiers SET ended_at = %s WHERE id = ANY(%s)"
FORGET_NAMES = "DELETE FROM name_tokens WHERE person_id = %s"


async def person_to_change(session: Session, case: Case, person_id: UUID, version: int) -> tuple[Person, SubjectKey]:
    """The person, locked, and their key. Raises NotFound, SubjectErased, StaleVersion or PersonMerged."""
    query = select(Person).where(col(Person.id) == person_id, col(Person.case_id) == case.id).with_for_update()
    person = (await session.exec(query)).first()
    if person is None:
        raise NotFound
    key = await key_within_reach(session, person_id)
    if person.version != version:
        raise StaleVersion
    if person.merged_into is not None:
        raise errors.PersonMerged(person_id=str(person.merged_into))
    session.about, session.about_case = key, case.id
    return person, key


async def amend_person(
    session: Session, caller: Caller, ids: tuple[UUID, UUID], version: int, patch: PersonPatch
) -> None:
    """`ids`: case, person. Raises NotFound, SubjectErased, StaleVersion, or InvalidContent for a contradiction."""
    case_id, person_id = ids
    case = await case_to(Permission.person_update, session, caller, case_id)
    person, key = await person_to_change(session, case, person_id, version)
    said = patch.model_fields_set - {"reason"}
    before = _opened(person, key)
    after = {name: _after(name, before, patch) for name in SEALED if name in said}
    _check_age(person, patch, after.get("birth", before["birth"]))
    await keep(session, caller, person, key, patch.reason, {name: before[name] for name in after})
    for name, value in after.items():
        setattr(person, f"sealed_{name}", key.seal(f"persons/sealed_{name}", person_id, value) if value else None)
    for column in said & {"external_id", "languages"}:
        setattr(person, column, patch.model_dump(mode="json")[column])
    if "name" in after:
        await _index(session, person, after["name"])
    if "identifiers" in said:
        await _replace_identifiers(session, person, key, patch.identifiers)
    await changed(session, caller, case, person, key, said)
    if "birth" in said:
        await expectations.refresh(session, caller, case_id)


async def changed(
    session: Session, caller: Caller, case: Case, person: Person, key: SubjectKey, fields: set[str] | frozenset[str]
) -> None:
    """Both versions grow, because the case shows its people; the leaf names fields, never what they hold."""
    person.version += 1
    case.version += 1
    await session.flush()
    number = str(new_id())
    facts = {"subject": key.pseudonym(case.id, number), "n": number, "fields": sorted(fields)}
    trail.record(session, caller, "person.changed", facts)


def _opened(person: Person, key: SubjectKey) -> dict[str, Any]:
    found = {}
    for name in SEALED:
        sealed = getattr(person, f"sealed_{name}")
        found[name] = None if sealed is None else key.open(f"persons/sealed_{name}", person.id, sealed)
    return found


def _after(name: str, before: dict[str, Any], patch: PersonPatch) -> Any:
    if name == "birth":
        return patch.birth.model_dump(mode="json")
    given = getattr(patch, name)
    if given is None:
        return None
    merged = merge(before[name] or {}, given.model_dump(mode="json", exclude_unset=True))
    return _name_after(before["name"], merged, patch.reason) if name == "name" else merged


def merge(target: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """RFC 7396, for the objects that a person's record holds."""
    result = dict(target)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            result[name] = merge(result.get(name) or {}, value)
        else:
            result[name] = value
    return result


def _name_after(before: dict[str, Any], merged: dict[str, Any], reason: ChangeReason) -> dict[str, Any]:
    """A name that was borne stays findable; one that was a mistake does not."""
    if reason in KEEP_FORMER and merged.get("full") != before["full"]:
        former = {"kind": NameKind.former, "full": before["full"], "original_script": before.get("original_script")}
        kept = [one for one in merged.get("others", []) if one["full"] != before["full"]]
        merged = {**merged, "others": [*kept[-OTHERS_KEPT + 1 :], former]}
    try:
        return name_as_kept(Name.model_validate(merged))
    except ValidationError:
        raise errors.no_name() from None


def _check_age(person: Person, patch: PersonPatch, birth: dict[str, Any] | None) -> None:
    said = patch.model_fields_set
    known = PartialDate.unknown() if birth is None else PartialDate.model_validate(birth)
    # What was stated before gives way to a birth date that settles it.
    stated = patch.is_adult if "is_adult" in said else None
    adult, faults = age_of(known, stated, clock.today(), "")
    if adult is None and "is_adult" not in said:
        adult = person.is_adult
    alone = patch.unaccompanied_minor if "unaccompanied_minor" in said else person.unaccompanied_minor
    if alone and adult is True and "unaccompanied_minor" in said:
        faults.append(people_errors.adult_is_not_alone(""))
    if faults:
        raise people_errors.refused(faults)
    person.is_adult, person.unaccompanied_minor = adult, alone and adult is not True


async def keep(
    session: Session, caller: Caller, person: Person, key: SubjectKey, reason: ChangeReason, replaced: dict[str, Any]
) -> None:
    row = new_id()
    sealed: dict[str, Any] = {
        f"sealed_{name}": key.seal(f"person_versions/sealed_{name}", row, value)
        for name, value in replaced.items()
        if value is not None
    }
    session.add(
        PersonVersion(
            id=row, case_id=person.case_id, office_id=person.office_id, region_code=person.region_code,
            person_id=person.id, version=person.version, reason=reason, recorded_by=caller.actor_id, **sealed,
        )
    )  # fmt: skip


async def _index(session: Session, person: Person, name: dict[str, Any]) -> None:
    tokens = session.blind.tokens(names.features(names.forms(name)))
    await session.rows(FORGET_NAMES, (person.id,))
    await session.rows(INDEX_NAMES, index_values(_bound(person), [(person.id, token) for token in tokens]))


def _bound(person: Person) -> dict[str, Any]:
    return {"case_id": person.case_id, "office_id": person.office_id, "region_code": person.region_code}


async def _replace_identifiers(
    session: Session, person: Person, key: SubjectKey, wanted: list[IdentifierCreate]
) -> None:
    """Those that stay are left alone; the others end now and keep their rows."""
    rows = await session.rows(STANDING_IDENTIFIERS, (person.id,))
    standing = {
        IdentifierCreate(
            type=IdentifierType(kind), value=key.open("identifiers/sealed_value", row, sealed),
            issued_on=issued_on, expires_on=expires_on,
        ): row
        for row, kind, sealed, issued_on, expires_on in rows
    }  # fmt: skip
    await session.rows(END_IDENTIFIERS, (clock.now(), [row for said, row in standing.items() if said not in wanted]))
    new = dict.fromkeys(said for said in wanted if said not in standing)
    await session.insert([identifier_row(session, _bound(person), person.id, key, said) for said in new])


async def appoint(
    session: Session, caller: Caller, ids: tuple[UUID, UUID], version: int, wanted: RepresentativeCreate
) -> None:
    """Who stands for a child alone from now on. Raises NotFound, SubjectErased, StaleVersion or InvalidContent."""
    case_id, person_id = ids
    case = await case_to(Permission.person_update, session, caller, case_id)
    person, key = await person_to_change(session, case, person_id, version)
    if person.is_adult is True:
        raise errors.not_a_minor()
    await _end_standing(session, person_id, wanted)
    row = new_id()
    said = wanted.representative.model_dump(exclude_none=True)
    sealed = key.seal("representatives/sealed_representative", row, said)
    session.add(
        Representative(
            id=row, **_bound(person), person_id=person_id, kind=wanted.kind, sealed_representative=sealed,
            appointed_on=wanted.appointed_on,
        )
    )  # fmt: skip
    await changed(session, caller, case, person, key, {"representatives"})


async def _end_standing(session: Session, person_id: UUID, wanted: RepresentativeCreate) -> None:
    query = select(Representative).where(
        col(Representative.person_id) == person_id,
        col(Representative.kind) == wanted.kind,
        col(Representative.ended_on).is_(None),
    )
    standing = (await session.exec(query)).first()
    if standing is None:
        return
    if wanted.appointed_on < standing.appointed_on:
        raise errors.before_the_last()
    standing.ended_on = wanted.appointed_on
    await session.flush()
