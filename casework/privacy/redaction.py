"""Third parties taken out of free words: an answer to one person never names another (A-2.1, s. 88)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MASK = "[tierce personne / third party]"
SHORTEST = 2


def names_of(name: Mapping[str, Any]) -> Iterator[str]:
    """Every way a name is written, its parts included (the shape is people.schemas.Name)."""
    yield name["full"]
    yield from (name.get("given") or [])
    yield from (name.get("family") or [])
    yield from (name.get("aliases") or [])
    if name.get("original_script"):
        yield name["original_script"]
    for other in name.get("others") or []:
        yield other["full"]
        if other.get("original_script"):
            yield other["original_script"]
    yield from name["full"].split()


class Redactor:
    """Masks the others' names and contacts, except what the person bears too (a family name); counts what it masked.

    Only the words it was given are found: a clerk still reads the free words before the answer leaves.
    """

    def __init__(self, own: Iterable[str], others: Iterable[str]) -> None:
        mine = {word.casefold() for word in own}
        hidden = {word for word in others if len(word) >= SHORTEST and word.casefold() not in mine}
        ordered = sorted(hidden, key=lambda word: (-len(word), word))
        alternatives = "|".join(re.escape(word) for word in ordered)
        self._pattern = re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)", re.IGNORECASE) if ordered else None
        self.masked = 0

    def clean(self, text: str | None) -> str | None:
        if not text or self._pattern is None:
            return text
        cleaned, count = self._pattern.subn(MASK, text)
        self.masked += count
        return cleaned
