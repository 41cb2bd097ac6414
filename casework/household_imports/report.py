"""The report of one import, kept as the bytes it will leave as: ten thousand households are one megabyte of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from casework.household_imports.columns import CellFault


@dataclass(slots=True)
class Report:
    dry_run: bool
    lines: int = 0
    counts: dict[str, int] = field(default_factory=lambda: {"stored": 0, "known": 0, "refused": 0})
    faulty_lines: int = 0
    told: bytearray = field(default_factory=bytearray)
    faults: bytearray = field(default_factory=bytearray)

    def tell(self, line: int, status: str, case_id: UUID | None) -> None:
        """`stored` or `known`; an id that a dry run has undone is no id."""
        self.counts[status] += 1
        case_id = None if self.dry_run and status == "stored" else case_id
        _append(self.told, {"line": line, "status": status, "id": case_id})

    def refuse(self, faults: Iterable[CellFault]) -> None:
        """One household, by each of its faulty cells, in the order of the file."""
        self.counts["refused"] += 1
        found = sorted(faults, key=lambda fault: fault.line)
        self.faulty_lines += len({fault.line for fault in found})
        for fault in found:
            _append(self.faults, {**fault._asdict(), "text": None, "detail": asdict(fault.text)})

    def figures(self) -> dict[str, Any]:
        return {
            "lines": self.lines,
            "households": sum(self.counts.values()),
            **self.counts,
            "faulty_lines": self.faulty_lines,
        }

    def json(self) -> bytes:
        head = to_json({"dry_run": self.dry_run, **self.figures()})[:-1]
        return b"".join((head, b',"told":[', bytes(self.told), b'],"faults":[', bytes(self.faults), b"]}"))


def _append(items: bytearray, item: dict[str, Any]) -> None:
    if items:
        items += b","
    item.pop("text", None)
    items += to_json(item)
