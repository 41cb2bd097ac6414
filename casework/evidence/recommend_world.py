"""Invented households and places for the recommendation's bench and its truths; nothing in here was ever a person."""

from __future__ import annotations

import random
from datetime import date
from typing import TYPE_CHECKING

from casework.kernel.programme import Programme
from casework.placement.model import Agreement, Flag, HouseholdNeeds, Place, Preference, homes

if TYPE_CHECKING:
    from collections.abc import Sequence

ON = date(2026, 3, 2)
REGIONS = tuple(f"{number:02}" for number in range(1, 18))
LANGUAGES = ("ar", "es", "fa", "ht", "pt", "tr")
SERVICES = ("childcare", "dialysis", "francization", "maternity", "mental_health", "school_primary")
OCCUPATIONS = ("31301", "44101", "63200", "72106", "75110")


def a_household(draw: random.Random, number: int, places: Sequence[Place]) -> HouseholdNeeds:
    adults, children = draw.randint(1, 4), draw.choice((0, 0, 1, 2, 4))
    chosen = draw.sample(places, k=min(len(places), draw.randint(0, 4)))
    codes = list(dict.fromkeys(draw.choice((place.geo_code, place.region_code)) for place in chosen))
    avoided = draw.sample(places, k=draw.choice((0, 0, 0, 1)))
    return HouseholdNeeds(
        case_id=f"case-{number}", programme=draw.choice(list(Programme)), persons=adults + children, adults=adults,
        has_consent=draw.random() < 0.95, children_school_age=draw.randint(0, children),
        languages=frozenset(draw.sample(LANGUAGES, k=draw.choice((0, 0, 1, 2)))),
        services=frozenset(draw.sample(SERVICES, k=draw.choice((0, 1, 2)))),
        occupations=frozenset(draw.sample(OCCUPATIONS, k=draw.choice((0, 1, 2)))),
        preferences=tuple(Preference(code, rank) for rank, code in enumerate(codes, start=1)),
        avoid={place.geo_code: "preferences" for place in avoided},
        ties=frozenset(place.geo_code for place in draw.sample(places, k=draw.choice((0, 0, 1)))),
        bedrooms_needed=draw.choice((None, 1, 2, 3, 4)), waiting_days=draw.randint(0, 400),
        unaccompanied_minor=draw.random() < 0.02, claim_placeable=draw.random() < 0.97, claim_reason="rejected",
    )  # fmt: skip


def a_place(draw: random.Random, number: int) -> Place:
    remaining = {"persons": draw.randint(0, 12)}
    for resource in ("school", "francization", homes(2), homes(3), homes(4)):
        if draw.random() < 0.6:
            remaining[resource] = draw.randint(0, 6)
    ended = date(2026, 3, 1) if draw.random() < 0.05 else None
    programmes = frozenset(draw.sample(list(Programme), k=draw.choice((1, 2, 2))))
    return Place(
        geo_code=f"{90_000 + number}", organization_id=f"org-{number % 23}", capacity_ids=frozenset({f"cap-{number}"}),
        name=f"Valdoré-{number}", region_code=draw.choice(REGIONS),
        agreements=(Agreement(f"agr-{number}", programmes, "2026", "4", date(2025, 1, 1), ended),),
        remaining=remaining, in_cmm=draw.choice((Flag.no, Flag.no, Flag.unknown, Flag.yes)), in_cma=Flag.unknown,
        languages=frozenset(draw.sample(LANGUAGES, k=draw.randint(2, 6))),
        services=frozenset(draw.sample(SERVICES, k=draw.randint(2, 6))),
        regional_needs={code: draw.randint(0, 9) for code in draw.sample(OCCUPATIONS, k=2)},
        region_target_gap=draw.choice((None, -50, 0, 120, 900)),
    )  # fmt: skip


def places(draw: random.Random, count: int) -> list[Place]:
    return [a_place(draw, number) for number in range(count)]
