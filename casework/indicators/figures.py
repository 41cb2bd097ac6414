"""The indicators and their published definitions, computed from the milestone log alone. Pure.

The API and `casework indicators` hand the same entries to these functions, so that anybody who holds a complete export
gets the same answer. A household stands under the region, organization, programme and month of its first arrival.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from casework.indicators.suppression import THRESHOLD, Atom, hidden_rows
from casework.kernel.language import Text
from casework.kernel.programme import Programme
from casework.kernel.reference_table import in_force
from casework.milestones.reference import RETENTION, Anchor, Applies

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from casework.indicators.log_lines import Entry
    from casework.milestones.reference import MilestoneType


class Figure(StrEnum):
    time_to_milestone = "time_to_milestone"
    completeness = "completeness"
    overdue = "overdue"
    retention = "retention"


class By(StrEnum):
    region = "region"
    organization = "organization"
    programme = "programme"
    month = "month"


DIMENSIONS: Final = tuple(By)
ARRIVALS: Final = ("REG_ARRIVAL", "PR_ARRIVAL")
DEFINITIONS: Final[Mapping[Figure, Text]] = {
    Figure.time_to_milestone: Text(
        "Jours entre la première arrivée d'un ménage et son premier jalon `done` de ce type, tous deux connus au jour"
        " près : médiane et 9e décile (rang le plus proche), par ménage.",
        "Days from a household's first arrival to its first `done` milestone of the type, both known to the day:"
        " median and 9th decile (nearest rank), by household.",
    ),
    Figure.completeness: Text(
        "Parmi les jalons qui se comptent de l'arrivée, valent pour tous et sont échus à cette date : part de ceux dont"
        " le ménage a au moins une entrée, quel qu'en soit le résultat.",
        "Among the milestones counted from the arrival that are for everybody and fell due by that day: the share for"
        " which the household has at least one entry, whatever its outcome.",
    ),
    Figure.overdue: Text(
        "Parmi les ménages dont un tel jalon est échu à cette date : part de ceux à qui il manque au moins une entrée.",
        "Among the households of which such a milestone fell due by that day: the share that lacks at least one entry.",
    ),
    Figure.retention: Text(
        "Par contrôle (30, 90, 180, 365 jours après l'arrivée) : personnes sur place, parties et inconnues, comptées"
        " à part. Le taux est sur place / (sur place + parties) ; le taux plancher met les inconnues au dénominateur."
        " Une personne décédée ou non contrôlée n'est comptée nulle part.",
        "By check (30, 90, 180, 365 days after arrival): persons here, gone and unknown, counted apart. The rate is"
        " here / (here + gone); the floor rate puts the unknown into the denominator. A person who died or was not"
        " checked is counted nowhere.",
    ),
}


@dataclass(frozen=True, slots=True)
class Unit:
    """One thing counted: in which table, where it stands, in which column; `days` for a time."""

    code: str
    atom: Atom
    column: str
    household: str
    days: int | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    case: str
    day: date
    atom: Atom
    programme: Programme
    told: Mapping[str, Sequence[Entry]]


def document(
    figure: Figure, by: By, on: date, entries: Sequence[Entry], types: Sequence[MilestoneType], size: int
) -> dict[str, Any]:
    """One indicator as the API answers it; small cells are null, and `suppressed` says where."""
    units = list(_UNITS[figure](_arrivals(entries), entries, types, on))
    rows = [row for code in sorted({unit.code for unit in units}) for row in _table(figure, by, code, units)]
    return {
        "name": str(figure), "by": str(by), "on": on.isoformat(), "log_size": size, "threshold": THRESHOLD,
        "definition_fr": DEFINITIONS[figure].fr, "definition_en": DEFINITIONS[figure].en, "rows": rows,
    }  # fmt: skip


def _arrivals(entries: Sequence[Entry]) -> list[Arrival]:
    """The first standing arrival of each case, known to the day."""
    told: dict[str, dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        if entry.case is not None:
            told[entry.case][entry.code].append(entry)
    found = []
    for case, by_code in told.items():
        arrivals = [entry for code in ARRIVALS for entry in by_code.get(code, ()) if entry.day is not None]
        if arrivals:
            first = min(arrivals, key=lambda entry: entry.day or date.max)
            day = first.day or date.max
            found.append(Arrival(case, day, _atom(first, day), Programme(first.programme), by_code))
    return found


def _atom(entry: Entry, day: date | None) -> Atom:
    return (entry.region, entry.organization, entry.programme, f"{day:%Y-%m}" if day else "")


def _times(arrivals: Sequence[Arrival], _: Sequence[Entry], types: Sequence[MilestoneType], __: date) -> Iterator[Unit]:
    timed = {kind.code for kind in types if kind.anchor is Anchor.arrival and not kind.code.startswith(RETENTION)}
    counted = timed - set(ARRIVALS)
    for arrival in arrivals:
        for code in counted & set(arrival.told):
            days = [entry.day for entry in arrival.told[code] if entry.outcome == "done" and entry.day is not None]
            if days:
                waited = (min(days) - arrival.day).days
                yield Unit(code, arrival.atom, "households", arrival.case, waited)


def _due(arrivals: Sequence[Arrival], types: Sequence[MilestoneType], on: date) -> Iterator[tuple[Arrival, list[bool]]]:
    """Of each household, whether each milestone that is for everybody and fell due by the day has an entry."""
    for arrival in arrivals:
        told = [bool(arrival.told.get(kind.code)) for kind in types if _fell_due(kind, arrival, on)]
        if told:
            yield arrival, told


def _fell_due(kind: MilestoneType, arrival: Arrival, on: date) -> bool:
    whole = kind.anchor is Anchor.arrival and kind.applies_to in {Applies.all, Applies.household}
    if not whole or kind.code in ARRIVALS or arrival.programme not in kind.programmes:
        return False
    return in_force(kind, arrival.day) and arrival.day + timedelta(days=kind.offset_days or 0) <= on


def _completeness(
    arrivals: Sequence[Arrival], _: Sequence[Entry], types: Sequence[MilestoneType], on: date
) -> Iterator[Unit]:
    for arrival, told in _due(arrivals, types, on):
        for one in told:
            yield Unit("", arrival.atom, "told" if one else "missing", arrival.case)


def _overdue(
    arrivals: Sequence[Arrival], _: Sequence[Entry], types: Sequence[MilestoneType], on: date
) -> Iterator[Unit]:
    for arrival, told in _due(arrivals, types, on):
        yield Unit("", arrival.atom, "up_to_date" if all(told) else "behind", arrival.case)


def _presences(
    arrivals: Sequence[Arrival], entries: Sequence[Entry], _: Sequence[MilestoneType], __: date
) -> Iterator[Unit]:
    homes = {arrival.case: arrival.atom for arrival in arrivals}
    for number, entry in enumerate(entries):
        if not entry.code.startswith(RETENTION):
            continue
        if entry.reason == "deceased":
            continue
        found = {"done": "here", "unknown": "unknown"}.get(entry.outcome, "left")
        # An erased household is known by nothing but its entry.
        atom = homes.get(entry.case or "") or _atom(entry, None)
        yield Unit(entry.code, atom, found, entry.case or f"erased-{number}")


_UNITS: Final = {
    Figure.time_to_milestone: _times,
    Figure.completeness: _completeness,
    Figure.overdue: _overdue,
    Figure.retention: _presences,
}
# Columns that add up to something known elsewhere are hidden together.
BLOCKS: Final[Mapping[Figure, tuple[tuple[str, ...], ...]]] = {
    Figure.time_to_milestone: (("households",),),
    Figure.completeness: (("told", "missing"),),
    Figure.overdue: (("up_to_date", "behind"),),
    Figure.retention: (("here",), ("left",), ("unknown",)),
}


def _table(figure: Figure, by: By, code: str, units: Sequence[Unit]) -> Iterator[dict[str, Any]]:
    """The rows of one table along `by`, and its total; what is hidden is the same whichever dimension is asked."""
    some = [unit for unit in units if unit.code == code]
    hidden = {column: found for block in BLOCKS[figure] for found in [_hidden(block, some)] for column in block}
    place = DIMENSIONS.index(by)
    for value in sorted({unit.atom[place] for unit in some}):
        shown = {column for column, rows in hidden.items() if rows is not None and (place, value) not in rows}
        yield _row(figure, code, value, shown, [unit for unit in some if unit.atom[place] == value])
    yield _row(figure, code, None, {column for column, rows in hidden.items() if rows is not None}, some)


def _hidden(block: Sequence[str], units: Sequence[Unit]) -> frozenset[tuple[int, str]] | None:
    """A count is also small when few households make it."""
    counts: dict[Atom, Counter[str]] = defaultdict(Counter)
    for atom, _, column in {(unit.atom, unit.household, unit.column) for unit in units if unit.column in block}:
        counts[atom][f"households of {column}"] += 1
    for unit in units:
        if unit.column in block:
            counts[unit.atom][unit.column] += 1
    return hidden_rows(counts)


def _row(figure: Figure, code: str, group: str | None, shown: set[str], units: Sequence[Unit]) -> dict[str, Any]:
    counted = Counter(unit.column for unit in units)
    columns = [column for block in BLOCKS[figure] for column in block]
    counts = {column: counted[column] if column in shown else None for column in columns}
    days = sorted(unit.days for unit in units if unit.days is not None and "households" in shown)
    return {
        "code": code or None, "group": group, "suppressed": None in counts.values(),
        "counts": counts, "values": _values(figure, counts, days),
    }  # fmt: skip


def _values(figure: Figure, counts: Mapping[str, int | None], days: Sequence[int]) -> dict[str, int | None]:
    """Shares in thousandths, times in days; null where there is nothing to divide, or to show."""
    if figure is Figure.time_to_milestone:
        return {"median_days": _rank(days, 50), "ninth_decile_days": _rank(days, 90)}
    if figure is Figure.completeness:
        return {"told_per_thousand": _share(counts["told"], counts["missing"])}
    if figure is Figure.overdue:
        return {"behind_per_thousand": _share(counts["behind"], counts["up_to_date"])}
    return {
        "retained_per_thousand": _share(counts["here"], counts["left"]),
        "retained_at_least_per_thousand": _share(counts["here"], counts["left"], counts["unknown"]),
    }


def _share(part: int | None, *rest: int | None) -> int | None:
    """The part of the whole that it makes with the rest, rounded half up."""
    if part is None or None in rest:
        return None
    whole = part + sum(other or 0 for other in rest)
    return None if not whole else (2_000 * part + whole) // (2 * whole)


def _rank(sorted_days: Sequence[int], percent: int) -> int | None:
    """Nearest rank: the smallest value that at least `percent` of them do not exceed."""
    return None if not sorted_days else sorted_days[-(-len(sorted_days) * percent // 100) - 1]
