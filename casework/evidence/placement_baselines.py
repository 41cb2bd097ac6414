"""What the engine is compared with: places by lot, the best free place as people come, and one whole integer program."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from casework.placement.engine.instance import EXCLUDED, NOWHERE
from casework.placement.engine.linear import Pairs, model_of, new_solver
from casework.placement.engine.online import fits, take

if TYPE_CHECKING:
    from casework.placement.engine.instance import Instance, Ints


def one_by_one(instance: Instance, order: Ints, worth: Ints) -> Ints:
    """Each case in turn takes the fitting place that `worth[i, j]` likes best."""
    chosen, room = np.full(len(order), NOWHERE, dtype=np.int64), instance.capacity.copy()
    for i in order:
        for j in np.argsort(-worth[i], kind="stable"):
            if instance.scores[i, j] != EXCLUDED and fits(instance, int(i), int(j), room):
                take(instance, int(i), int(j), room)
                chosen[i] = j
                break
    return chosen


def greedy(instance: Instance, order: Ints | None = None) -> Ints:
    return one_by_one(instance, np.arange(len(instance.cases)) if order is None else order, instance.scores)


def by_lot(instance: Instance, seed: int) -> Ints:
    draw = np.random.Generator(np.random.PCG64(seed))
    lots = draw.integers(0, 1 << 40, instance.scores.shape)
    return one_by_one(instance, draw.permutation(len(instance.cases)), lots)


def whole_program(instance: Instance, seconds: float) -> tuple[int | None, float]:
    """Its best value and the seconds it took: HiGHS on all pairs at once, told to stop after so many seconds."""
    pairs = Pairs(*(side.astype(np.int64) for side in np.nonzero(instance.scores != EXCLUDED)))
    solver, began = new_solver({"time_limit": seconds}), time.monotonic()
    solver.passModel(model_of(instance, pairs, instance.capacity, whole=True))
    solver.run()
    found = solver.getInfo()
    value = round(found.objective_function_value) if solver.getSolution().value_valid else None
    return value, time.monotonic() - began
