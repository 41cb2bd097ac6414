"""What two spellings of one name have in common: trigrams and sounds, in many scripts. Pure, and opens nothing.

A name is brought to Latin letters (anyascii), then to lower case without accents or marks. Its features are the
trigrams of each word, one sound a word, and each pair of sounds: what alone is common is rare together. Sounds keep the classes of consonants that spellings and
transliterations mix up, and no vowel: Mohammed, Muhammad and محمد sound alike.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

WORD = re.compile(r"[a-z]+")
PAIRED = 6
IDENTIFIER = re.compile(r"[^A-Z0-9]")
# Spellings of one sound, the longer first.
_SPELLINGS = (
    ("tsch", "C"), ("sch", "C"), ("tch", "C"), ("dj", "J"), ("dzh", "J"), ("zh", "J"), ("sh", "C"), ("ch", "C"),
    ("kh", "K"), ("gh", "K"), ("qu", "K"), ("ck", "K"), ("ph", "F"), ("th", "T"), ("dh", "T"), ("ts", "S"),
    ("gn", "N"), ("ou", ""), ("ee", ""),
)  # fmt: skip
_CLASSES = {
    "b": "P", "p": "P", "f": "F", "v": "F", "w": "F", "c": "K", "g": "K", "k": "K", "q": "K", "x": "KS",
    "d": "T", "t": "T", "j": "J", "l": "L", "r": "R", "m": "M", "n": "N", "s": "S", "z": "S",
}  # fmt: skip


@lru_cache(maxsize=4096)
def latin(text: str) -> str:
    """Lower-case Latin letters, digits and single spaces, whatever script `text` is in."""
    from anyascii import anyascii

    plain = anyascii(unicodedata.normalize("NFKC", text)).lower().replace("'", "").replace("`", "")
    return " ".join(WORD.findall(plain))


def forms(name: Mapping[str, Any]) -> Iterator[str]:
    """Every form a person gave of a name, as it is sealed: full, in the original script, aliases, other names."""
    yield name["full"]
    if name.get("original_script"):
        yield name["original_script"]
    yield from name.get("aliases", ())
    for other in name.get("others", ()):
        yield other["full"]
        if other.get("original_script"):
            yield other["original_script"]


def features(texts: Iterable[str]) -> set[str]:
    """What is indexed of a name's forms, and what is looked for: `3:` trigrams, `s:` sounds, `2:` pairs of sounds."""
    found: set[str] = set()
    for text in texts:
        found |= _features(text)
    return found


@lru_cache(maxsize=4096)
def _features(text: str) -> frozenset[str]:
    found = set(pairs(text))
    for word in latin(text).split():
        padded = f"_{word}_"
        found |= {f"3:{padded[start : start + 3]}" for start in range(len(padded) - 2)}
        heard = sound(word)
        if len(heard) > 1:
            found.add(f"s:{heard}")
    return frozenset(found)


def pairs(text: str) -> set[str]:
    """Two words by their sounds, in whatever order; of the first PAIRED words, since pairs grow with their square."""
    heard = [found for word in latin(text).split()[:PAIRED] if (found := sound(word))]
    return {f"2:{'+'.join(sorted(pair))}" for pair in itertools.combinations(heard, 2)}


@lru_cache(maxsize=4096)
def sound(word: str) -> str:
    """Classes of consonants in their order, doubled ones once."""
    for spelling, heard in _SPELLINGS:
        word = word.replace(spelling, heard)
    classes = "".join(letter if letter.isupper() else _CLASSES.get(letter, "") for letter in word)
    return re.sub(r"(.)\1+", r"\1", classes)


def identifier(value: str) -> str:
    """Upper-case letters and digits only: `00-1234 5678` and `0012345678` are one identifier."""
    return IDENTIFIER.sub("", unicodedata.normalize("NFKC", value).upper())
