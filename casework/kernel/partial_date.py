"""Dates known to the year, the month or the day, or not at all: what is missing is never invented.

IRCC records incomplete birth dates as they are (domain.md §7.2). JSON shape of api.md §1.1:
`{"value": "1990-03", "precision": "month"}`; an unknown date is `{"value": null, "precision": "unknown"}`.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from casework.kernel.language import Text

FIRST_YEAR: Final = 1870
LAST_YEAR: Final = 2100
# ASCII digits on purpose: `\d` also matches Arabic-Indic digits, which int() would silently accept.
_SHAPE: Final = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")


class Precision(StrEnum):
    year = "year"
    month = "month"
    day = "day"
    unknown = "unknown"


class PartialDateError(ValueError):
    """The text is no date this system can mean; the message never repeats the text."""

    text: ClassVar = Text(
        f"Une date s'écrit AAAA, AAAA-MM ou AAAA-MM-JJ, de {FIRST_YEAR} à {LAST_YEAR}, avec la précision qu'elle a :"
        " year, month, day, ou unknown sans valeur.",
        f"A date is written YYYY, YYYY-MM or YYYY-MM-DD, from {FIRST_YEAR} to {LAST_YEAR}, with the precision it has:"
        " year, month, day, or unknown without a value.",
    )


class PartialDate(BaseModel):
    """A calendar date of stated precision; equal and hashable by value, immutable."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        json_schema_extra={"examples": [{"value": "1990-03", "precision": "month"}]},
    )

    value: Annotated[str, Field(pattern=r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$")] | None
    precision: Precision

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """`YYYY`, `YYYY-MM` or `YYYY-MM-DD`; None is the unknown date. Raises PartialDateError."""
        return cls(value=text, precision=_precision(text))

    @classmethod
    def unknown(cls) -> Self:
        return cls(value=None, precision=Precision.unknown)

    @classmethod
    def exactly(cls, day: date) -> Self:
        """Raises PartialDateError (inside a ValidationError) outside 1870..2100."""
        return cls(value=day.isoformat(), precision=Precision.day)

    @model_validator(mode="after")
    def _value_has_the_stated_precision(self) -> Self:
        if _precision(self.value) is not self.precision:
            raise PartialDateError("the value does not have the stated precision")
        return self

    def earliest(self) -> date | None:
        """First day the date can be; None when nothing is known."""
        if self.value is None:
            return None
        year, month, day = _parts(self.value)
        return date(year, month or 1, day or 1)

    def latest(self) -> date | None:
        """Last day the date can be; None when nothing is known."""
        if self.value is None:
            return None
        year, month, day = _parts(self.value)
        month = month or 12
        return date(year, month, day or monthrange(year, month)[1])

    def __str__(self) -> str:
        return self.value or ""


def _precision(text: str | None) -> Precision:
    if text is None:
        return Precision.unknown
    _, month, day = _parts(text)
    if day is not None:
        return Precision.day
    return Precision.year if month is None else Precision.month


def _parts(text: str) -> tuple[int, int | None, int | None]:
    found = _SHAPE.fullmatch(text)
    if found is None:
        raise PartialDateError("a date is written YYYY, YYYY-MM or YYYY-MM-DD")
    year, month, day = (None if part is None else int(part) for part in found.groups())
    if year is None or not FIRST_YEAR <= year <= LAST_YEAR:
        raise PartialDateError(f"the year is between {FIRST_YEAR} and {LAST_YEAR}")
    if month is not None and not 1 <= month <= 12:
        raise PartialDateError("no such month")
    if month is not None and day is not None and not 1 <= day <= monthrange(year, month)[1]:
        raise PartialDateError("no such day in that month")
    return year, month, day
