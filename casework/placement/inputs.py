"""What the engine is given: the household and the places, read within the caller's reach."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from casework.cases import claim, claim_queries
from casework.cases.lifecycle import CaseStatus
from casework.kernel import clock
from casework.kernel.partial_date import PartialDate
from casework.kernel.problems import NotFound, SubjectErased
from casework.kernel.programme import Programme
from casework.people.service import is_adult_on
from casework.placement.errors import CaseNotOpen
from casework.placement.model import Agreement, Flag, HouseholdNeeds, Place, Preference
from casework.territory.queries import PLACES_LEFT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from uuid import UUID

    from casework.kernel.database import Session

SCHOOL_AGES = range(5, 18)

CASE = "SELECT id, office_id, region_code, programme, status, created_at FROM cases WHERE id = %s"
MEMBERS = (
    # The latest said decides, then the latest told; said and told together, a refusal wins. Said in this case: whoever
    # parted from a household is asked again.
    "SELECT p.id, p.is_adult, p.sealed_birth, k.kek_id, k.wrapped, k.key_version, m.household_id,"
    " coalesce((SELECT s.given AND s.withdrawn_at IS NULL AND (s.expires_on IS NULL OR s.expires_on >= %(on)s)"
    "   FROM consents s WHERE s.person_id = p.id AND s.case_id = m.case_id AND s.purpose = 'placement'"
    "   ORDER BY s.occurred_on DESC, s.recorded_at DESC, s.given LIMIT 1), false), p.unaccompanied_minor"
    " FROM memberships m JOIN persons p ON p.id = m.person_id JOIN subject_keys k ON k.subject_id = p.id"
    " AND k.erased_at IS NULL WHERE m.case_id = %(case)s AND m.ends_on IS NULL ORDER BY m.id"
)
NEEDS = "SELECT services, interpreter_languages, bedrooms FROM needs WHERE case_id = %s ORDER BY occurred_on DESC, id DESC LIMIT 1"
WISHES = "SELECT choices, occupations FROM preferences WHERE case_id = %s ORDER BY occurred_on DESC, id DESC LIMIT 1"
PLACES = (
    "SELECT c.id, c.geo_code, m.name_fr, coalesce((SELECT r.region_code FROM municipality_regions r"
    " WHERE r.geo_code = c.geo_code AND r.valid_from <= %(on)s AND (r.valid_to IS NULL OR r.valid_to >= %(on)s)"
    " LIMIT 1), c.region_code), c.organization_id,"
    f" {PLACES_LEFT}, o.languages, o.services, a.id, a.programmes, a.edition, a.stream, a.starts_on, a.ends_on, a.ended_at,"
    " (SELECT f.value FROM municipality_flags f WHERE f.geo_code = c.geo_code AND f.flag = 'in_cmm'"
    "   AND f.valid_from <= %(on)s AND (f.valid_to IS NULL OR f.valid_to >= %(on)s) LIMIT 1),"
    " (SELECT f.value FROM municipality_flags f WHERE f.geo_code = c.geo_code AND f.flag = 'in_cma_montreal'"
    "   AND f.valid_from <= %(on)s AND (f.valid_to IS NULL OR f.valid_to >= %(on)s) LIMIT 1)"
    " FROM capacities c JOIN municipalities m USING (geo_code) JOIN organizations o ON o.id = c.organization_id"
    " JOIN agreements a ON a.id = c.agreement_id"
    " WHERE c.resource = 'persons' AND c.starts_on <= %(on)s AND c.ends_on >= %(on)s"
)

REGIONAL_NEEDS = "SELECT region_code, occupation, openings FROM regional_needs WHERE month = %(month)s AND openings > 0"
# How far each region is under its target, per mille of it; past the target it is negative.
TARGET_GAPS = (
    "SELECT t.region_code, ((t.target - coalesce(sum(c.held + c.used), 0)) * 1000 / t.target)::int"
    " FROM regional_targets t LEFT JOIN capacities c ON c.region_code = t.region_code AND c.resource = 'persons'"
    " AND %(on)s BETWEEN c.starts_on AND c.ends_on WHERE %(on)s BETWEEN t.starts_on AND t.ends_on AND t.target > 0"
    " GROUP BY t.id, t.region_code, t.target"
)


@dataclass(frozen=True, slots=True)
class Subject:
    """A case about to be placed: its reach columns, its household, who among it answers, and what it needs."""

    case_id: UUID
    office_id: UUID
    region_code: str | None
    household_id: UUID
    adults: frozenset[UUID]
    members: frozenset[UUID]
    needs: HouseholdNeeds

    def bound(self) -> dict[str, Any]:
        return {"case_id": self.case_id, "office_id": self.office_id, "region_code": self.region_code}


async def subject_of(session: Session, case_id: UUID) -> Subject:
    """Raises NotFound, CaseNotOpen or SubjectErased. An unknown age counts as an adult's: nobody's consent is skipped by a guess."""
    rows = await session.rows(CASE, (case_id,))
    if not rows:
        raise NotFound
    _, office_id, region_code, programme, status, created_at = rows[0]
    if status != CaseStatus.open:
        raise CaseNotOpen
    members = await session.rows(MEMBERS, {"case": case_id, "on": clock.today()})
    if not members:
        raise SubjectErased
    aged = [(*row, _is_adult(session, row)) for row in members]
    adults = {row[0]: row[7] for row in aged if row[-1] is not False}
    claims = (await claim_queries.standings(session, [case_id])).get(case_id, [])
    stopped = claim.stops_placement(claims)
    waiting = max(0, (clock.now() - created_at).days)
    needs = HouseholdNeeds(
        case_id=str(case_id),
        programme=Programme(programme),
        persons=len(members),
        adults=len(adults),
        children_school_age=_school_age(session, aged),
        has_consent=bool(adults) and all(adults.values()),
        unaccompanied_minor=not adults or any(row[8] for row in aged),
        waiting_days=waiting,
        claim_placeable=stopped is None,
        claim_reason=str(stopped or ""),
        pending_hearing_in_montreal=any(one.awaits_hearing(clock.today()) for one in claims),
        **await _said(session, case_id),
    )
    people = frozenset(row[0] for row in members)
    return Subject(case_id, office_id, region_code, members[0][6], frozenset(adults), people, needs)


async def _said(session: Session, case_id: UUID) -> dict[str, Any]:
    """What the household said of its needs and wishes, as it stands."""
    needs = (await session.rows(NEEDS, (case_id,)) or [([], [], None)])[0]
    wishes = (await session.rows(WISHES, (case_id,)) or [([], [])])[0]
    by_kind: dict[str, list[dict[str, Any]]] = {"prefer": [], "avoid": [], "tie": []}
    for choice in wishes[0]:
        by_kind[choice["kind"]].append(choice)
    return {
        "services": frozenset(needs[0]),
        "languages": frozenset(needs[1]),
        "bedrooms_needed": needs[2],
        "occupations": frozenset(wishes[1]),
        "preferences": tuple(Preference(c["code"], c["rank"] or 20) for c in by_kind["prefer"]),
        "avoid": {c["code"]: "preferences" for c in by_kind["avoid"]},
        "ties": frozenset(c["code"] for c in by_kind["tie"]),
    }


def _is_adult(session: Session, member: Sequence[Any]) -> bool | None:
    """As of today: a child of the intake grows up; what was stated there counts only while the birth is uncertain."""
    certain = is_adult_on(_birth(session, member), clock.today())
    stated: bool | None = member[1]
    return stated if certain is None else certain


def _birth(session: Session, member: Sequence[Any]) -> PartialDate:
    person_id, _, sealed, *wrapped = member[:6]
    if sealed is None:
        return PartialDate.unknown()
    key = session.keyring.unwrap(person_id, *wrapped)
    return PartialDate.model_validate(key.open("persons/sealed_birth", person_id, sealed))


def _school_age(session: Session, members: list[tuple[Any, ...]]) -> int:
    """Children certainly of school age; a birth that leaves a doubt is not counted."""
    today, found = clock.today(), 0
    for *member, is_adult in members:
        if is_adult is not False:
            continue
        birth = _birth(session, member)
        ends = [_age(born, today) for born in (birth.earliest(), birth.latest()) if born is not None]
        found += bool(ends) and all(age in SCHOOL_AGES for age in ends)
    return found


def _age(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


async def places(session: Session, on: date) -> list[Place]:
    """Every capacity that holds that day, within the caller's reach."""
    rows = await session.rows(PLACES, {"on": on})
    needs: dict[str, dict[str, int]] = {}
    for region, occupation, openings in await session.rows(REGIONAL_NEEDS, {"month": on.replace(day=1)}):
        needs.setdefault(region, {})[occupation] = openings
    gaps = dict(await session.rows(TARGET_GAPS, {"on": on}))
    return [_place(row, needs.get(row[3], {}), gaps.get(row[3])) for row in rows]


def _place(row: tuple[Any, ...], needs: Mapping[str, int], gap: int | None) -> Place:
    (capacity, geo_code, name, region, organization, left, languages, services, agreement, programmes, edition,
     stream, starts_on, ends_on, ended_at, in_cmm, in_cma) = row  # fmt: skip
    standing = Agreement(
        str(agreement), frozenset(Programme(p) for p in programmes), edition, stream, starts_on,
        # The day on which it ended is no day under it any more.
        ends_on if ended_at is None else min(ends_on, ended_at.astimezone(clock.QUEBEC).date() - timedelta(days=1)),
    )  # fmt: skip
    return Place(
        geo_code, str(organization), frozenset({str(capacity)}), name, region, (standing,), {"persons": left},
        Flag(in_cmm or "unknown"), Flag(in_cma or "unknown"), frozenset(languages), frozenset(services),
        needs, gap,
    )  # fmt: skip
