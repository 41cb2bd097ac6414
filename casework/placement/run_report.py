"""Pure: what a run tells about itself. Small cells are hidden, and the one that could give them away with them."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

FEWEST = 5


def size_band(persons: int) -> str:
    return next(name for most, name in ((1, "1"), (3, "2-3"), (5, "4-5"), (10_000, "6+")) if persons <= most)


def equity(groups: Mapping[str, Mapping[str, Any]], scores: Mapping[str, int]) -> list[dict[str, Any]]:
    """`groups`: label → its size band, language need and waiting days; `scores`: label → score, the placed ones."""
    rows = []
    for group in ("household_size", "interpreter"):
        by_value: dict[str, list[str]] = {}
        for label, about in groups.items():
            by_value.setdefault(about[group], []).append(label)
        hidden = _hidden({value: len(labels) for value, labels in by_value.items()})
        for value, labels in sorted(by_value.items()):
            rows.append({"group": group, "value": value, **_cell(labels, groups, scores, shown=value not in hidden)})
    return rows


def _hidden(counts: Mapping[str, int]) -> set[str]:
    """Cells under `FEWEST`; a single one would follow from the total, so the next smallest hides with it."""
    hidden = {value for value, count in counts.items() if count < FEWEST}
    if len(hidden) == 1 and len(counts) > 1:
        hidden.add(min((count, value) for value, count in counts.items() if value not in hidden)[1])
    return hidden


def _cell(
    labels: Sequence[str], groups: Mapping[str, Mapping[str, Any]], scores: Mapping[str, int], *, shown: bool
) -> dict[str, Any]:
    if not shown:
        return dict.fromkeys(("cases", "placed_share", "mean_score", "mean_waiting_days"))
    placed = [label for label in labels if label in scores]
    # A figure over a few placed cases could tell about one of them too.
    mean_score = sum(scores[label] for label in placed) // len(placed) if len(placed) >= FEWEST else None
    return {
        "cases": len(labels),
        "placed_share": round(len(placed) / len(labels), 3),
        "mean_score": mean_score,
        "mean_waiting_days": sum(groups[label]["waiting_days"] for label in labels) // len(labels),
    }


def decisions(finished_at: datetime | None, confirmed: Iterable[tuple[datetime, bool]]) -> dict[str, Any]:
    """`confirmed`: when, and whether for another place than the proposed one."""
    told = list(confirmed)
    overridden = sum(other for _, other in told)
    waits = [(at - finished_at).total_seconds() for at, _ in told] if finished_at else []
    return {
        "confirmed": len(told),
        "overridden": overridden,
        "override_rate": round(overridden / len(told), 3) if told else None,
        "median_seconds_to_confirm": int(median(waits)) if waits else None,
    }


def rules_together(broken: Sequence[frozenset[str]]) -> list[str]:
    """The fewest rules, by taking away what is not needed, of which every place breaks one; none when a place is
    eligible."""
    if not broken or not all(broken):
        return []
    kept = sorted(set().union(*broken), key=lambda rule: (sum(rule in place for place in broken), rule))
    for rule in list(kept):
        fewer = set(kept) - {rule}
        if all(place & fewer for place in broken):
            kept.remove(rule)
    return sorted(kept)
