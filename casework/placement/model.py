"""The pure first form of the placement engine: one household, many places, integers only, no clock.

`assess` is one cell of the matrix that the batch solver will fill: eligibility a[i,j] (a `Candidate` or an
`Exclusion`) and score w[i,j] in 1/10,000; `HouseholdNeeds.demand` is d[i,r], `Place.remaining` is c[j,r].
What a household did not say (preference, tie, occupation) and what a place did not publish (homes, seats,
target) is neutral: half the factor, at no place a gain over another. Mappings given are read, never changed.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import Any

from casework.kernel.programme import Programme
from casework.placement.rules import (
    PERSONS,
    RULES,
    Facts,
    Rule,
    RuleVersion,
    Violation,
    case_violations,
    place_violations,
    rules_for,
)

ENGINE_VERSION = "1.0.0"  # grows with any change of rule, level or rounding that can change an answer
FULL = 10_000
NEUTRAL = 5_000
PREFERENCE_LEVELS = (10_000, 7_500, 5_000, 2_500, 1_000)  # by rank; the last one holds for every later rank
WAITING_CEILING_DAYS = 180
PERSONS_WORTH = FULL  # in a run, one person more placed is worth a whole perfect score
SCHOOL, FRANCIZATION = "school", "francization"
HOMES = "homes_"


class InvalidInput(ValueError):
    """The inputs contradict themselves: no ranking can be made from them."""


class WeightsDoNotSum(InvalidInput):
    """A weight for each factor, none negative, together 10,000."""


class NotInForce(InvalidInput):
    """The weights or the rules given do not hold on the date asked for."""


class Flag(StrEnum):
    yes = "yes"
    no = "no"
    unknown = "unknown"


class Factor(StrEnum):
    preference = "preference"
    tie = "tie"
    services = "services"
    occupation = "occupation"
    housing_fit = "housing_fit"
    francization = "francization"
    balance = "balance"
    waiting = "waiting"


class NoticeCode(StrEnum):
    hearing_in_montreal = "hearing_in_montreal"
    keep_together = "keep_together"
    cmm_unknown = "cmm_unknown"
    cma_unknown = "cma_unknown"
    inside_cma = "inside_cma"
    not_published = "not_published"


def homes(bedrooms: int) -> str:
    """The resource that counts free homes of exactly that many bedrooms: `homes_4`."""
    return f"{HOMES}{bedrooms}"


def _require_integers(values: Iterable[object], least: int | None = 0) -> None:
    for value in values:
        if type(value) is not int or (least is not None and value < least):
            raise InvalidInput(f"a whole number of at least {least} is needed, not {value!r}")


def _in_order(record: object, **keys: Callable[[Any], Any]) -> None:
    """The order in which rows were read carries nothing, so it may not reach the frozen inputs."""
    for name, key in keys.items():
        object.__setattr__(record, name, tuple(sorted(getattr(record, name), key=key)))


@dataclass(frozen=True, slots=True)
class Preference:
    """`code` is a municipality's geo_code or a region's code; rank 1 is the first choice."""

    code: str
    rank: int

    def __post_init__(self) -> None:
        _require_integers((self.rank,), least=1)


@dataclass(frozen=True, slots=True)
class HouseholdNeeds:
    """`languages`: ISO 639 codes that need an interpreter. `occupations`: NOC codes that its adults declared.
    `avoid`: refused geo_code or region code → where the refusal is recorded. `ties`: geo_code, or
    region code when only the region is known. `claim_reason`: the status code that bars placement."""

    case_id: str
    programme: Programme
    persons: int
    adults: int
    has_consent: bool
    children_school_age: int = 0
    languages: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    occupations: frozenset[str] = frozenset()
    preferences: tuple[Preference, ...] = ()
    avoid: Mapping[str, str] = field(default_factory=dict)
    ties: frozenset[str] = frozenset()
    bedrooms_needed: int | None = None
    waiting_days: int = 0
    unaccompanied_minor: bool = False
    claim_placeable: bool = True
    claim_reason: str = ""
    keep_together_with: tuple[str, ...] = ()
    pending_hearing_in_montreal: bool = False

    def __post_init__(self) -> None:
        _require_integers((self.persons,), least=1)
        _require_integers((self.adults, self.children_school_age, self.waiting_days))
        if self.bedrooms_needed is not None:
            _require_integers((self.bedrooms_needed,), least=1)
        if self.adults + self.children_school_age > self.persons:
            raise InvalidInput("more adults and children than the household has members")
        _in_order(self, preferences=lambda choice: (choice.rank, choice.code), keep_together_with=str)

    def demand(self) -> dict[str, int]:
        """d[i,r]: the units that the household takes of each resource, those at zero left out."""
        seats = self.adults if FRANCIZATION in self.services else 0
        asked = {PERSONS: self.persons, SCHOOL: self.children_school_age, FRANCIZATION: seats}
        return {resource: units for resource, units in asked.items() if units}


@dataclass(frozen=True, slots=True)
class Agreement:
    """`valid_to` is the last day in force; None while no end is set."""

    agreement_id: str
    programmes: frozenset[Programme]
    edition: str
    stream: str
    valid_from: date
    valid_to: date | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A municipality and a partner in it. `remaining`: units left by resource (`persons` always; then
    `school`, `francization`, `homes_<bedrooms>` where published). `regional_needs`: NOC code → openings.
    `region_target_gap`: how far the region is under its target, per mille; None where none is set."""

    geo_code: str
    organization_id: str
    capacity_ids: frozenset[str]
    name: str
    region_code: str
    agreements: tuple[Agreement, ...]
    remaining: Mapping[str, int]
    in_cmm: Flag
    in_cma: Flag
    languages: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    regional_needs: Mapping[str, int] = field(default_factory=dict)
    region_target_gap: int | None = None
    key: str = field(init=False)

    def __post_init__(self) -> None:
        _require_integers((*self.remaining.values(), *self.regional_needs.values()), least=None)
        if self.region_target_gap is not None:
            _require_integers((self.region_target_gap,), least=None)
        if PERSONS not in self.remaining:
            raise InvalidInput(f"{self.name} publishes no capacity in persons")
        object.__setattr__(self, "in_cmm", Flag(self.in_cmm))
        object.__setattr__(self, "in_cma", Flag(self.in_cma))
        _in_order(self, agreements=lambda agreement: agreement.agreement_id)
        capacities = "+".join(sorted(self.capacity_ids))
        object.__setattr__(self, "key", f"{self.geo_code}/{self.organization_id}/{capacities}")

    def agreements_on(self, on: date) -> tuple[Agreement, ...]:
        return tuple(
            agreement
            for agreement in self.agreements
            if agreement.valid_from <= on and (agreement.valid_to is None or on <= agreement.valid_to)
        )

    def free_homes(self) -> frozenset[int] | None:
        """The sizes, in bedrooms, of which a home is free; None when the place publishes none of any size."""
        published = {key: units for key, units in self.remaining.items() if key.startswith(HOMES)}
        if not published:
            return None
        return frozenset(int(key.removeprefix(HOMES)) for key, units in published.items() if units > 0)


