"""Blocks of requests to several servers, interleaved in a shuffled order: CPU a request, and ratios within a round."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from casework.evidence.driving import Order, drive

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from casework.evidence.measuring import Spent
    from casework.evidence.stage import Stage

# A control this much dearer than the server is clearly outside the noise of a round.
CLEARLY = 1.3
# The control is slow and its verdict is far from the limit: a fifth of each block is enough for it.
CONTROL_SHARE = 5


class DifferentWork(Exception):
    """The contestants do not do the same work, so their CPU times cannot be compared."""


@dataclass(frozen=True, slots=True)
class Plan:
    rounds: int
    requests: int
    width: int
    seed: int


@dataclass(slots=True)
class Measured:
    """Milliseconds of CPU a request, by contestant, one value a round."""

    total: dict[str, list[float]] = field(default_factory=dict)
    postgres: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, before: Spent, after: Spent, requests: int) -> None:
        self.total.setdefault(name, []).append((after.total - before.total) * 1000 / requests)
        self.postgres.setdefault(name, []).append((after.postgres - before.postgres) * 1000 / requests)

    def ratios(self, name: str, to: str) -> list[float]:
        return [one / other for one, other in zip(self.total[name], self.total[to], strict=True)]


def compare(stage: Stage, plan: Plan, orders: Callable[[str, int], Sequence[Order]]) -> Measured:
    """`orders(contestant, round)` gives a block; round 0 warms up and is not counted."""
    rng, measured = random.Random(plan.seed), Measured()
    for number in range(plan.rounds + 1):
        for name in rng.sample(sorted(stage.contestants), len(stage.contestants)):
            contestant, block = stage.contestants[name], orders(name, number)
            if name == "control":
                block = block[: max(1, len(block) // CONTROL_SHARE)]
            before = contestant.meter.read()
            drive(contestant.port, block, width=plan.width)
            after = contestant.meter.read()
            if number:
                measured.add(name, before, after, len(block))
    return measured


def judged(measured: Measured, target: float) -> tuple[bool, dict[str, Any], dict[str, Any]]:
    """(ok, figures, control): the server is within the target, and the naive variant is clearly dearer."""
    ratios, naive = measured.ratios("server", "floor"), measured.ratios("control", "server")
    figures = {
        "cpu_ms_server": _rounded(measured.total["server"]),
        "cpu_ms_floor": _rounded(measured.total["floor"]),
        "ratio_to_floor": round(median(ratios), 2),
        "ratio_to_floor_min": round(min(ratios), 2),
        "ratio_to_floor_max": round(max(ratios), 2),
        "target": target,
        "cpu_ms_server_postgres": _rounded(measured.postgres["server"]),
        "cpu_ms_floor_postgres": _rounded(measured.postgres["floor"]),
        "per_round": [
            {name: round(values[place], 3) for name, values in sorted(measured.total.items())}
            for place in range(len(ratios))
        ],
    }
    control = {
        "cpu_ms": _rounded(measured.total["control"]),
        "ratio_to_floor": round(median(measured.ratios("control", "floor")), 2),
        "ratio_to_server": round(median(naive), 2),
        "must_exceed": CLEARLY,
        "failed": median(naive) > CLEARLY,
    }
    return median(ratios) <= target and control["failed"] is True, figures, control


def _rounded(values: Sequence[float]) -> float:
    return round(median(values), 3)
