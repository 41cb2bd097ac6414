"""What regions need month by month: openings by occupation, counted by somebody, about nobody."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from casework.audit import trail
from casework.kernel import clock
from casework.kernel.faults import from_validation
from casework.kernel.ids import new_id
from casework.territory import errors
from casework.territory.need_schemas import ImportMode, LineStatus, NeedCreate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.kernel.language import Language
    from casework.territory.need_schemas import NeedImport

COLUMNS = ("region_code", "month", "occupation", "openings", "source")
# The latest count of an occupation, month and region stands; counting it again the same changes nothing.
WRITE = """
INSERT INTO regional_needs (id, version, created_at, region_code, month, occupation, openings, source, recorded_by, recorded_at)
VALUES (%(id)s, 1, %(now)s, %(region_code)s, %(month)s, %(occupation)s, %(openings)s, %(source)s, %(by)s, %(now)s)
ON CONFLICT (region_code, month, occupation) DO UPDATE SET openings = excluded.openings, source = excluded.source,
  recorded_by = excluded.recorded_by, recorded_at = excluded.recorded_at, version = regional_needs.version + 1
WHERE (regional_needs.openings, regional_needs.source) IS DISTINCT FROM (excluded.openings, excluded.source)
RETURNING id, version
"""
STANDING = "SELECT id FROM regional_needs WHERE region_code = %(region_code)s AND month = %(month)s AND occupation = %(occupation)s"
Line = dict[str, Any]


async def record_need(session: Session, caller: Caller, told: NeedCreate) -> UUID:
    """The id of the row that stands. A region out of reach is refused by row security, like one that does not exist."""
    status, need_id = await _write(session, caller, told)
    if status is not LineStatus.unchanged:
        trail.record(session, caller, "need.recorded", {"need": str(need_id), "region": told.region_code})
    return need_id


async def import_needs(
    session: Session, caller: Caller, wanted: NeedImport, language: Language
) -> tuple[bool, list[Line]]:
    """(whether anything was written, one answer a line). Raises InvalidContent for another header."""
    lines = list(_read(wanted.csv, caller, language))
    stopped = wanted.mode is ImportMode.all_or_nothing and any(line["errors"] for line in lines)
    if wanted.dry_run:
        async with session.rehearsal():
            await _write_all(session, caller, lines, stopped=stopped)
        return False, [{**line, "id": None} for line in lines]
    await _write_all(session, caller, lines, stopped=stopped)
    written = sum(line["status"] in {LineStatus.recorded, LineStatus.changed} for line in lines)
    if written:
        trail.record(session, caller, "needs.imported", {"lines": len(lines), "written": written})
    return written > 0, lines


async def _write_all(session: Session, caller: Caller, lines: list[Line], *, stopped: bool) -> None:
    for line in lines:
        need = line.pop("need")
        if not line["errors"]:
            line["status"] = LineStatus.left_out
            if not stopped:
                line["status"], line["id"] = await _write(session, caller, need)


async def _write(session: Session, caller: Caller, told: NeedCreate) -> tuple[LineStatus, UUID]:
    year, _, month = told.month.partition("-")
    values = {**told.model_dump(), "id": new_id(), "now": clock.now(), "by": caller.actor_id, "month": date(int(year), int(month), 1)}  # fmt: skip
    rows = await session.rows(WRITE, values)
    if not rows:
        [(need_id,)] = await session.rows(STANDING, values)
        return LineStatus.unchanged, need_id
    need_id, version = rows[0]
    return LineStatus.recorded if version == 1 else LineStatus.changed, need_id


def _read(text: str, caller: Caller, language: Language) -> Iterator[Line]:
    reader = csv.reader(io.StringIO(text), strict=True)
    seen: set[tuple[str, str, str]] = set()
    try:
        if next(reader, []) != list(COLUMNS):
            raise errors.other_columns(COLUMNS)
        for cells in reader:
            yield _line(reader.line_num, cells, caller, seen, language)
    except csv.Error:
        raise errors.unreadable_sheet(reader.line_num) from None


def _line(number: int, cells: list[str], caller: Caller, seen: set[tuple[str, str, str]], language: Language) -> Line:
    """What the cells say is never repeated: a fault names its column."""
    line: Line = {"line": number, "status": LineStatus.refused, "id": None, "errors": [], "need": None}
    if len(cells) != len(COLUMNS):
        line["errors"] = [errors.LINE_OF_OTHER_LENGTH.document(language)]
        return line
    told: dict[str, Any] = dict(zip(COLUMNS, cells, strict=True))
    if told["openings"].isascii() and told["openings"].isdigit() and len(told["openings"]) < 6:
        told["openings"] = int(told["openings"])
    try:
        need = NeedCreate.model_validate(told)
    except ValidationError as refused:
        told_of = [{**error, "loc": ("body", *error["loc"])} for error in refused.errors()]
        line["errors"] = [fault.document(language) for fault in from_validation(told_of).errors]
        return line
    key = (need.region_code, need.month, need.occupation)
    if caller.region_code not in {None, need.region_code}:
        line["errors"] = [errors.FOREIGN_REGION.document(language)]
    elif key in seen:
        line["errors"] = [errors.COUNTED_TWICE.document(language)]
    seen.add(key)
    return {**line, "need": need}
