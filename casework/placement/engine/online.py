"""Placing as people arrive, with prices that keep room for who comes later (greedy uses up scarce places).

A case is ranked by value less charge. The prices come from linear programs over the room that is left, each with the
cases that are here and a sample of those expected; the mean of several samples is used. A place worth less than
waiting is not taken before the case's ceiling.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from casework.placement.engine.instance import NOWHERE, Instance
from casework.placement.engine.prices import BARRED, gains, relax

if TYPE_CHECKING:
    from casework.placement.engine.instance import Ints


@dataclass(frozen=True, slots=True)
class Offered:
    """One place for one newcomer: `gain` in thousandths of a point, after the prices of what it takes."""

    place: int
    gain: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """Past cases to draw from, how many are expected to come after today, and how many samples to take."""

    past: Instance
    expected: int
    samples: int
    seed: int


def with_room(instance: Instance, room: Ints) -> Instance:
    pools = tuple(replace(pool, capacity=int(left)) for pool, left in zip(instance.pools, room, strict=True))
    return replace(instance, pools=pools)


def prices_for(here: Instance, room: Ints, forecast: Forecast) -> Ints:
    """What one unit more of each pool is worth to those here and those expected; zero when nobody is."""
    draw = np.random.Generator(np.random.PCG64(forecast.seed))
    found = []
    for _ in range(forecast.samples):
        some = draw.integers(0, len(forecast.past.cases), size=forecast.expected)
        found.append(relax(_together(here, forecast.past, some, room)).prices)
    total = np.sum(found, axis=0)
    return np.asarray((total + len(found) // 2) // len(found), dtype=np.int64)


def _together(here: Instance, past: Instance, some: Ints, room: Ints) -> Instance:
    names = here.cases + tuple(f"expected-{k}" for k in range(len(some)))
    joined = Instance(
        names,
        here.places,
        here.resources,
        np.concatenate([here.demand, past.demand[some]]),
        np.concatenate([here.scores, past.scores[some]]),
        np.concatenate([here.worth, past.worth[some]]),
        here.pools,
    )
    return with_room(joined, room)


def ranked(instance: Instance, i: int, prices: Ints, room: Ints) -> tuple[Offered, ...]:
    """The places that can take case i in what is left, the best first; equal ones by the places' order."""
    left = gains(instance.part(np.array([i])), prices)[0]
    fitting = [j for j in np.argsort(-left, kind="stable") if left[j] > BARRED and fits(instance, i, int(j), room)]
    return tuple(Offered(int(j), int(left[j])) for j in fitting)


def fits(instance: Instance, i: int, j: int, room: Ints) -> bool:
    pools = instance.pools_of[j][instance.pools_of[j] >= 0]
    return bool((instance.demand[i, instance.pool_resource[pools]] <= room[pools]).all())


def take(instance: Instance, i: int, j: int, room: Ints) -> None:
    pools = instance.pools_of[j][instance.pools_of[j] >= 0]
    room[pools] -= instance.demand[i, instance.pool_resource[pools]]


def this_week(instance: Instance, waiting: Ints, prices: Ints, room: Ints, *, may_wait: bool) -> Ints:
    """The place of each waiting case, `NOWHERE` when it waits; `room` is taken down. The greatest gain goes first."""
    chosen = np.full(len(waiting), NOWHERE, dtype=np.int64)
    best = gains(instance.part(waiting), prices).max(axis=1, initial=BARRED)
    for k in np.argsort(-best, kind="stable"):
        offers = ranked(instance, int(waiting[k]), prices, room)
        if offers and (offers[0].gain >= 0 or not may_wait):
            chosen[k] = offers[0].place
            take(instance, int(waiting[k]), offers[0].place, room)
    return chosen
