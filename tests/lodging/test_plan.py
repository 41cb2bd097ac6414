"""The pure plan of a closure, on random households."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from casework.lodging.plan import Stay, planned, short


def stays_of(sizes: list[tuple[int, int]]) -> list[Stay]:
    return [Stay(UUID(int=n + 1), UUID(int=n + 1), size, UUID(int=group)) for n, (size, group) in enumerate(sizes)]


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 5)), max_size=12),
    st.lists(st.integers(0, 12), max_size=4),
)
def test_no_site_is_passed_and_nobody_is_left_while_a_bed_would_do(
    sizes: list[tuple[int, int]], beds: list[int]
) -> None:
    stays, free = stays_of(sizes), {UUID(int=100 + n): one for n, one in enumerate(beds)}
    found = planned(stays, free)
    assert found.keys() == {stay.lodging_id for stay in stays}
    left = {site: beds - sum(s.persons for s in stays if found[s.lodging_id] == site) for site, beds in free.items()}
    assert min(left.values(), default=0) >= 0
    unplaced = [stay for stay in stays if found[stay.lodging_id] is None]
    assert all(stay.persons > room for stay in unplaced for room in left.values())
    assert short(stays, found) == sum(stay.persons for stay in unplaced)
    assert planned(list(reversed(stays)), free) == found
