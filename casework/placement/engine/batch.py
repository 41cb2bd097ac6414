"""A batch run: prices, whole placements, and the certificate that lets anyone bound what was missed.

The same instance and effort give the same bytes: whole numbers, one thread, a fixed seed, no clock.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from casework.placement.engine.instance import NOWHERE, Instance, Pool
from casework.placement.engine.prices import SCALE, bound, relax
from casework.placement.engine.rounding import Effort, improved, rounded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from casework.placement.engine.instance import Ints

BATCH_VERSION = "1.1.0"  # grows with any change that can change an answer


@dataclass(frozen=True)
class Placed:
    """`chosen[i]`: the index of the place, or `NOWHERE`; `prices`: thousandths of a point for a unit of each pool."""

    instance: Instance
    chosen: Ints
    prices: Ints

    @property
    def value(self) -> int:
        return self.instance.value(self.chosen)

    @property
    def gap(self) -> float:
        """Share of the bound that may have been missed, at most."""
        ceiling = bound(self.instance, self.prices)
        return (ceiling - self.value * SCALE) / ceiling if ceiling else 0.0

    def certificate(self) -> dict[str, Any]:
        """What `check.py` reads; whole numbers and names only, and the SHA-256 of all the rest."""
        one = self.instance
        pools = [
            {"resource": pool.resource, "places": list(pool.places), "capacity": pool.capacity, "price": int(price)}
            for pool, price in zip(one.pools, self.prices, strict=True)
        ]
        rows = zip(one.cases, one.demand.tolist(), one.worth.tolist(), one.scores.tolist(), strict=True)
        body = {
            "batch_version": BATCH_VERSION, "scale": SCALE, "resources": list(one.resources),
            "places": list(one.places), "pools": pools,
            "cases": [{"id": case, "demand": d, "worth": worth, "scores": scores} for case, d, worth, scores in rows],
            "placed": {case: int(j) for case, j in zip(one.cases, self.chosen, strict=True) if j != NOWHERE},
            "value": self.value, "bound": bound(one, self.prices),
        }  # fmt: skip
        return {**body, "sha256": sha256(canonical(body)).hexdigest()}


def _tell_nobody(percent: int) -> None:
    """Nobody asked how far it is."""


def place(instance: Instance, effort: Effort | None = None, told: Callable[[int], None] = _tell_nobody) -> Placed:
    """Every case placed at most once, within every pool, as much worth in all as the effort allows; `told` hears
    the share done, in percent.

    Raises SolverFailed when HiGHS does.
    """
    looking = effort or Effort.usual(len(instance.cases))
    relaxed = relax(instance)
    if not instance.scores.size:
        return Placed(instance, np.full(len(instance.cases), NOWHERE, dtype=np.int64), relaxed.prices)
    told(10)
    chosen = improved(instance, relaxed, rounded(instance, relaxed, looking), looking, told)
    return Placed(instance, chosen, relaxed.prices)


def canonical(document: Any) -> bytes:
    """RFC 8785 for whole numbers and text under plain keys."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def instance_from(document: Mapping[str, Any]) -> Instance:
    """The instance of a certificate or of frozen inputs; raises ImpossibleInstance."""
    cases, places, resources = document["cases"], document["places"], document["resources"]
    shape = (len(cases), len(places)), (len(cases), len(resources))
    return Instance(
        tuple(case["id"] for case in cases),
        tuple(places),
        tuple(resources),
        np.array([case["demand"] for case in cases], dtype=np.int64).reshape(shape[1]),
        np.array([case["scores"] for case in cases], dtype=np.int64).reshape(shape[0]),
        np.array([case["worth"] for case in cases], dtype=np.int64),
        tuple(Pool(pool["resource"], tuple(pool["places"]), pool["capacity"]) for pool in document["pools"]),
    )
