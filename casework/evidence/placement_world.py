"""Invented worlds for the placement benches, seeded by published statistics only (placement.md §4): household sizes of
499 resettled cases and the share of compatible places. No row of any data set is in here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from casework.placement.engine.instance import EXCLUDED, Instance, Pool

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESOURCES = ("persons", "school", "francization")
SIZES = (225, 55, 62, 66, 54, 20, 12, 2, 1, 2)  # households of 1, 2, … 10 among 499
COMPATIBLE = 0.60
SHORTAGE = 0.05


@dataclass(frozen=True, slots=True)
class Shape:
    cases: int
    places: int
    resources: int = 3
    shortage: float = SHORTAGE


def world(shape: Shape, seed: int, *, places_seed: int | None = None) -> Instance:
    """Persons are short by `shortage` in all; a place's seats are fewer or more than its share by -20 to +60 %.

    With the same `places_seed`, two years share their places and what draws people there.
    """
    of_places = np.random.Generator(np.random.PCG64(seed if places_seed is None else places_seed))
    of_cases = np.random.Generator(np.random.PCG64([seed, 1]))
    share = of_places.dirichlet(np.full(shape.places, 3.0))
    appeal = of_places.normal(0, 800, (1, shape.places))
    seats = np.ones((shape.places, len(RESOURCES)))
    seats[:, 1:] = of_places.uniform(0.8, 1.6, (shape.places, len(RESOURCES) - 1))
    demand = _households(shape.cases, of_cases)
    base = 2_000 + 4_000 * of_cases.beta(2, 3, (shape.cases, 1))
    scores = np.clip(base + appeal + of_cases.normal(0, 1_800, (shape.cases, shape.places)), 0, 10_000)
    open_to = of_cases.random((shape.cases, shape.places)) < COMPATIBLE
    room = np.maximum(1, np.floor(demand.sum(0) * (1 - shape.shortage) * share[:, None] * seats)).astype(np.int64)
    pools = tuple(Pool(r, (j,), int(room[j, r])) for j in range(shape.places) for r in range(shape.resources))
    return Instance(
        tuple(f"case-{i:06}" for i in range(shape.cases)),
        tuple(f"place-{j:03}" for j in range(shape.places)),
        RESOURCES[: shape.resources],
        demand[:, : shape.resources],
        np.where(open_to, scores.astype(np.int64), EXCLUDED),
        np.zeros(shape.cases, dtype=np.int64),
        pools,
    )


def _households(cases: int, draw: np.random.Generator) -> NDArray[np.int64]:
    """Persons, children at school, adults in French courses."""
    persons = draw.choice(np.arange(1, 11), size=cases, p=np.array(SIZES) / sum(SIZES))
    school = draw.binomial(np.maximum(persons - 1, 0), 0.6)
    return np.stack([persons, school, draw.binomial(persons - school, 0.6)], axis=1).astype(np.int64)
