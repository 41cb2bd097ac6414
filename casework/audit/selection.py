"""Which entries an extract holds: stated in its manifest, applied by PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from casework.kernel.clock import QUEBEC

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

# Fields are read from the committed text itself, never from a copy beside it.
CONDITIONS: Mapping[str, str] = {
    "type": "l.body::jsonb ->> 'type' = %(type)s",
    "code": "l.body::jsonb ->> 'code' = %(code)s",
    "organization": "l.body::jsonb ->> 'organization' = %(organization)s",
    "region": "l.body::jsonb ->> 'region' = %(region)s",
    "programme": "l.body::jsonb ->> 'programme' = %(programme)s",
    "recorded_from": "l.recorded_at >= %(recorded_from)s",
    "recorded_until": "l.recorded_at < %(recorded_until)s",
}


@dataclass(frozen=True, slots=True)
class Selection:
    """`wanted`: leaf field to its value. The two dates are civil dates of Québec, both included."""

    wanted: Mapping[str, str]
    recorded_from: date | None = None
    recorded_until: date | None = None

    def stated(self) -> dict[str, Any]:
        """What the manifest says was selected; {} for every entry."""
        dates = {"recorded_from": self.recorded_from, "recorded_until": self.recorded_until}
        return {**self.wanted, **{name: day.isoformat() for name, day in dates.items() if day}}

    def sql(self) -> tuple[str, dict[str, Any]]:
        """Conditions to add to a WHERE, and the values they name."""
        values: dict[str, Any] = dict(self.wanted)
        if self.recorded_from:
            values["recorded_from"] = _midnight(self.recorded_from)
        if self.recorded_until:
            values["recorded_until"] = _midnight(self.recorded_until + timedelta(days=1))
        return "".join(f" AND {CONDITIONS[name]}" for name in values), values


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), QUEBEC)
