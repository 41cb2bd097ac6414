"""Civil dates in requests: written YYYY-MM-DD, within the years this system can mean."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from casework.kernel import clock
from casework.kernel.language import Text

EARLIEST, LATEST = date(1900, 1, 1), date(2100, 12, 31)
CIVIL_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _civil(value: object) -> object:
    # pydantic would take a number of seconds, or an instant at midnight, for a date.
    return value if isinstance(value, date) or (isinstance(value, str) and CIVIL_DATE.fullmatch(value)) else ""


def _not_after_today(value: date) -> date:
    if value > clock.today():
        text = Text("Cette date est dans l'avenir.", "This date is in the future.")
        raise PydanticCustomError("date_in_future", "date in the future", {"text": text})
    return value


CivilDate = Annotated[date, BeforeValidator(_civil), Field(ge=EARLIEST, le=LATEST)]
PastDate = Annotated[CivilDate, AfterValidator(_not_after_today)]
"""What has happened: today at the latest, where the people live."""
