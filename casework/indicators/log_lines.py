"""What stands in a milestone log once voids are taken away: from an export's lines, or from the server's own entries."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from casework.kernel.partial_date import PartialDate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


class NotWhole(Exception):
    """The lines are no whole log: figures of a part would be figures of something else."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One standing milestone. `case` is None once the household is erased; `day` is None unless known to the day."""

    case: str | None
    code: str
    region: str
    organization: str
    programme: str
    day: date | None
    outcome: str
    reason: str | None


class Standing:
    """Reads entries in the order of the log; a void takes away the entry it names, whenever that came."""

    def __init__(self) -> None:
        self._found: dict[str, Entry] = {}
        self.size = 0

    def add(self, case: str | None, leaf: dict[str, Any]) -> None:
        self.size += 1
        if leaf["type"] == "milestone.recorded":
            self._found[leaf["milestone"]] = _entry(case, leaf)
        elif leaf["type"] == "milestone.voided":
            self._found.pop(leaf["of"], None)

    def entries(self) -> list[Entry]:
        return list(self._found.values())


def _entry(case: str | None, leaf: dict[str, Any]) -> Entry:
    occurred = PartialDate.model_validate(leaf["occurred_on"])
    first, last = occurred.earliest(), occurred.latest()
    return Entry(
        case, leaf["code"], leaf["region"] or "", leaf["organization"] or "", leaf["programme"],
        first if first == last else None, leaf["outcome"], leaf["reason_code"],
    )  # fmt: skip


def of_export(lines: Iterable[str]) -> Standing:
    """A complete export, page after page, as `casework verify` accepts it. Raises NotWhole."""
    standing, size = Standing(), 0
    for record in _records(lines):
        if record.get("type") == "manifest":
            size = record["size"]
            if record["filter"] or record["first"] != standing.size:
                raise NotWhole
            continue
        if record["index"] != standing.size:
            raise NotWhole
        standing.add(record.get("case"), record["leaf"])
    if not size or standing.size != size:
        raise NotWhole
    return standing


def lines_of(files: Iterable[Path]) -> Iterator[str]:
    for path in files:
        with path.open(encoding="utf-8") as file:
            yield from file


def _records(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            raise NotWhole from None
