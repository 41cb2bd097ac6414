"""Pure: the published draw (docs/draw.md). Standard library only, so that anybody can read it and run it again.

A list is bytes, its entries in the order of their ids. The seed is committed to before the list closes; the order
depends on the seed and on the whole list, so nobody who knows only one of them knows anybody's chances.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FORMAT = "casework-draw/1"
SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class Entry:
    """`id` is the receipt handed out at submission; `regional` that the destination is outside the metropolis."""

    id: str
    regional: bool


@dataclass(frozen=True, slots=True)
class Ranked:
    entry: Entry
    rank: int  # from 1
    drawn: bool


def commitment(seed: bytes) -> str:
    return hashlib.sha256(seed).hexdigest()


def list_bytes(draw_id: str, cap: int, reserve: int, entries: Iterable[Entry]) -> bytes:
    """The frozen list as it is hashed; `reserve` of the `cap` places go to regional entries first."""
    lines = [f"{entry.id} {'R' if entry.regional else '-'}" for entry in sorted(entries, key=lambda one: one.id)]
    return "".join(f"{line}\n" for line in (FORMAT, f"{draw_id} {cap} {reserve}", *lines)).encode()


def list_hash(listed: bytes) -> str:
    return hashlib.sha256(listed).hexdigest()


def ranked(seed: bytes, listed_hash: str, cap: int, reserve: int, entries: Iterable[Entry]) -> list[Ranked]:
    """Everybody, first come first: by HMAC-SHA-256 of the list's hash and the entry's id under the seed."""
    bound = bytes.fromhex(listed_hash)
    order = sorted(entries, key=lambda one: hmac.new(seed, bound + one.id.encode(), hashlib.sha256).digest())
    chosen = {one.id for one in [one for one in order if one.regional][: min(reserve, cap)]}
    for one in order:
        if len(chosen) >= cap:
            break
        chosen.add(one.id)
    return [Ranked(one, rank, one.id in chosen) for rank, one in enumerate(order, start=1)]


def result_hash(result: Sequence[Ranked]) -> str:
    text = "".join(f"{one.entry.id} {int(one.drawn)}\n" for one in result)
    return hashlib.sha256(text.encode()).hexdigest()
