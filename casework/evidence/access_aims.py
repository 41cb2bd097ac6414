"""How `drill access` knocks at a route: the request to come, and what a recipe says of it.

A recipe names the permission once more, independently of the gate; the kind of object that the path or the body
names, which the walk takes from every relation and state; the body; and what the object's state makes of the request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from casework.authz.policy import Permission as P  # noqa: N817 -- recipes are read by rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from casework.evidence.access_oracle import Facts, Oracle, Row
    from casework.evidence.access_stage import Player

ABSENT = "01890000-0000-7000-8000-000000000000"


@dataclass(frozen=True, slots=True)
class Aim:
    """One request to come: who asks, and the object named; None is an id that does not exist."""

    who: Player
    row: Row | None
    oracle: Oracle

    @property
    def facts(self) -> Facts:
        return self.oracle.facts

    @property
    def id(self) -> str:
        return ABSENT if self.row is None else str(self.row["id"])

    @property
    def case_id(self) -> str:
        return ABSENT if self.row is None else str(self.row.get("case_id", self.row["id"]))

    def named(self, parameter: str) -> str:
        """What stands for a path's parameter: the row's own column of that name, or its id."""
        return self.id if self.row is None else str(self.row.get(parameter, self.row["id"]))

    def statuses(self, table: str) -> set[str]:
        return {row["status"] for row in self.facts.rows[table] if row["case_id"] == self.case_id}


@dataclass(frozen=True, slots=True)
class Recipe:
    """`outcome` is the status for somebody who may and reaches: success, or the state's conflict.

    `reads`: entries of the read log after a success; None where one depends on what was found. `leaves`: leaves of the log. `path` shows where the id goes.
    """

    method: str
    path: str
    permission: P
    table: str = ""
    body: Callable[[Aim], Any] | None = None
    outcome: Callable[[Aim], int] = lambda aim: 200  # noqa: ARG005 -- most reads succeed in every state
    reads: int | None = 1
    leaves: int = 0
    also: frozenset[str] = frozenset()
    """Tables a success may change beside those of the object's own case."""
    in_body: bool = False
    """The object's id travels in the body: its table is what the body names."""
    moves: bool = False
    """The household changes region: a trigger carries that to every row of its case."""
    blind: str = ""
    """Why it acts on what the asker does not see: every object that exists is within, for whoever may do it."""
    idle: Callable[[Aim], bool] = lambda aim: False  # noqa: ARG005 -- most successes change something
    """A success that finds nothing left to change, and leaves no leaf."""
    version: Callable[[Aim], int] | None = None
    """The version named in If-Match, where it is not the object's own."""
    shows_others: bool = False
    """The answer shows rows of other cases within reach, and the read is of them too."""
    purpose: str = ""
    """X-Purpose-of-Use, where it is required."""
    fill: Callable[[Aim, str], str] | None = None
    """What stands for the path's parameters, where they are not the object's own."""
    destroys: frozenset[str] = frozenset()
    """Tables a success takes rows from."""

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def operation(self) -> str:
        return self.name.partition("?")[0]

    def path_for(self, aim: Aim, row_id: str | None = None) -> str:
        sizes = [row["size"] for row in aim.facts.rows["log_checkpoints"] if row["log"] == "audit"]
        filled = self.path.replace("{size}", str(max(sizes, default=1))).replace("{name}", "retention")
        if self.fill is not None:
            fill = self.fill
            return re.sub(r"\{([^}]+)\}", lambda named: fill(aim, named[1]), filled)
        return re.sub(r"\{([^}]+)\}", lambda named: row_id or aim.named(named[1]), filled)

    def headers_for(self, aim: Aim) -> dict[str, str]:
        own = aim.row["version"] if aim.row and "version" in aim.row else 1
        version = own if self.version is None else self.version(aim)
        stated = {"X-Purpose-of-Use": self.purpose} if self.purpose else {}
        return ({"If-Match": f'"{version}"'} if self.changes else {}) | stated

    @property
    def changes(self) -> bool:
        return self.method != "GET"


def get(path: str, permission: P, table: str = "", **more: Any) -> Recipe:
    return Recipe("GET", path, permission, table, **more)


def conflict(happens: bool, success: int = 200) -> int:
    return 409 if happens else success


def always(result: Any) -> Callable[[Aim], Any]:
    """The same body, or the same status, whatever is aimed at."""
    return lambda aim: result  # noqa: ARG005 -- the table's signature


@dataclass(frozen=True, slots=True)
class Listed:
    """The table whose rows a list shows, and which of those within reach."""

    table: str
    shown: Callable[[Aim, Row], bool] = lambda aim, row: True  # noqa: ARG005 -- most lists show all

    def rows(self, aim: Aim) -> list[Row]:
        return [row for row in aim.facts.rows[self.table] if self.shown(aim, row)]
