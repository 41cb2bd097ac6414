"""Names and pairs on which nothing was fitted: other seed, other names, another mix of what goes wrong.

The thresholds of search and of duplicates were chosen on the published set (`misspelt.py`, `duplicate_pairs.py`). This
one shares no sound table, no seed and no kind of slip with it: names of parts written in French, Spanish, Turkish and
Romanized Arabic as registries write them, asked for as they are heard on the phone, read off a bad copy or typed in
haste. What it measures is reported beside, and nothing is tuned on it.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from casework.evidence.misspelt import Asked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HELD_OUT_SEED, HELD_OUT = 90_417, 150
# Promised, and tested: of duplicates, as `told_apart` counts them; of search, the share found among the first ten.
RECALL_SHOWN, FALSE_SHOWN, FALSE_MERGES = 0.93, 0.27, 0.0
RECALL_AT_10 = 0.95
GIVEN = (
    ("Thor", "Ges", "Bel", "Mar", "Ysa", "Éle", "Jac", "Rosa", "Ber", "Gui", "Fér", "Íñi", "Çağ", "Gül", "Abder", "Nour", "Sif", "Haj", "Li", "Ana", "Ouk"),
    ("vine", "tane", "lemire", "cellane", "beau", "onore", "quelin", "linde", "thilde", "lherme", "nandez", "go", "lar", "şen", "razak", "eddine", "aïd", "ira", "", "", ""),
)  # fmt: skip
FAMILY = (
    ("Pont", "Roche", "Val", "Mont", "Cas", "Villa", "Del", "Ibn ", "Ben ", "El ", "O", "De la ", "Kar", "Yıl", "Öz", "Bou", "Tro", "Sam"),
    ("grivet", "fontelle", "marquain", "brisac", "tellanos", "reguera", "gadillo", "Sahraoune", "Touarik", "Khettabi",
     "brennec", "Cruzaleda", "atepe", "dırsoy", "günalp", "zertini", "pe", "ba"),
)  # fmt: skip
# As it is heard: what one ear writes for another mouth.
HEARD = (
    ("ph", "f"), ("qu", "k"), ("ch", "sh"), ("eau", "o"), ("ou", "u"), ("ain", "in"), ("an", "en"), ("ll", "y"), ("v", "b"),
    ("z", "s"), ("ss", "c"), ("th", "t"), ("ei", "ai"), ("y", "i"), ("c", "k"), ("g", "j"), ("dd", "d"), ("x", "ks"),
)  # fmt: skip
# As it is read: letters that look alike on a bad copy.
READ = (
    ("rn", "m"),
    ("m", "rn"),
    ("cl", "d"),
    ("d", "cl"),
    ("vv", "w"),
    ("i", "l"),
    ("l", "i"),
    ("h", "b"),
    ("n", "u"),
    ("u", "n"),
    ("e", "c"),
)


def everyone(seed: int = HELD_OUT_SEED, count: int = HELD_OUT) -> list[Asked]:
    """`count` people, each asked for as heard, as heard and then misread or typed in haste, as misread with a part
    left out, joined or turned, and in capitals."""
    rng, found = random.Random(f"held-out-{seed}"), dict[str, Asked]()
    while len(found) < count:
        full = f"{_word(rng, GIVEN)} {_word(rng, FAMILY)}"
        heard = _heard(rng, full)
        asked = (heard, _read(rng, heard), _hasty(rng, heard), rng.choice(_PARTS)(_read(rng, full)), full.upper())
        found.setdefault(full, Asked(full, None, tuple(dict.fromkeys(asked))))
    return list(found.values())


def _word(rng: random.Random, parts: tuple[Sequence[str], Sequence[str]]) -> str:
    first, last = (rng.choice(part) for part in parts)
    return first + (last if first.endswith(" ") else last.lower())


def _replaced(rng: random.Random, name: str, table: Sequence[tuple[str, str]], most: int) -> str:
    for before, after in rng.sample(table, k=len(table)):
        if most and before in name[1:]:
            name, most = name[0] + name[1:].replace(before, after, 1), most - 1
    return name


def _heard(rng: random.Random, name: str) -> str:
    return _replaced(rng, name, HEARD, 3)


def _read(rng: random.Random, name: str) -> str:
    return _replaced(rng, name, READ, 1)


def _hasty(rng: random.Random, name: str) -> str:
    """Two letters of the name in the wrong order, and one more dropped elsewhere."""
    at = rng.randrange(1, len(name) - 2)
    swapped = name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    gone = rng.randrange(1, len(swapped))
    return swapped[:gone] + swapped[gone + 1 :]


_PARTS: tuple[Callable[[str], str], ...] = (
    lambda name: name.replace(" ", "", 1) if name.count(" ") > 1 else name.replace(" ", "-"),
    lambda name: " ".join(reversed(name.split(" ", 1))),
    lambda name: name.replace("De la ", "").replace("Ibn ", "").replace("Ben ", "").replace("El ", ""),
)


def told_apart(seed: int = HELD_OUT_SEED, count: int = HELD_OUT) -> dict[str, Any]:
    """Of duplicates: how many of one person's two records are shown, and how many of two people's are called likely."""
    from casework.duplicates.likeness import LEAST, LIKELY
    from casework.evidence.duplicate_pairs import pairs_of

    found = [(pair, pair.score()) for pair in pairs_of(random.Random(f"held-out-pairs-{seed}"), everyone(seed, count))]
    same, two = ([score for pair, score in found if pair.same is truth] for truth in (True, False))
    return {
        "pairs": len(found),
        "recall_shown": round(sum(score >= LEAST for score in same) / len(same), 4),
        "recall_likely": round(sum(score >= LIKELY for score in same) / len(same), 4),
        "false_shown": round(sum(score >= LEAST for score in two) / len(two), 4),
        "false_merge_rate": round(sum(score >= LIKELY for score in two) / len(two), 4),
    }
