"""Pure: which step of an assignment may follow which (domain.md §2)."""

from __future__ import annotations

from casework.placement.models import AssignmentStatus as S

NEXT: dict[S, frozenset[S]] = {
    S.proposed: frozenset({S.acknowledged, S.refused, S.ended}),
    S.acknowledged: frozenset({S.departed, S.ended}),
    S.departed: frozenset({S.arrived, S.ended}),
    S.arrived: frozenset({S.ended}),
    S.refused: frozenset(),
    S.ended: frozenset(),
}


def may_follow(before: S, after: S) -> bool:
    return after in NEXT[before]
