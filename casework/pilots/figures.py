"""Pure: what a pilot publishes of itself, and what it keeps back so that no figure tells of a few persons.

Every figure counts persons, and belongs to a sum: enrolled = departed + waiting + stayed + withdrawn + handed over;
departed = arrived + not arrived; at each check, arrived = here + left + unknown + unasked. A cell of one to four is
kept back, and others of its sum with it, so that subtracting gives nobody away. A departure is published whole or not
at all, and what is left of the totals once the published ones are taken off obeys the same rule.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SMALLEST: Final = 5
CHECKS: Final = (30, 90, 180, 365)
BOARDING: Final = ("departed", "waiting", "stayed", "withdrawn", "handed_over")
ARRIVING: Final = ("arrived", "not_arrived")
ANSWERS: Final = ("here", "left", "unknown", "unasked")

Cells = dict[str, int]
Published = dict[str, int | None]


@dataclass(slots=True)
class Counts:
    """Persons of one departure, as they are; `answers` holds `30_here` and so on."""

    boarding: Cells = field(default_factory=lambda: dict.fromkeys(BOARDING, 0))
    arrived: int = 0
    answers: Cells = field(default_factory=dict)

    def cells(self) -> Cells:
        """Every figure by its name."""
        departed = self.boarding["departed"]
        found = {"enrolled": sum(self.boarding.values()), **self.boarding, "arrived": self.arrived}
        found["not_arrived"] = departed - self.arrived
        for check in CHECKS:
            told = {f"{check}_{answer}": self.answers.get(f"{check}_{answer}", 0) for answer in ANSWERS[:-1]}
            found |= told | {f"{check}_unasked": self.arrived - sum(told.values())}
        return found


SUMS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("enrolled", BOARDING),
    ("departed", ARRIVING),
    *(("arrived", tuple(f"{check}_{answer}" for answer in ANSWERS)) for check in CHECKS),
)
"""(whole, its parts), a whole before the sum that it is a part of is split again."""


def added(all_cells: Iterable[Cells]) -> Cells:
    found = Counts().cells()
    for cells in all_cells:
        for name, persons in cells.items():
            found[name] += persons
    return found


def shown(cells: Mapping[str, int]) -> Published:
    """Each figure, or None where it is kept back."""
    found: Published = dict.fromkeys(cells)
    if not small(cells["enrolled"]):
        found["enrolled"] = cells["enrolled"]
    for whole, parts in SUMS:
        if found[whole] is not None:
            kept = kept_back({part: cells[part] for part in parts})
            found |= {part: None if part in kept else cells[part] for part in parts}
    return found


def small(persons: int) -> bool:
    return 0 < persons < SMALLEST


def kept_back(parts: Mapping[str, int]) -> set[str]:
    """The small parts of a sum, and the next smallest until no subtraction singles a few persons out."""
    kept = {name for name, persons in parts.items() if small(persons)}
    others = sorted((name for name, persons in parts.items() if persons >= SMALLEST), key=lambda name: parts[name])
    while kept and others and (len(kept) < 2 or sum(parts[name] for name in kept) < SMALLEST):
        kept.add(others.pop(0))
    return kept


def publishable(departures: Mapping[str, Cells]) -> tuple[Published, dict[str, Published | None]]:
    """The totals, and each departure whole or None."""
    totals = shown(added(departures.values()))
    whole = {name for name, cells in departures.items() if None not in shown(cells).values()}
    for name in sorted(whole, key=lambda name: departures[name]["enrolled"]):
        if not _tells(totals, departures, whole):
            break
        whole.discard(name)
    return totals, {name: dict(cells) if name in whole else None for name, cells in departures.items()}


def _tells(totals: Published, departures: Mapping[str, Cells], whole: set[str]) -> bool:
    """Whether the published departures, taken off the totals, leave a few persons over in some figure."""
    published = added(departures[name] for name in whole)
    return any(persons is not None and small(persons - published[name]) for name, persons in totals.items())
