"""The placement problem in whole numbers: cases, places, what each case takes, and the pools it takes it from.

Shapes: n cases, m places, R resources, Q pools. A case takes at most one place; `demand[i, r]` units of resource r
leave every pool that holds that place and resource, so a ceiling on a region is a pool above its places.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

EXCLUDED = -1
NOWHERE = -1


class ImpossibleInstance(ValueError):
    """The numbers contradict themselves: negative demand or capacity, a score out of range, an unknown place."""


@dataclass(frozen=True, slots=True)
class Pool:
    """`capacity` units of one resource, shared by these places."""

    resource: int
    places: tuple[int, ...]
    capacity: int


@dataclass(frozen=True)
class Instance:
    """`scores[i, j]`: what place j is worth for case i in 1/10,000, `EXCLUDED` where a rule forbids it. `worth[i]`:
    what being placed at all adds, so that persons placed come before points. The order of the cases is the
    order in which ties are broken."""

    cases: tuple[str, ...]
    places: tuple[str, ...]
    resources: tuple[str, ...]
    demand: Ints
    scores: Ints
    worth: Ints
    pools: tuple[Pool, ...]

    def __post_init__(self) -> None:
        n, m, r = len(self.cases), len(self.places), len(self.resources)
        if self.demand.shape != (n, r) or self.scores.shape != (n, m) or self.worth.shape != (n,):
            raise ImpossibleInstance("the tables do not have one line a case and one column a place or resource")
        if len(set(self.cases)) != n or len(set(self.places)) != m:
            raise ImpossibleInstance("a case or a place stands twice")
        if (self.demand < 0).any() or (self.worth < 0).any() or (self.scores < EXCLUDED).any():
            raise ImpossibleInstance("a demand, a worth or a score is negative")
        for pool in self.pools:
            if pool.capacity < 0 or not 0 <= pool.resource < r or not all(0 <= j < m for j in pool.places):
                raise ImpossibleInstance("a pool is negative, or names an unknown place or resource")

    @cached_property
    def values(self) -> Ints:
        """Shape (n, m): score and worth together, `EXCLUDED` kept."""
        return np.where(self.scores == EXCLUDED, EXCLUDED, self.scores + self.worth[:, None])

    @cached_property
    def capacity(self) -> Ints:
        return np.array([pool.capacity for pool in self.pools], dtype=np.int64)

    @cached_property
    def pool_resource(self) -> Ints:
        return np.array([pool.resource for pool in self.pools], dtype=np.int64)

    @cached_property
    def pools_of(self) -> Ints:
        """Shape (m, K): the pools above each place, -1 where it has fewer than K."""
        above: list[list[int]] = [[] for _ in self.places]
        for q, pool in enumerate(self.pools):
            for j in pool.places:
                above[j].append(q)
        width = max((len(found) for found in above), default=0)
        return np.array([found + [-1] * (width - len(found)) for found in above], dtype=np.int64).reshape(-1, width)

    def used(self, chosen: Ints) -> Ints:
        """Units taken from each pool when case i goes to place `chosen[i]`, or `NOWHERE`."""
        taken = np.zeros((len(self.places), len(self.resources)), dtype=np.int64)
        placed = chosen != NOWHERE
        np.add.at(taken, chosen[placed], self.demand[placed])
        return np.array([taken[list(pool.places), pool.resource].sum() for pool in self.pools], dtype=np.int64)

    def value(self, chosen: Ints) -> int:
        placed = np.flatnonzero(chosen != NOWHERE)
        return int(self.values[placed, chosen[placed]].sum())

    def part(self, cases: Ints) -> Instance:
        """The same places and pools for these cases only."""
        kept = tuple(self.cases[i] for i in cases)
        return Instance(
            kept, self.places, self.resources, self.demand[cases], self.scores[cases], self.worth[cases], self.pools
        )
