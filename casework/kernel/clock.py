from __future__ import annotations

from calendar import monthrange
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

# Due dates are civil dates where the people live, whatever the server's own zone is.
QUEBEC = ZoneInfo("America/Toronto")

_frozen: ContextVar[datetime | None] = ContextVar("frozen_clock", default=None)


def now() -> datetime:
    """The current instant, in UTC."""
    return _frozen.get() or datetime.now(UTC)


def today() -> date:
    """The civil date in Québec."""
    return now().astimezone(QUEBEC).date()


def months_after(day: date, months: int) -> date:
    """The same day of a later month, or that month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


@contextmanager
def frozen(instant: datetime) -> Iterator[None]:
    """Hold the clock still, for tests and for the seeding of dated demo data."""
    token = _frozen.set(instant)
    try:
        yield
    finally:
        _frozen.reset(token)
