"""What one unit of each pool is worth: the duals of the linear program, found by sifting, then made whole.

Any prices at least 0 bound every placement from above: the worth of all room, and for each case the best it could
still gain after paying. The bound needs no trust in the solver; it is recomputed in whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from casework.placement.engine.instance import EXCLUDED, NOWHERE
from casework.placement.engine.linear import Pairs, solve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from casework.placement.engine.instance import Floats, Instance, Ints

SCALE = 1_000  # prices are whole thousandths of a point
FIRST_CHOICES = 8
ROUNDS = 40
SAMPLES = (400, 4_000, 20_000)
UNDECIDED = 2_000  # so many cases at least stand in the program
OPEN = -2
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
    return _ceiling(gains(instance, prices), instance.capacity, prices)


def _ceiling(left: Ints, room: Ints, prices: Ints) -> int:
    return int(prices @ room + np.maximum(left.max(axis=1, initial=0), 0).sum())


def whole(dual: Floats) -> Ints:
    return np.maximum(0, np.rint(dual * SCALE)).astype(np.int64)


def relax(instance: Instance) -> Relaxed:
    """The linear program's optimum. Samples, each larger, say roughly what room is worth; then, among all cases, only
    those whose choice is close at these prices stand in the program, and the others go where they gain most."""
    prices = np.zeros(len(instance.pools), dtype=np.int64)
    n = len(instance.cases)
    if not instance.scores.size:  # nobody, or nowhere to go: room is worth nothing
        none = np.zeros(0, dtype=np.int64)
        return Relaxed(prices, Pairs(none, none), none.astype(np.float64))
    for size in SAMPLES:
        if n // size < 2:
            break
        some = np.arange(0, n, n // size)
        prices = _sifted(instance.part(some), instance.capacity * len(some) // n, prices).prices
    return _sifted(instance, instance.capacity, prices)


def _sifted(instance: Instance, room: Ints, prices: Ints) -> Relaxed:
    """A program over each open case's best few places; places and cases it missed are added until none would gain."""
    left = gains(instance, prices)
    home, near = _decided(instance, left, room)
    undecided = home == OPEN
    open_pairs = _best(left, FIRST_CHOICES) & (left >= near[:, None]) & undecided[:, None]
    del left
    best: tuple[int, Ints] | None = None
    for _ in range(ROUNDS):
        settled = np.where(undecided, NOWHERE, home)
        pairs = Pairs(*(side.astype(np.int64) for side in np.nonzero(open_pairs)))
        solved = solve(instance, pairs, room - instance.used(settled))
        prices = whole(solved.dual)
        after = gains(instance, prices)
        reached = _ceiling(after, room, prices)
        if best is None or reached < best[0]:
            best = (reached, prices)
        earned = np.maximum(np.where(open_pairs, after, 0).max(axis=1, initial=0), 0)
        there = np.flatnonzero(settled != NOWHERE)
        earned[there] = after[there, settled[there]]
        missed = (after > earned[:, None] + SCALE) & ~open_pairs
        regret = missed.any(axis=1) | (earned < -SCALE)
        if not regret.any():
            break
        open_pairs |= missed & _best(np.where(open_pairs, BARRED, after), FIRST_CHOICES)
        moved = there[regret[there]]
        open_pairs[moved, settled[moved]] = True
        undecided |= regret
    assert best is not None
    alone = Pairs(np.concatenate([pairs.case, there]), np.concatenate([pairs.place, settled[there]]))
    return Relaxed(best[1], alone, np.concatenate([solved.x, np.ones(len(there))]))


def _decided(instance: Instance, left: Ints, room: Ints) -> tuple[Ints, Ints]:
    """Where each case goes that has one clearly best choice (`NOWHERE` is a choice too), `OPEN` for the others; and how
    low the gain of a place may be to stand in the program. So many are open that the decided ones fit."""
    options = np.concatenate([left, np.zeros((len(left), 1), dtype=np.int64)], axis=1)
    first = options.argmax(axis=1)
    second, top = np.partition(options, -2, axis=1)[:, -2:].T
    margin = top - second
    close = int(np.sort(margin)[: UNDECIDED + 1][-1])
    while True:
        home = np.where(margin <= close, OPEN, np.where(first == left.shape[1], NOWHERE, first))
        if (instance.used(np.where(home == OPEN, NOWHERE, home)) <= room).all():
            return home, top - 2 * close
        close += close // 4 + SCALE


def _best(found: Ints, width: int) -> NDArray[np.bool_]:
    """The `width` best places of each case, barred ones left out; equal ones by the places' order."""
    width = min(width, found.shape[1])
    order = np.argsort(-found, axis=1, kind="stable")[:, :width]
    chosen = np.zeros(found.shape, dtype=bool)
    np.put_along_axis(chosen, order, True, axis=1)
    return chosen & (found > BARRED)
