from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.problems import NotFound
from casework.kernel.rows import NewRow, new_row
from casework.people import errors, names
from casework.people.models import Consent, Household, Identifier, Membership, Person, SubjectKey, SubjectKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from casework.kernel.database import Session
    from casework.kernel.partial_date import PartialDate
    from casework.kernel.problems import Fault
    from casework.kernel.sealing import SubjectKey as DataKey
    from casework.people.schemas import ConsentCreate, ConsentRecord, IdentifierCreate, MemberCreate, Name

ADULT_AGE = 18
# Whether a member of today is an adult, and whether their last word on a purpose was a yes.
STANDING = (
    "SELECT p.is_adult, (SELECT k.given AND k.withdrawn_at IS NULL FROM consents k WHERE k.person_id = p.id"
    "   AND k.case_id = p.case_id AND k.purpose = %(purpose)s ORDER BY k.recorded_at DESC, k.id DESC LIMIT 1)"
    " FROM persons p JOIN memberships m ON m.person_id = p.id AND m.ends_on IS NULL"
    " WHERE p.id = %(person)s AND p.case_id = %(case)s"
)
# Arrays, not a row of parameters for each: a household has a hundred tokens.
INDEX_NAMES = (
    "INSERT INTO name_tokens (person_id, token, case_id, office_id, region_code)"
    " SELECT t.person_id, t.token, %(case_id)s, %(office_id)s, %(region_code)s"
    " FROM unnest(%(people)s::uuid[], %(tokens)s::bytea[]) AS t (person_id, token)"
)


def index_values(bound: dict[str, Any], tokens: Sequence[tuple[UUID, bytes]]) -> dict[str, Any]:
    return {**bound, "people": [person for person, _ in tokens], "tokens": [token for _, token in tokens]}


