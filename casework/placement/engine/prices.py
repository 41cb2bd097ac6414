"""What one unit of each pool is worth: the duals of the linear program, found by sifting, then made whole.

Any prices at least 0 bound every placement from above: the worth of all room, and for each case the best it could
still gain after paying. The bound needs no trust in the solver; it is recomputed in whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from casework.placement.engine.instance import EXCLUDED
from casework.placement.engine.linear import Pairs, solve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from casework.placement.engine.instance import Floats, Instance, Ints

SCALE = 1_000  # prices are whole thousandths of a point
FIRST_CHOICES = 8
ROUNDS = 40
SAMPLE = 400
BARRED = np.iinfo(np.int64).min // 4


@dataclass(frozen=True, slots=True)
class Relaxed:
    """The linear program's answer: whole prices, and the pairs it gave a share to."""

    prices: Ints
    pairs: Pairs
    x: Floats


def charges(instance: Instance, prices: Ints) -> Ints:
    """Shape (n, m): what each case would pay at each place, in thousandths."""
    by_place = np.zeros((len(instance.places), len(instance.resources)), dtype=np.int64)
    for pool, price in zip(instance.pools, prices, strict=True):
        by_place[list(pool.places), pool.resource] += price
    return instance.demand @ by_place.T


def gains(instance: Instance, prices: Ints) -> Ints:
    """Shape (n, m), in thousandths: value less charge; `BARRED` where a rule excludes the place."""
    left = instance.values * SCALE - charges(instance, prices)
    return np.where(instance.scores == EXCLUDED, BARRED, left)


def bound(instance: Instance, prices: Ints) -> int:
    """No placement is worth more, in thousandths of a point."""
    best = gains(instance, prices).max(axis=1, initial=0)
    return int(prices @ instance.capacity + np.maximum(best, 0).sum())


def whole(dual: Floats) -> Ints:
    return np.maximum(0, np.rint(dual * SCALE)).astype(np.int64)


def relax(instance: Instance) -> Relaxed:
    """Sifting: a program over each case's best few places; places it missed are added until none would gain."""
    prices = _first_prices(instance)
    open_pairs = _best(gains(instance, prices), FIRST_CHOICES)
    best: tuple[int, Ints] | None = None
    for _ in range(ROUNDS):
        pairs = Pairs(*(side.astype(np.int64) for side in np.nonzero(open_pairs)))
        solved = solve(instance, pairs, instance.capacity)
        prices = whole(solved.dual)
        reached = bound(instance, prices)
        if best is None or reached < best[0]:
            best = (reached, prices)
        after = gains(instance, prices)
        earned = np.maximum(np.where(open_pairs, after, 0).max(axis=1, initial=0), 0)
        missed = (after > earned[:, None] + SCALE) & ~open_pairs
        if not missed.any():
            break
        open_pairs |= missed & _best(np.where(open_pairs, BARRED, after), FIRST_CHOICES)
    assert best is not None
    return Relaxed(best[1], pairs, solved.x)


def _first_prices(instance: Instance) -> Ints:
    """Prices of a regular sample of the cases in as small a share of the room; none when there are few cases."""
    n = len(instance.cases)
    step = n // SAMPLE
    if step < 2:
        return np.zeros(len(instance.pools), dtype=np.int64)
    sample = np.arange(0, n, step)
    part = instance.part(sample)
    pairs = Pairs(*(side.astype(np.int64) for side in np.nonzero(part.scores != EXCLUDED)))
    return whole(solve(part, pairs, instance.capacity * len(sample) // n).dual)


def _best(found: Ints, width: int) -> NDArray[np.bool_]:
    """The `width` best places of each case, barred ones left out; equal ones by the places' order."""
    width = min(width, found.shape[1])
    order = np.argsort(-found, axis=1, kind="stable")[:, :width]
    chosen = np.zeros(found.shape, dtype=bool)
    np.put_along_axis(chosen, order, True, axis=1)
    return chosen & (found > BARRED)
