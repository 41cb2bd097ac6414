"""Reading somebody's spreadsheet: lines of plain text, one at a time, whatever the file tries.

An archive is weighed before it is unpacked, and its XML may declare nothing; a cell is text or it is a fault.
"""

from __future__ import annotations

import csv
import io
import unicodedata
import warnings
import zipfile
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import TYPE_CHECKING, Any, Final, Protocol

from casework.household_imports import errors
from casework.household_imports.errors import SheetTooLarge, SheetUnreadable
from casework.kernel.language import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV: Final = "text/csv"
LINE_LIMIT: Final = 50_000
COLUMN_LIMIT: Final = 64
CELL_LIMIT: Final = 500
# Bytes once unpacked; the parts that openpyxl holds whole are held tighter than the sheets it reads as it goes.
UNPACKED_LIMIT: Final = 96 * 1024 * 1024
STRINGS_LIMIT: Final = 16 * 1024 * 1024
PART_LIMIT: Final = 4 * 1024 * 1024
PARTS_LIMIT: Final = 200
CHUNK: Final = 64 * 1024


@dataclass(slots=True)
class Line:
    """`number` as the spreadsheet shows it, the titles being line 1; `cells` holds what is filled, by place."""

    number: int
    cells: dict[int, str] = field(default_factory=dict)
    faults: list[tuple[int, str, Text]] = field(default_factory=list)  # place, code, sentence


class Sheet(Protocol):
    def lines(self) -> Iterator[Line]:
        """From the first line, each time it is asked; raises SheetUnreadable or SheetTooLarge."""


def sheet_of(body: bytes, media: str) -> Sheet:
    """Raises SheetTooLarge or SheetUnreadable."""
    return Workbook(body) if media == XLSX else Text8(body)


class Text8:
    """CSV in UTF-8, its fields separated by commas or by the semicolons that French spreadsheets write."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        first = body[:CHUNK].split(b"\n", 1)[0]
        self._separator = ";" if first.count(b";") > first.count(b",") else ","

    def lines(self) -> Iterator[Line]:
        text = io.TextIOWrapper(io.BytesIO(self._body), "utf-8-sig", newline="")
        rows = csv.reader(text, delimiter=self._separator, strict=True)
        for number, row in enumerate(_stumbling(rows), 1):
            _refuse_long(number)
            yield _line(number, row[:COLUMN_LIMIT], _typed)


class Workbook:
    """The first sheet of an XLSX file."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        try:
            with zipfile.ZipFile(io.BytesIO(body)) as archive:
                _weigh(archive)
                for part in archive.infolist():
                    if part.filename.endswith((".xml", ".rels")):
                        _refuse_declarations(archive, part)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError, _zlib_error()):
            raise SheetUnreadable from None

    def lines(self) -> Iterator[Line]:
        rows = _stumbling(self._rows())
        for number, row in enumerate(rows, 1):
            _refuse_long(number)
            yield _line(number, row, _cell)

    def _rows(self) -> Iterator[Any]:
        import openpyxl

        book = openpyxl.load_workbook(io.BytesIO(self._body), read_only=True, keep_links=False)
        try:
            sheet: Any = book.worksheets[0]
            # What the file says of its own size is not believed.
            sheet.reset_dimensions()
            yield from sheet.iter_rows(max_row=LINE_LIMIT + 2, max_col=COLUMN_LIMIT)
        finally:
            book.close()


def _zlib_error() -> type[Exception]:
    import zlib

    return zlib.error


def _weigh(archive: zipfile.ZipFile) -> None:
    """Raises SheetTooLarge for a bomb; an archive is never read beyond the sizes it declares."""
    parts = archive.infolist()
    too_heavy = any(part.file_size > _limit(part.filename) for part in parts)
    if len(parts) > PARTS_LIMIT or too_heavy or sum(part.file_size for part in parts) > UNPACKED_LIMIT:
        raise SheetTooLarge(limit_bytes=UNPACKED_LIMIT, limit_lines=LINE_LIMIT)


def _limit(name: str) -> int:
    if name.lower().endswith("sharedstrings.xml"):
        return STRINGS_LIMIT
    return UNPACKED_LIMIT if name.lower().startswith("xl/worksheets/") else PART_LIMIT


def _refuse_declarations(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """Entities multiply inside a parser; no spreadsheet program declares any. Raises SheetUnreadable."""
    from xml.parsers import expat

    def refuse(*_: object) -> None:
        raise SheetUnreadable

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    try:
        with archive.open(part) as source:
            while chunk := source.read(CHUNK):
                parser.Parse(chunk)
            parser.Parse(b"", True)
    except expat.ExpatError:
        raise SheetUnreadable from None


def _stumbling(rows: Iterable[Any]) -> Iterator[Any]:
    """The rows as the library gives them; whatever it stumbles over makes the file unreadable, and nothing else."""
    source = iter(rows)
    while True:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                row = next(source)
        except StopIteration:
            return
        except Exception:  # noqa: BLE001 -- hostile bytes inside a library: its own words would carry them
            raise SheetUnreadable from None
        yield row


def _refuse_long(number: int) -> None:
    if number > LINE_LIMIT + 1:
        raise SheetTooLarge(limit_bytes=UNPACKED_LIMIT, limit_lines=LINE_LIMIT)


def _line(number: int, row: Iterable[Any], read: Callable[[Any], str]) -> Line:
    line = Line(number)
    for place, cell in enumerate(row):
        try:
            text = read(cell)
        except _FaultyCellError as fault:
            line.faults.append((place, fault.code, fault.text))
            continue
        if text:
            line.cells[place] = text
    return line


class _FaultyCellError(Exception):
    def __init__(self, code: str, text: Text) -> None:
        super().__init__(code)
        self.code, self.text = code, text


def _typed(text: str) -> str:
    text = text.strip()
    if text.startswith("="):
        raise _FaultyCellError("formula", errors.FORMULA)
    if len(text) > CELL_LIMIT:
        raise _FaultyCellError("too_long", errors.TOO_LONG)
    if any(unicodedata.category(character) in {"Cc", "Cs"} and character not in "\n\r\t" for character in text):
        raise _FaultyCellError("characters", errors.CHARACTERS)
    return text


def _cell(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "f":
        raise _FaultyCellError("formula", errors.FORMULA)
    if cell.data_type == "e":
        raise _FaultyCellError("error", errors.ERROR_CELL)
    return _typed(_plain(value))


def _plain(value: Any) -> str:
    """What the person saw in the cell, near enough: a day for a date, no `.0` after a whole number."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
