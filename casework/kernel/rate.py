"""How often one caller, and one address, may ask: token buckets kept as one number each (GCRA, ITU-T I.371)."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from casework.kernel.problems import TooManyRequests

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

KEYS_REMEMBERED = 10_000


class Bucket:
    """`rate` requests a second in the long run and `burst` at once, for each key; the least recent keys are forgotten."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._step, self._slack, self._clock = 1 / rate, (burst - 1) / rate, clock
        # The moment at which the key's bucket is full again; insertion order is order of last use.
        self._full_at: dict[Hashable, float] = {}

    def spend(self, key: Hashable) -> None:
        """Raises TooManyRequests, with the seconds after which one request will be let in."""
        now = self._clock()
        full_at = max(now, self._full_at.pop(key, now))
        wait = full_at - now - self._slack
        self._full_at[key] = full_at if wait > 0 else full_at + self._step
        if len(self._full_at) > KEYS_REMEMBERED:
            del self._full_at[next(iter(self._full_at))]
        if wait > 0:
            raise TooManyRequests(headers={"Retry-After": str(math.ceil(wait))})