@dataclass(slots=True)
class NewHousehold:
    """A household ready to be written: its rows, parents first, and its members' ids in the order they were named."""

    id: UUID
    key: DataKey
    rows: list[NewRow] = field(default_factory=list)
    people: list[UUID] = field(default_factory=list)
    tokens: list[tuple[UUID, bytes]] = field(default_factory=list)

    def index(self, bound: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """The one statement that writes every blind token of the household's names."""
        return INDEX_NAMES, index_values(bound, self.tokens)


def is_adult_on(birth: PartialDate, day: date) -> bool | None:
    """True or False only when every date the birth can be agrees; None when an answer would be a guess."""
    earliest, latest = birth.earliest(), birth.latest()
    if earliest is None or latest is None:
        return None
    of_age = [_eighteenth(born) <= day for born in (earliest, latest)]
    return of_age[0] if of_age[0] == of_age[1] else None


def _eighteenth(born: date) -> date:
    year = born.year + ADULT_AGE
    try:
        return born.replace(year=year)
    except ValueError:  # born on 29 February
        return date(year, 3, 1)


def check(members: Sequence[MemberCreate], consents: Sequence[ConsentCreate]) -> list[bool | None]:
    """Whether each member is an adult; raises InvalidContent naming every contradiction at once."""
    today = clock.today()
    faults: list[Fault] = []
    adults: list[bool | None] = []
    for place, member in enumerate(members):
        adult, wrong = age_of(member.birth, member.is_adult, today, f"/members/{place}")
        if member.unaccompanied_minor and adult is True:
            wrong.append(errors.adult_is_not_alone(f"/members/{place}"))
        faults += wrong
        adults.append(adult)
    faults += errors.of_household([str(m.relation) for m in members], [m.external_id for m in members])
    for place, consent in enumerate(consents):
        if consent.member >= len(members):
            faults.append(errors.no_such_member(place))
        elif adults[consent.member] is False:
            faults.append(errors.not_an_adult(f"/consents/{place}/member"))
    if faults:
        raise errors.refused(faults)
    return adults


def age_of(birth: PartialDate, stated: bool | None, today: date, member: str) -> tuple[bool | None, list[Fault]]:
    """Whether the person is an adult, null when nobody knows, and what contradicts itself."""
    certain = is_adult_on(birth, today)
    faults: list[Fault] = []
    if certain is not None and stated is not None and certain != stated:
        faults.append(errors.contradictory_age(member))
    earliest = birth.earliest()
    if earliest is not None and earliest > today:
        faults.append(errors.birth_in_future(member))
    return (stated if certain is None else certain), faults


def compose(
    session: Session,
    bound: dict[str, Any],
    members: Sequence[MemberCreate],
    consents: Sequence[ConsentCreate],
) -> NewHousehold:
    """The sealed rows of a household; `bound` holds the case's reach columns. Nothing is written yet."""
    adults = check(members, consents)
    household_id = new_id()
    key, wrapped = session.keyring.new_key(household_id)
    new = NewHousehold(household_id, key)
    new.rows += [
        new_row(Household, **bound, id=household_id),
        key_row(bound, household_id, SubjectKind.household, session, wrapped),
    ]
    for member, adult in zip(members, adults, strict=True):
        add_member(new, session, bound, member, adult)
    new.rows += [
        new_row(Consent, **bound, person_id=new.people[consent.member], **consent.model_dump(exclude={"member"}))
        for consent in consents
    ]
    return new


async def hear(session: Session, bound: dict[str, Any], said: ConsentRecord) -> Consent:
    """One adult's word on one purpose, the last until the next; nothing that was said before is changed.

    `withdrawn_at` marks a no that takes a consent back. Raises NotFound, or InvalidContent for somebody who is not
    an adult and for a day to come.
    """
    asked = {"person": said.person_id, "case": bound["case_id"], "purpose": said.purpose}
    rows = await session.rows(STANDING, asked)
    if not rows:
        raise NotFound
    [(adult, stood)] = rows
    if adult is not True:
        raise errors.refused([errors.not_an_adult("/person_id")])
    if said.occurred_on > clock.today():
        raise errors.refused([errors.consent_in_future()])
    taken_back = clock.now() if stood and not said.given else None
    consent = Consent.model_validate({**bound, **said.model_dump(), "withdrawn_at": taken_back})
    session.add(consent)
    return consent


def add_member(
    new: NewHousehold,
    session: Session,
    bound: dict[str, Any],
    member: MemberCreate,
    adult: bool | None,
    since: date | None = None,
) -> UUID:
    """One more person of `new`, of today or since that day; returns their id."""
    person_id = new_id()
    key, wrapped = session.keyring.new_key(person_id)
    name = name_as_kept(member.name)
    contact = member.contact.model_dump(exclude_none=True) if member.contact else None
    said = member.description.model_dump(exclude_defaults=True) if member.description else None
    person = new_row(
        Person,
        **bound,
        id=person_id,
        external_id=member.external_id,
        sealed_name=key.seal("persons/sealed_name", person_id, name),
        sealed_birth=key.seal("persons/sealed_birth", person_id, member.birth.model_dump(mode="json")),
        sealed_contact=key.seal("persons/sealed_contact", person_id, contact) if contact else None,
        sealed_description=key.seal("persons/sealed_description", person_id, said) if said else None,
        is_adult=adult,
        unaccompanied_minor=member.unaccompanied_minor,
        languages=[language.model_dump(mode="json") for language in member.languages],
    )
    belongs = {"household_id": new.id, "person_id": person_id, "relation": str(member.relation)}
    new.people.append(person_id)
    new.tokens += [(person_id, token) for token in session.blind.tokens(names.features(names.forms(name)))]
    new.rows += [
        person,
        key_row(bound, person_id, SubjectKind.person, session, wrapped),
        new_row(Membership, **bound, **belongs, starts_on=since or clock.today()),
        *(identifier_row(session, bound, person_id, key, identifier) for identifier in member.identifiers),
    ]
    return person_id


def name_as_kept(name: Name) -> dict[str, Any]:
    """As it is sealed: what was said of it, nothing more."""
    return name.model_dump(mode="json", exclude_defaults=True)


def identifier_row(
    session: Session, bound: dict[str, Any], person_id: UUID, key: DataKey, identifier: IdentifierCreate
) -> NewRow:
    row = new_id()
    sealed = key.seal("identifiers/sealed_value", row, identifier.value)
    return new_row(
        Identifier,
        **bound,
        id=row,
        person_id=person_id,
        type=identifier.type,
        sealed_value=sealed,
        blind=session.blind.exact(identifier.type, names.identifier(identifier.value)),
        issued_on=identifier.issued_on,
        expires_on=identifier.expires_on,
    )


def key_row(bound: dict[str, Any], subject_id: UUID, kind: SubjectKind, session: Session, wrapped: bytes) -> NewRow:
    return new_row(
        SubjectKey, **bound, subject_id=subject_id, kind=kind, kek_id=session.keyring.current, wrapped=wrapped
    )
