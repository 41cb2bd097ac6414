"""Does an explanation tell the truth? Asked again here, from the inputs, without the engine's own rules.

Contributions sum to the score, each exclusion names a rule that the place really breaks, each candidate breaks
none, and the change that is told does put the place first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from casework.placement.counterfactual import Outcome, counterfactual
from casework.placement.model import rank
from casework.placement.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from casework.placement.model import HouseholdNeeds, Place, Ranking

MEDICAL = {"health_specialist", "mental_health", "dialysis", "maternity"}


def _standing(ranking: Ranking, place: Place) -> list[frozenset[object]]:
    on = ranking.on
    return [
        frozenset(each.programmes)
        for each in place.agreements
        if each.valid_from <= on and (each.valid_to is None or each.valid_to >= on)
    ]


def _asked(needs: HouseholdNeeds) -> dict[str, int]:
    seats = needs.adults if "francization" in needs.services else 0
    return {"persons": needs.persons, "school": needs.children_school_age, "francization": seats}


BROKEN: Mapping[Rule, Callable[[Ranking, Place], bool]] = {
    Rule.no_agreement_in_force: lambda r, p: not _standing(r, p),
    Rule.programme_not_covered: lambda r, p: (
        bool(_standing(r, p)) and not any(r.needs.programme in covered for covered in _standing(r, p))
    ),
    Rule.capacity_insufficient: lambda r, p: any(
        p.remaining[name] < units for name, units in _asked(r.needs).items() if units and name in p.remaining
    ),
    Rule.outside_pilot: lambda r, p: r.needs.programme == "asylum" and p.in_cmm == "yes",
    Rule.place_avoided: lambda r, p: bool({p.geo_code, p.region_code} & set(r.needs.avoid)),
    Rule.language_unserved: lambda r, p: not r.needs.languages <= p.languages,
    Rule.service_missing: lambda r, p: bool((r.needs.services & MEDICAL) - p.services),
}


def faults(ranking: Ranking, *, changes: int) -> Iterator[str]:
    """What is not true of a ranking; `changes`: for how many of its places the told change is tried."""
    for candidate in ranking.ranked:
        if candidate.score != sum(each.points for each in candidate.contributions):
            yield f"{candidate.place.key}: the contributions do not sum to the score"
        if any(broken(ranking, candidate.place) for broken in BROKEN.values()):
            yield f"{candidate.place.key}: a candidate breaks a rule"
    for out in ranking.excluded:
        named = {violation.rule for violation in out.violations}
        if named != {rule for rule, broken in BROKEN.items() if broken(ranking, out.place)}:
            yield f"{out.place.key}: the rules named are not the rules broken"
    for place in ranking.places[:changes]:
        told = counterfactual(ranking, place.key)
        if told.outcome is Outcome.change and _first(ranking, told.needs, told.places) != place.key:
            yield f"{place.key}: the change told does not put it first"


def _first(ranking: Ranking, needs: HouseholdNeeds, places: tuple[Place, ...]) -> str | None:
    again = rank(needs, places, ranking.weights, ranking.on, ranking.rules)
    return again.ranked[0].place.key if again.ranked else None
