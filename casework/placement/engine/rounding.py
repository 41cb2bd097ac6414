"""From shares to whole places: keep what the linear program decided, repair the rest, then improve piece by piece.

Every piece is a small integer program over the cases of a few places: all others stay where they are. What a piece
may gain is bounded by the regrets and the unused room that the prices see in it, so the costliest pieces come first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from casework.placement.engine.instance import NOWHERE
from casework.placement.engine.linear import Pairs, SolverFailed, solve
from casework.placement.engine.prices import BARRED, SCALE, bound, gains

if TYPE_CHECKING:
    from collections.abc import Callable

    from casework.placement.engine.instance import Instance, Ints
    from casework.placement.engine.prices import Relaxed

ALMOST_ONE = 1 - 1e-6


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to look, in things that replay alike: pieces tried, cases and nodes in each, pieces without a gain
    before stopping. `enough`: the gap, in millionths of the bound, at which to stop."""

    pieces: int = 40
    cases: int = 150
    nodes: int = 30
    places: int = 20
    choices: int = 6
    patience: int = 15
    enough: int = 300

    @classmethod
    def usual(cls, cases: int) -> Effort:
        """For a run of so many. Among few, wide pieces find what narrow ones miss, and there is time for them."""
        return FEW_CASES if cases <= FEW else cls()


FEW, FEW_CASES = 1_000, Effort(pieces=30, cases=250, nodes=20, places=30, patience=12)


def rounded(instance: Instance, relaxed: Relaxed, effort: Effort) -> Ints:
    """The place of each case, `NOWHERE` for none, after the repair."""
    chosen = np.full(len(instance.cases), NOWHERE, dtype=np.int64)
    decided = relaxed.x > ALMOST_ONE
    chosen[relaxed.pairs.case[decided]] = relaxed.pairs.place[decided]
    left = gains(instance, relaxed.prices)
    wanting = np.flatnonzero((chosen == NOWHERE) & (left.max(axis=1, initial=BARRED) > BARRED))
    near = wanting[np.argsort(-left[wanting].max(axis=1), kind="stable")][: 4 * effort.cases]
    chosen = _piece(instance, chosen, np.sort(near), np.arange(left.shape[1]), left, effort)
    return filled(instance, chosen, left)


def filled(instance: Instance, chosen: Ints, left: Ints) -> Ints:
    """Whoever still fits somewhere is placed, the greatest gain first: nobody waits beside an empty place."""
    room = instance.capacity - instance.used(chosen)
    chosen = chosen.copy()
    waiting = np.flatnonzero(chosen == NOWHERE)
    for i in waiting[np.argsort(-left[waiting].max(axis=1, initial=BARRED), kind="stable")]:
        for j in np.argsort(-left[i], kind="stable"):
            if left[i, j] == BARRED:
                break
            pools = instance.pools_of[j][instance.pools_of[j] >= 0]
            asked = instance.demand[i, instance.pool_resource[pools]]
            if (asked <= room[pools]).all():
                room[pools] -= asked
                chosen[i] = j
                break
    return chosen


def improved(instance: Instance, relaxed: Relaxed, chosen: Ints, effort: Effort, told: Callable[[int], None]) -> Ints:
    """Pieces drawn with a fixed seed until the gap is small enough or no piece gains any more."""
    left, ceiling = gains(instance, relaxed.prices), bound(instance, relaxed.prices)
    draw = np.random.Generator(np.random.PCG64(20_231_101))
    value, idle = instance.value(chosen), 0
    for piece in range(effort.pieces):
        told(20 + 79 * piece // effort.pieces)
        if idle >= effort.patience or (ceiling - value * SCALE) * 1_000_000 <= effort.enough * ceiling:
            break
        free, among = _drawn(instance, relaxed, chosen, left, draw, effort)
        tried = _piece(instance, chosen, free, among, left, effort)
        gained = instance.value(tried) - value
        idle = 0 if gained > 0 else idle + 1
        if gained > 0:
            chosen, value = tried, value + gained
    # A better piece may leave room, or somebody whose place is worth nothing in points.
    return filled(instance, chosen, left)


def _drawn(
    instance: Instance, relaxed: Relaxed, chosen: Ints, left: Ints, draw: np.random.Generator, effort: Effort
) -> tuple[Ints, Ints]:
    """Some places by lot, those with unused priced room more often, and the cases that could trade among them."""
    slack = relaxed.prices * (instance.capacity - instance.used(chosen))
    lost = np.zeros(len(instance.places))
    for pool, unused in zip(instance.pools, slack, strict=True):
        lost[list(pool.places)] += unused / len(pool.places)
    odds = lost + lost.mean() + 1
    m = len(instance.places)
    picked = np.sort(draw.choice(m, size=min(m, effort.places), replace=False, p=odds / odds.sum()))
    inside = np.zeros(m + 1, dtype=bool)
    inside[picked] = inside[NOWHERE] = True
    near = np.sort(left[:, picked], axis=1)
    second = near[:, -2] if len(picked) > 1 else np.zeros(len(chosen), dtype=np.int64)
    candidates = np.flatnonzero(inside[chosen] & (near[:, -1] > BARRED))
    apart = np.abs(near[candidates, -1] - np.maximum(second[candidates], 0)) + SCALE
    order = np.argsort(apart * draw.random(len(candidates)), kind="stable")
    return np.sort(candidates[order][: effort.cases]), picked


def _piece(instance: Instance, chosen: Ints, free: Ints, among: Ints, left: Ints, effort: Effort) -> Ints:
    """These cases placed anew among these places, in the room that the others leave; as before when no better way
    is found."""
    if not len(free):
        return chosen
    others = chosen.copy()
    others[free] = NOWHERE
    order = among[np.argsort(-left[np.ix_(free, among)], axis=1, kind="stable")[:, : effort.choices]]
    case, place = np.repeat(free, order.shape[1]), order.ravel()
    stay = free[chosen[free] != NOWHERE]
    case, place = np.concatenate([case, stay]), np.concatenate([place, chosen[stay]])
    case, place = np.unique(np.stack([case, place]), axis=1)
    open_pairs = left[case, place] > BARRED
    pairs = Pairs(case[open_pairs], place[open_pairs])
    room = instance.capacity - instance.used(others)
    try:
        start = (chosen[pairs.case] == pairs.place).astype(np.float64)
        x = solve(instance, pairs, room, nodes=effort.nodes, start=start).x
    except SolverFailed:
        return chosen
    taken = x > 0.5
    others[pairs.case[taken]] = pairs.place[taken]
    return others
