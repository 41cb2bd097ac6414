"""The pure draw: the same for whoever runs it, moved by every bit of the seed and of the list, and fair in number."""

from __future__ import annotations

import runpy
import secrets
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from casework.sponsorship.draw import FORMAT, Entry, commitment, list_bytes, list_hash, ranked, result_hash

if TYPE_CHECKING:
    from pathlib import Path

ENTRIES = st.lists(st.tuples(st.uuids(version=4), st.booleans()), max_size=40, unique_by=lambda pair: pair[0]).map(
    lambda pairs: [Entry(str(name), regional) for name, regional in pairs]
)
SEEDS = st.binary(min_size=32, max_size=32)
DRAW = "01890000-0000-7000-8000-000000000000"


def drawn(seed: bytes, cap: int, reserve: int, entries: list[Entry]) -> Any:
    return ranked(seed, list_hash(list_bytes(DRAW, cap, reserve, entries)), cap, reserve, entries)


def published(seed: bytes, cap: int, reserve: int, entries: list[Entry]) -> dict[str, Any]:
    lines = [
        {"entry_id": one.entry.id, "regional": one.entry.regional, "rank": one.rank, "drawn": one.drawn}
        for one in drawn(seed, cap, reserve, entries)
    ]
    return {"draw_id": DRAW, "cap": cap, "reserve": reserve, "seed": seed.hex(), "entries": lines}


@given(SEEDS, ENTRIES, st.integers(0, 30), st.integers(0, 30), st.randoms())
def test_the_result_does_not_depend_on_who_handed_the_list_in_first(
    seed: bytes, entries: list[Entry], cap: int, reserve: int, rng: Any
) -> None:
    reserve = min(reserve, cap)
    result = drawn(seed, cap, reserve, entries)
    shuffled = rng.sample(entries, len(entries))
    assert drawn(seed, cap, reserve, shuffled) == result
    assert sum(one.drawn for one in result) == min(cap, len(entries))
    assert sorted(one.entry.id for one in result) == sorted(one.id for one in entries)
    regional = [one for one in result if one.entry.regional]
    assert sum(one.drawn for one in regional) >= min(reserve, len(regional))


@given(SEEDS, ENTRIES.filter(lambda entries: len(entries) > 2), st.integers(1, 30))
def test_without_a_reserve_the_first_ranks_are_drawn(seed: bytes, entries: list[Entry], cap: int) -> None:
    assert [one.drawn for one in drawn(seed, cap, 0, entries)] == [place < cap for place in range(len(entries))]


def test_one_entry_more_moves_everybody_so_nobody_tries_drafts_until_one_wins() -> None:
    entries, seed = [Entry(str(uuid4()), False) for _ in range(60)], secrets.token_bytes(32)
    before = [one.entry.id for one in drawn(seed, 30, 0, entries)]
    more = [*entries, Entry(str(uuid4()), False)]
    after = [one.entry.id for one in drawn(seed, 30, 0, more) if one.entry in entries]
    assert before != after


def test_everybody_has_the_same_chances() -> None:
    """Of 12 entries 3 are drawn; over 800 seeds each is drawn about 200 times (never beyond six deviations)."""
    entries, counts = [Entry(f"entry-{number:02d}", False) for number in range(12)], dict[str, int]()
    for number in range(800):
        for one in drawn(number.to_bytes(32, "big"), 3, 0, entries):
            counts[one.entry.id] = counts.get(one.entry.id, 0) + one.drawn
    assert sum(counts.values()) == 2_400
    assert all(abs(count - 200) < 6 * (800 * 0.25 * 0.75) ** 0.5 for count in counts.values()), counts


def test_the_bytes_of_a_list_are_those_of_the_page(checkout: Path) -> None:
    """docs/draw.md shows one worked example; whoever follows it arrives at the same hashes."""
    page = (checkout / "docs" / "draw.md").read_text(encoding="utf-8")
    entries = [
        Entry("0193b3f0-0000-7000-8000-00000000000b", True),
        Entry("0193b3f0-0000-7000-8000-00000000000a", False),
    ]
    listed, seed = list_bytes(DRAW, 1, 0, entries), bytes(range(32))
    assert listed.decode() in page
    assert listed.decode().splitlines()[0] == FORMAT
    for value in (list_hash(listed), commitment(seed), result_hash(ranked(seed, list_hash(listed), 1, 0, entries))):
        assert value in page


@given(SEEDS, ENTRIES.filter(lambda entries: len(entries) > 3), st.integers(1, 6), st.integers(0, 5))
def test_the_independent_script_agrees_and_tells_what_was_changed(
    seed: bytes, entries: list[Entry], cap: int, reserve: int
) -> None:
    problems, reserve = redraw(), min(cap, reserve)
    told = published(seed, cap, reserve, entries)
    kept = (commitment(seed), list_hash(list_bytes(DRAW, cap, reserve, entries)))
    assert list(problems(told, *kept)) == []
    other = bytes([seed[0] ^ 1]) + seed[1:]
    assert "seed" in list(problems(published(other, cap, reserve, entries), *kept))
    assert "list" in list(problems(published(seed, cap, reserve, entries[1:]), *kept))
    flipped = [Entry(entries[0].id, not entries[0].regional), *entries[1:]]
    assert "list" in list(problems(published(seed, cap, reserve, flipped), *kept))
    told["entries"][0], told["entries"][1] = told["entries"][1], told["entries"][0]
    assert list(problems(told, *kept)) == ["order"]


def redraw() -> Any:
    from pathlib import Path

    return runpy.run_path(str(Path(__file__).resolve().parents[2] / "docs" / "redraw.py"))["problems"]


def test_the_independent_script_is_short_and_asks_for_nothing(checkout: Path) -> None:
    text = (checkout / "docs" / "redraw.py").read_text(encoding="utf-8")
    code = text.partition('"""\n\n')[2]
    assert len(text.splitlines()) <= 40
    assert len([line for line in code.splitlines() if line.strip()]) <= 30
    assert {line for line in text.splitlines() if line.startswith(("import", "from"))} == {
        "import hashlib", "import hmac", "import json", "import sys",
    }  # fmt: skip
