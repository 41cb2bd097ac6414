"""The frozen inputs of a run: each household compared with every place within the caller's reach, under labels.

Kept together: one label for the whole group, with the sum of what its households need and of what they would score;
a place that one of them may not take is none for the group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from casework.kernel import clock
from casework.placement import inputs
from casework.placement.model import PERSONS_WORTH, Place, Ranking, rank
from casework.placement.recommendations import ASSIGNED, UNDER_HOLD
from casework.placement.reference import default_weights
from casework.placement.run_errors import case_twice, link_outside
from casework.placement.run_report import rules_together, size_band

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from casework.kernel.database import Session
    from casework.placement.run_schemas import PlacementRunCreate


@dataclass(frozen=True, slots=True)
class Frozen:
    """`labels` and `left_out` by case; a case stands in one of the two."""

    document: dict[str, Any]
    weights_version: str
    subjects: dict[UUID, inputs.Subject]
    labels: dict[UUID, str]
    left_out: dict[UUID, str]


async def frozen(session: Session, wanted: PlacementRunCreate) -> Frozen:
    """Raises NotFound, CaseNotOpen, SubjectErased, or InvalidContent for a case or a link that contradicts itself."""
    if len(set(wanted.case_ids)) != len(wanted.case_ids):
        raise case_twice()
    groups = groups_of(wanted)
    on = clock.today()
    weights, places = default_weights(on), await inputs.places(session, on)
    subjects = {case_id: await inputs.subject_of(session, case_id) for case_id in sorted(wanted.case_ids)}
    rankings = {case_id: rank(one.needs, places, weights, on) for case_id, one in subjects.items()}
    left_out = {}
    for case_id, ranking in rankings.items():
        reason = await _left_out(session, case_id, ranking)
        if reason:
            left_out[case_id] = reason
    # Whoever has waited longest is named first, and wins a tie.
    order = sorted((-max(subjects[c].needs.waiting_days for c in group), str(group[0]), group) for group in groups)
    units = [[case_id for case_id in group if case_id not in left_out] for _, _, group in order]
    named = {f"c{number:05}": unit for number, unit in enumerate((unit for unit in units if unit), start=1)}
    labels = {case_id: label for label, unit in named.items() for case_id in unit}
    document = _document(named, rankings, sorted(places, key=lambda place: place.key), wanted.seats)
    return Frozen(document, weights.version, subjects, labels, left_out)


def groups_of(wanted: PlacementRunCreate) -> list[list[UUID]]:
    """Linked cases in one list each; whether the links form a chain or a circle makes no difference."""
    leader = {case_id: case_id for case_id in wanted.case_ids}
    for one, other in wanted.keep_together:
        if one == other or one not in leader or other not in leader:
            raise link_outside()
        kept, gone = sorted((leader[one], leader[other]))
        leader = {case_id: kept if led == gone else led for case_id, led in leader.items()}
    found: dict[UUID, list[UUID]] = {}
    for case_id in sorted(wanted.case_ids):
        found.setdefault(leader[case_id], []).append(case_id)
    return list(found.values())


async def _left_out(session: Session, case_id: UUID, ranking: Ranking) -> str | None:
    if ranking.not_in_model:
        return str(ranking.not_in_model[0].rule)
    if await session.rows(UNDER_HOLD, (case_id, clock.now())):
        return "under_hold"
    return "already_assigned" if await session.rows(ASSIGNED, (case_id,)) else None


def _document(
    named: dict[str, list[UUID]], rankings: dict[UUID, Ranking], places: Sequence[Place], seats: int | None
) -> dict[str, Any]:
    asked = {name for ranking in rankings.values() for name in ranking.needs.demand()}
    resources = sorted(asked | {"persons"})
    pools = [
        {"resource": r, "places": [j], "capacity": max(0, place.remaining[name])}
        for j, place in enumerate(places)
        for r, name in enumerate(resources)
        if name in place.remaining
    ]
    if seats is not None:
        pools.append({"resource": resources.index("persons"), "places": list(range(len(places))), "capacity": seats})
    return {
        "resources": resources,
        "places": [place.key for place in places],
        "place_facts": [_facts(place) for place in places],
        "pools": pools,
        "cases": [_unit(label, [rankings[c] for c in unit], places, resources) for label, unit in named.items()],
        "groups": {label: _group([rankings[c] for c in unit], places) for label, unit in named.items()},
        "seats": seats,
    }


def _facts(place: Place) -> dict[str, str]:
    [capacity_id] = place.capacity_ids
    return {"capacity_id": capacity_id, "name": place.name, "region_code": place.region_code}


def _unit(label: str, unit: list[Ranking], places: Sequence[Place], resources: list[str]) -> dict[str, Any]:
    scores = [{candidate.place.key: candidate.score for candidate in ranking.ranked} for ranking in unit]
    demand = [sum(ranking.needs.demand().get(name, 0) for ranking in unit) for name in resources]
    whole = [
        sum(one[place.key] for one in scores) if all(place.key in one for one in scores) else -1 for place in places
    ]
    return {"id": label, "demand": demand, "worth": PERSONS_WORTH * demand[resources.index("persons")], "scores": whole}


def _group(unit: list[Ranking], places: Sequence[Place]) -> dict[str, Any]:
    broken = [_broken(place, unit) for place in places]
    return {
        "household_size": size_band(sum(ranking.needs.persons for ranking in unit)),
        "interpreter": "needed" if any(ranking.needs.languages for ranking in unit) else "not_needed",
        "waiting_days": max(ranking.needs.waiting_days for ranking in unit),
        "rules_together": rules_together(broken),
    }


def _broken(place: Place, unit: list[Ranking]) -> frozenset[str]:
    return frozenset(
        str(violation.rule)
        for ranking in unit
        for out in ranking.excluded
        if out.place.key == place.key
        for violation in out.violations
    )
