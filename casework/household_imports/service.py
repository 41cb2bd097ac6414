"""Households of a file, taken in one by one by the intake's own code, all in the request's one transaction."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from casework.audit import trail
from casework.authz.errors import FieldsNotYours
from casework.authz.fields import refuse_unwritable
from casework.cases import errors as case_errors
from casework.cases import service as cases
from casework.cases.errors import NoOfficeToIntakeInto
from casework.cases.schemas import CaseCreate
from casework.household_imports import errors
from casework.household_imports.columns import COLUMNS, REQUIRED, CellFault, Row, draft
from casework.household_imports.errors import ImportUnderWay
from casework.household_imports.report import Report
from casework.kernel.faults import from_validation
from casework.kernel.language import Text
from casework.kernel.problems import Fault, InvalidContent, Problem
from casework.people import service as people

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.household_imports.columns import Draft
    from casework.household_imports.sheets import Line, Sheet
    from casework.kernel.database import Session

BATCH: Final = 50
ONE_AT_A_TIME: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('household-import ' || %s::text, 0))"
KNOWN: Final = "SELECT external_id, id FROM cases WHERE office_id = %s AND external_id = ANY(%s)"


async def import_households(
    session: Session, caller: Caller, sheet: Sheet, office_id: UUID | None, *, dry_run: bool
) -> Report:
    """Good households are stored, faulty ones left out whole, known ones untouched.

    Raises SheetUnreadable, SheetTooLarge and InvalidContent (the titles) before anything is stored.
    """
    office = _office_for(caller, office_id)
    [(free,)] = await session.rows(ONE_AT_A_TIME, (office,))
    if not free:
        raise ImportUnderWay(headers={"Retry-After": "10"})
    columns = _columns_of(next(sheet.lines(), None))
    ends = await _ends(sheet, columns)
    report = Report(dry_run)
    taking = _Taking(session, caller, office, report)
    if dry_run:
        async with session.rehearsal():
            await taking.take_all(_households(sheet, columns, ends, report))
    else:
        await taking.take_all(_households(sheet, columns, ends, report))
        trail.record(session, caller, "households.imported", report.figures())
    # The answer names no household in particular; its copy is sealed under the server's own key.
    session.about = session.about_case = None
    return report


def _office_for(caller: Caller, wanted: UUID | None) -> UUID:
    office = caller.office_id or wanted
    if office is None:
        raise NoOfficeToIntakeInto
    if wanted not in {None, office}:
        raise case_errors.foreign_office()
    return office


def _columns_of(titles: Line | None) -> dict[int, str]:
    """Place → name; raises InvalidContent. An unknown title is not repeated: it is the sender's."""
    found = {} if titles is None else {place: text.casefold() for place, text in titles.cells.items()}
    faults = [
        Fault(_filled(errors.UNKNOWN_COLUMN, known=", ".join(COLUMNS)), "unknown_column", pointer=f"/1/{place + 1}")
        for place, name in found.items()
        if name not in COLUMNS or list(found.values()).count(name) > 1
    ]
    missing = [name for name in REQUIRED if name not in found.values()]
    faults += [Fault(_filled(errors.MISSING_COLUMN, column=n), "missing_column", pointer="/1") for n in missing]
    if faults:
        raise InvalidContent(errors=faults[:50])
    return found


def _filled(text: Text, **facts: str) -> Text:
    return Text(text.fr.format(**facts), text.en.format(**facts))


async def _ends(sheet: Sheet, columns: dict[int, str]) -> dict[str, int]:
    """Household → its last line: a first look through the whole file, which also finds what cannot be read."""
    ends: dict[str, int] = {}
    for row in _rows(sheet, columns):
        if row.household:
            ends[row.household] = row.number
        if row.number % BATCH == 0:
            await asyncio.sleep(0)  # others are served meanwhile
    return ends


def _rows(sheet: Sheet, columns: dict[int, str]) -> Iterator[Row]:
    for line in sheet.lines():
        if line.number == 1 or not (line.cells or line.faults):
            continue
        row = Row(line.number, {}, [])
        for place, text in line.cells.items():
            if place in columns:
                row.cells[columns[place]] = text
            else:
                row.faults.append(_fault(row.number, str(place + 1), "no_column", errors.NO_COLUMN))
        row.faults += [_fault(row.number, columns.get(p, str(p + 1)), code, text) for p, code, text in line.faults]
        yield row


def _fault(line: int, column: str, code: str, text: Text) -> CellFault:
    return CellFault(line, column, InvalidContent.slug, code, text)


def _households(sheet: Sheet, columns: dict[int, str], ends: dict[str, int], report: Report) -> Iterator[list[Row]]:
    """Each household once its last line is read, wherever its lines stand; only those under way are held."""
    open_ones: dict[str, list[Row]] = {}
    for row in _rows(sheet, columns):
        report.lines += 1
        if row.household is None:
            if not any(fault.column == "household" for fault in row.faults):
                row.faults.append(_fault(row.number, "household", "household_missing", errors.NO_HOUSEHOLD))
            yield [row]
            continue
        open_ones.setdefault(row.household, []).append(row)
        if ends[row.household] == row.number:
            yield open_ones.pop(row.household)


class _Taking:
    """Takes batches of households into one office."""

    def __init__(self, session: Session, caller: Caller, office: UUID, report: Report) -> None:
        self._session, self._caller, self._office, self._report = session, caller, office, report

    async def take_all(self, households: Iterable[list[Row]]) -> None:
        batch: list[list[Row]] = []
        for rows in households:
            batch.append(rows)
            if len(batch) == BATCH:
                await self._take(batch)
                batch = []
        await self._take(batch)

    async def _take(self, batch: list[list[Row]]) -> None:
        names = [rows[0].household for rows in batch if rows[0].household]
        known = dict(await self._session.rows(KNOWN, (self._office, names)))
        for rows in batch:
            name = rows[0].household
            if name in known:
                self._report.tell(rows[0].number, "known", known[name])
            else:
                await self._take_one(draft(rows), rows[0])
        # What the batch queued is sent, and nothing of it stays in memory.
        await self._session.finish()
        self._session.expunge_all()

    async def _take_one(self, household: Draft, first: Row) -> None:
        """By the intake's own rules; what they refuse is added to what could not be read."""
        if first.household is None:
            self._report.refuse(household.faults)
            return
        refused: Problem = InvalidContent()
        try:
            wanted = CaseCreate.model_validate({**household.body, "office_id": self._office})
            people.check(wanted.members, wanted.consents)
            if not household.faults:
                refuse_unwritable(self._caller, wanted)
                case = await cases.take_in(self._session, self._caller, wanted)
                self._report.tell(first.number, "stored", case.id)
                return
        except ValidationError as error:
            refused = from_validation([{**one, "loc": ("body", *one["loc"])} for one in error.errors()])
        except (InvalidContent, FieldsNotYours) as problem:
            refused = problem
        self._report.refuse([*household.faults, *household.cells_of(refused.errors, refused.slug)])