@dataclass(frozen=True, slots=True)
class Weights:
    """Dated data with an owner: how much each factor counts, in 1/10,000 of the score."""

    version: str
    owner: str
    source: str
    valid_from: date
    by_factor: Mapping[Factor, int]
    valid_to: date | None = None

    def __post_init__(self) -> None:
        whole = all(type(weight) is int and weight >= 0 for weight in self.by_factor.values())
        if not whole or set(self.by_factor) != set(Factor) or sum(self.by_factor.values()) != FULL:
            raise WeightsDoNotSum(f"weights {self.version}: {dict(self.by_factor)} must share out {FULL}")

    def in_force(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Level:
    """How well a place does on one factor, 0 to 10,000; `basis` names the sentence, `facts` fill it."""

    value: int
    basis: str
    facts: Facts = field(default_factory=dict)


def _preference(needs: HouseholdNeeds, place: Place) -> Level:
    if not needs.preferences:
        return Level(NEUTRAL, "none_stated")
    here = (place.geo_code, place.region_code)
    best = min((choice.rank for choice in needs.preferences if choice.code in here), default=None)
    if best is None:
        return Level(0, "not_chosen")
    return Level(PREFERENCE_LEVELS[min(best, len(PREFERENCE_LEVELS)) - 1], "chosen", {"rank": best})


def _tie(needs: HouseholdNeeds, place: Place) -> Level:
    if not needs.ties:
        return Level(NEUTRAL, "none_known")
    if place.geo_code in needs.ties:
        return Level(FULL, "here")
    return Level(NEUTRAL, "in_region") if place.region_code in needs.ties else Level(0, "elsewhere")


def _services(needs: HouseholdNeeds, place: Place) -> Level:
    """Francization has its own factor and is not counted twice."""
    services = needs.services - {FRANCIZATION}
    needed = len(services) + len(needs.languages)
    if not needed:
        return Level(FULL, "none_needed")
    met = len(services & place.services) + len(needs.languages & place.languages)
    return Level(FULL * met // needed, "met", {"met": met, "needed": needed})


def _occupation(needs: HouseholdNeeds, place: Place) -> Level:
    """A share of all adults, never the best member: a wanted occupation counts for one adult, whatever the
    number of openings."""
    if not needs.occupations:
        return Level(NEUTRAL, "none_declared")
    adults = max(needs.adults, 1)
    wanted = sum(place.regional_needs.get(code, 0) > 0 for code in needs.occupations)
    return Level(FULL * min(wanted, adults) // adults, "wanted", {"wanted": wanted, "adults": adults})


def _housing_fit(needs: HouseholdNeeds, place: Place) -> Level:
    """The exact size is best; a larger home is missed by a larger family; one room fewer is tight."""
    if needs.bedrooms_needed is None:
        return Level(NEUTRAL, "need_unknown")
    free = place.free_homes()
    if free is None:
        return Level(NEUTRAL, "not_published")
    gaps = [bedrooms - needs.bedrooms_needed for bedrooms in free if bedrooms >= needs.bedrooms_needed - 1]
    if not gaps:
        return Level(0, "none_fits", {"needed": needs.bedrooms_needed})
    spare = min(gaps, key=lambda gap: (gap < 0, gap))
    basis = "exact" if spare == 0 else "larger" if spare > 0 else "smaller"
    facts = {"bedrooms": needs.bedrooms_needed + spare, "needed": needs.bedrooms_needed}
    return Level({0: FULL, 1: 7_500, -1: 2_500}.get(spare, NEUTRAL), basis, facts)


def _francization(needs: HouseholdNeeds, place: Place) -> Level:
    asked = needs.demand().get(FRANCIZATION, 0)
    if not asked:
        return Level(FULL, "not_needed")
    seats = place.remaining.get(FRANCIZATION)
    if seats is not None:
        return Level(FULL * min(max(seats, 0), asked) // asked, "seats", {"seats": seats, "needed": asked})
    return Level(NEUTRAL, "not_published") if FRANCIZATION in place.services else Level(0, "not_offered")


def _balance(_needs: HouseholdNeeds, place: Place) -> Level:
    if place.region_target_gap is None:
        return Level(NEUTRAL, "not_published")
    gap = min(max(place.region_target_gap, 0), 1_000)
    return Level(FULL * gap // 1_000, "under" if gap else "reached", {"gap": gap})


def _waiting(needs: HouseholdNeeds, _place: Place) -> Level:
    """The same at every place of one case: it counts when cases are compared with each other."""
    days = min(needs.waiting_days, WAITING_CEILING_DAYS)
    return Level(FULL * days // WAITING_CEILING_DAYS, "days", {"days": needs.waiting_days})


LEVELS: Mapping[Factor, Callable[[HouseholdNeeds, Place], Level]] = {
    Factor.preference: _preference,
    Factor.tie: _tie,
    Factor.services: _services,
    Factor.occupation: _occupation,
    Factor.housing_fit: _housing_fit,
    Factor.francization: _francization,
    Factor.balance: _balance,
    Factor.waiting: _waiting,
}


@dataclass(frozen=True, slots=True)
class Contribution:
    """`points` = weight × level // 10,000: the share of the score, in 1/10,000, that this factor brings."""

    factor: Factor
    weight: int
    level: Level
    points: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person must look at; it never changes the ranking. `place_key` None: about the case."""

    code: NoticeCode
    place_key: str | None = None
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    place: Place
    score: int
    contributions: tuple[Contribution, ...]
    notices: tuple[Notice, ...]

    @property
    def order(self) -> tuple[int, str]:
        return (-self.score, self.place.key)


@dataclass(frozen=True, slots=True)
class Exclusion:
    """`violations`: every rule broken, in the order of `Rule`; the first one is the named one."""

    place: Place
    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class Ranking:
    """`places` and `excluded` stand in the order of their keys, `ranked` from best to last. A case that is
    not in the model has its reasons in `not_in_model` and no place on a list. `rules`: those in force."""

    needs: HouseholdNeeds
    places: tuple[Place, ...]
    weights: Weights
    rules: tuple[RuleVersion, ...]
    on: date
    ranked: tuple[Candidate, ...]
    excluded: tuple[Exclusion, ...]
    not_in_model: tuple[Violation, ...]
    notices: tuple[Notice, ...]

    def frozen_inputs(self) -> dict[str, Any]:
        """Everything the answer depends on, ready for JSON; `replay` makes the same ranking from it."""
        named = {name: getattr(self, name) for name in ("needs", "places", "weights", "rules", "on")}
        return {"engine_version": ENGINE_VERSION, **{name: plain(value) for name, value in named.items()}}

    def result(self) -> dict[str, Any]:
        ranked = [
            {
                "place": candidate.place.key,
                "score": candidate.score,
                "contributions": plain(candidate.contributions),
                "notices": plain(candidate.notices),
            }
            for candidate in self.ranked
        ]
        excluded = [{"place": out.place.key, "violations": plain(out.violations)} for out in self.excluded]
        case = {"not_in_model": plain(self.not_in_model), "notices": plain(self.notices)}
        return {"ranked": ranked, "excluded": excluded, **case}

    def canonical_bytes(self) -> bytes:
        """Inputs and result as RFC 8785 JSON: the same bytes on any machine, in any order of the places.

        For whole numbers and text under plain keys, sorted compact `json` is RFC 8785, ten times sooner.
        """
        both = {"inputs": self.frozen_inputs(), "result": self.result()}
        return json.dumps(both, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    def sha256(self) -> str:
        return sha256(self.canonical_bytes()).hexdigest()


def rank(
    needs: HouseholdNeeds,
    places: Iterable[Place],
    weights: Weights,
    on: date,
    rules: tuple[RuleVersion, ...] = RULES,
) -> Ranking:
    """Every place either ranked or excluded with all its reasons; equal scores fall back on the place's key.

    Raises `NotInForce` when the weights, or all the rules, do not hold on that date, `InvalidInput` when two
    places share a key.
    """
    active = rules_for(rules, needs.programme, on)
    if not active or not weights.in_force(on):
        raise NotInForce(f"weights {weights.version} or the rules are not in force on {on}")
    ordered = tuple(sorted(places, key=lambda place: place.key))
    if len({place.key for place in ordered}) != len(ordered):
        raise InvalidInput("two places share a key")
    not_in_model = case_violations(needs, active)
    cells = () if not_in_model else [assess(needs, place, weights, active, on) for place in ordered]
    ranked = sorted((cell for cell in cells if isinstance(cell, Candidate)), key=lambda cell: cell.order)
    excluded = tuple(cell for cell in cells if isinstance(cell, Exclusion))
    notices = tuple(_case_notices(needs))
    return Ranking(needs, ordered, weights, active, on, tuple(ranked), excluded, not_in_model, notices)


def assess(
    needs: HouseholdNeeds, place: Place, weights: Weights, active: tuple[RuleVersion, ...], on: date
) -> Candidate | Exclusion:
    """One cell: `active` are the rules in force that day for the programme (`rules_for`)."""
    violations = place_violations(needs, place, active, on)
    if violations:
        return Exclusion(place, violations)
    contributions = tuple(_contributions(needs, place, weights))
    score = sum(contribution.points for contribution in contributions)
    return Candidate(place, score, contributions, tuple(_place_notices(needs, place, active)))


def _contributions(needs: HouseholdNeeds, place: Place, weights: Weights) -> Iterator[Contribution]:
    for factor, level_of in LEVELS.items():
        level, weight = level_of(needs, place), weights.by_factor[factor]
        yield Contribution(factor, weight, level, weight * level.value // FULL)


def _case_notices(needs: HouseholdNeeds) -> Iterator[Notice]:
    if needs.pending_hearing_in_montreal:
        yield Notice(NoticeCode.hearing_in_montreal)
    for case_id in sorted(needs.keep_together_with):
        yield Notice(NoticeCode.keep_together, facts={"case": case_id})


def _place_notices(needs: HouseholdNeeds, place: Place, active: tuple[RuleVersion, ...]) -> Iterator[Notice]:
    """What is unknown is said: the borders where the pilot looks at them, and what is not published."""
    if any(version.rule is Rule.outside_pilot for version in active):
        if place.in_cmm is Flag.unknown:
            yield Notice(NoticeCode.cmm_unknown, place.key)
        if place.in_cma is not Flag.no:
            code = NoticeCode.inside_cma if place.in_cma is Flag.yes else NoticeCode.cma_unknown
            yield Notice(code, place.key)
    for resource in needs.demand():
        if resource not in place.remaining:
            yield Notice(NoticeCode.not_published, place.key, {"resource": resource})
    if needs.bedrooms_needed is not None and place.free_homes() is None:
        yield Notice(NoticeCode.not_published, place.key, {"resource": "homes"})
    if place.region_target_gap is None:
        yield Notice(NoticeCode.not_published, place.key, {"resource": "target"})


def plain(value: Any) -> Any:
    """Dataclasses, mappings, sets, dates and enums as JSON values; sets are sorted."""
    if value is None or type(value) in (str, int, bool):
        return value
    if is_dataclass(value):
        return {entry.name: plain(getattr(value, entry.name)) for entry in fields(value)}
    if isinstance(value, StrEnum | date):
        return str(value)
    if isinstance(value, tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, frozenset):
        return sorted(plain(entry) for entry in value)
    return {str(key): plain(entry) for key, entry in value.items()}
