"""Reads the public resettlement years of placement.md §4 from a folder that somebody fetched; nothing is kept.

A folder holds four tables, by the end of their names: `employment_weight.csv` and `compatibility.csv` (case × place),
`size.csv` (children, adults, seniors of a case), `cap.csv` (the same, actually resettled, of a place). `NA` or nothing
means that the place cannot take the case. Place names differ between tables.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np

from casework.placement.engine.instance import EXCLUDED, Instance, Pool

if TYPE_CHECKING:
    from pathlib import Path

OTHER_NAMES = {"NY-HIAS NEW YORK": "NY-NEW YORK CITY"}


class NotThatFolder(ValueError):
    """A table is missing from the folder, or the two years share no place."""


def two_years(data: Path, learn: Path, resources: int) -> tuple[Instance, Instance]:
    """The year to live through and the year to learn from, over the places that both have."""
    tables = [_tables(folder) for folder in (data, learn)]
    places = sorted(set.intersection(*(set(cap) & set(next(iter(weight.values()))) for weight, _, _, cap in tables)))
    if not places:
        raise NotThatFolder("the two years share no place")
    year, past = (_instance(each, places, resources) for each in tables)
    return year, past


Table = dict[str, dict[str, str]]


def _tables(folder: Path) -> tuple[Table, Table, Table, Table]:
    weight, fit, size, cap = (
        _table(folder, end, place_rows=end == "cap.csv")
        for end in ("employment_weight.csv", "compatibility.csv", "size.csv", "cap.csv")
    )
    return weight, fit, size, cap


def _table(folder: Path, end: str, *, place_rows: bool) -> Table:
    named = [path for path in sorted(folder.iterdir()) if path.name.lower().endswith(end)]
    if not named:
        raise NotThatFolder(f"no file ending in {end}")
    with named[0].open(encoding="utf-8-sig", newline="") as file:
        header, *rows = [row for row in csv.reader(file) if row and row[0].strip()]
    columns = [_name(name) for name in header[1:]]
    return {_name(row[0]) if place_rows else row[0].strip(): dict(zip(columns, row[1:], strict=False)) for row in rows}


def _name(text: str) -> str:
    upper = text.strip().upper()
    return OTHER_NAMES.get(upper, upper)


def _instance(tables: tuple[Table, Table, Table, Table], places: list[str], resources: int) -> Instance:
    weight, fit, size, cap = tables
    cases = tuple(case for case in weight if case in fit and case in size)
    units = np.array([[int(each) for each in list(size[case].values())[:3]] for case in cases], dtype=np.int64)
    room = np.array([[int(each) for each in list(cap[place].values())[-3:]] for place in places], dtype=np.int64)
    if resources == 1:
        units, room = units.sum(1, keepdims=True), room.sum(1, keepdims=True)
    scores = [[_score(weight[case].get(place), fit[case].get(place)) for place in places] for case in cases]
    pools = tuple(Pool(r, (j,), int(room[j, r])) for j in range(len(places)) for r in range(room.shape[1]))
    return Instance(
        cases, tuple(places), tuple(f"units-{r}" for r in range(room.shape[1])), units,
        np.array(scores, dtype=np.int64), np.zeros(len(cases), dtype=np.int64), pools,
    )  # fmt: skip


def _score(weight: str | None, fit: str | None) -> int:
    """A weight is the expected number of persons employed: thousandths of a person, whole."""
    told = (weight or "").strip()
    if (fit or "").strip() != "1" or told in {"", "NA"}:
        return EXCLUDED
    return round(float(told) * 10_000)
