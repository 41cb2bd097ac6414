"""Small cells: which rows of a family of tables are hidden, so that no difference of what is shown reveals them.

The tables count the same things along several dimensions (region, organization, programme, month). Whoever knows which
organization works in which region can add and subtract their rows, and the total is taken as known. A row is small when
one of its counts is between 1 and THRESHOLD - 1. Every small row is hidden; then more rows are, until

1. no hidden small row is a linear combination of the rows that are shown, whatever the dimension, and
2. what the hidden rows of one dimension add up to, which the total gives away, is no small row itself.

Where that cannot be, the whole family is hidden, its total included. Exact disclosure only: a bound is not excluded.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

THRESHOLD: Final = 5
Atom = tuple[str, ...]
"""The values of one thing counted, one a dimension."""
Row = tuple[int, str]
"""A dimension and one of its values."""
Counts = Counter[str]


def hidden_rows(atoms: Mapping[Atom, Counts]) -> frozenset[Row] | None:
    """Rows to hide; None when nothing of the family may be shown."""
    total = _sum(atoms.values())
    if _small(total):
        return None
    order = sorted(atoms)
    rows: dict[Row, Counts] = {}
    for atom in order:
        for row in enumerate(atom):
            rows.setdefault(row, Counter()).update(atoms[atom])
    small = {row for row, counts in rows.items() if _small(counts)}
    hidden = set(small)
    while (dimension := _revealed(order, rows, small, hidden)) is not None:
        left = [row for row in rows if row not in hidden and row[0] == dimension]
        if not left:
            return None
        hidden.add(min(left, key=lambda row: (sum(rows[row].values()), row)))
    return frozenset(hidden)


def _small(counts: Counts) -> bool:
    return any(0 < count < THRESHOLD for count in counts.values())


def _sum(several: Iterable[Counts]) -> Counts:
    total: Counts = Counter()
    for counts in several:
        total.update(counts)
    return total


def _revealed(order: Sequence[Atom], rows: Mapping[Row, Counts], small: set[Row], hidden: set[Row]) -> int | None:
    """A dimension in which one more row has to go; None when nothing small can be worked out."""
    for dimension in sorted({row[0] for row in hidden}):
        together = _sum(rows[row] for row in hidden if row[0] == dimension)
        if _small(together):
            return dimension
    import numpy as np

    def indicator(row: Row) -> list[int]:
        return [int(atom[row[0]] == row[1]) for atom in order]

    shown = np.array([[1] * len(order), *(indicator(row) for row in rows if row not in hidden)])
    rank = np.linalg.matrix_rank(shown)
    for row in sorted(small):
        if np.linalg.matrix_rank(np.vstack([shown, indicator(row)])) == rank:
            return _dimension_with_most_left(rows, hidden, row[0])
    return None


def _dimension_with_most_left(rows: Mapping[Row, Counts], hidden: set[Row], own: int) -> int:
    """The row's own dimension while it has rows to give, then any other."""
    left = Counter(row[0] for row in rows if row not in hidden)
    return own if left[own] else max(left, key=lambda dimension: (left[dimension], -dimension), default=own)
