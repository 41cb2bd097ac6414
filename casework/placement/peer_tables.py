"""Pure: a peer's world read from three CSV tables, as GeoMatch and others keep it; estimates are imported, never ours.

`cases`: case_id, size. `predictions`: case_id, then one column a place, an estimate from 0 to 1, or nothing where the
place cannot take the case. `capacities`: place, capacity in persons, region. Every fault is told, none is guessed away.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from casework.kernel.language import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FULL = 10_000
REGIONS = frozenset(f"{number:02}" for number in range(1, 18))
MOST = 1_000_000


class TableRefused(ValueError):
    """The tables contradict themselves; `text` says where, in both languages."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


@dataclass(frozen=True, slots=True)
class PeerWorld:
    """`scores`: case → place → 1/10,000, excluded places left out. `capacities` and `regions` by place."""

    sizes: Mapping[str, int]
    scores: Mapping[str, Mapping[str, int]]
    capacities: Mapping[str, int]
    regions: Mapping[str, str]


def read_world(cases: str, predictions: str, capacities: str) -> PeerWorld:
    """Raises TableRefused."""
    sizes = {
        row["case_id"]: _whole("cases", row, "size", least=1) for row in _rows("cases", cases, ["case_id", "size"])
    }
    places = list(_rows("capacities", capacities, ["place", "capacity", "region"]))
    room = {row["place"]: _whole("capacities", row, "capacity", least=0) for row in places}
    regions = {row["place"]: _region(row) for row in places}
    scores = {
        row["case_id"]: {place: score for place in room if (score := _estimate(row, place)) is not None}
        for row in _rows("predictions", predictions, ["case_id", *room])
    }
    for case_id in (*(each for each in scores if each not in sizes), *(each for each in sizes if each not in scores)):
        raise TableRefused(
            Text(
                f"Le dossier {case_id} ne figure que dans une des deux tables, dossiers et prédictions.",
                f"Case {case_id} stands in one only of the two tables, cases and predictions.",
            )
        )
    return PeerWorld(sizes, scores, room, regions)


def _rows(table: str, text: str, columns: list[str]) -> Iterator[dict[str, str]]:
    """Rows under exactly these columns, in any order; the first names them, once each."""
    reader = csv.DictReader(text.lstrip("\ufeff").splitlines())
    if sorted(reader.fieldnames or []) != sorted(columns):
        raise TableRefused(
            Text(
                f"Table {table} : les colonnes attendues sont {', '.join(columns)}.",
                f"Table {table}: the columns expected are {', '.join(columns)}.",
            )
        )
    seen = set()
    for row in reader:
        name = row[columns[0]]
        if None in row or None in row.values() or not name or name in seen:
            raise TableRefused(
                Text(
                    f"Table {table}, ligne {reader.line_num} : incomplète, sans nom ou déjà vue.",
                    f"Table {table}, line {reader.line_num}: incomplete, without a name or seen already.",
                )
            )
        seen.add(name)
        yield row


def _whole(table: str, row: Mapping[str, str], column: str, *, least: int) -> int:
    told = row[column]
    if not (told.isascii() and told.isdigit()) or not least <= int(told) <= MOST:
        raise TableRefused(
            Text(
                f"Table {table}, {column} : un nombre entier d'au moins {least} est attendu.",
                f"Table {table}, {column}: a whole number of at least {least} is expected.",
            )
        )
    return int(told)


def _region(row: Mapping[str, str]) -> str:
    if row["region"] not in REGIONS:
        raise TableRefused(
            Text("Table capacities : une région de 01 à 17 est attendue.", "Table capacities: a region 01 to 17.")
        )
    return row["region"]


def _estimate(row: Mapping[str, str], place: str) -> int | None:
    """NaN and infinity are refused, and never read as a place that cannot take the case."""
    told = row[place].strip()
    if not told:
        return None
    try:
        value = float(told)
    except ValueError:
        value = math.nan
    if not 0.0 <= value <= 1.0:
        raise TableRefused(
            Text(
                f"Prédictions, dossier {row['case_id']} : une estimation de 0 à 1 est attendue, ou rien.",
                f"Predictions, case {row['case_id']}: an estimate from 0 to 1 is expected, or nothing.",
            )
        )
    return round(value * FULL)
