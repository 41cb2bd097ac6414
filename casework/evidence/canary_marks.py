"""Marked values and how they are found again: one stem a run, looked for in every spelling it may travel in."""

from __future__ import annotations

import base64
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LETTERS = "bcdfghjkmnpqrstvwxz"
STEM_LENGTH = 12
DIGITS = 3


class Needle(NamedTuple):
    spelling: str
    raw: bytes
    folds: bool  # compared in lower case


class Hit(NamedTuple):
    spelling: str
    stem: str
    following: bytes  # the number that tells which field it was, where the spelling leaves it legible


@dataclass(slots=True)
class Marks:
    """Hands out one marked value a field, and remembers which were asked for."""

    seed: int
    stems: dict[str, str] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)

    def stem(self, name: str) -> str:
        """Consonants only, so that no word of any language is one; the same for the same seed."""
        rng = random.Random(f"{self.seed}-{name}")
        return self.stems.setdefault(name, "".join(rng.choices(LETTERS, k=STEM_LENGTH)))

    def birth(self) -> str:
        rng = random.Random(f"{self.seed}-birth")
        return self.stems.setdefault("birth", f"19{rng.randint(11, 29)}-0{rng.randint(1, 9)}-{rng.randint(11, 28)}")

    def value(self, stem: str, label: str) -> str:
        """The field's own value: stem and a number, which fits every pattern that admits words at all."""
        number = len(self.given)
        return self.given.setdefault(label, f"{self.stem(stem)}{number:0{DIGITS}d}")

    def field_of(self, hit: Hit) -> str:
        """The field that a hit was planted in; its stem's name where that cannot be read."""
        found = f"{self.stems[hit.stem]}{hit.following.decode(errors='replace')}"
        return next((label for label, value in self.given.items() if value == found), hit.stem)


def needles(stem: str) -> Iterator[Needle]:
    """As it is in any case, hexadecimal, percent-encoded, JSON-escaped, UTF-16, and base64 at its three alignments."""
    for text in dict.fromkeys((stem, stem.upper())):
        raw = text.encode()
        yield Needle("hex", raw.hex().encode(), True)
        yield Needle("percent", "".join(f"%{byte:02x}" for byte in raw).encode(), True)
        yield Needle("json", "".join(f"\\u{byte:04x}" for byte in raw).encode(), True)
        for shift in range(3):
            encoded = base64.b64encode(b"\0" * shift + raw).rstrip(b"=")
            # Letters that also carry bits of what stands before or after belong to no spelling of ours.
            inner = encoded[(shift * 8 + 5) // 6 : (shift + len(raw)) * 8 // 6]
            yield Needle("base64", inner, False)
    yield Needle("plain", stem.encode(), True)
    yield Needle("utf-16", stem.encode("utf-16-le"), True)


def sweep(chunks: Iterable[bytes], stems: dict[str, str]) -> tuple[int, list[Hit]]:
    """(bytes swept, hits). A chunk is looked at whole: cut where no value can straddle."""
    wanted = [(name, needle) for name, stem in stems.items() for needle in needles(stem)]
    swept = 0
    hits: list[Hit] = []
    for chunk in chunks:
        swept += len(chunk)
        folded = chunk.lower()
        for name, needle in wanted:
            hits += _in(folded if needle.folds else chunk, name, needle)
    return swept, hits


def _in(chunk: bytes, name: str, needle: Needle) -> Iterator[Hit]:
    place = chunk.find(needle.raw)
    while place >= 0:
        end = place + len(needle.raw)
        yield Hit(needle.spelling, name, chunk[end : end + DIGITS])
        place = chunk.find(needle.raw, end)
