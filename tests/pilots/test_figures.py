"""What is published gives nobody away, whatever is subtracted from whatever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from casework.pilots.figures import (
    ANSWERS,
    BOARDING,
    CHECKS,
    SMALLEST,
    SUMS,
    Cells,
    Counts,
    Published,
    added,
    kept_back,
    publishable,
    shown,
    small,
)

NUMBERS = st.one_of(st.integers(0, 8), st.integers(0, 200))


@st.composite
def departures(draw: st.DrawFn) -> Cells:
    boarding = {state: draw(NUMBERS) for state in BOARDING}
    arrived = draw(st.integers(0, boarding["departed"]))
    answers = {}
    for check in CHECKS:
        left = arrived
        for answer in ANSWERS[:-1]:
            answers[f"{check}_{answer}"] = draw(st.integers(0, left))
            left -= answers[f"{check}_{answer}"]
    return Counts(boarding, arrived, answers).cells()


def coach(**boarding: int) -> Cells:
    return Counts(dict.fromkeys(BOARDING, 0) | boarding, boarding.get("departed", 0), {}).cells()


def gives_away(published: Published, cells: Cells) -> list[str]:
    """What a reader finds out by subtracting the parts that stand from the sum that they belong to."""
    found = [name for name, persons in published.items() if persons is not None and small(persons)]
    for whole, parts in SUMS:
        hidden = [part for part in parts if published[part] is None]
        if published[whole] is not None and hidden:
            rest = sum(cells[part] for part in hidden)
            found += [f"{whole} less the rest"] if len(hidden) == 1 or small(rest) else []
    return found


@given(departures())
def test_no_subtraction_within_one_sum_singles_a_few_persons_out(cells: Cells) -> None:
    published = shown(cells)
    assert gives_away(published, cells) == []
    assert all(persons in {None, cells[name]} for name, persons in published.items())


@given(st.dictionaries(st.sampled_from("abcdef"), departures(), min_size=1))
def test_nor_does_taking_the_departures_off_the_total(made: dict[str, Cells]) -> None:
    totals, each = publishable(made)
    assert gives_away(totals, added(made.values())) == []
    whole = [cells for cells in each.values() if cells is not None]
    for cells in whole:
        assert not any(small(persons) for persons in cells.values() if persons is not None)
    known = added({name: persons or 0 for name, persons in cells.items()} for cells in whole)
    for name, persons in totals.items():
        assert persons is None or not small(persons - known[name]), name


@given(departures())
def test_what_is_withheld_is_withheld_for_a_reason(cells: Cells) -> None:
    """A figure stands unless it or something in its sum is small, or the whole that it is part of is kept back."""
    published = shown(cells)
    for whole, parts in SUMS:
        if published[whole] is not None and not any(small(cells[part]) for part in parts):
            assert all(published[part] == cells[part] for part in parts)


def test_the_first_coach_of_twelve_is_told_and_one_who_stayed_is_not() -> None:
    assert shown(coach(departed=12))["departed"] == 12
    one_stayed = shown(coach(departed=11, stayed=1))
    assert (one_stayed["enrolled"], one_stayed["departed"], one_stayed["stayed"]) == (12, None, None)
    assert set(shown(coach(departed=4)).values()) == {None}


def test_two_who_stayed_in_one_of_two_coaches_are_not_found_by_subtraction() -> None:
    totals, each = publishable({"a": coach(departed=20), "b": coach(departed=18, stayed=2)})
    assert (each["b"], totals["enrolled"]) == (None, 40)
    assert totals["stayed"] is None
    assert totals["departed"] is None


def test_a_companion_is_kept_back_with_a_small_part() -> None:
    assert kept_back({"here": 30, "left": 2, "unknown": 9, "unasked": 0}) == {"left", "unknown"}
    assert kept_back({"here": 30, "left": 1, "unknown": 3, "unasked": 0}) == {"left", "unknown", "here"}
    assert kept_back({"here": 30, "left": 5, "unknown": 0, "unasked": 6}) == set()
    assert SMALLEST == 5
