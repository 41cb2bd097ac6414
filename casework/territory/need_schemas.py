from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StrictBool, StringConstraints

from casework.kernel.schemas import Input, LongText, Output, RegionCode, SmallInt

Month = Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]
# CNP/NOC 2021, unit group.
Occupation = Annotated[str, StringConstraints(pattern=r"^[0-9]{5}$")]


class NeedCreate(Input):
    """Openings of one occupation in a region over a month; `source` says who counted them, and never names anybody."""

    region_code: RegionCode
    month: Month
    occupation: Occupation
    openings: SmallInt
    source: LongText


class NeedRead(Output):
    """A count and its source: no employer is shown a person, and no person an employer."""

    id: UUID
    region_code: str
    month: date
    occupation: str
    openings: int
    source: str
    recorded_at: datetime
    version: int


class ImportMode(StrEnum):
    all_or_nothing = "all_or_nothing"
    best_effort = "best_effort"


class NeedImport(Input):
    """`csv`: a header `region_code,month,occupation,openings,source`, then one line a count, in UTF-8."""

    csv: Annotated[str, Field(min_length=1, max_length=60_000)]
    mode: ImportMode = ImportMode.all_or_nothing
    dry_run: StrictBool = False


class LineStatus(StrEnum):
    recorded = "recorded"
    changed = "changed"
    unchanged = "unchanged"
    refused = "refused"
    left_out = "left_out"


class LineRead(Output):
    """`line` counts from the header, which is 1. `left_out`: sound, but another line stopped the whole import."""

    line: int
    status: LineStatus
    id: UUID | None
    errors: list[dict[str, Any]]


class ImportRead(Output):
    """`written` is false for a dry run, and for an import that was stopped."""

    written: bool
    lines: list[LineRead]
