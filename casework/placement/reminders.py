"""When whoever made an offer is reminded that it runs out: dated rows of data, the nearest to the end speaks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from casework.kernel.language import Text
from casework.kernel.reference_table import in_force, refuse_duplicates, rows

if TYPE_CHECKING:
    from datetime import date, datetime
    from importlib.resources.abc import Traversable
    from pathlib import Path

SHIPPED: Final = files("casework.placement") / "data"
COLUMNS: Final = ("code", "hours_before", "label_fr", "label_en", "owner", "source", "valid_from", "valid_to")


@dataclass(frozen=True, slots=True)
class Reminder:
    code: str
    hours_before: int
    label: Text
    owner: str
    source: str
    valid_from: date
    valid_to: date | None

    def due_at(self, expires_at: datetime) -> datetime:
        return expires_at - timedelta(hours=self.hours_before)


def reminders(folder: Traversable | Path = SHIPPED) -> tuple[Reminder, ...]:
    """From the earliest to the last before the end. Raises ReferenceDataError."""
    read = []
    for row in rows(folder / "reminders.csv", COLUMNS):
        start, end = row.validity()
        label = Text(row.text("label_fr"), row.text("label_en"))
        hours = row.integer("hours_before", r"[1-9][0-9]{0,2}")
        reminder = Reminder(
            row.text("code", r"[a-z_]+"), hours, label, row.text("owner"), row.text("source"), start, end
        )
        read.append((row, reminder))
    refuse_duplicates((row, (reminder.code, reminder.valid_from)) for row, reminder in read)
    return tuple(sorted((one for _, one in read), key=lambda one: -one.hours_before))


_shipped = cache(reminders)


def in_force_on(day: date) -> list[Reminder]:
    return [one for one in _shipped() if in_force(one, day)]


def due(expires_at: datetime, now: datetime, found: list[Reminder]) -> Reminder | None:
    """The last reminder whose time has come; none before the first, none once the offer has run out."""
    come = [one for one in found if one.due_at(expires_at) <= now < expires_at]
    return come[-1] if come else None
