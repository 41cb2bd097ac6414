"""Pairs of records whose truth is known: one person taken in twice, or two people who look alike. How well are they told apart?

Pure, on the published spellings: what is measured is the score that a person reads, not whether PostgreSQL finds the pair
(`casework bench search` measures that).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from casework.duplicates.likeness import LEAST, LIKELY, Record, likeness
from casework.evidence.misspelt import everyone
from casework.kernel.partial_date import PartialDate
from casework.search.service import closeness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from casework.evidence.misspelt import Asked


@dataclass(frozen=True, slots=True)
class Pair:
    kind: str
    same: bool
    asked: str
    name: dict[str, str]
    births: tuple[str | None, str | None]
    shares_paper: bool = False

    def score(self) -> int:
        one, other = (
            Record(PartialDate.parse(birth), frozenset({("uci", b"1" if self.shares_paper else mark)}))
            for birth, mark in zip(self.births, (b"2", b"3"), strict=True)
        )
        return likeness(closeness(self.asked, self.name), one, other).score


# Of one person: what the second intake worker may have heard of the birth date.
TOLD: dict[str, Callable[[int, int, int], tuple[str | None, bool]]] = {
    "same_day": lambda y, m, d: (f"{y}-{m:02}-{d:02}", False),
    "month_known": lambda y, m, _: (f"{y}-{m:02}", False),
    "year_known": lambda y, _m, _d: (f"{y}", False),
    "day_and_month_swapped": lambda y, m, d: (f"{y}-{d:02}-{m:02}", False),
    "one_year_off": lambda y, m, d: (f"{y + 1}-{m:02}-{d:02}", False),
    "unknown_same_paper": lambda _y, _m, _d: (None, True),
}


def pairs(seed: int, count: int) -> Iterator[Pair]:
    yield from pairs_of(random.Random(f"pairs-{seed}"), everyone(seed, count))


def pairs_of(rng: random.Random, people: Sequence[Asked]) -> Iterator[Pair]:
    """Every kind of pair, of each of them."""
    for place, one in enumerate(people):
        year, month, day = rng.randint(1950, 2015), rng.randint(1, 12), rng.randint(1, 12)
        born = f"{year}-{month:02}-{day:02}"
        for kind, told in TOLD.items():
            heard, paper = told(year, month, day)
            yield Pair(kind, True, rng.choice(one.spellings), one.name, (born, heard), paper)
        yield from _others(one, people[(place + 1) % len(people)], born, rng)


def _others(one: Asked, neighbour: Asked, born: str, rng: random.Random) -> Iterator[Pair]:
    """Of two people: a brother, a namesake, one of whose birth only the year is known, somebody of the same day."""
    apart = f"{int(born[:4]) + rng.choice((-7, -4, 3, 6))}{born[4:7]}-{rng.randint(13, 28)}"
    given, *_ = neighbour.full.split()
    brother = " ".join((given, *one.full.split()[1:]))
    yield Pair("brother", False, brother, one.name, (born, apart))
    yield Pair("namesake", False, one.full, one.name, (born, apart))
    # Nobody can tell this one apart from the records: it must be shown, and never called likely.
    yield Pair("namesake_of_the_year", False, one.full, one.name, (born, born[:4]))
    yield Pair("same_birthday", False, neighbour.full, one.name, (born, born))


def told_apart(seed: int, count: int) -> dict[str, Any]:
    """Recall and precision of what is shown (score at least LEAST) and of what is called likely (LIKELY)."""
    found = [(pair, pair.score()) for pair in pairs(seed, count)]
    figures: dict[str, Any] = {"pairs": len(found)}
    for name, least in (("shown", LEAST), ("likely", LIKELY)):
        told = [pair.same for pair, score in found if score >= least]
        figures[name] = {
            "recall": round(sum(told) / sum(pair.same for pair, _ in found), 4),
            "precision": round(sum(told) / len(told), 4),
        }
    kinds = dict.fromkeys(pair.kind for pair, _ in found)
    figures["shown_by_kind"] = {
        kind: round(sum(s >= LEAST for p, s in found if p.kind == kind) / sum(p.kind == kind for p, _ in found), 3)
        for kind in kinds
    }
    return figures
