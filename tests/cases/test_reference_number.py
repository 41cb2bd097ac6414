"""The reference that people say on the phone: a slip is caught, and nobody counts cases with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.cases.reference_number import ALPHABET, reference, scattered
from tests.builders import a_case

if TYPE_CHECKING:
    from tests.conftest import World

KEY, OTHER = b"k" * 32, b"o" * 32


def test_every_number_is_given_once_and_stays_in_its_million() -> None:
    for first in (0, 3_000_000):
        numbers = range(first, first + 20_000)
        given = {scattered(number, KEY) for number in numbers}
        assert len(given) == len(numbers)
        assert all(first <= number < first + 1_000_000 for number in given)


def test_the_permutation_is_one_on_the_whole_domain() -> None:
    """Injective on a domain of a million: sampled above, whole here on every hundredth and its neighbour."""
    sample = [number for hundred in range(0, 1_000_000, 100) for number in (hundred, hundred + 1)]
    assert len({scattered(number, KEY) for number in sample}) == len(sample)


def test_two_numbers_in_a_row_are_no_neighbours() -> None:
    steps = {scattered(number + 1, KEY) - scattered(number, KEY) for number in range(500)}
    assert len(steps) > 450
    assert [scattered(number, KEY) for number in range(50)] != [scattered(number, OTHER) for number in range(50)]


def is_sound(text: str) -> bool:
    """ISO/IEC 7064 MOD 37,36 read from the standard: carried over every character, the sum ends on 1."""
    total = 36
    for character in text.replace("-", "")[:-1]:
        total = (total + ALPHABET.index(character)) % 36 or 36
        total = total * 2 % 37
    return (total + ALPHABET.index(text[-1])) % 36 == 1


@given(st.integers(2000, 2099), st.integers(1, 999_999), st.data())
def test_every_single_slip_is_caught(year: int, number: int, data: st.DataObject) -> None:
    good = reference(year, number)
    assert is_sound(good)
    place = data.draw(st.sampled_from([n for n, character in enumerate(good) if character != "-"]))
    wrong = data.draw(st.sampled_from(ALPHABET.replace(good[place], "")))
    assert not is_sound(good[:place] + wrong + good[place + 1 :])


@pytest.mark.anyio
async def test_two_intakes_in_a_row_do_not_tell_how_many_there_were(world: World) -> None:
    first, second = [int((await a_case(world, size=1))["reference"].split("-")[2]) for _ in range(2)]
    assert second != first + 1
