from __future__ import annotations

from typing import Literal
from uuid import UUID

from casework.kernel.schemas import Output


class Sentence(Output):
    fr: str
    en: str


class HouseholdTold(Output):
    """A household taken in, or found to be already (`known`: nothing of it was changed); `line` is its first.

    What a dry run would have stored has no id.
    """

    line: int
    status: Literal["stored", "known"]
    id: UUID | None


class CellRefused(Output):
    """One faulty cell. Its household was left out whole. `problem` is a slug of /v1/problems."""

    line: int
    column: str
    problem: str
    code: str
    detail: Sentence


class HouseholdImportRead(Output):
    """What became of each line."""

    dry_run: bool
    lines: int
    households: int
    stored: int
    known: int
    refused: int
    faulty_lines: int
    told: list[HouseholdTold]
    faults: list[CellRefused]
