"""Nothing small can be worked out from what is shown: not by the total, not by another dimension, not by both."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from casework.indicators.suppression import THRESHOLD, Atom, Counts, Row, hidden_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REGIONS, HOSTS, PROGRAMMES = ("01", "02", "05", "17"), ("phare", "boussole", "racines"), ("asylum", "sponsored")
ATOMS = st.dictionaries(
    st.tuples(st.sampled_from(REGIONS), st.sampled_from(HOSTS), st.sampled_from(PROGRAMMES)),
    st.one_of(st.integers(0, 6), st.integers(0, 60)).map(lambda n: Counter(n=n)),
    min_size=1,
    max_size=14,
)


def table(**cells: int) -> dict[Atom, Counts]:
    """`table(x_phare=7)`: region x, host phare."""
    return {tuple(name.split("_")): Counter(n=count) for name, count in cells.items()}


def rows_of(atoms: Mapping[Atom, Counts]) -> dict[Row, int]:
    found: Counter[Row] = Counter()
    for atom, counts in atoms.items():
        for row in enumerate(atom):
            found[row] += counts["n"]
    return dict(found)


def small(count: int) -> bool:
    return 0 < count < THRESHOLD


def worked_out(known: Sequence[Sequence[int]], wanted: Sequence[int]) -> bool:
    """Whether `wanted` is a combination of `known`: exact elimination over the rationals."""
    rest = [Fraction(value) for value in wanted]
    reduced: list[tuple[int, list[Fraction]]] = []
    for vector in known:
        row = [Fraction(value) for value in vector]
        for pivot, basis in reduced:
            row = [value - row[pivot] * other for value, other in zip(row, basis, strict=True)]
        lead = next((place for place, value in enumerate(row) if value), None)
        if lead is not None:
            reduced.append((lead, [value / row[lead] for value in row]))
    for pivot, basis in reduced:
        rest = [value - rest[pivot] * other for value, other in zip(rest, basis, strict=True)]
    return not any(rest)


@settings(max_examples=300, deadline=None)
@given(atoms=ATOMS)
def test_no_difference_reveals_a_small_cell(atoms: dict[Atom, Counts]) -> None:
    hidden = hidden_rows(atoms)
    rows, order = rows_of(atoms), sorted(atoms)
    if hidden is None:
        return
    assert {row for row, count in rows.items() if small(count)} <= hidden
    shown = [[1] * len(order), *([int(atom[row[0]] == row[1]) for atom in order] for row in rows if row not in hidden)]
    for row, count in rows.items():
        if small(count):
            assert not worked_out(shown, [int(atom[row[0]] == row[1]) for atom in order]), row
    total = sum(counts["n"] for counts in atoms.values())
    for dimension in range(3):
        seen = sum(count for row, count in rows.items() if row[0] == dimension and row not in hidden)
        assert not small(total - seen)


@settings(max_examples=100, deadline=None)
@given(atoms=ATOMS)
def test_what_is_not_small_is_hidden_only_to_protect_what_is(atoms: dict[Atom, Counts]) -> None:
    hidden = hidden_rows(atoms)
    if not any(small(count) for count in rows_of(atoms).values()):
        total = sum(counts["n"] for counts in atoms.values())
        assert hidden == (None if small(total) else frozenset())


def test_the_total_would_give_away_a_row_alone() -> None:
    assert hidden_rows(table(a_p=50, b_p=30, c_p=3)) == frozenset({(0, "c"), (0, "b")})


def test_small_rows_that_are_small_together_take_one_more_along() -> None:
    assert hidden_rows(table(a_p=50, b_p=2, c_p=2)) == frozenset({(0, "a"), (0, "b"), (0, "c")})
    assert hidden_rows(table(a_p=50, b_p=2, c_p=4)) == frozenset({(0, "b"), (0, "c")})


def test_another_dimension_would_give_it_away() -> None:
    """Hiding region b protects region c, until the only host of b, shown in the next table, brings it back."""
    assert hidden_rows(table(a_p=50, b_p=30, c_p=3)) == frozenset({(0, "c"), (0, "b")})
    assert hidden_rows(table(a_phare=50, b_racines=30, c_phare=3)) == frozenset({(0, "a"), (0, "b"), (0, "c")})


def test_a_small_total_hides_everything() -> None:
    assert hidden_rows(table(a_p=3)) is None
    assert hidden_rows(table(a_p=0)) == frozenset()
    assert hidden_rows(table(a_p=3, b_p=9)) in (None, frozenset({(0, "a"), (0, "b")}))
