"""Pure: which column says what, how the lines of one household become an intake, and back from a fault to its cell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from casework.household_imports import errors
from casework.kernel.language import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from casework.kernel.problems import Fault

OF_HOUSEHOLD: Final = ("programme", "claimed_on", "undertaking_on", "bedrooms")
OF_MEMBER: Final = (
    "member", "relation", "full_name", "original_script", "birth", "is_adult", "phone", "email", "address",
    "language", "needs_interpreter", "uci", "claim_document",
)  # fmt: skip
COLUMNS: Final = ("household", *OF_HOUSEHOLD, *OF_MEMBER)
REQUIRED: Final = ("household", "programme", "relation", "full_name")
MEMBER_LIMIT: Final = 30
YES: Final = frozenset({"true", "vrai", "oui", "yes", "1", "x"})
NO: Final = frozenset({"false", "faux", "non", "no", "0"})


class CellFault(NamedTuple):
    line: int
    column: str
    problem: str
    code: str
    text: Text


@dataclass(slots=True)
class Row:
    """One line of the file, its cells by the name of their column."""

    number: int
    cells: dict[str, str]
    faults: list[CellFault]

    @property
    def household(self) -> str | None:
        return self.cells.get("household")


@dataclass(slots=True)
class Draft:
    """The intake that some lines amount to, and the cell behind each of its places (JSON Pointer → line, column)."""

    body: dict[str, Any]
    places: dict[str, tuple[int, str]]
    faults: list[CellFault] = field(default_factory=list)

    def cell_of(self, pointer: str) -> tuple[int, str]:
        """The cell of the nearest place that encloses the pointer."""
        while pointer not in self.places:
            pointer = pointer.rpartition("/")[0]
        return self.places[pointer]

    def cells_of(self, faults: Sequence[Fault], problem: str) -> Iterator[CellFault]:
        """A cell that could not even be read is not faulted a second time for being empty."""
        unread = {(fault.line, fault.column) for fault in self.faults}
        for fault in faults:
            line, column = self.cell_of(fault.pointer or "")
            if (line, column) not in unread:
                yield CellFault(line, column, problem, fault.code, fault.text)


def draft(rows: Sequence[Row]) -> Draft:
    first = rows[0]
    made = Draft({"external_id": first.household, "members": []}, {"": (first.number, "programme")})
    made.places |= {"/external_id": (first.number, "household"), "/members": (first.number, "relation")}
    made.faults = [fault for row in rows for fault in row.faults]
    if len(rows) > MEMBER_LIMIT:
        extra = rows[MEMBER_LIMIT]
        made.faults.append(CellFault(extra.number, "household", "invalid-content", "too_long", errors.TOO_MANY))
    for column in OF_HOUSEHOLD:
        _say(made, rows, column)
    for place, row in enumerate(rows[:MEMBER_LIMIT]):
        made.body["members"].append(_member(row.cells))
        made.places |= _places_of(place, row.number)
    return made


def _say(made: Draft, rows: Sequence[Row], column: str) -> None:
    """What a household says of itself may stand on any of its lines, and on none of them otherwise."""
    said = [(row.number, row.cells[column]) for row in rows if column in row.cells]
    pointer = "/needs/bedrooms" if column == "bedrooms" else f"/{column}"
    made.places[pointer] = (said[0][0] if said else rows[0].number, column)
    for number, text in said:
        if text != said[0][1]:
            made.faults.append(CellFault(number, column, "invalid-content", "contradiction", errors.CONTRADICTION))
    if said and column == "bedrooms":
        made.body["needs"] = {column: _number(said[0][1])}
    elif said:
        made.body[column] = said[0][1]


def _member(cells: dict[str, str]) -> dict[str, Any]:
    birth = cells.get("birth")
    name = {"full": "full_name", "original_script": "original_script"}
    member: dict[str, Any] = {
        "name": {part: cells[column] for part, column in name.items() if column in cells},
        "birth": {"value": birth, "precision": _precision(birth)},
        "identifiers": [{"type": kind, "value": cells[kind]} for kind in ("uci", "claim_document") if kind in cells],
    }
    if contact := {name: cells[name] for name in ("phone", "email", "address") if name in cells}:
        member["contact"] = contact
    if "language" in cells or "needs_interpreter" in cells:
        asked = cells.get("needs_interpreter", "no")
        member["languages"] = [{"code": cells.get("language", ""), "needs_interpreter": _truth(asked)}]
    if "is_adult" in cells:
        member["is_adult"] = _truth(cells["is_adult"])
    for said, column in (("relation", "relation"), ("external_id", "member")):
        if column in cells:
            member[said] = cells[column]
    return member


def _places_of(place: int, number: int) -> dict[str, tuple[int, str]]:
    inside = {
        "": "relation", "/relation": "relation", "/external_id": "member", "/name": "full_name",
        "/name/original_script": "original_script", "/birth": "birth", "/is_adult": "is_adult", "/contact": "phone",
        "/contact/email": "email", "/contact/address": "address", "/languages": "language",
        "/languages/0/needs_interpreter": "needs_interpreter", "/identifiers": "uci",
    }  # fmt: skip
    return {f"/members/{place}{pointer}": (number, column) for pointer, column in inside.items()}


def _precision(birth: str | None) -> str:
    return "unknown" if birth is None else {4: "year", 7: "month"}.get(len(birth), "day")


def _truth(text: str) -> bool | str:
    """As typed when it is neither yes nor no: the intake's own rule then names the cell."""
    word = text.casefold()
    return True if word in YES else False if word in NO else text


def _number(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else text
