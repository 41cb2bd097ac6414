"""Invented names as somebody else writes them: seeded misspellings and transliterations, beside those of `spellings.py`.

A name is a row of sounds. It is taken in as one Latin spelling, most with the Arabic or Cyrillic one beside it, some in
that script alone; it is asked for in other Latin spellings of the same sounds, in the script, in another order, and with
one slip of the hand. `docs/names.md` prints the set of one seed.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from casework.evidence.spellings import SPELLINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

PUBLISHED_SEED, PUBLISHED = 20261123, 120
# Sound: Arabic letter (short vowels are not written), Cyrillic letters, Latin spellings, the commonest first.
CONSONANTS = {
    "b": ("ب", "б", ("b",)), "t": ("ت", "т", ("t",)), "d": ("د", "д", ("d",)), "r": ("ر", "р", ("r", "rr")),
    "z": ("ز", "з", ("z",)), "s": ("س", "с", ("s", "ss")), "sh": ("ش", "ш", ("sh", "ch", "sch")),
    "kh": ("خ", "х", ("kh", "h")), "j": ("ج", "дж", ("j", "dj")), "f": ("ف", "ф", ("f", "ph")),
    "k": ("ك", "к", ("k", "c", "q")), "l": ("ل", "л", ("l", "ll")), "m": ("م", "м", ("m", "mm")),
    "n": ("ن", "н", ("n", "nn")), "g": ("غ", "г", ("gh", "g")),
}  # fmt: skip
VOWELS = {"a": ("ا", "а", ("a", "aa")), "i": ("ي", "и", ("i", "ee", "y")), "u": ("و", "у", ("u", "ou", "oo"))}
SHORT = {"a": ("", "а", ("a", "e")), "i": ("", "и", ("i", "e")), "u": ("", "у", ("u", "o"))}
OTHERWISE = 0.5
NEIGHBOURS = {
    "a": "qzs", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk",
    "k": "jl", "l": "kp", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "a", "r": "et", "s": "ad", "t": "ry",
    "u": "yi", "v": "cb", "w": "q", "x": "zc", "y": "tu", "z": "ae",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody as they were taken in, and what must find them."""

    full: str
    script: str | None
    spellings: tuple[str, ...]

    @property
    def name(self) -> dict[str, str]:
        return {"full": self.full} | ({"original_script": self.script} if self.script else {})


def everyone(seed: int, count: int) -> list[Asked]:
    """The published spellings, then `count` seeded people."""
    rng = random.Random(f"misspelt-{seed}")
    return [Asked(full, script, (full, *others)) for full, script, others in SPELLINGS] + [
        _somebody(rng, place) for place in range(count)
    ]


def _somebody(rng: random.Random, place: int) -> Asked:
    words = [_sounds(rng, 2), _sounds(rng, rng.choice((3, 3, 4)))]
    latin = _latin(words, None)
    other = _latin(words, rng)
    if place % 4 == 3:  # Latin alone
        return Asked(latin, None, (other, slip(rng, latin), _turned(slip(rng, latin))))
    script = " ".join("".join(str(sound[place % 2]) for sound in word) for word in words)
    # One in eight was taken in as the paper says, in its own script alone.
    if place % 8 == 0:
        return Asked(script, None, (script, other, latin))
    return Asked(latin, script, (other, script, slip(rng, latin), _turned(other)))


def words_of_sounds(rng: random.Random, syllables: int) -> tuple[str, str | None]:
    """One word in Latin letters and, for two in three, in a script of its own."""
    word = _sounds(rng, syllables)
    script = rng.choice((0, 1, None))
    return _latin([word], None), None if script is None else "".join(str(sound[script]) for sound in word)


def _sounds(rng: random.Random, syllables: int) -> list[tuple[str, str, tuple[str, ...]]]:
    found = []
    for _ in range(syllables):
        found.append(CONSONANTS[rng.choice(sorted(CONSONANTS))])
        found.append((VOWELS if rng.random() < 0.5 else SHORT)[rng.choice("aiu")])
    if rng.random() < 0.6:
        found.append(CONSONANTS[rng.choice("bdflmnrstz")])
    return found


def _latin(words: Sequence[Sequence[tuple[str, str, tuple[str, ...]]]], rng: random.Random | None) -> str:
    """The commonest spelling, or one in which each sound may be written otherwise."""

    def written(spellings: tuple[str, ...]) -> str:
        return rng.choice(spellings) if rng is not None and rng.random() < OTHERWISE else spellings[0]

    return " ".join("".join(written(sound[2]) for sound in word).capitalize() for word in words)


def slip(rng: random.Random, name: str) -> str:
    """One slip of the hand in the longest word: a letter dropped, doubled, swapped with the next, or its neighbour."""
    words = name.split()
    longest = max(range(len(words)), key=lambda at: len(words[at]))
    word = words[longest]
    at = rng.randrange(1, len(word) - 1)
    words[longest] = rng.choice((
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        word[:at] + rng.choice(NEIGHBOURS.get(word[at], "e")) + word[at + 1 :],
    ))  # fmt: skip
    return " ".join(words)


def _turned(name: str) -> str:
    return " ".join(reversed(name.split()))


def page() -> str:
    """`docs/names.md`: `python -m casework.evidence.misspelt > docs/names.md` writes it, a test compares it."""
    rows = [
        f"| {one.full} | {one.script or ''} | {' · '.join(one.spellings)} |"
        for one in everyone(PUBLISHED_SEED, PUBLISHED)
    ]
    head = [
        "# Spellings that must find their person · Graphies qui doivent retrouver leur personne",
        "",
        "Every name is invented. `casework bench search` takes these people in and asks for each spelling.",
        "",
        "Tous les noms sont inventés. `casework bench search` cherche chacune de ces graphies.",
        "",
        "| Taken in as · Nom | Script · Écriture | Asked for as · Cherché comme |",
        "| --- | --- | --- |",
    ]
    return "\n".join([*head, *rows]) + "\n"


if __name__ == "__main__":
    print(page(), end="")
