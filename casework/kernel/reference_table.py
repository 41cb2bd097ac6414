"""Reading of the CSV reference data shipped inside the package: every line is checked, nothing is repaired.

Validity is inclusive on both ends; an empty `valid_to` means still in force.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, NoReturn, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from enum import StrEnum
    from importlib.resources.abc import Traversable
    from pathlib import Path

E = TypeVar("E", bound="StrEnum")


class ReferenceDataError(Exception):
    """Shipped reference data is wrong: a defect of the package, never of a request."""

    def __init__(self, file: str, line: int, problem: str) -> None:
        super().__init__(f"{file}, line {line}: {problem}")
        self.file, self.line, self.problem = file, line, problem


class Dated(Protocol):
    @property
    def valid_from(self) -> date: ...

    @property
    def valid_to(self) -> date | None: ...


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a CSV file; each reading method raises ReferenceDataError with file and line."""

    file: str
    line: int
    cells: Mapping[str, str]

    def fail(self, problem: str) -> NoReturn:
        raise ReferenceDataError(self.file, self.line, problem)

    def text(self, column: str, pattern: str = r".+") -> str:
        if re.fullmatch(pattern, self.cells[column], flags=re.ASCII) is None:
            self.fail(f"{column} is empty or malformed")
        return self.cells[column]

    def optional(self, column: str, pattern: str = r".+") -> str | None:
        return self.text(column, pattern) if self.cells[column] else None

    def integer(self, column: str, pattern: str = r"[0-9]{1,6}") -> int:
        return int(self.text(column, pattern))

    def member(self, column: str, kind: type[E]) -> E:
        try:
            return kind(self.cells[column])
        except ValueError:
            self.fail(f"{column} is none of {', '.join(kind)}")

    def day(self, column: str) -> date:
        text = self.text(column, r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
        try:
            return date.fromisoformat(text)
        except ValueError:
            self.fail(f"{column} is no calendar date")

    def validity(self) -> tuple[date, date | None]:
        start = self.day("valid_from")
        end = self.day("valid_to") if self.cells["valid_to"] else None
        if end is not None and end < start:
            self.fail("valid_to is before valid_from")
        return start, end


def rows(source: Traversable | Path, columns: Sequence[str]) -> Iterator[Row]:
    """The data lines of a UTF-8 CSV file that has exactly these columns."""
    reader = csv.reader(source.read_text(encoding="utf-8").splitlines(keepends=True), strict=True)
    try:
        if next(reader, []) != list(columns):
            raise ReferenceDataError(source.name, 1, f"the columns are not {','.join(columns)}")
        for cells in reader:
            if len(cells) != len(columns) or any(cell != cell.strip() for cell in cells):
                raise ReferenceDataError(source.name, reader.line_num, "a cell is missing, extra or padded")
            yield Row(source.name, reader.line_num, dict(zip(columns, cells, strict=True)))
    except csv.Error as malformed:
        raise ReferenceDataError(source.name, reader.line_num, str(malformed)) from malformed


def refuse_duplicates(keyed: Iterable[tuple[Row, object]]) -> None:
    seen: set[object] = set()
    for row, key in keyed:
        if key in seen:
            row.fail(f"duplicate key {key}")
        seen.add(key)


def refuse_overlaps(keyed: Iterable[tuple[Row, object, Dated]]) -> None:
    """Two lines of one key may not be in force on the same day."""
    spans: dict[object, list[tuple[date, int, date, Row]]] = {}
    for row, key, dated in keyed:
        spans.setdefault(key, []).append((dated.valid_from, row.line, dated.valid_to or date.max, row))
    for key, unordered in spans.items():
        ordered = sorted(unordered, key=lambda span: span[:2])
        for (_, _, end, _), (start, _, _, row) in pairwise(ordered):
            if start <= end:
                row.fail(f"overlapping validity for {key}")


def in_force(dated: Dated, on: date) -> bool:
    return dated.valid_from <= on and (dated.valid_to is None or on <= dated.valid_to)
